"""The same training in one process and in two; data prepared by one and by two.

Training: scripts/train_sql.py on the first rows of data/sql, by `python` and by
`torchrun --nproc-per-node 2`, each process with one and with two threads. A step has
the same rows everywhere. Two processes with two threads each are four threads: on two
cores they wait for each other, which is what happens when nobody sets
OMP_NUM_THREADS=1. Seconds are those of `train()`; "with start" is the whole command.

Data: the rows, repeated, as a list in memory, as a stream, and on disk
(helpers.disk_data) with `map` in this process and in one and two others, each way in a
process of its own.

    python benchmarks/bench_distributed.py [--smoke] [--repeat N]
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
from helpers import disk_data, launching, sql_data

SHAPES = ((1, 1), (1, 2), (2, 1), (2, 2))  # processes, threads of each
BATCH, STEPS, ROWS = 16, 60, 1000
DATA_ROWS = (20_000, 100_000)
WAYS = (("list", None), ("stream", None), ("disk", None), ("disk", 1), ("disk", 2))


def write_rows(folder: Path, n: int, form=sql_data.as_messages) -> Path:
    """Write `n` training rows, again and again the same where there are fewer.

    Args:
        folder: takes train.jsonl.
        n: how many.
        form: makes a chat, or a prompt and its completion, of a row.
    """
    table = sql_data.load("train")
    found = [form(row) for row in table.head(n).to_dict("records")]
    lines = [json.dumps(row) + "\n" for row in found]
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "train.jsonl"
    with path.open("w", encoding="utf-8") as file:
        for i in range(n):
            file.write(lines[i % len(lines)])
    return path


def train(options, data: Path, processes: int, threads: int) -> dict:
    """Train once; returns processes, threads, rows/s, seconds, first and last loss."""
    words = [
        f"--processes={processes}",
        f"--model_name_or_path={options.model}",
        f"--dataset_name={data}",
        f"--per_device_train_batch_size={BATCH}",
        f"--max_steps={options.steps}",
        "--logging_steps=1",
        "--save_strategy=no",
    ]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name) / "model"
        environ = machine.environment(threads, "passive")
        environ |= launching.environment(folder, threads)
        began = time.perf_counter()
        found = launching.run([*launching.torchrun(processes), *words], folder, environ)
        whole = time.perf_counter() - began
    return {
        "processes": found["processes"],
        "threads": threads,
        "rows_per_second": found["rows_a_step"] * found["steps"] / found["seconds"],
        "seconds": found["seconds"],
        "with_start": whole,
        "bf16": found["bf16"],
        "losses": [found["losses"][0][1], found["losses"][-1][1]],
    }


def child(options) -> None:
    """One way to prepare data, in this process; prints the result as JSON."""
    from transformers import AutoTokenizer

    way, _, processes = options.child.partition(":")
    tokenizer = AutoTokenizer.from_pretrained(options.model)
    with tempfile.TemporaryDirectory() as folder:
        found = disk_data.compare(
            options.data,
            Path(folder),
            tokenizer,
            way,
            int(processes) if processes else None,
        )
    print(json.dumps(found))


def prepare(options, file: Path, way: str, processes: int | None) -> dict:
    """Run one way to prepare data, so often as asked; the quickest counts."""
    words = [
        f"--child={way}:{processes or ''}",
        f"--model={options.model}",
        f"--data={file}",
    ]
    env = machine.environment(1, "passive") | {"HF_DATASETS_DISABLE_PROGRESS_BARS": "1"}
    runs = [work.run_child(__file__, env, *words) for _ in range(options.repeat)]
    return min(runs, key=lambda run: run["seconds"])


def main() -> None:
    """Measure and print tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--smoke", action="store_true", help="small, to see it run")
    parser.add_argument("--model", type=Path, default=work.default_model())
    parser.add_argument("--repeat", type=int, default=1)
    parser.add_argument("--child", help=argparse.SUPPRESS)
    parser.add_argument("--data", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        return child(options)
    options.steps = 3 if options.smoke else STEPS
    sizes = (500,) if options.smoke else DATA_ROWS
    result = {"machine": machine.describe("trl", "accelerate", "datasets")}
    result |= {"batch": BATCH, "steps": options.steps, "training": [], "data": []}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        # Caches of datasets go with the folder, not into the user's home.
        os.environ["HF_HOME"] = str(folder / "hf")
        n = 64 if options.smoke else ROWS
        write_rows(folder, n, sql_data.as_prompt_completion)
        for processes, threads in SHAPES:
            runs = [
                train(options, folder, processes, threads)
                for _ in range(options.repeat)
            ]
            best = max(runs, key=lambda run: run["rows_per_second"])
            result["training"].append(best)
            print(json.dumps(best), flush=True)
        for size in sizes:
            file = write_rows(folder / str(size), size)
            for way, processes in WAYS:
                found = prepare(options, file, way, processes)
                result["data"].append(found)
                print(json.dumps(found), flush=True)
    tables.save("distributed", result, smoke=options.smoke)
    print(tables.distributed_table(result))


if __name__ == "__main__":
    main()
