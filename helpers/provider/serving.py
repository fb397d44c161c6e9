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
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from helpers.provider.generation import Engine
    from helpers.provider.reading import Reader, Readers
    from helpers.provider.rendering import ChatRenderer

T = TypeVar("T")
log = logging.getLogger(__name__)

_RENDERERS = 32  # as many as small models are kept by the engine


class CannotServe(Exception):
    """A model folder is gone or cannot be used."""


class Serving:
    """The engine and its helpers.

    Args:
        threads: threads of one generation step.
    """

    def __init__(self, threads: int = 1) -> None:
        self._threads = threads
        self._engine: Future[Engine] = Future()
        self._renderers: dict[Path, ChatRenderer] = {}
        self._opening: dict[Path, threading.Lock] = {}
        self._lock = threading.Lock()
        self._errands: queue.SimpleQueue[Callable[[], Any] | None] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None
        self._readers: Readers | None = None

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
        self._errands.put(lambda: self.open(path))

    def forget(self, path: Path) -> None:
        """Let go of a model that was deleted."""

        def let_go() -> None:
            with self._lock:
                self._renderers.pop(path, None)
                self._opening.pop(path, None)
            self._engine.result().unload(path)
            if self._readers is not None:
                self._readers.forget(path)

        self._errands.put(let_go)

    async def engine(self) -> Engine:
        """Return the engine, waiting for it after a fresh start."""
        if self._engine.done():
            return self._engine.result()
        return await asyncio.wrap_future(self._engine)

    async def read(self, path: Path, task: Callable[[Reader], T]) -> T:
        """Let the thread that reads whole texts do something with a model.

        Args:
            path: folder of the model.
            task: what to do; it should be short, others wait behind it.

        Raises:
            CannotServe: there is no usable model in the folder.
        """
        engine = await self.engine()
        if self._readers is None:
            from helpers.provider.reading import Readers

            self._readers = Readers(engine.model, self._threads)
        return await asyncio.wrap_future(self._readers.submit(path, task))

    def open(self, path: Path) -> ChatRenderer:
        """Load a model if it is not in memory, and return its renderer; blocking.

        Raises:
            CannotServe: there is no usable model in the folder.
        """
        with self._lock:
            opening = self._opening.setdefault(path, threading.Lock())
        try:
            # Many first requests at once load a model once.
            with opening:
                renderer = self._renderer(path)
                self._engine.result().preload(path)
        except (RuntimeError, ValueError, OSError) as fault:
            raise CannotServe(path.name) from fault
        return renderer

    def _renderer(self, path: Path) -> ChatRenderer:
        from helpers.provider.rendering import renderer_of

        with self._lock:
            # The last used stands last, the first is the one to go.
            renderer = self._renderers.pop(path, None)
        if renderer is None:
            renderer = renderer_of(path)
        with self._lock:
            self._renderers[path] = renderer
            while len(self._renderers) > _RENDERERS:
                self._renderers.pop(next(iter(self._renderers)))
        return renderer

    def close(self) -> None:
        """Stop the engine."""
        self._errands.put(None)
        if self._readers is not None:
            self._readers.close()
        if self._thread is not None:
            self._thread.join()
        if self._engine.done() and self._engine.exception() is None:
            self._engine.result().close()
