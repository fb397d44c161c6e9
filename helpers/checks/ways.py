"""The automatic checks of the exercises in the notebook that compares the ways.

Purpose: as `checks`: each says right, not yet with a hint, or not tried; every right
solution passes, and no hint gives the answer away. What is right is asked of the files,
of the installed packages and of the tables, so it needs no list of answers. It must
never know a provider, nor change what a notebook uses later.
"""

from __future__ import annotations

import datetime
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from helpers.checks import BLANK, Outcome, hint, not_tried, passed
from helpers.conversions import TEXT_CSV, CannotConvert, form_of, read
from helpers.ways import WAYS, look_up, open_to_new


def check_nothing_lost(
    answer: Any, source: str | Path, column: str = "text"
) -> Outcome:
    """Check a conversion into AutoTrain's CSV, conversation by conversation.

    Args:
        answer: the learner's path of the CSV file.
        source: the file that was converted.
        column: name of the column.
    """
    if answer is BLANK:
        return not_tried()
    if not isinstance(answer, str | Path):
        return hint("lost.type", found=type(answer).__name__)
    path = Path(answer)
    if not path.exists():
        return hint("lost.missing", name=path.name)
    try:
        form = form_of(path)
        if form != TEXT_CSV:
            return hint("lost.form", name=path.name, found=form)
        found = read(path, column)
    except CannotConvert as error:
        return hint("lost.unreadable", error=error)
    wanted = read(source, column)
    if len(found) != len(wanted):
        return hint("lost.rows", found=len(found), wanted=len(wanted))
    for number, (mine, right) in enumerate(zip(found, wanted, strict=True), start=1):
        if mine != right:
            return hint("lost.row", number=number)
    return passed("lost", n=len(wanted))


def check_old_calls(answer: Any, lines: pd.DataFrame) -> Outcome:
    """Check which lines of old tutorials break on the packages that are installed.

    Args:
        answer: the learner's line numbers, in any order.
        lines: with line, kind, package, call and arguments.
    """
    if answer is BLANK:
        return not_tried()
    if isinstance(answer, int | np.integer) and not isinstance(answer, bool):
        answer = {answer}
    if not isinstance(answer, Iterable) or isinstance(answer, str):
        return hint("old.type")
    chosen = {str(one) for one in answer}
    if not chosen <= set(lines["line"]):
        return hint("old.unknown", found=min(chosen - set(lines["line"])))
    broken = {row.line for row in lines.itertuples() if breaks(row)}
    if chosen == broken:
        return passed("old", n=len(broken))
    return hint("old.too_many" if chosen - broken else "old.too_few")


def breaks(row: Any) -> bool:
    """Say whether a line of an old tutorial breaks on what is installed.

    Args:
        row: with kind, package, call and arguments.
    """
    try:
        return not look_up(row.kind, row.package, row.call, row.arguments)
    except LookupError:
        return True


def check_open_ways(answer: Any, on: datetime.date) -> Outcome:
    """Check which ways are open to a new customer on a day.

    Args:
        answer: the learner's names of ways, in any order.
        on: the day.
    """
    if answer is BLANK:
        return not_tried()
    if isinstance(answer, str):
        answer = [answer]
    if not isinstance(answer, Iterable):
        return hint("open.type", example=WAYS[0])
    chosen = {str(one) for one in answer}
    unknown = chosen - set(WAYS)
    if unknown:
        return hint("open.unknown", found=min(unknown), known=", ".join(WAYS))
    right = set(open_to_new(on))
    if chosen == right:
        return passed("open", day=on, n=len(right))
    return hint("open.closed" if chosen - right else "open.more", day=on)
