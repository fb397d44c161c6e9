"""The words that recipes are made of: foods, units, containers, adjectives, tails.

One plain text file per list, one entry per line, so that a cook can mend them without
knowing Python. The recipe generator (tools/make_recipes.py) and the corpus of the base
model (tools/corpus) both read them. This module must never know how they are used.
"""

from functools import cache
from pathlib import Path
from typing import NamedTuple

HERE = Path(__file__).parent


class Food(NamedTuple):
    """A food as a recipe names it, in the forms for one and for several."""

    one: str
    many: str
    category: str


@cache
def entries(name: str) -> tuple[str, ...]:
    """Return the lines of one list.

    name: file name without its ending, such as "units", "containers", "pieces",
        "adjectives_dropped", "adjectives_kept", "preparations", "tails", "notes",
        "brands" or "foods_dairy".
    Raises FileNotFoundError when there is no such list.
    """
    text = (HERE / f"{name}.txt").read_text(encoding="utf-8")
    return tuple(line for line in text.splitlines() if line)


@cache
def categories() -> tuple[str, ...]:
    """Return the names of the food lists, in alphabetical order."""
    return tuple(
        sorted(p.stem.removeprefix("foods_") for p in HERE.glob("foods_*.txt"))
    )


@cache
def foods(category: str | None = None) -> tuple[Food, ...]:
    """Return the foods of one category, or all of them.

    A food that is not counted ("flour", "raisins") has the same form twice.
    """
    if category is None:
        return tuple(food for name in categories() for food in foods(name))
    found = []
    for entry in entries(f"foods_{category}"):
        one, _, many = entry.partition("|")
        found.append(Food(one, many or one, category))
    return tuple(found)
