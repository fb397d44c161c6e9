"""A generated file: written, or compared with what stands there."""

from __future__ import annotations

import argparse
from pathlib import Path


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
