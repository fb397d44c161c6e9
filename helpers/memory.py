"""How much memory a piece of code takes beyond what the process had before.

Purpose: "in flat memory" is a claim; this measures it. Use:

    with MemoryMeter() as memory:
        check_files("large.jsonl")
    print(f"{memory.grown_mb:.0f} MB")

The resident memory of the process is looked at every few milliseconds from a thread
(psutil), so short peaks between two looks can be missed, and what the process had freed
before may be used again unseen: measure the frugal way first. MB are 10^6 bytes.
"""

from __future__ import annotations

import gc
import threading
from types import TracebackType

import psutil

EVERY_S = 0.02


class MemoryMeter:
    """Watches the memory of this process while a `with` block runs.

    Attributes:
        before_mb: resident memory at the start of the block.
        peak_mb: the most that was seen.
    """

    def __init__(self) -> None:
        self.before_mb = self.peak_mb = 0.0
        self._process = psutil.Process()
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> MemoryMeter:
        gc.collect()
        self.before_mb = self.peak_mb = self._resident()
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._look()
        self._done.set()
        self._thread.join()

    @property
    def grown_mb(self) -> float:
        """By how much the memory grew at most."""
        return self.peak_mb - self.before_mb

    def _watch(self) -> None:
        while not self._done.wait(EVERY_S):
            self._look()

    def _look(self) -> None:
        self.peak_mb = max(self.peak_mb, self._resident())

    def _resident(self) -> float:
        return self._process.memory_info().rss / 1e6
