"""Models that answer: one engine, one renderer per model, loaded in the background.

Purpose: the server is ready at once while torch is still being imported in a thread;
a request that comes too early waits for it. New fine-tuned models are loaded before
anyone asks for them.
It must never know about HTTP or jobs; paths come from the registry.
"""

from __future__ import annotations

import asyncio
import logging
import queue
import threading
from collections.abc import Callable
from concurrent.futures import Future
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from helpers.provider.generation import Engine
    from helpers.provider.rendering import ChatRenderer

log = logging.getLogger(__name__)

_RENDERERS = 16


class Serving:
    """The engine and its helpers.

    Args:
        threads: threads of one generation step.
    """

    def __init__(self, threads: int = 1) -> None:
        self._threads = threads
        self._engine: Future[Engine] = Future()
        self._renderers: dict[Path, ChatRenderer] = {}
        self._lock = threading.Lock()
        self._errands: queue.SimpleQueue[Callable[[], Any] | None] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None

    def start(self, preload: Path | None = None) -> None:
        """Import the engine in the background, and load a first model."""
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()
        if preload is not None:
            self.preload(preload)

    def _run(self) -> None:
        try:
            from helpers.provider.generation import Engine

            engine = Engine(threads=self._threads)
        except Exception as fault:
            log.exception("the generation engine does not start")
            self._engine.set_exception(fault)
            return
        self._engine.set_result(engine)
        while (errand := self._errands.get()) is not None:
            try:
                errand()
            except Exception:
                log.exception("a model could not be loaded ahead of its first request")

    def preload(self, path: Path) -> None:
        """Load a model soon, so that its first request need not wait."""

        def load() -> None:
            self.renderer(path)
            self._engine.result().preload(path)

        self._errands.put(load)

    def forget(self, path: Path) -> None:
        """Let go of a model that was deleted."""
        with self._lock:
            self._renderers.pop(path, None)
        self._errands.put(lambda: self._engine.result().unload(path))

    async def engine(self) -> Engine:
        """Return the engine, waiting for it after a fresh start."""
        if self._engine.done():
            return self._engine.result()
        return await asyncio.wrap_future(self._engine)

    def renderer(self, path: Path) -> ChatRenderer:
        """Return the renderer of a model folder; blocking at its first use."""
        with self._lock:
            if path in self._renderers:
                # The last used stands last, the first is the one to go.
                self._renderers[path] = self._renderers.pop(path)
                return self._renderers[path]
        from helpers.provider.rendering import ChatRenderer

        renderer = ChatRenderer(path)
        with self._lock:
            self._renderers[path] = renderer
            while len(self._renderers) > _RENDERERS:
                self._renderers.pop(next(iter(self._renderers)))
        return renderer

    def close(self) -> None:
        """Stop the engine."""
        self._errands.put(None)
        if self._thread is not None:
            self._thread.join()
        if self._engine.done() and self._engine.exception() is None:
            self._engine.result().close()
