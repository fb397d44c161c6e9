"""data/recipes.csv keeps what data/README.md promises."""

import csv
import json
import re
from collections import Counter
from functools import cache
from pathlib import Path

import pytest

from helpers import recipes
from helpers.rule_baseline import extract
from tools import lexicon, make_recipes
from tools.recipes import dishes, lines, pantry

DATA = Path(make_recipes.PATH)
Row = dict[str, object]


@cache
def rows() -> tuple[Row, ...]:
    """Return all rows, with the JSON columns parsed."""
    with DATA.open(encoding="utf-8", newline="") as file:
        found = list(csv.DictReader(file))
    for row in found:
        for column in ("ingredients", "directions", "NER"):
            row[column] = json.loads(row[column])
    return tuple(found)


def part(name: str) -> tuple[Row, ...]:
    """Return the rows of one split, as helpers.recipes cuts it."""
    cut = recipes.SPLITS[name]
    return rows()[cut.start : cut.stop]


def foods(name: str) -> set[str]:
    """Return the lower-cased names of one split."""
    return {food.lower() for row in part(name) for food in row["NER"]}


def names(row: Row) -> frozenset[str]:
    """Return the lower-cased names of one row."""
    return frozenset(food.lower() for food in row["NER"])


def test_a_rebuild_gives_the_same_bytes() -> None:
    assert make_recipes.as_csv(make_recipes.make_recipes()) == DATA.read_bytes()


def test_another_seed_gives_other_recipes() -> None:
    other = make_recipes.make_recipes(seed=1)
    assert len(other) == len(rows())
    assert [recipe.title for recipe in other] != [row["title"] for row in rows()]


def test_there_are_1500_recipes_or_more_and_the_splits_cover_them() -> None:
    assert len(rows()) >= 1500
    ends = [(cut.start, cut.stop) for cut in recipes.SPLITS.values()]
    sizes = (make_recipes.TRAIN, make_recipes.VALIDATION, make_recipes.TEST)
    assert tuple(stop - start for start, stop in ends) == sizes
    assert ends[0][0] == 0
    assert all(a[1] == b[0] for a, b in zip(ends, ends[1:], strict=False))
    assert ends[-1][1] == len(rows())


def test_the_columns_are_those_of_the_cookbook_and_never_empty() -> None:
    assert tuple(rows()[0]) == (
        "title",
        "ingredients",
        "directions",
        "link",
        "source",
        "NER",
    )
    assert all(all(row.values()) for row in rows())


def test_the_file_is_utf8_with_line_feeds_only() -> None:
    content = DATA.read_bytes()
    assert b"\r" not in content
    assert not content.startswith(b"\xef\xbb\xbf")
    assert content.decode("utf-8").endswith("\n")


def test_links_go_nowhere_and_are_unique() -> None:
    links = [row["link"] for row in rows()]
    assert len(set(links)) == len(links)
    assert all(link.startswith("https://recipes.example.org/") for link in links)
    assert {row["source"] for row in rows()} == {"generated"}


@pytest.mark.parametrize(
    "mark",
    [
        lambda row: row["title"].strip().lower(),
        lambda row: tuple(row["ingredients"]),
        names,
    ],
    ids=["title", "lines", "set of names"],
)
def test_no_two_recipes_are_the_same(mark) -> None:
    assert max(Counter(mark(row) for row in rows()).values()) == 1


def test_a_fifth_of_the_test_foods_or_more_are_in_no_training_row() -> None:
    test, seen = foods("test"), foods("train")
    assert len(test - seen) / len(test) >= 0.20
    held_out = test & pantry.held_out(make_recipes.SEED)
    assert len(held_out) / len(test) >= 0.15
    assert not held_out & (seen | foods("validation"))


def test_every_name_is_copied_from_a_line() -> None:
    for row in rows():
        for name in row["NER"]:
            assert any(name in line for line in row["ingredients"]), (row["link"], name)


def test_names_come_in_the_order_of_the_lines_and_once() -> None:
    for row in rows():
        lowered = [name.lower() for name in row["NER"]]
        assert len(set(lowered)) == len(lowered)
        at = [
            min(i for i, line in enumerate(row["ingredients"]) if name in line)
            for name in row["NER"]
        ]
        # A short name can stand inside an earlier, longer one ("salt", "garlic salt").
        assert sum(a > b for a, b in zip(at, at[1:], strict=False)) <= 2


def test_recipes_are_as_long_as_real_ones() -> None:
    lengths = [len(row["ingredients"]) for row in rows()]
    assert 6.5 <= sum(lengths) / len(lengths) <= 8.5
    assert min(lengths) >= 3
    assert max(lengths) <= 13


TRAITS = {
    "an abbreviation": r"\b(c|tsp|Tbsp|pkg|oz|lb)\.",
    "a range": r"\b\d (to|or) \d\b",
    "a fraction": r"\d/\d",
    "a size in brackets": r"\(\d[\d /]* (oz|ounce|g)\.?\)",
    "a choice": r" or ",
    "several foods": r" and |each",
    "to taste": r"to taste",
    "a remark in brackets": r"\([a-z ]+\)$",
    "a preparation after a comma": r", (chopped|sliced|diced|drained|melted|beaten)",
    "a preparation without a comma": r"[a-z] (chopped|sliced|diced|drained|minced)$",
    "a state before the food": r"\b(chopped|melted|grated|frozen|cooked) [a-zA-Z]",
    "no amount": r"^[a-zA-Z]",
    "capitals": r"^[^a-z]+$",
    "a missing space": r"^\d+[a-zA-Z]",
    "a count in words": r"^(one|two|three|half)\b",
    "a fruit's juice or rind": r"(juice|rind|zest) of ",
    "a heading": r"^(Filling|Topping|Crust|Sauce|Glaze|Dressing)",
}


@pytest.mark.parametrize("trait", TRAITS)
@pytest.mark.parametrize("split", ["train", "test"])
def test_lines_are_as_untidy_as_real_ones(split: str, trait: str) -> None:
    found = sum(
        bool(re.search(TRAITS[trait], line))
        for row in part(split)
        for line in row["ingredients"]
    )
    assert found >= len(part(split)) * 0.01


def test_some_foods_are_misspelt_some_branded_some_named_by_their_brand() -> None:
    known = {form.lower() for food in lexicon.foods() for form in (food.one, food.many)}
    test = foods("test")
    assert 0.01 <= len(test - known) / len(test) <= 0.15
    text = json.dumps([row["ingredients"] for row in part("test")])
    assert sum(brand in text for brand in lexicon.entries("brands")) >= 40
    brands = {food.lower() for food in pantry.BRANDS_THAT_ARE_FOODS}
    assert brands & foods("train")


def test_titles_often_name_a_food_of_their_lines() -> None:
    named = sum(
        any(food in row["title"].lower() for food in names(row)) for row in part("test")
    )
    assert named / len(part("test")) >= 0.4


def test_the_hand_written_rule_does_not_solve_the_test_set() -> None:
    right = wrong = missed = 0
    for row in part("test"):
        want = names(row)
        got = {name.lower() for name in extract(row["ingredients"])}
        right, wrong = right + len(want & got), wrong + len(got - want)
        missed += len(want - got)
    f1 = 2 * right / (2 * right + wrong + missed)
    assert 0.70 <= f1 <= 0.80, f"F1 {f1:.3f}; data/README.md states 0.776"
    assert round(f1, 3) == 0.776


def test_no_name_holds_a_word_that_the_rules_drop() -> None:
    plain = {
        form.lower()
        for category in lexicon.categories()
        for food in pantry.shelf(category)
        for form in (food.one, food.many)
    }
    dropped = re.compile(r"^(chopped|sliced|diced|melted|fresh|grated|minced|frozen)\b")
    assert not [name for name in foods("train") if dropped.match(name)]
    assert len(foods("train") & plain) / len(foods("train")) > 0.8


def test_every_shelf_of_every_dish_exists_and_has_a_profile() -> None:
    groups = pantry.groups()
    for dish in dishes.dishes():
        for shelf in dish.shelves:
            group = groups[shelf.rstrip("?").partition("*")[0]]
            for food in group.staples + group.tail:
                assert lines.profile(group.profile(food)).measures
        assert set(dish.main) <= set(groups)


def test_the_lexicon_has_900_foods_or_more_and_names_each_once() -> None:
    found = [food.one.lower() for food in lexicon.foods()]
    assert len(found) >= 900
    assert len(set(found)) == len(found)


def test_foods_that_only_the_test_set_has_come_from_every_large_shelf() -> None:
    held_out = pantry.held_out(make_recipes.SEED)
    for category in lexicon.categories():
        shelf = pantry.shelf(category)
        if len(shelf) >= 30:
            assert any(food.one.lower() in held_out for food in shelf), category


def test_checking_a_changed_file_fails_and_says_so(tmp_path: Path, capsys) -> None:
    changed = tmp_path / "recipes.csv"
    changed.write_bytes(DATA.read_bytes().replace(b"sugar", b"sugra", 1))
    assert make_recipes.main(["--check", "--out", str(changed)]) == 1
    assert "not what the generator makes" in capsys.readouterr().out
    assert make_recipes.main(["--out", str(changed)]) == 0
    assert changed.read_bytes() == DATA.read_bytes()
