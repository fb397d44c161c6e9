"""The training process: takes one job at a time from the server and trains it.

Purpose: everything heavy happens here, at a lower priority, in a process that may be
killed at any time. The server starts it, writes JSON lines to its standard input (jobs
and controls) and reads JSON lines from its standard output (signs of life); what a job
has to say goes to the job's journal. When the server dies, standard input ends and so
does this process, at once: the job goes on from its saved state later.
It must never know about HTTP, SQL or models' names.

Use: `python -m helpers.provider.worker --home DIR`, by the server only.
"""

from __future__ import annotations

import argparse
import contextlib
import errno
import json
import os
import queue
import re
import signal
import sys
import threading
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

from filelock import Timeout

from helpers.provider.home import WORKER_LOCK, folder_lock
from helpers.provider.journal import JOURNAL_FILE, JournalWriter
from helpers.provider.training_memory import limit_own_memory

HEARTBEAT_SECONDS = 1.0
NICENESS = 10
_LOCK_WAIT_SECONDS = 60.0

Report = Callable[[dict[str, Any]], None]
Control = Callable[[], str]
Train = Callable[[dict[str, Any], Report, Control], dict[str, Any]]


def load_training() -> Train:
    """Import the training code (and torch with it) and return what runs one job."""
    from helpers.provider import training

    def run(spec: dict[str, Any], report: Report, control: Control) -> dict[str, Any]:
        paths = ("model_path", "training_path", "validation_path", "work_dir")
        given = {
            name: Path(value) if name in paths and value is not None else value
            for name, value in spec.items()
        }
        result = training.train(training.TrainingSpec(**given), report, control)
        return asdict(result)

    return run


class Worker:
    """State shared by the thread that trains and those that listen and beat.

    Args:
        output: where signs of life go, one JSON line each.
    """

    def __init__(self, output) -> None:
        self._output = output
        self._output_lock = threading.Lock()
        self._jobs: queue.SimpleQueue[dict[str, Any]] = queue.SimpleQueue()
        self._wishes: dict[str, str] = {}
        self._journal: JournalWriter | None = None
        self._journal_lock = threading.Lock()

    def say(self, **message: Any) -> None:
        """Send the server one line."""
        line = json.dumps(message, separators=(",", ":")) + "\n"
        with self._output_lock:
            try:
                self._output.write(line.encode())
                self._output.flush()
            except OSError:
                # The server is gone, and `listen` has not heard it yet. Were this a
                # fault of the training, the next server would read that it failed.
                os._exit(0)

    def listen(self, lines) -> None:
        """Take orders until the server is gone, then end the whole process."""
        for line in lines:
            order = json.loads(line)
            if order["type"] == "job":
                self._wishes[order["job"]] = "run"
                self._jobs.put(order)
            elif order["job"] in self._wishes:
                self._wishes[order["job"]] = order["wish"]
        # Nothing may be saved or reported behind a new server's back.
        os._exit(0)

    def beat(self) -> None:
        """Show the server that this process lives, and flush the journal."""
        pause = threading.Event()
        while not pause.wait(HEARTBEAT_SECONDS):
            with self._journal_lock, contextlib.suppress(OSError):
                if self._journal is not None:
                    self._journal.sync()
            self.say(type="heartbeat")

    def work(self, train: Train) -> None:
        """Train one job after the other, for ever."""
        while True:
            order = self._jobs.get()
            unwritten = self._run(order, train)
            del self._wishes[order["job"]]
            self.say(type="idle", job=order["job"], unwritten=unwritten)

    def _run(self, order: dict[str, Any], train: Train) -> dict[str, Any] | None:
        """Train one job; return the outcome if the disk had no room for it."""
        folder = Path(order["spec"]["work_dir"])
        journal = JournalWriter(folder / JOURNAL_FILE)
        with self._journal_lock:
            self._journal = journal

        def report(entry: dict[str, Any]) -> None:
            if entry["type"] == "saving":
                # A state that lasts through a power cut, with reports that do not,
                # would go on behind steps that nobody ever hears of.
                with self._journal_lock:
                    journal.sync()
                return
            journal.append(entry)
            self.say(type="report", job=order["job"])

        def control() -> str:
            return self._wishes[order["job"]]

        try:
            try:
                result = train(order["spec"], report, control)
                outcome = {**_plain(result), "type": "result"}
            except Exception as fault:
                outcome = {"type": "error", **describe(fault, order["spec"])}
                print(f"{order['job']}: {fault!r}", file=sys.stderr, flush=True)
            try:
                journal.append(outcome)
            except OSError:
                return outcome
            return None
        finally:
            with self._journal_lock:
                self._journal = None
            with contextlib.suppress(OSError):
                journal.close()


def _plain(result: dict[str, Any]) -> dict[str, Any]:
    return json.loads(json.dumps(result, default=str))


def describe(fault: Exception, spec: dict[str, Any]) -> dict[str, str]:
    """Say why training failed, in words for the job's owner and without paths."""
    if is_disk_full(fault):
        return {
            "code": "insufficient_storage",
            "message": "The job failed because the provider's disk is full. Delete "
            "files and models you no longer need, and create the job again.",
        }
    signs = ("can't allocate memory", "bad_alloc", "out of memory")
    if isinstance(fault, MemoryError) or any(sign in str(fault) for sign in signs):
        return {"code": "out_of_memory", "message": out_of_memory()}
    reason = type(fault).__name__
    if isinstance(fault, ValueError):
        # It speaks of the data; files have other names for their owner.
        reason = str(fault)
        for name in ("training_path", "validation_path", "model_path"):
            if spec.get(name) is not None:
                words = name.replace("_path", " file").replace("model file", "model")
                reason = reason.replace(str(spec[name]), words)
                reason = reason.replace(Path(spec[name]).name, words)
    return {
        "code": "training_failed",
        "message": f"The job failed during training ({reason}). The provider's "
        "worker.log says more.",
    }


def is_disk_full(fault: Exception) -> bool:
    """Say whether a fault means that the disk takes no more."""
    full = (errno.ENOSPC, errno.EFBIG, errno.EDQUOT)
    if isinstance(fault, OSError):
        return fault.errno in full
    # safetensors writes in Rust, whose faults name the number in their text.
    found = re.search(r"os error (\d+)", str(fault))
    return found is not None and int(found[1]) in full


def out_of_memory() -> str:
    """Return the advice for a job that does not fit into memory."""
    return (
        "The job failed because training ran out of memory. Try a smaller batch_size, "
        "shorter examples or a smaller base model, or give training more memory where "
        "the machine has it (serve --training-memory GIB)."
    )


def main(arguments: list[str] | None = None, load: Callable[[], Train] = load_training):
    """Run the training process until the server that started it is gone.

    Args:
        arguments: command line; `--home` is the provider's folder.
        load: gives the function that trains; called once, before the first job.
    """
    parser = argparse.ArgumentParser(prog="python -m helpers.provider.worker")
    parser.add_argument("--home", type=Path, required=True)
    parser.add_argument("--memory-bytes", type=int, default=None)
    parsed = parser.parse_args(arguments)
    home = parsed.home
    # Lines to the server keep the real standard output; prints of libraries do not.
    output = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    # Ctrl+C in the terminal is the server's affair; it then closes standard input.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if hasattr(os, "nice"):
        # Never below what the server itself was given.
        os.nice(max(0, NICENESS - os.nice(0)))
    worker = Worker(output)
    threading.Thread(target=worker.listen, args=(sys.stdin,), daemon=True).start()
    threading.Thread(target=worker.beat, daemon=True).start()
    lock = folder_lock(home / WORKER_LOCK)
    try:
        lock.acquire(timeout=_LOCK_WAIT_SECONDS, poll_interval=0.02)
    except Timeout:
        sys.exit("another training process still holds this provider's folder")
    train = load()
    if parsed.memory_bytes is not None:
        limit_own_memory(parsed.memory_bytes)
    worker.say(type="ready")
    worker.work(train)


if __name__ == "__main__":
    main()
