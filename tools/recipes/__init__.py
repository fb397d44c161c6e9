"""How data/recipes.csv is made: foods, the grammar of lines, and dishes.

Nothing here copies a recipe. The shapes of lines were studied on public recipe
collections; words come from tools/lexicon, and chance puts them together.
"""
