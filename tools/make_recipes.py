"""Make data/recipes.csv: recipes with noisy lines and the generic names in them.

    python -m tools.make_recipes            writes data/recipes.csv
    python -m tools.make_recipes --check    compares instead, and fails on a difference

The same seed gives the same bytes on every machine: chance comes from seeded sources,
and nothing depends on the order of a set or on the time. Columns are those of the file
in OpenAI's cookbook notebook: title, ingredients, directions, link, source, NER; lists
are JSON text. The rows stand in the order train pool, validation, frozen test set.
"""

import csv
import io
import json
import sys
from dataclasses import dataclass
from pathlib import Path
from random import Random

from tools.generated import write_or_compare
from tools.lexicon import Food
from tools.recipes import dishes, lines, pantry

SEED = 20261122
TRAIN, VALIDATION, TEST = 1000, 200, 300  # rows, in this order
COLUMNS = ("title", "ingredients", "directions", "link", "source", "NER")
UNSEEN = 0.35  # how often a rare food of a test recipe is one that no training row has
PATH = Path(__file__).resolve().parent.parent / "data" / "recipes.csv"


@dataclass(frozen=True)
class Recipe:
    """One row of the file, before it is written as text."""

    title: str
    ingredients: tuple[str, ...]
    directions: tuple[str, ...]
    names: tuple[str, ...]


def once(names: list[str]) -> list[str]:
    """Return the names without repetitions, whatever their capitals (rule 8)."""
    kept = {name.lower(): name for name in reversed(names)}
    return list(reversed(kept.values()))


class Cook:
    """Draws recipes for one split.

    random: the source of chance; unseen: how often a rare food is a held-out one (0 for
    every split but the test set).
    """

    def __init__(self, random: Random, held_out: frozenset[str], unseen: float) -> None:
        self.random = random
        self.unseen = unseen
        self.new: dict[str, tuple[Food, ...]] = {}
        self.known: dict[str, tuple[Food, ...]] = {}
        for name, group in pantry.groups().items():
            self.new[name] = tuple(f for f in group.tail if f.one.lower() in held_out)
            self.known[name] = tuple(
                f for f in group.tail if f.one.lower() not in held_out
            )

    def pick(self, group: str) -> Food:
        """Draw a food from a group."""
        staples = pantry.groups()[group].staples
        if (
            self.random.random() < pantry.groups()[group].common
            or not self.known[group]
        ):
            return self.random.choice(staples)
        if self.new[group] and self.random.random() < self.unseen:
            return self.random.choice(self.new[group])
        return self.random.choice(self.known[group])

    def recipe(self) -> Recipe:
        """Draw one recipe."""
        random = self.random
        dish = random.choice(dishes.dishes())
        writer = lines.Writer(random, lines.habit(random), self.pick)
        made: list[lines.Line] = []
        main: list[str] = []
        for group in dishes.shelves(random, dish):
            line = writer.write(group)
            known = {food for other in made for food in other.foods}
            # A food comes twice now and then, as for a cake and for its topping.
            if known & set(line.foods) and random.random() < 0.7:
                continue
            made.append(line)
            if group in dish.main:
                main.append(line.foods[0])
        if random.random() < 0.05 and len(made) > 3:
            heading = lines.Line(random.choice(lines.HEADINGS), (), ())
            made.insert(random.randrange(1, len(made)), heading)
        foods = once([food for line in made for food in line.foods])
        return Recipe(
            title=dishes.title(random, dish, main),
            ingredients=tuple(line.text for line in made),
            directions=tuple(dishes.directions(random, dish, foods)),
            names=tuple(once([name for line in made for name in line.names])),
        )


def make_recipes(seed: int = SEED) -> list[Recipe]:
    """Return all recipes, in the order of the file.

    No title, no list of lines and no set of names comes twice, so no two splits share a
    recipe.
    """
    held_out = pantry.held_out(seed)
    made: list[Recipe] = []
    seen: set[object] = set()
    for split, rows, unseen in (
        ("train", TRAIN, 0.0),
        ("validation", VALIDATION, 0.0),
        ("test", TEST, UNSEEN),
    ):
        cook = Cook(Random(f"{split} {seed}"), held_out, unseen)
        wanted = len(made) + rows
        while len(made) < wanted:
            recipe = cook.recipe()
            marks = {
                recipe.title.strip().lower(),
                recipe.ingredients,
                frozenset(name.lower() for name in recipe.names),
            }
            if 3 <= len(recipe.ingredients) <= 13 and not marks & seen:
                seen |= marks
                made.append(recipe)
    return made


def as_csv(recipes: list[Recipe]) -> bytes:
    """Return the recipes as the bytes of a CSV file (UTF-8, one line end: LF)."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    for number, recipe in enumerate(recipes):
        writer.writerow(
            [
                recipe.title,
                json.dumps(recipe.ingredients),
                json.dumps(recipe.directions),
                f"https://recipes.example.org/{number:05d}",
                "generated",
                json.dumps(recipe.names),
            ]
        )
    return text.getvalue().encode("utf-8")


def main(arguments: list[str] | None = None) -> int:
    """Write the file, or compare it with --check; return the exit status."""
    made = as_csv(make_recipes())
    what = f"{made.count(b'example.org')} recipes"
    return write_or_compare(made, what, PATH, __doc__, arguments)


if __name__ == "__main__":
    sys.exit(main())
