"""The automatic checks of the exercises about preparing data.

Purpose: as in `helpers.checks`, which these belong to: every right solution passes, a
known mistake gets its hint, a blank `...` is no mistake. Nothing that a notebook uses
later is changed. It must never know a provider.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from numbers import Integral, Real
from typing import Any

import pandas as pd

from helpers.checks import BLANK, Outcome, hint, not_tried, passed
from helpers.mending import Draft
from helpers.recipes import DATA_DIR, load_recipes, parse_names
from helpers.tokens import estimate

# --- a split that keeps copies together -------------------------------------------

TEST_SHARE = (0.10, 0.30)  # about a fifth; groups differ in size, so not exactly


def check_split(train: Any, test: Any, raw: pd.DataFrame) -> Outcome:
    """Check a split of a table in which rows of a group belong together.

    Args:
        train: the learner's rows for training: a table with the index of `raw`, or the
            positions of rows.
        test: the rows for testing, likewise.
        raw: all rows, index 0..n-1, with a column group.
    """
    if train is BLANK or test is BLANK:
        return not_tried()
    sides = [_positions(train, raw), _positions(test, raw)]
    if sides[0] is None or sides[1] is None:
        return hint("split.type")
    used = [*sides[0], *sides[1]]
    if len(set(used)) < len(used):
        return hint("split.twice", count=len(used) - len(set(used)))
    if len(used) < len(raw):
        return hint("split.lost", count=len(raw) - len(used))
    share = len(sides[1]) / len(raw)
    if not TEST_SHARE[0] <= share <= TEST_SHARE[1]:
        return hint("split.share", share=100 * share)
    group = raw["group"].to_numpy()
    cut = set(group[sides[0]]) & set(group[sides[1]])
    if cut:
        return hint("split.cut", count=len(cut))
    return passed("split", test=len(sides[1]), total=len(raw))


def _positions(rows: Any, raw: pd.DataFrame) -> list[int] | None:
    if isinstance(rows, (pd.DataFrame, pd.Series)) and rows.index.isin(raw.index).all():
        # A column of positions is a series of whole numbers; rows are anything else.
        if isinstance(rows, pd.Series) and pd.api.types.is_integer_dtype(rows):
            rows = rows.tolist()
        else:
            rows = rows.index.tolist()
    if isinstance(rows, (str, bytes, Mapping)) or not isinstance(rows, Iterable):
        return None
    found = list(rows)
    if not all(isinstance(n, Integral) and not isinstance(n, bool) for n in found):
        return None
    numbers = [int(n) for n in found]
    return numbers if all(0 <= n < len(raw) for n in numbers) else None


# --- what a job will be billed ----------------------------------------------------

CLOSE = 0.02  # the calibration of the estimate takes off two tokens per example


def check_billed(
    answer: Any, lengths: Sequence[int], limit: int, n_epochs: int
) -> Outcome:
    """Check how many tokens a job is billed when examples that are too long are out.

    Args:
        answer: the learner's number.
        lengths: tokens of each example, the too long ones among them.
        limit: most tokens of an example that fits.
        n_epochs: how often the file is read.
    """
    if answer is BLANK:
        return not_tried()
    if not isinstance(answer, Real) or isinstance(answer, bool):
        return hint("billed.type")
    fitting = [length for length in lengths if length <= limit]
    wanted = estimate(fitting, n_epochs).billed
    if _close(answer, wanted):
        return passed("billed", billed=f"{wanted:,}")
    with_long = (sum(lengths), sum(min(length, limit) for length in lengths))
    if any(_close(answer, total * n_epochs) for total in with_long):
        return hint("billed.over")
    for epochs in range(1, 26):
        if _close(answer, estimate(fitting, epochs).billed):
            return hint("billed.epochs")
    return hint("billed.wrong")


def _close(value: float, wanted: float) -> bool:
    return abs(value - wanted) <= CLOSE * wanted


# --- a detector of one's own ------------------------------------------------------

# text -> the order numbers in it: KC, the year, six digits
ORDERS: dict[str, list[str]] = {
    "Where is order KC-2026-001234?": ["KC-2026-001234"],
    "KC-2026-001234 and KC-2025-999999, please.": ["KC-2026-001234", "KC-2025-999999"],
    "(KC-2024-000001)": ["KC-2024-000001"],
    "주문번호는 KC-2026-123456입니다.": ["KC-2026-123456"],
    "The box of KC-2026-000777\nnever came.": ["KC-2026-000777"],
    "Bake 35 minutes at 350 degrees.": [],
    "KC-2026-1234 is too short.": [],
    "KC-2026-0012345 is too long.": [],
    "AC-2026-001234 is an article, not an order.": [],
    "The part XKC-2026-001234 fits as well.": [],
    "kcal: 2026": [],
    "": [],
}


def check_detector(function: Any) -> Outcome:
    """Check a function that finds order numbers such as KC-2026-001234 in a text.

    Args:
        function: the learner's function: text -> list of the numbers found.
    """
    if function is BLANK:
        return not_tried()
    for text, wanted in ORDERS.items():
        try:
            found = function(text)
        except Exception as error:
            # Whatever the learner's code raises belongs into the hint.
            return hint("detector.error", error=f"{type(error).__name__}: {error}")
        if found is BLANK or found is None:
            return not_tried() if text == next(iter(ORDERS)) else _no_list(found)
        if isinstance(found, (str, bytes)) or not isinstance(found, Iterable):
            return _no_list(found)
        texts = list(found)
        if not all(isinstance(one, str) for one in texts):
            return _no_list(texts)
        if set(texts) - set(wanted):
            key = "detector.missed" if wanted else "detector.invented"
            return hint(key, text=text, found=texts)
        if set(wanted) - set(texts):
            return hint("detector.missed", text=text, found=texts or "nothing")
    return passed("detector")


def _no_list(found: Any) -> Outcome:
    return hint("detector.type", found=type(found).__name__)


# --- the broken file --------------------------------------------------------------

# Lines of data/broken_recipes.jsonl that a mended file still has; the others are empty,
# cut off, too long, copies, contradictions or leaks. A test compares it with the tool.
MENDABLE = 53
TITLE = re.compile(r"Title: (.*)\n")


def check_mended(
    function: Callable[[Any], Any], deleted: Any, draft: Draft, **arguments: Any
) -> Outcome:
    """Check that a file is clean after it was mended, and that nothing good was lost.

    Args:
        function: the learner's function: example -> the mended example. It is called
            for every line of the draft with a problem that is not deleted.
        deleted: numbers of the lines to delete.
        draft: the file as it is before; it stays as it is.
        arguments: of the check: test, count_tokens, max_tokens.
    """
    if deleted is BLANK:
        return not_tried()
    numbers = _line_numbers(deleted)
    if numbers is None:
        return hint("mended.type")
    strange = sorted(numbers - set(draft))
    if strange:
        return hint("mended.no_line", line=strange[0])
    before = draft.check(**arguments)
    name = next(iter(before.files))
    faulty = {p.line for p in before.problems if p.file == name and p.line}
    mended = draft.copy()
    for line in sorted(faulty - numbers):
        try:
            mended[line] = function(mended.example(line))
        except Exception as error:
            # Whatever the learner's code raises belongs into the hint.
            told = f"{type(error).__name__}: {error}"
            return hint("mended.error", line=line, error=told)
    for line in numbers:
        del mended[line]
    report = mended.check(**arguments)
    if report.problems:
        first = next(iter(report.errors or report.problems))
        return hint("mended.left", count=len(report.problems), problem=first)
    wrong = _wrong_label(mended)
    if wrong:
        return hint("mended.label", line=wrong)
    if len(mended) < MENDABLE:
        lost = MENDABLE - len(mended)
        return hint("mended.lost", count=lost, n=MENDABLE)
    return passed("mended", n=len(mended))


def _line_numbers(deleted: Any) -> set[int] | None:
    if isinstance(deleted, (str, bytes)) or not isinstance(deleted, Iterable):
        return None
    found = list(deleted)
    if not all(isinstance(n, Integral) and not isinstance(n, bool) for n in found):
        return None
    return {int(n) for n in found}


def _wrong_label(draft: Draft) -> int:
    """Return the first line whose answer is not that of its recipe; 0 if none is."""
    recipes = load_recipes(DATA_DIR / "recipes.csv")
    right: dict[str, Any] = dict(zip(recipes["title"], recipes["NER"], strict=True))
    for line, example in draft.examples().items():
        asked = " ".join(
            str(message.get("content"))
            for message in example["messages"]
            if message.get("role") == "user"
        )
        title = TITLE.search(asked + "\n")
        answer = example["messages"][-1].get("content")
        if title and title[1] in right and isinstance(answer, str):
            wanted = parse_names(right[title[1]])
            if parse_names(answer) != wanted:
                return line
    return 0
