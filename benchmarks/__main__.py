"""Run all benchmarks one after the other and bring the tables of the README up to date.

python -m benchmarks            # or: make bench; the machine should be idle
python -m benchmarks --smoke    # small numbers, to see that everything runs
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
BENCHMARKS = (
    "bench_quality",
    "bench_training",
    "bench_generation",
    "bench_job",
    "bench_check",
    "bench_embeddings",
    "bench_data",
    "bench_scaling",
    "bench_latency",
    "bench_methods",
    "bench_load",
    "bench_limits",
    "bench_distributed",
    "bench_sql",
)


def main() -> None:
    """Run each benchmark in a process of its own."""
    for name in BENCHMARKS:
        print(f"== {name}", flush=True)
        subprocess.run(
            [sys.executable, str(HERE / f"{name}.py"), *sys.argv[1:]],
            check=True,
            cwd=HERE.parent,
        )


if __name__ == "__main__":
    main()
