"""The long form: many runs, and a table of what was injected and what came of it."""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tests.faults.storm.plan import FAULTS
from tests.faults.storm.run import Report, play, references_for
from tests.provider.tiny_models import make_llama


def table(reports: list[Report]) -> str:
    """Return the table of faults: how often, at which moments, in how many bad runs."""
    lines = [
        "| fault | struck | moment missed | moments | in runs with violations |",
        "| --- | --- | --- | --- | --- |",
    ]
    for fault in FAULTS:
        hits = [
            (report, moment, came)
            for report in reports
            for name, moment, came in report.struck
            if name == fault
        ]
        came = Counter(moment for _, moment, came in hits if came)
        moments = ", ".join(f"{moment} {n}" for moment, n in sorted(came.items()))
        bad = sum(bool(report.violations) for report, _, _ in hits)
        missed = len(hits) - sum(came.values())
        lines.append(f"| {fault} | {len(hits)} | {missed} | {moments} | {bad} |")
    return "\n".join(lines)


def main() -> int:
    """Run the storm; exit code 1 if a promise was broken."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.faults.storm", description=__doc__
    )
    parser.add_argument("--seed", type=int, default=1, help="first seed")
    parser.add_argument("--runs", type=int, default=1, help="how many seeds")
    parser.add_argument("--at-once", type=int, default=1, help="runs side by side")
    parser.add_argument("--keep", type=Path, help="folder for the homes of bad runs")
    options = parser.parse_args()
    reports: list[Report] = []
    with tempfile.TemporaryDirectory(prefix="storm-") as name:
        model = make_llama(Path(name) / "model", spread=2.0)
        references = references_for(Path(name) / "undisturbed", model)

        def one(seed: int) -> None:
            report = play(seed, model, references, keep=options.keep)
            reports.append(report)
            faults = "; ".join(
                f"{fault} @ {moment}{'' if came else ' (missed)'}"
                for fault, moment, came in report.struck
            )
            ends = ", ".join(report.ends)
            print(f"{seed}: {report.seconds:.1f} s, {ends} | {faults}", flush=True)
            if report.violations:
                print(f"  BROKEN; again: python -m tests.faults.storm --seed {seed}")
            for text in report.violations:
                print("   -", text.replace("\n", "\n     "), flush=True)

        seeds = range(options.seed, options.seed + options.runs)
        with ThreadPoolExecutor(options.at_once) as pool:
            list(pool.map(one, seeds))
    bad = sorted(report.plan.seed for report in reports if report.violations)
    print(f"\n{len(reports)} runs, {len(bad)} with violations {bad or ''}\n")
    print(table(reports))
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
