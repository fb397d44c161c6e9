"""Generated files: written, or compared with what stands there."""

from __future__ import annotations

import argparse
import csv
import io
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

Row = dict[str, Any]


def write_or_compare(
    made: bytes, what: str, path: Path, doc: str, arguments: list[str] | None
) -> int:
    """Be the command line of a generator of one file.

    Args:
        made: the content.
        what: what it holds, for the line that says it was written.
        path: where it stands when --out does not say otherwise.
        doc: of the generator; its first line is the help.
        arguments: of the command line; those of the process without it.

    Returns:
        The exit status: 1 when --check finds other bytes.
    """
    parser = argparse.ArgumentParser(description=doc.splitlines()[0])
    parser.add_argument("--out", type=Path, default=path)
    parser.add_argument("--check", action="store_true", help="compare, do not write")
    options = parser.parse_args(arguments)
    if options.check:
        same = options.out.exists() and options.out.read_bytes() == made
        print(
            "same bytes" if same else f"{options.out} is not what the generator makes"
        )
        return 0 if same else 1
    options.out.write_bytes(made)
    print(f"{options.out}: {what}, {len(made)} bytes")
    return 0


def write_or_compare_all(
    made: Mapping[str, bytes], folder: Path, doc: str, arguments: list[str] | None
) -> int:
    """Be the command line of a generator of several files.

    Args:
        made: the files: name -> content.
        folder: where they stand when --out does not say otherwise.
        doc: of the generator; its first line is the help.
        arguments: of the command line; those of the process without it.

    Returns:
        The exit status: 1 when --check finds other bytes.
    """
    parser = argparse.ArgumentParser(description=doc.splitlines()[0])
    parser.add_argument("--out", type=Path, default=folder)
    parser.add_argument("--check", action="store_true", help="compare, do not write")
    options = parser.parse_args(arguments)
    status = 0
    for name, content in made.items():
        path = options.out / name
        if options.check:
            same = path.exists() and path.read_bytes() == content
            status = status if same else 1
            verdict = "same bytes" if same else "not what the generator makes"
            print(f"{path.name}: {verdict}")
        else:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
            print(f"{path.name}: {len(content)} bytes")
    return status


def as_jsonl(rows: Sequence[Row]) -> bytes:
    """Return rows as JSON Lines (UTF-8, LF)."""
    lines = [json.dumps(row, ensure_ascii=False) + "\n" for row in rows]
    return "".join(lines).encode("utf-8")


def as_csv(rows: Sequence[Row]) -> bytes:
    """Return rows as CSV (UTF-8, LF)."""
    text = io.StringIO()
    writer = csv.DictWriter(text, list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue().encode("utf-8")
