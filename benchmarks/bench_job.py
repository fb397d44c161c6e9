"""A job from `create` to `succeeded` through the running provider, as learners see it.

Recipes are uploaded, the job is created with automatic hyperparameters and followed
every 0.1 s. Training and validation are what the training process itself measured; the
rest is checking the files, handing over, loading, saving and noticing.

    python benchmarks/bench_job.py [--smoke] [--rows N]
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks import machine, servers, tables, work

FINAL = ("succeeded", "failed", "cancelled")


def outcome_of(home: Path, job_id: str) -> dict:
    """Read how a job ended from what the training process wrote down."""
    lines = (home / "jobs" / job_id / "reports.jsonl").read_text("utf-8").splitlines()
    return json.loads(lines[-1])


def run_job(client, home: Path, options, folder: Path) -> dict:
    """Run one job and return its times."""
    files = {}
    for split, n in (("train", options.rows), ("validation", options.validation_rows)):
        path = work.write_recipes(folder / f"{split}.jsonl", split, n)
        with path.open("rb") as content:
            file = client.files.create(file=content, purpose="fine-tune")
        files[split] = file.id
    began = time.perf_counter()
    job = client.fine_tuning.jobs.create(
        model="kitchen-base",
        training_file=files["train"],
        validation_file=files["validation"],
        suffix="bench",
        seed=1,
    )
    while job.status not in FINAL:
        time.sleep(0.1)
        job = client.fine_tuning.jobs.retrieve(job.id)
    wall = time.perf_counter() - began
    if job.status != "succeeded":
        raise RuntimeError(f"the job ended as {job.status}: {job.error}")
    began = time.perf_counter()
    client.chat.completions.create(
        model=job.fine_tuned_model,
        messages=work.test_recipes(1)[0]["messages"][:-1],
        temperature=0,
        max_tokens=1,
    )
    first = time.perf_counter() - began
    seconds = outcome_of(home, job.id)["seconds"]
    for kind in ("training", "validation"):
        seconds.setdefault(kind, 0.0)
    return {
        "wall": wall,
        "seconds": seconds,
        "else": wall - seconds["training"] - seconds["validation"],
        "first_answer": first,
        "trained_tokens": job.trained_tokens,
        "hyperparameters": {
            "n_epochs": job.hyperparameters.n_epochs,
            "batch_size": job.hyperparameters.batch_size,
        },
    }


def main() -> None:
    """Measure and print a table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--smoke", action="store_true", help="small, to see it run")
    parser.add_argument("--model", type=Path, default=work.default_model())
    parser.add_argument("--rows", type=int, default=100)
    parser.add_argument("--validation-rows", type=int, default=100)
    parser.add_argument("--threads", type=int, help="default: the provider's own")
    parser.add_argument("--repeat", type=int, default=3)
    options = parser.parse_args()
    if options.smoke:
        options.rows, options.validation_rows, options.repeat = 12, 6, 1
        options.threads = 1
    result = {"machine": machine.describe("openai")}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        home = folder / "home"
        words = ["--model", f"kitchen-base={options.model}"]
        if options.threads:
            words += ["--threads", str(options.threads)]
        with servers.provider(home, *words) as client:
            # Learners read for a while before their first job; a server that has
            # just been started still imports PyTorch.
            time.sleep(0 if options.smoke else 15)
            runs = []
            for _ in range(options.repeat):
                runs.append(run_job(client, home, options, folder))
                print(json.dumps(runs[-1]), flush=True)
    best = min(runs, key=lambda run: run["wall"])
    result |= {
        "rows": options.rows,
        "validation_rows": options.validation_rows,
        "threads": options.threads or "auto",
        **best,
        "walls": [run["wall"] for run in runs],
    }
    tables.save("job", result, smoke=options.smoke)
    print(tables.job_table(result))


if __name__ == "__main__":
    main()
