"""Large things: files of 512 MiB, and a thousand jobs in the store.

A training file of just the size that is allowed goes in, comes out, is validated and
cancelled, while the memory of the server is watched; one byte more is refused. Then a
folder with a thousand jobs is started and its lists are timed, against an empty one.

    python benchmarks/bench_limits.py [--smoke]
"""

from __future__ import annotations

import argparse
import hashlib
import statistics
import sys
import tempfile
import threading
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from json import load
from pathlib import Path

import openai
import psutil

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks import machine, servers, tables
from helpers.provider.settings import BASE_MODEL_PATH, Limits
from tests.provider.harness import jsonl
from tests.provider.many_jobs import write_history

MEBIBYTE = 1024 * 1024
GROWTH_ALLOWED = 64 * MEBIBYTE


@contextmanager
def watched(process: psutil.Process, note: dict) -> Iterator[None]:
    """Note the seconds and how far the memory of a process grew meanwhile."""
    over = threading.Event()
    before = most = process.memory_info().rss

    def watch() -> None:
        nonlocal most
        while not over.wait(0.02):
            most = max(most, process.memory_info().rss)

    thread = threading.Thread(target=watch)
    thread.start()
    began = time.perf_counter()
    try:
        yield
    finally:
        note["seconds"] = time.perf_counter() - began
        over.set()
        thread.join()
        note["grown"] = most - before


def write_large(path: Path, size: int) -> Path:
    """Write a valid training file of exactly so many bytes."""
    block = jsonl(2000)
    with path.open("wb") as file:
        while file.tell() + len(block) <= size:
            file.write(block)
        file.write(b"\n" * (size - file.tell()))
    return path


def server_of(client: openai.OpenAI) -> psutil.Process:
    """Return the process of a server."""
    url = str(client.base_url).rsplit("/v1", 1)[0]
    with urllib.request.urlopen(url + "/health") as answer:
        return psutil.Process(load(answer)["pid"])


def files(client: openai.OpenAI, folder: Path, size: int) -> dict:
    """Let a large file in and out, validate it, cancel; refuse one byte more."""
    process, found = server_of(client), {}
    client.chat.completions.create(
        model="kitchen-base", messages=[{"role": "user", "content": "Hi"}], max_tokens=1
    )
    path = write_large(folder / "large.jsonl", size)
    with watched(process, found.setdefault("upload", {})), path.open("rb") as content:
        file = client.files.with_raw_response.create(file=content, purpose="fine-tune")
    file = file.parse()
    digest = hashlib.sha256()
    with (
        watched(process, found.setdefault("download", {})),
        client.files.with_streaming_response.content(file.id) as answer,
    ):
        for piece in answer.iter_bytes(MEBIBYTE):
            digest.update(piece)
    with path.open("rb") as content:
        if hashlib.file_digest(content, "sha256").digest() != digest.digest():
            raise RuntimeError("the file came back with another content")
    jobs = client.fine_tuning.jobs
    with watched(process, found.setdefault("validation", {})):
        job = jobs.create(model="kitchen-base", training_file=file.id)
        while jobs.retrieve(job.id).status == "validating_files":
            time.sleep(0.1)
    jobs.cancel(job.id)
    with watched(process, found.setdefault("cancelled while validated", {})):
        job = jobs.create(model="kitchen-base", training_file=file.id)
        time.sleep(min(2.0, found["validation"]["seconds"] / 4))
        jobs.cancel(job.id)
        small = client.files.create(file=jsonl(), purpose="fine-tune")
        # The job behind it waits for nothing any more.
        job = jobs.create(model="kitchen-base", training_file=small.id)
        while jobs.retrieve(job.id).status == "validating_files":
            time.sleep(0.02)
    jobs.cancel(job.id)
    if size == Limits().file_bytes:
        with path.open("ab") as more:
            more.write(b"\n")
        with watched(process, found.setdefault("one byte more", {})):
            try:
                with path.open("rb") as content:
                    client.files.create(file=content, purpose="fine-tune")
                raise RuntimeError("a file that is too large was taken in")
            except openai.APIStatusError as fault:
                found["one byte more"]["status"] = fault.status_code
    return found


def start_seconds(home: Path) -> float:
    """Return how long a start takes until the server answers; the best of three."""
    times = []
    for _ in range(3):
        began = time.perf_counter()
        with servers.provider(home):
            times.append(time.perf_counter() - began)
    return min(times)


def history(folder: Path, jobs: int) -> dict:
    """Time starts and lists with many jobs in the store."""
    home = folder / "history"
    ids = write_history(home, BASE_MODEL_PATH, jobs)
    found = {
        "start_empty": start_seconds(folder / "empty"),
        "start": start_seconds(home),
        "lists": {},
    }
    with servers.provider(home) as client:
        time.sleep(5)  # the engine and the training process import PyTorch first
        api = client.fine_tuning.jobs
        asked = {
            "20 jobs": lambda n: api.list(limit=20, after=ids[n]),
            "one job": lambda n: api.retrieve(ids[n]),
            "20 events": lambda n: api.list_events(ids[n], limit=20),
            "checkpoints": lambda n: api.checkpoints.list(ids[n]),
            "jobs by metadata": lambda n: api.list(metadata={"number": str(n)}),
            "20 files": lambda _: client.files.list(limit=20),
            "all models": lambda _: client.models.list(),
        }
        for what, ask in asked.items():
            times = []
            for number in range(20, jobs, max(1, jobs // 100)):
                began = time.perf_counter()
                ask(number)
                times.append(1000 * (time.perf_counter() - began))
            cuts = statistics.quantiles(times, n=100, method="inclusive")
            found["lists"][what] = {"p50_ms": cuts[49], "p95_ms": cuts[94]}
    return found


def main() -> None:
    """Measure and print a table; fail where memory grows."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--smoke", action="store_true", help="small, to see it run")
    options = parser.parse_args()
    size = 16 * MEBIBYTE if options.smoke else Limits().file_bytes
    jobs = 50 if options.smoke else 1000
    result = {"machine": machine.describe("openai"), "bytes": size, "jobs": jobs}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with servers.provider(folder / "home") as client:
            result["files"] = files(client, folder, size)
        result["history"] = history(folder, jobs)
    tables.save("limits", result, smoke=options.smoke)
    print(tables.limits_table(result))
    grown = {what: note["grown"] for what, note in result["files"].items()}
    if max(grown.values()) > GROWTH_ALLOWED:
        sys.exit(f"the server's memory grew by more than {GROWTH_ALLOWED}: {grown}")


if __name__ == "__main__":
    main()
