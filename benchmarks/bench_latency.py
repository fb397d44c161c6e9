"""Streamed chats: time to the first token and for each further one, and memory.

Held-out recipes asked of the running provider with `stream=True`, by one client and by
eight at once, first while nothing else runs, then while a job trains on the same
machine. A chunk with text counts as a token: a few hold two, where one alone is no
whole letter or could begin a stop text. Memory is what server and
training process hold (psutil, resident), looked at while the clients ask.

    python benchmarks/bench_latency.py [--smoke] [--requests N]
"""

from __future__ import annotations

import argparse
import contextlib
import sys
import tempfile
import threading
import time
from pathlib import Path

import psutil

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks import machine, servers, tables, work

MODEL = "kitchen-base"
CLIENTS = (1, 8)
MAX_TOKENS = 60
LOOK_SECONDS = 0.1
RUNNING = ("validating_files", "queued", "running")


def share(values: list[float], part: float) -> float:
    """Return the value that this part of all values does not exceed."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(part * len(ordered)))]


def shares(values: list[float]) -> dict[str, float]:
    """Return the median and the 95 % value of seconds, in milliseconds."""
    return {f"p{part}": 1000 * share(values, part / 100) for part in (50, 95)}


def stream(client, messages: list[dict]) -> tuple[float, list[float]]:
    """Ask once; returns seconds to the first token and between further ones."""
    began = before = time.perf_counter()
    first, gaps = 0.0, []
    answer = client.chat.completions.create(
        model=MODEL,
        messages=messages,
        temperature=0,
        max_tokens=MAX_TOKENS,
        stream=True,
    )
    for chunk in answer:
        if not chunk.choices or not chunk.choices[0].delta.content:
            continue
        now = time.perf_counter()
        if first:
            gaps.append(now - before)
        else:
            first = now - began
        before = now
    return first, gaps


class Memory:
    """The most that the server and its training process held, in MB."""

    def __init__(self, server: psutil.Process) -> None:
        self.server = server
        self.server_mb = self.worker_mb = 0.0

    def look(self) -> None:
        """Look once."""
        with contextlib.suppress(psutil.NoSuchProcess):
            self.server_mb = max(self.server_mb, self._resident(self.server))
            for child in self.server.children(recursive=True):
                if "helpers.provider.worker" in " ".join(child.cmdline()):
                    self.worker_mb = max(self.worker_mb, self._resident(child))

    @staticmethod
    def _resident(process: psutil.Process) -> float:
        return process.memory_info().rss / 1e6


def ask(client, prompts: list, clients: int, memory: Memory) -> dict:
    """Stream every prompt once, so many at a time.

    Raises:
        RuntimeError: an answer had no text.
    """
    todo = list(prompts)
    firsts: list[float] = []
    gaps: list[float] = []
    faults: list[BaseException] = []

    def one() -> None:
        while todo and not faults:
            try:
                first, further = stream(client, todo.pop())
            except IndexError:
                return
            except Exception as fault:
                faults.append(fault)
                return
            firsts.append(first)
            gaps.extend(further)

    began = time.perf_counter()
    threads = [threading.Thread(target=one) for _ in range(clients)]
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads):
        memory.look()
        time.sleep(LOOK_SECONDS)
    seconds = time.perf_counter() - began
    if faults:
        raise faults[0]
    if not all(firsts) or not gaps:
        raise RuntimeError("an answer had no text")
    return {
        "clients": clients,
        "first_ms": shares(firsts),
        "each_ms": shares(gaps),
        "requests_per_second": len(firsts) / seconds,
        "server_mb": memory.server_mb,
        "worker_mb": memory.worker_mb,
    }


def start_job(client, folder: Path, options):
    """Start a job that trains longer than the clients ask; returns it running."""
    path = work.write_recipes(folder / "train.jsonl", "train", options.rows)
    with path.open("rb") as content:
        file = client.files.create(file=content, purpose="fine-tune")
    job = client.fine_tuning.jobs.create(
        model=MODEL,
        training_file=file.id,
        suffix="bench",
        method={
            "type": "supervised",
            "supervised": {"hyperparameters": {"n_epochs": 50}},
        },
    )
    while not _steps(client, job.id):
        if client.fine_tuning.jobs.retrieve(job.id).status not in RUNNING:
            raise RuntimeError("the job ended before its first step")
        time.sleep(0.2)
    return job


def _steps(client, job_id: str) -> bool:
    events = client.fine_tuning.jobs.list_events(job_id, limit=20).data
    return any(event.type == "metrics" for event in events)


def main() -> None:
    """Measure and print a table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--smoke", action="store_true", help="small, to see it run")
    parser.add_argument("--model", type=Path, default=work.default_model())
    parser.add_argument("--requests", type=int, default=100)
    parser.add_argument("--rows", type=int, default=1000, help="of the job")
    options = parser.parse_args()
    if options.smoke:
        options.requests, options.rows = 8, 100
    prompts = [e["messages"][:-1] for e in work.test_recipes(options.requests)]
    result = {"machine": machine.describe("openai"), "cases": []}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        before = set(psutil.Process().children())
        words = ["--model", f"{MODEL}={options.model}"]
        with servers.provider(folder / "home", *words) as client:
            (server,) = set(psutil.Process().children()) - before
            stream(client, prompts[0])  # loads the model
            for training in (False, True):
                job = start_job(client, folder, options) if training else None
                for clients in CLIENTS:
                    found = ask(client, prompts, clients, Memory(server))
                    if job and client.fine_tuning.jobs.retrieve(job.id).status not in (
                        RUNNING
                    ):
                        raise RuntimeError("the job ended too early: more --rows")
                    result["cases"].append({"training": training} | found)
                    print(result["cases"][-1], flush=True)
                if job:
                    client.fine_tuning.jobs.cancel(job.id)
    result |= {"requests": options.requests, "rows": options.rows}
    tables.save("latency", result, smoke=options.smoke)
    print(tables.latency_table(result))


if __name__ == "__main__":
    main()
