"""Who waits for news of a job, and how they hear of it.

Purpose: the store says after each commit which jobs it touched; whoever waits in the
event loop is woken at once, so that nobody asks the database over and over.
It must never know what the news is: who is woken reads the database.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Iterable, Iterator


class Watch:
    """One waiter for one job; it belongs to the event loop that made it.

    Args:
        closed: whether nothing more will happen at all.
    """

    def __init__(self, closed: bool) -> None:
        self.closed = closed
        self._loop = asyncio.get_running_loop()
        self._news = asyncio.Event()

    async def wait(self, seconds: float) -> bool:
        """Wait for news since the last wait; False when the time is over."""
        if self.closed:
            return True
        try:
            async with asyncio.timeout(seconds):
                await self._news.wait()
        except TimeoutError:
            return False
        self._news.clear()
        return True

    def tell(self) -> None:
        """Wake the waiter; from any thread."""
        # The loop may be closed already, when the server ends.
        with contextlib.suppress(RuntimeError):
            self._loop.call_soon_threadsafe(self._news.set)


class Changes:
    """All waiters of one store; usable from every thread."""

    def __init__(self) -> None:
        self._watches: dict[str, set[Watch]] = {}
        self._lock = threading.Lock()
        self._closed = False
        # Streams of events that are open; it belongs to the event loop's thread.
        self.open_streams = 0

    @contextlib.contextmanager
    def watching(self, job_id: str) -> Iterator[Watch]:
        """Give a watch for the news of one job; begin before reading the job."""
        watch = Watch(self._closed)
        with self._lock:
            self._watches.setdefault(job_id, set()).add(watch)
        try:
            yield watch
        finally:
            with self._lock:
                others = self._watches[job_id]
                others.discard(watch)
                if not others:
                    del self._watches[job_id]

    def tell(self, job_ids: Iterable[str]) -> None:
        """Wake who waits for one of these jobs."""
        with self._lock:
            found = [w for name in job_ids for w in self._watches.get(name, ())]
        for watch in found:
            watch.tell()

    def close(self) -> None:
        """Wake everybody: the server ends, and nobody shall hold it up."""
        with self._lock:
            self._closed = True
            found = [w for watches in self._watches.values() for w in watches]
        for watch in found:
            watch.closed = True
            watch.tell()

    def waiting(self) -> int:
        """Return how many wait."""
        with self._lock:
            return sum(map(len, self._watches.values()))
