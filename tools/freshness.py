"""Name the rows of data/*.csv that are past their date: `make freshness`.

    python -m tools.freshness [--max-age DAYS] [--today 2026-11-22]

Exit code 1 when something is past, else 0. It is no part of `make test`: a test that
fails by the calendar would fail without anybody having changed anything.
The rules are in `helpers.freshness`. Which models are in use is read from the code: a
text in helpers/ or in a code cell of a notebook that is exactly a model's name.
"""

from __future__ import annotations

import argparse
import ast
import datetime
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path

import nbformat

from helpers.freshness import MAX_AGE_DAYS, stale_rows
from helpers.messages import say

ROOT = Path(__file__).resolve().parent.parent


def texts_in(code: str) -> set[str]:
    """Return the texts that stand in Python code; none where it is no Python."""
    try:
        tree = ast.parse(code)
    except SyntaxError:
        return set()
    return {
        node.value
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    }


def sources(root: Path = ROOT) -> Iterable[str]:
    """Yield the code of helpers, and of the code cells of all notebooks."""
    for path in sorted((root / "helpers").rglob("*.py")):
        yield path.read_text(encoding="utf-8")
    for path in sorted((root / "notebooks").rglob("*.ipynb")):
        for cell in nbformat.read(path, as_version=4).cells:
            if cell.cell_type == "code":
                yield cell.source


def used_names(root: Path = ROOT) -> set[str]:
    """Return all texts of the code; names of models in use are among them."""
    return set().union(*map(texts_in, sources(root)))


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; return its exit code."""
    parser = argparse.ArgumentParser(prog="python -m tools.freshness")
    parser.add_argument(
        "--max-age",
        type=int,
        default=MAX_AGE_DAYS,
        metavar="DAYS",
        help="how old a price may be (default: %(default)s)",
    )
    parser.add_argument(
        "--today",
        type=datetime.date.fromisoformat,
        default=datetime.date.today(),
        metavar="DATE",
        help="the day to judge by (default: today)",
    )
    told = parser.parse_args(arguments)
    stale = stale_rows(told.today, used_names(), told.max_age)
    for row in stale:
        print(row)
    if stale:
        print(say("fresh.some", n=len(stale), today=told.today))
    else:
        print(say("fresh.none", today=told.today, limit=told.max_age))
    return 1 if stale else 0


if __name__ == "__main__":
    sys.exit(main())
