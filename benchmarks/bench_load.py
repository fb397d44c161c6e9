"""Many learners at once: upload, job, events, chats, again and again.

Each learner uploads a small training file, creates a job, follows its events, chats
with the base model meanwhile and with the model of their own afterwards, and begins
anew, until the time is over; jobs under way are then waited for. All of it is counted:
nothing may be lost, every job has to end. The command fails if it does not hold.

    python benchmarks/bench_load.py [--smoke] [--minutes 10] [--learners 30]
    python benchmarks/bench_load.py --greedy 10   # one learner creates ten jobs at once
"""

from __future__ import annotations

import argparse
import asyncio
import json
import statistics
import sys
import tempfile
import time
import urllib.request
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from pathlib import Path

import openai
import psutil

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks import machine, servers, tables, work
from helpers import recipes

FINAL = ("succeeded", "failed", "cancelled")
SAMPLE_SECONDS = 2.0
LAST_JOBS_SECONDS = 1800


@dataclass
class Notes:
    """What was seen."""

    chats: dict[str, list[tuple[float, float]]] = field(
        default_factory=lambda: defaultdict(list)
    )
    jobs: list[dict] = field(default_factory=list)
    errors: Counter = field(default_factory=Counter)
    memory: list[tuple[float, int, int]] = field(default_factory=list)


@dataclass
class Load:
    """The learners and the server they share."""

    client: openai.AsyncOpenAI
    options: argparse.Namespace
    rows: bytes
    prompts: list[list[dict]]
    notes: Notes = field(default_factory=Notes)
    ends: float = 0.0

    async def chat(self, model: str, kind: str, number: int) -> None:
        """Ask once in a stream; note the first token's time and the whole one."""
        began = time.perf_counter()
        first = None
        try:
            stream = await self.client.chat.completions.create(
                model=model,
                messages=self.prompts[number % len(self.prompts)],
                temperature=0,
                max_tokens=self.options.tokens,
                stream=True,
            )
            async for chunk in stream:
                if first is None and chunk.choices and chunk.choices[0].delta.content:
                    first = time.perf_counter() - began
        except openai.APIError as fault:
            self.notes.errors[f"chat: {_kind(fault)}"] += 1
            return
        took = time.perf_counter() - began
        self.notes.chats[kind].append((took if first is None else first, took))

    async def job(self, learner: int, round_: int) -> None:
        """Upload, create, follow to the end, chatting with the base model meanwhile."""
        file = await self.client.files.create(file=self.rows, purpose="fine-tune")
        created = time.time()
        job = await self.client.fine_tuning.jobs.create(
            model="kitchen-base",
            training_file=file.id,
            hyperparameters={"n_epochs": 1, "batch_size": 4},
            metadata={"learner": str(learner), "round": str(round_)},
            seed=learner,
        )
        note = {"id": job.id, "learner": learner, "created": created}
        self.notes.jobs.append(note)
        known: set[str] = set()
        asked = 0
        while job.status not in FINAL:
            if learner >= 0:
                await self.chat("kitchen-base", "base", learner + asked)
                asked += 1
            await asyncio.sleep(self.options.think)
            try:
                job = await self.client.fine_tuning.jobs.retrieve(job.id)
                page = await self.client.fine_tuning.jobs.list_events(job.id, limit=50)
            except openai.APIError as fault:
                self.notes.errors[f"follow: {_kind(fault)}"] += 1
                continue
            known |= {event.id for event in page.data}
        log = [
            event async for event in self.client.fine_tuning.jobs.list_events(job.id)
        ]
        if known - {event.id for event in log}:
            self.notes.errors["an event is gone"] += 1
        steps = [event.data["step"] for event in log if event.type == "metrics"]
        if steps != list(range(len(steps), 0, -1)):
            self.notes.errors["steps are missing or out of order"] += 1
        started = [e for e in log if e.message == "Fine-tuning job started"]
        note |= {
            "status": job.status,
            "started": started[0].created_at if started else None,
            "ended": time.time(),
            "model": job.fine_tuned_model,
        }

    async def learner(self, number: int) -> None:
        """Be one learner until the time is over."""
        # They do not all press the key in the same second.
        await asyncio.sleep(number * self.options.think / self.options.learners)
        round_ = 0
        while time.monotonic() < self.ends:
            try:
                await self.job(number, round_)
            except openai.APIError as fault:
                self.notes.errors[f"submit: {_kind(fault)}"] += 1
                await asyncio.sleep(self.options.think)
                continue
            mine = [n for n in self.notes.jobs if n["learner"] == number][-1]
            if mine.get("model"):
                for asked in range(3):
                    await self.chat(mine["model"], "own", number + asked)
                    await asyncio.sleep(self.options.think)
            round_ += 1

    async def watch(self, pid: int) -> None:
        """Note the memory of the server and of its training process."""
        began = time.monotonic()
        server = psutil.Process(pid)
        while True:
            children = server.children()
            worker = children[0].memory_info().rss if children else 0
            now = time.monotonic() - began
            self.notes.memory.append((now, server.memory_info().rss, worker))
            await asyncio.sleep(SAMPLE_SECONDS)

    async def go(self, pid: int) -> None:
        """Let all learners work."""
        self.ends = time.monotonic() + 60 * self.options.minutes
        watching = asyncio.create_task(self.watch(pid))
        greedy = [self.job(-1, n) for n in range(self.options.greedy)]
        learners = [self.learner(n) for n in range(self.options.learners)]
        try:
            async with asyncio.timeout(60 * self.options.minutes + LAST_JOBS_SECONDS):
                await asyncio.gather(*greedy, *learners)
        finally:
            watching.cancel()


def _kind(fault: openai.APIError) -> str:
    status = getattr(fault, "status_code", None)
    code = getattr(fault, "code", None)
    return f"{type(fault).__name__} {status or ''} {code or ''}".strip()


def percentiles(values: list[float]) -> dict[str, float]:
    """Return p50, p95, p99 and the most, in seconds."""
    if len(values) < 2:
        values = [*values, *values, 0.0, 0.0][:2]
    cuts = statistics.quantiles(values, n=100, method="inclusive")
    return {"p50": cuts[49], "p95": cuts[94], "p99": cuts[98], "max": max(values)}


def summary(load_: Load, listed: set[str]) -> dict:
    """Return the result of a run."""
    notes = load_.notes
    ended = [job for job in notes.jobs if job.get("status")]
    ordered = sorted(
        (job for job in ended if job["started"]), key=lambda job: job["created"]
    )
    waits = [job["started"] - job["created"] for job in ordered]
    # Times of events are whole seconds, so that two of one second are no overtaking.
    overtaken = sum(
        later["started"] < earlier["started"]
        for earlier, later in zip(ordered, ordered[1:], strict=False)
    )
    per_learner = Counter(job["learner"] for job in ended if job["learner"] >= 0)
    memory = {
        name: {"first": values[0], "last": values[-1], "most": max(values)}
        for name, values in (
            ("server", [row[1] for row in notes.memory]),
            ("worker", [row[2] for row in notes.memory if row[2]]),
        )
    }
    return {
        "chats": {
            kind: {
                "requests": len(times),
                "first_token": percentiles([first for first, _ in times]),
                "whole": percentiles([whole for _, whole in times]),
            }
            for kind, times in notes.chats.items()
        },
        "jobs": {
            "created": len(notes.jobs),
            "by_status": Counter(job.get("status", "not ended") for job in notes.jobs),
            "lost": len({job["id"] for job in notes.jobs} - listed),
            "unknown": len(listed - {job["id"] for job in notes.jobs}),
            "wait": percentiles([max(0.0, wait) for wait in waits]),
            "overtaken": overtaken,
            "per_learner": [
                min(per_learner.values(), default=0),
                max(per_learner.values(), default=0),
            ],
        },
        "errors": notes.errors,
        "memory": memory,
        "memory_over_time": [
            [round(at), server >> 20, worker >> 20]
            for at, server, worker in notes.memory[:: max(1, len(notes.memory) // 60)]
        ],
    }


async def run(client: openai.OpenAI, options: argparse.Namespace) -> dict:
    """Let the learners work on a running server."""
    url = str(client.base_url)
    with urllib.request.urlopen(url.rsplit("/v1", 1)[0] + "/health") as answer:
        pid = json.load(answer)["pid"]
    examples = recipes.to_examples(
        recipes.take(recipes.load_recipes(), "train", options.rows)
    )
    rows = "\n".join(json.dumps(row) for row in examples).encode()
    prompts = [row["messages"][:-1] for row in work.test_recipes(50)]
    limits = openai.DefaultAsyncHttpxClient(timeout=600)
    async with openai.AsyncOpenAI(
        base_url=url, api_key=client.api_key, max_retries=0, http_client=limits
    ) as asynchronous:
        load_ = Load(asynchronous, options, rows, prompts)
        await load_.go(pid)
        listed = {job.id async for job in asynchronous.fine_tuning.jobs.list(limit=100)}
    return summary(load_, listed)


def main() -> None:
    """Measure, print a table, fail if something was lost."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--smoke", action="store_true", help="small, to see it run")
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--learners", type=int, default=30)
    parser.add_argument("--rows", type=int, default=12, help="recipes of each job")
    parser.add_argument("--tokens", type=int, default=40, help="most of an answer")
    parser.add_argument("--think", type=float, default=2.0, help="seconds between acts")
    parser.add_argument("--greedy", type=int, default=0, help="jobs of one more client")
    options = parser.parse_args()
    if options.smoke:
        options.minutes, options.learners = 0.2, 4
    result = {"machine": machine.describe("openai"), **vars(options)}
    with (
        tempfile.TemporaryDirectory() as name,
        servers.provider(Path(name) / "home") as client,
    ):
        result |= asyncio.run(run(client, options))
    tables.save("load", result, smoke=options.smoke)
    print(tables.load_table(result))
    bad = result["jobs"]["lost"] or result["jobs"]["unknown"] or result["errors"]
    if bad or set(result["jobs"]["by_status"]) != {"succeeded"}:
        sys.exit(f"not all is well: {result['jobs']} {dict(result['errors'])}")


if __name__ == "__main__":
    main()
