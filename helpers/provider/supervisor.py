"""Start the training process, talk to it and notice when it ends.

Purpose: one child process at a time, orders on its standard input, signs of life from
its standard output. What the signs mean is the runner's affair.
"""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from helpers.provider.settings import REPOSITORY, Settings
from helpers.provider.threads import thread_environment

LOG_FILE = "worker.log"
_LOG_BYTES = 1024 * 1024


def _environment(threads: int) -> dict[str, str]:
    environment = dict(os.environ)
    search = [str(REPOSITORY), environment.get("PYTHONPATH", "")]
    environment["PYTHONPATH"] = os.pathsep.join(part for part in search if part)
    environment.update(thread_environment("worker", threads))
    return environment


class WorkerProcess:
    """The training process.

    Args:
        settings: command, folder and threads.
        on_message: called with each line it sends; from another thread.
        on_exit: called once with its exit code; from another thread.
    """

    def __init__(
        self,
        settings: Settings,
        on_message: Callable[[WorkerProcess, dict[str, Any]], None],
        on_exit: Callable[[WorkerProcess, int], None],
    ) -> None:
        self._on_message = on_message
        self._on_exit = on_exit
        self.heard_at = time.monotonic()
        command = [*settings.worker_command, "--home", str(settings.home)]
        if settings.training_memory_bytes is not None:
            command += ["--memory-bytes", str(settings.training_memory_bytes)]
        log = settings.home / LOG_FILE
        with open(log, "ab" if _is_small(log) else "wb") as errors:
            self._process = subprocess.Popen(
                command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                env=_environment(settings.training_threads),
            )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._process.pid

    def send(self, **order: Any) -> None:
        """Give an order; one that is dying is left to `on_exit`."""
        line = json.dumps(order) + "\n"
        with contextlib.suppress(OSError, ValueError):
            self._process.stdin.write(line.encode())
            self._process.stdin.flush()

    def _read(self) -> None:
        with self._process.stdout as lines:
            for line in lines:
                self.heard_at = time.monotonic()
                with contextlib.suppress(ValueError):
                    self._on_message(self, json.loads(line))
        code = self._process.wait()
        with contextlib.suppress(OSError):
            self._process.stdin.close()
        self._on_exit(self, code)

    def kill(self) -> None:
        """End it at once."""
        self._process.kill()

    def close(self, wait_seconds: float = 5.0) -> None:
        """End it by closing its standard input, and wait until it is gone."""
        with contextlib.suppress(OSError):
            self._process.stdin.close()
        try:
            self._process.wait(wait_seconds)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._reader.join(wait_seconds)


def _is_small(log: Path) -> bool:
    return not log.exists() or log.stat().st_size < _LOG_BYTES
