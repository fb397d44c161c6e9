"""Runs batches: checks their files, answers their requests, writes what came out.

Purpose: every request of a batch goes through the application itself, as if a client
had sent it, so there is no second way to an answer. A batch moves on as the database
and its journal have it, so that a killed server takes up where it stood.
Batches make way: while somebody waits for an answer, and a moment longer, one request
of all batches is under way, else a few; batches take turns, request by request.
It must never know what a request means.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import sqlite3
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar

import httpx2
from anyio import CapacityLimiter
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.routing import Match
from starlette.types import ASGIApp, Receive, Scope, Send

from helpers.provider import batch_input, batches
from helpers.provider.batch_answers import Answers, result, write_files
from helpers.provider.batch_input import BatchRequest
from helpers.provider.batches import Batch
from helpers.provider.blobs import BlobStore
from helpers.provider.ids import new_id, random_text
from helpers.provider.settings import Settings
from helpers.provider.store import Session, Store

T = TypeVar("T")
log = logging.getLogger(__name__)

ENDPOINTS = (
    "/v1/responses",
    "/v1/chat/completions",
    "/v1/completions",
    "/v1/embeddings",
)
# Before the endpoint of a batch in Azure's dialect, whose models are deployments.
AZURE_PREFIX = "/openai"
# Requests under way at once, over all batches (see docs/design.md for the figures).
LANES_ALONE, LANES_WITH_GUESTS = 8, 1
# Somebody who sends one request after the other is not gone between two of them.
GUEST_SECONDS = 2.0
# How often counts are committed and the end of the window is looked for.
_TICK_SECONDS = 1.0
_RETRY_SECONDS = 2.0
# A request that the server could not answer is tried so often.
_ATTEMPTS = 3
_MOST_PAUSE_SECONDS = 30.0
_CANCELLED_CODE, _EXPIRED_CODE = "batch_cancelled", "batch_expired"


def _now() -> int:
    return int(time.time())


class _Run:
    """A batch that is being answered, its file and its answers so far."""

    def __init__(self, batch: Batch, path: Path, answers: Answers) -> None:
        self.batch, self.path, self.answers = batch, path, answers

    def __contains__(self, request: BatchRequest) -> bool:
        return request.number in self.answers


class BatchRunner:
    """Runs the batches of a provider.

    Args:
        app: the application that answers requests, without the guard before it.
        door: the same with whatever translates other dialects before it.
        store: the database.
        blobs: contents of files.
        settings: folders and limits.
    """

    def __init__(
        self,
        app: Starlette,
        store: Store,
        blobs: BlobStore,
        settings: Settings,
        door: ASGIApp | None = None,
    ) -> None:
        self._app = app
        self._door = door or app
        self._store = store
        self._blobs = blobs
        self._settings = settings
        self._limits = settings.limits
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._stops: dict[str, asyncio.Event] = {}
        self._guests = 0
        self._alone_again: asyncio.TimerHandle | None = None
        # What follows is made in the loop that it belongs to.
        self._loop: asyncio.AbstractEventLoop | None = None
        self._lanes: CapacityLimiter | None = None
        self._checking: asyncio.Semaphore | None = None
        self._room: asyncio.Semaphore | None = None
        self._client: httpx2.AsyncClient | None = None

    # What routes call, from any thread

    def serves(self, endpoint: str) -> bool:
        """Say whether requests to an endpoint can be answered here."""
        scope = {"type": "http", "method": "POST", "path": endpoint, "headers": []}
        return any(route.matches(scope)[0] is Match.FULL for route in self._app.routes)

    def submit(self, batch: Batch) -> None:
        """Take up a batch that was just committed."""
        self._loop.call_soon_threadsafe(self._take_up, batch.id)

    def cancel(self, batch: Batch) -> None:
        """Stop a batch whose state was just committed as being cancelled."""

        def stop() -> None:
            if batch.id in self._stops:
                self._stops[batch.id].set()

        self._loop.call_soon_threadsafe(stop)

    # Start and stop

    async def start(self) -> None:
        """Take up what an earlier server left."""
        self._loop = asyncio.get_running_loop()
        self._lanes = CapacityLimiter(LANES_ALONE)
        self._checking = asyncio.Semaphore(1)
        self._room = asyncio.Semaphore(self._limits.batches_at_once)
        # An answer takes as long as it takes, as it does for a client.
        transport = httpx2.ASGITransport(self._door, raise_app_exceptions=False)
        self._client = httpx2.AsyncClient(
            transport=transport, base_url="http://127.0.0.1", timeout=None
        )
        for batch in await run_in_threadpool(self._recover):
            self._take_up(batch.id)

    async def stop(self) -> None:
        """Put everything down; what is not answered is asked again after a start."""
        tasks = list(self._tasks.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        if self._alone_again is not None:
            self._alone_again.cancel()
        if self._client is not None:
            await self._client.aclose()

    def _recover(self) -> list[Batch]:
        with self._store.read() as session:
            batches_left = session.open_batches()
        known = {self._journal(batch.id).name for batch in batches_left}
        for path in self._settings.batches.iterdir():
            if path.name not in known:
                path.unlink(missing_ok=True)
        return batches_left

    def _journal(self, batch_id: str) -> Path:
        """Return where a batch's answers lie; the id is the database's."""
        return self._settings.batches / f"{batch_id}.jsonl"

    def _take_up(self, batch_id: str) -> None:
        if batch_id in self._tasks:
            return
        self._stops[batch_id] = asyncio.Event()
        task = self._loop.create_task(self._run(batch_id))
        self._tasks[batch_id] = task

        def forget(_: asyncio.Task[None]) -> None:
            del self._tasks[batch_id], self._stops[batch_id]

        task.add_done_callback(forget)

    # Making way

    def making_way(self, app: ASGIApp) -> ASGIApp:
        """Return the application with a count of the answers that somebody awaits.

        Requests of batches do not come this way.
        """

        return _MakingWay(app, self)

    def guest_comes(self) -> None:
        """Note that somebody awaits an answer."""
        self._guests += 1
        if self._alone_again is not None:
            self._alone_again.cancel()
            self._alone_again = None
        if self._lanes is not None:
            self._lanes.total_tokens = LANES_WITH_GUESTS

    def guest_goes(self) -> None:
        """Note that the answer is there, or nobody awaits it any more."""
        self._guests -= 1
        if self._guests == 0 and self._loop is not None:
            self._alone_again = self._loop.call_later(GUEST_SECONDS, self._alone)

    def _alone(self) -> None:
        self._lanes.total_tokens = LANES_ALONE

    # A batch from its beginning, or from where it stood, to its end

    async def _run(self, batch_id: str) -> None:
        while True:
            try:
                await self._check(batch_id)
                async with self._room:
                    await self._answer_all(batch_id)
                return
            except FileNotFoundError:
                log.exception("a file of the batch %s is gone", batch_id)
                await self._give_up(batch_id, "The batch's file is gone.")
                return
            except (sqlite3.Error, OSError):
                # Nothing was lost: what is answered is in the journal.
                log.exception("the batch %s is tried again", batch_id)
                await asyncio.sleep(_RETRY_SECONDS)
            except Exception as fault:
                log.exception("the batch %s failed", batch_id)
                message = (
                    f"The batch failed because of an error of the provider "
                    f"({type(fault).__name__}). Its server.log says more."
                )
                await self._give_up(batch_id, message)
                return

    async def _give_up(self, batch_id: str, message: str) -> None:
        def write() -> None:
            with self._store.write() as session:
                errors = [batch_input.error("server_error", message)]
                batches.failed(session, session.batch(batch_id), _now(), errors)
            self._journal(batch_id).unlink(missing_ok=True)

        with contextlib.suppress(sqlite3.Error, OSError):
            await run_in_threadpool(write)

    async def _in_step(self, step: Callable[[Session, Batch], T], batch_id: str) -> T:
        """Do something with a batch in a transaction."""

        def write() -> T:
            with self._store.write() as session:
                return step(session, session.batch(batch_id))

        return await run_in_threadpool(write)

    def _opened(self, batch_id: str) -> tuple[Batch, Path]:
        with self._store.read() as session:
            batch = session.batch(batch_id)
            file = session.file_of_job(batch.input_file)
        if file is None:
            raise FileNotFoundError(batch.input_file)
        return batch, self._blobs.path(file.blob)

    async def _check(self, batch_id: str) -> None:
        batch, path = await run_in_threadpool(self._opened, batch_id)
        if batch.state != batches.VALIDATING:
            return
        async with self._checking:
            found = await run_in_threadpool(
                batch_input.check,
                path,
                batch.endpoint,
                self._limits,
                bool(batch.of_azure),
            )

        def conclude(session: Session, batch: Batch) -> None:
            if found.errors:
                batches.failed(session, batch, _now(), found.errors)
            else:
                batches.checked(session, batch, _now(), found.total, found.model)

        await self._in_step(conclude, batch_id)

    async def _answer_all(self, batch_id: str) -> None:
        batch, path = await run_in_threadpool(self._opened, batch_id)
        if not batch.is_open:
            return
        journal = self._journal(batch_id)
        run = _Run(batch, path, await run_in_threadpool(Answers, journal))
        try:
            await self._until_stopped(run)
            await self._in_step(
                lambda session, batch: batches.finalizing(session, batch, _now()),
                batch_id,
            )
        finally:
            run.answers.close()
        await run_in_threadpool(self._finish, run)

    async def _until_stopped(self, run: _Run) -> None:
        """Answer until all is answered, the batch is cancelled or its time is over."""
        if run.batch.state == batches.CANCELLING:
            return
        stopped = asyncio.create_task(self._stops[run.batch.id].wait())
        working = asyncio.create_task(self._work_off(run))
        try:
            while _now() < run.batch.expires_at and not stopped.done():
                await asyncio.wait(
                    (stopped, working),
                    timeout=_TICK_SECONDS,
                    return_when=asyncio.FIRST_COMPLETED,
                )
                await self._tell(run)
                if working.done():
                    return working.result()
        except ExceptionGroup as faults:
            # One tells enough, and is of a kind that `_run` knows.
            raise faults.exceptions[0] from faults
        finally:
            stopped.cancel()
            working.cancel()
            await asyncio.gather(stopped, working, return_exceptions=True)

    async def _tell(self, run: _Run) -> None:
        """Commit how far a batch is."""
        await run_in_threadpool(run.answers.sync)
        counts = self._counts(run)
        await self._in_step(
            lambda session, batch: session.update_batch(batch.id, **counts),
            run.batch.id,
        )

    @staticmethod
    def _counts(run: _Run) -> dict[str, Any]:
        tally = run.answers.tally
        return {
            "completed": tally.completed,
            "failed": tally.failed,
            "usage": dict(tally.usage),
        }

    def _requests(self, run: _Run) -> Iterator[BatchRequest]:
        for item in batch_input.read_requests(
            run.path, run.batch.endpoint, self._limits, bool(run.batch.of_azure)
        ):
            # The file was checked and cannot change.
            if isinstance(item, BatchRequest):
                yield item

    async def _work_off(self, run: _Run) -> None:
        todo = (request for request in self._requests(run) if request not in run)
        async with asyncio.TaskGroup() as group:
            while True:
                # One batch waits for one lane at a time, so that batches take turns.
                lane = object()
                await self._lanes.acquire_on_behalf_of(lane)
                try:
                    request = await run_in_threadpool(next, todo, None)
                except BaseException:
                    self._lanes.release_on_behalf_of(lane)
                    raise
                if request is None:
                    self._lanes.release_on_behalf_of(lane)
                    return
                task = group.create_task(self._answer(run, request))
                # Also when it is cancelled before it begins.
                task.add_done_callback(
                    lambda _, lane=lane: self._lanes.release_on_behalf_of(lane)
                )

    async def _answer(self, run: _Run, request: BatchRequest) -> None:
        try:
            dialect = AZURE_PREFIX if run.batch.of_azure else ""
            response = await self._ask(dialect + run.batch.endpoint, request.body)
            answer = result(request.custom_id, response)
        except Exception:
            log.exception("a request of %s could not be answered", run.batch.id)
            error = {
                "code": "server_error",
                "message": "The provider had an error while it answered this request. "
                "Its server.log says more.",
            }
            answer = result(request.custom_id, None, error)
        await self._keep(run, request, answer)

    async def _ask(self, endpoint: str, body: dict[str, Any]) -> dict[str, Any]:
        """Let the application answer, again if it is too busy or had an error."""
        content = json.dumps(body).encode()
        headers = {"content-type": "application/json"}
        attempt = 0
        while True:
            attempt += 1
            answer = await self._client.post(endpoint, content=content, headers=headers)
            again = answer.status_code == 429 or (
                answer.status_code >= 500 and attempt < _ATTEMPTS
            )
            if not again:
                return {
                    "status_code": answer.status_code,
                    "request_id": "req_" + random_text(32),
                    "body": answer.json(),
                }
            await asyncio.sleep(min(0.5 * 2**attempt, _MOST_PAUSE_SECONDS))

    async def _keep(
        self, run: _Run, request: BatchRequest, answer: dict[str, Any]
    ) -> None:
        def keep() -> None:
            self._blobs.check_space(len(str(answer)))
            run.answers.add(request, answer)

        while True:
            try:
                return await run_in_threadpool(keep)
            except OSError:
                # The lane stays taken: nothing is asked that cannot be kept.
                log.exception("an answer of %s could not be kept yet", run.batch.id)
                await asyncio.sleep(_RETRY_SECONDS)

    # The end

    def _finish(self, run: _Run) -> None:
        """Write the files of a batch; they appear together with its end."""
        with self._store.read() as session:
            batch = session.batch(run.batch.id)
        whole = len(run.answers) == batch.total
        missing = _EXPIRED_CODE
        if batch.state == batches.CANCELLING:
            missing = _CANCELLED_CODE
        # A batch that was cancelled before it was checked has no requests.
        requests = self._requests(run) if batch.total else ()
        self._blobs.check_space(self._journal(batch.id).stat().st_size)
        with self._blobs.writing() as output, self._blobs.writing() as errors:
            lines = run.answers.in_order(requests, missing)
            good, bad = write_files(lines, output.file, errors.file)
            sizes = [draft.file.tell() for draft in (output, errors)]
            blobs = [
                draft.keep() if count else None
                for draft, count in ((output, good), (errors, bad))
            ]
        try:
            with self._store.write() as session:
                self._end(session, run, whole, (good, bad), sizes, blobs)
        except BaseException:
            for blob in filter(None, blobs):
                self._blobs.delete(blob)
            raise
        self._journal(run.batch.id).unlink(missing_ok=True)

    def _end(
        self,
        session: Session,
        run: _Run,
        whole: bool,
        counts: tuple[int, int],
        sizes: list[int],
        blobs: list[str | None],
    ) -> None:
        batch, now = session.batch(run.batch.id), _now()
        expires_at = batch.output_seconds and now + batch.output_seconds
        ids: list[str | None] = []
        for kind, size, blob in zip(("output", "error"), sizes, blobs, strict=True):
            if blob is None:
                ids.append(None)
                continue
            file = session.add_file(
                id=new_id("file-"),
                bytes=size,
                created_at=now,
                expires_at=expires_at,
                filename=f"{batch.id}_{kind}.jsonl",
                purpose="batch_output",
                blob=blob,
            )
            ids.append(file.id)
        batches.ended(
            session,
            batch,
            now,
            whole=whole,
            output_file=ids[0],
            error_file=ids[1],
            completed=counts[0],
            failed=counts[1],
            usage=dict(run.answers.tally.usage) if batch.total else None,
        )


class _MakingWay:
    """The ASGI layer that counts who awaits an answer."""

    def __init__(self, app: ASGIApp, runner: BatchRunner) -> None:
        self._app, self._runner = app, runner

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        guest = scope["type"] == "http" and scope["method"] == "POST"
        if not guest or scope["path"] not in ENDPOINTS:
            await self._app(scope, receive, send)
            return
        self._runner.guest_comes()
        try:
            await self._app(scope, receive, send)
        finally:
            self._runner.guest_goes()
