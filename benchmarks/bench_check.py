"""Check files of up to a million chat examples, and prove that memory stays flat.

Each file is written as a stream, then checked in a process of its own, once by the
rules alone and once with the search for personal data. Every file has known faults in
it: the check has to find all of them. Memory is what the process takes beyond what it
had before the check; more than `allowed_mb` fails the benchmark.

    python -m benchmarks.bench_check [--smoke] [--examples N ...]

A million examples take 0.7 GB of disk in the temporary folder; they are deleted.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks import machine, tables, work
from helpers.chat_format import check_files
from helpers.many_examples import many_examples, planted
from helpers.memory import MemoryMeter
from helpers.recipes import DATA_DIR, load_recipes, write_jsonl

EXAMPLES = (10_000, 100_000, 1_000_000)
BYTES_KEPT = 24  # three numbers of each example: its line, its prompt, all of it
# Arrays grow ahead of what they hold, and the comparison takes a part of them at once.
ROOM = 1.5
FIXED_MB = 32  # problems kept, a thousand lines at a time, the allocator's own rounding


def allowed_mb(examples: int) -> float:
    """Return how much memory a check of this many examples may take, in MB.

    Args:
        examples: how many the file has, however long they are.
    """
    return FIXED_MB + ROOM * BYTES_KEPT * examples / 1e6


def check(path: Path, privacy: bool) -> dict:
    """Check a file in this process and return what it took and what it found."""
    rows = load_recipes(DATA_DIR / "recipes.csv").to_dict("records")
    # Everything is loaded and used once, so that only the file itself counts below.
    with tempfile.TemporaryDirectory() as folder:
        small = write_jsonl(many_examples(rows, 2000), Path(folder, "small.jsonl"))
        check_files(small, privacy=privacy)
    began = time.perf_counter()
    with MemoryMeter() as memory:
        report = check_files(path, privacy=privacy)
    return {
        "seconds": time.perf_counter() - began,
        "before_mb": memory.before_mb,
        "grown_mb": memory.grown_mb,
        "examples": report.n_examples,
        "errors": report.n_errors,
        "found": {code: count for (_, code), count in report.counts.items()},
    }


def measure(n: int, folder: Path) -> list[dict]:
    """Write a file of `n` examples, check it in both ways, and delete it.

    Raises:
        RuntimeError: a fault was missed, or the check took more memory than allowed.
    """
    rows = load_recipes(DATA_DIR / "recipes.csv").to_dict("records")
    path = write_jsonl(many_examples(rows, n), folder / f"{n}.jsonl")
    size = path.stat().st_size / 1e6
    cases = []
    for privacy in (False, True):
        words = ["--child", str(path), *(["--privacy"] if privacy else [])]
        # The environment as learners have it: no settings of the allocator.
        found = work.run_child(str(Path(__file__).resolve()), dict(os.environ), *words)
        case = {"file_mb": size, "privacy": privacy, "allowed_mb": allowed_mb(n)}
        cases.append(case | found)
        print(json.dumps(cases[-1]), flush=True)
        verify(cases[-1], n)
    path.unlink()
    return cases


def verify(case: dict, n: int) -> None:
    """Make sure that a check missed nothing and stayed within its memory.

    Raises:
        RuntimeError: it did not.
    """
    wanted = {code: count for code, count in planted(n).items() if count}
    if not case["privacy"]:
        wanted.pop("personal_data", None)
    if (case["examples"], case["errors"], case["found"]) != (n, 0, wanted):
        raise RuntimeError(f"found {case['found']} in {n:,} examples, not {wanted}")
    if case["grown_mb"] > case["allowed_mb"]:
        raise RuntimeError(
            f"{n:,} examples took {case['grown_mb']:.0f} MB; "
            f"{case['allowed_mb']:.0f} MB are allowed"
        )


def main() -> None:
    """Measure and print a table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--smoke", action="store_true", help="small, to see it run")
    parser.add_argument("--examples", type=int, nargs="+", default=list(EXAMPLES))
    parser.add_argument("--child", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--privacy", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        print(json.dumps(check(options.child, options.privacy)))
        return
    sizes = [5000] if options.smoke else options.examples
    result = {"machine": machine.describe("pydantic"), "cases": []}
    with tempfile.TemporaryDirectory() as name:
        for n in sizes:
            result["cases"] += measure(n, Path(name))
    tables.save("check", result, smoke=options.smoke)
    print(tables.check_table(result))


if __name__ == "__main__":
    main()
