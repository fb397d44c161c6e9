"""Programs that are started, watched and ended again, with all that they start.

Purpose: some programs leave processes behind that no longer hang together with them:
AutoTrain's page starts a server in a session of its own, and a training that goes on
when its starter is gone. So each start gets a mark in its environment, which every
process below it inherits, and `end` looks for the mark. Nobody else's processes have
it. It must never know which program that is.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import psutil

MARK = "COMPANION_RUN"
PATIENCE_S = 5.0  # between a polite end and one that cannot be refused


@dataclass(frozen=True)
class Started:
    """A program that was started.

    Attributes:
        process: the process itself.
        mark: what all processes below it carry in their environment.
        log: the file that its output goes to.
    """

    process: subprocess.Popen[bytes]
    mark: str
    log: Path

    def alive(self) -> list[psutil.Process]:
        """Return the processes of this start that still live."""
        return marked(self.mark)

    def last_lines(self, n: int = 15) -> str:
        """Return the end of what it has said."""
        text = self.log.read_text(encoding="utf-8", errors="replace")
        return "\n".join(text.strip().splitlines()[-n:])


def start(
    command: Sequence[str | Path],
    *,
    folder: Path,
    log: Path,
    variables: Mapping[str, str] | None = None,
) -> Started:
    """Start a program whose processes can all be found again.

    Args:
        command: the program and its arguments.
        folder: where it works.
        log: the file for its output; replaced.
        variables: of its environment, beside those of this process.
    """
    mark = secrets.token_hex(8)
    environment = {**os.environ, **(variables or {}), MARK: mark}
    with open(log, "wb") as output:
        process = subprocess.Popen(
            [str(word) for word in command],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            cwd=folder,
            env=environment,
        )
    return Started(process, mark, log)


@contextlib.contextmanager
def running(
    command: Sequence[str | Path],
    *,
    folder: Path,
    log: Path,
    variables: Mapping[str, str] | None = None,
) -> Iterator[Started]:
    """Start a program, and end all of its processes, however the block is left.

    Args:
        command, folder, log, variables: as `start`.
    """
    started = start(command, folder=folder, log=log, variables=variables)
    try:
        yield started
    finally:
        end(started)


def end(started: Started) -> int:
    """End every process of a start; return how many were still alive.

    A process that starts another one while it is being ended is met again.
    """
    first = started.alive()
    for process in first:
        with contextlib.suppress(psutil.Error):
            process.terminate()
    psutil.wait_procs(first, timeout=PATIENCE_S)
    while left := started.alive():
        for process in left:
            with contextlib.suppress(psutil.Error):
                process.kill()
        psutil.wait_procs(left, timeout=PATIENCE_S)
    with contextlib.suppress(subprocess.TimeoutExpired):
        started.process.wait(timeout=PATIENCE_S)
    return len(first)


def marked(mark: str) -> list[psutil.Process]:
    """Return the living processes that carry a mark."""
    found = []
    for process in psutil.process_iter():
        try:
            if process.environ().get(MARK) != mark:
                continue
            if process.status() != psutil.STATUS_ZOMBIE:
                found.append(process)
        except (psutil.Error, OSError):
            continue  # another user's, or gone in between
    return found
