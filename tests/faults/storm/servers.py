"""Providers that start fast and are treated badly.

A provider needs three seconds for its imports, and a storm starts hundreds of them. So
the server is forked from a process that has imported everything already (the standard
library's forkserver); from `main` on it is the program that users start. The training
process is started by it in the ordinary way. Three numbers differ from those of users:
states are saved every 50 ms, not every 10 s, so that short jobs have some; where the
training process is starved on purpose, it is given up after 10 s of silence, not 60;
and the clock can be moved.
"""

from __future__ import annotations

import functools
import multiprocessing
import os
import resource
import signal
import sys
import time
from pathlib import Path

import psutil

from helpers.provider import home as homes
from tests.provider.harness import KEY, wait_until

SAVE_SECONDS = 0.05
# Only where a training process is starved on purpose: on a busy machine the others
# may well be silent for a while.
SILENCE_SECONDS = 10.0
CLOCK_FILE = "clock"
_MODULES = [
    "tests.faults.storm.servers",
    "helpers.provider.__main__",
    "helpers.provider.app",
    "helpers.provider.context",
    "helpers.provider.generation",
    "helpers.provider.reading",
    "helpers.provider.training",
    "helpers.provider.routes",
    "uvicorn.lifespan.on",
    "uvicorn.loops.auto",
    "uvicorn.protocols.http.auto",
]


@functools.cache
def _context():
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(_MODULES)
    return context


def move_clock(folder: Path, seconds: float) -> None:
    """Let the wall clock of the servers in this folder jump."""
    temporary = folder / (CLOCK_FILE + ".new")
    temporary.write_text(str(seconds), "utf-8")
    temporary.replace(folder / CLOCK_FILE)


def _with_moved_clock(folder: Path) -> None:
    """Let `time.time` of this process follow the file; the monotonic clock stays."""
    real, file = time.time, folder / CLOCK_FILE

    def moved() -> float:
        try:
            return real() + float(file.read_text("utf-8"))
        except OSError:
            return real()

    time.time = moved


def _serve(words: list[str], folder: str, silence: float) -> None:
    """Be the server: what `python -m helpers.provider` does, in a forked process."""
    from helpers.provider import __main__ as program
    from helpers.provider.settings import Limits, Settings
    from helpers.provider.supervisor import WorkerProcess

    output = os.open(Path(folder) / "output", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.dup2(output, 1)
    os.dup2(output, 2)
    os.environ["OMP_NUM_THREADS"] = "1"
    _with_moved_clock(Path(folder))
    send = WorkerProcess.send

    def send_with_pace(self: WorkerProcess, **order) -> None:
        if "spec" in order:
            order["spec"]["checkpoint_every_s"] = SAVE_SECONDS
        send(self, **order)

    WorkerProcess.send = send_with_pace
    limits = Limits(worker_silence_seconds=silence)
    program.Settings = functools.partial(Settings, limits=limits)
    sys.exit(program.main(words))


class Server:
    """One provider on one folder; starting it again gives the folder a new process.

    Args:
        home: the provider's folder.
        model: folder of the base model.
        starved: whether its training process will be.
    """

    def __init__(self, home: Path, model: Path, *, starved: bool = False) -> None:
        self.home, self._model = home, model
        self._silence = SILENCE_SECONDS if starved else 60.0
        self.process: multiprocessing.Process | None = None
        self.url: str | None = None

    def spawn(self, port: int = 0) -> multiprocessing.Process:
        """Start a server process and do not wait for it."""
        words = ["serve", "--port", str(port), "--home", str(self.home), "--key", KEY]
        words += ["--threads", "1", "--model", f"kitchen-base={self._model}"]
        process = _context().Process(
            target=_serve,
            args=(words, str(self.home.parent), self._silence),
            daemon=True,
        )
        process.start()
        return process

    def start(self) -> None:
        """Start the server and wait until it listens."""
        # After a kill the note names a process that is gone.
        (self.home / homes.SERVER_FILE).unlink(missing_ok=True)
        self.process = self.spawn()

        def note() -> dict | None:
            if not self.process.is_alive():
                raise AssertionError(f"no start: exit code {self.process.exitcode}")
            return homes.read_server_note(self.home)

        self.url = wait_until(note, 60)["url"] + "/v1"

    @property
    def pid(self) -> int:
        """Process id of the server."""
        return self.process.pid

    def worker(self) -> psutil.Process | None:
        """Return the training process, if there is one now."""
        try:
            children = psutil.Process(self.pid).children()
        except psutil.NoSuchProcess:
            return None
        return children[0] if children else None

    def signal_worker(self, number: int) -> int | None:
        """Send the training process a signal; returns its id, None if there is none."""
        worker = self.worker()
        if worker is None:
            return None
        try:
            worker.send_signal(number)
        except psutil.NoSuchProcess:
            return None
        return worker.pid

    def signal(self, number: int) -> None:
        """Send the server a signal."""
        os.kill(self.pid, number)

    def kill(self) -> None:
        """End the server as `kill -9` does; its training process notices by itself."""
        self.url = None
        self.process.kill()
        self.process.join()

    def kill_both(self) -> None:
        """End both at once, and wait until both are gone."""
        worker = self.worker()
        self.kill()
        if worker is not None:
            try:
                worker.kill()
            except psutil.NoSuchProcess:
                return
            wait_until(lambda: not _runs(worker), 30)

    def stop(self) -> int:
        """End the server in the orderly way; returns its exit code."""
        self.url = None
        self.process.terminate()
        self.process.join(60)
        if self.process.is_alive():
            self.process.kill()
            raise AssertionError("the server did not stop within 60 s")
        return self.process.exitcode

    def limit_files(self, size: int | None, *, worker: bool) -> None:
        """Let a process write no file beyond `size` bytes; None lifts all limits."""
        unlimited = resource.RLIM_INFINITY
        found = self.worker()
        chosen = [found.pid] if worker and found is not None else []
        if size is None:
            chosen = [self.pid, *([found.pid] if found is not None else [])]
        elif not worker:
            chosen = [self.pid]
        for pid in chosen:
            try:
                new = (unlimited if size is None else size, unlimited)
                resource.prlimit(pid, resource.RLIMIT_FSIZE, new)
            except ProcessLookupError:
                continue


def _runs(process: psutil.Process) -> bool:
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def processes_of(home: Path) -> list[int]:
    """Return the training processes that still belong to a folder."""
    found = []
    for process in psutil.process_iter(["cmdline"]):
        words = process.info["cmdline"] or []
        if "helpers.provider.worker" in words and str(home) in words:
            found.append(process.pid)
    return found


def continue_all(pids: list[int]) -> None:
    """Let stopped processes go on."""
    for pid in pids:
        try:
            os.kill(pid, signal.SIGCONT)
        except ProcessLookupError:
            continue
