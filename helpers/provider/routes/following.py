"""Answers that wait for a job: a GET held until its end, events as they come.

Purpose: who holds a connection open costs a waiter in the event loop, no thread and no
query until there is news (`changes`). `fastapi.sse` writes the format of Server-Sent
Events; its own route class is not used, because this path answers as a list as well.
"""

from __future__ import annotations

import json
import time
from collections.abc import AsyncIterator

from fastapi import Request
from fastapi.sse import KEEPALIVE_COMMENT, EventSourceResponse, format_sse_event
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from helpers.provider import views
from helpers.provider.context import Provider
from helpers.provider.errors import invalid, too_busy
from helpers.provider.store import Event, Job

# Events read and sent at once: a long log never lies in memory as a whole.
_AT_ONCE = 500


def _read_job(here: Provider, job_id: str) -> Job | None:
    with here.store.read() as session:
        return session.shown_job(job_id)


async def job_at_its_end(here: Provider, job_id: str, seconds: float) -> Job | None:
    """Return a job as soon as it is final, or as it is after some seconds."""
    deadline = time.monotonic() + seconds
    with here.store.changes.watching(job_id) as watch:
        while True:
            job = await run_in_threadpool(_read_job, here, job_id)
            left = deadline - time.monotonic()
            if job is None or job.is_final or watch.closed or left <= 0:
                return job
            await watch.wait(left)


def wants_stream(request: Request, stream: str | None) -> bool:
    """Say whether a request for events asks for them as Server-Sent Events."""
    if stream not in (None, "true", "false"):
        raise invalid(
            "Invalid value for 'stream': expected 'true' or 'false'.",
            "stream",
            "invalid_value",
        )
    if stream is not None:
        return stream == "true"
    accepted = request.headers.get("accept", "").lower().split(",")
    return any(
        kind.partition(";")[0].strip() == "text/event-stream" for kind in accepted
    )


def _news(here: Provider, job_id: str, place: int) -> tuple[list[Event], bool]:
    """Return events behind a place, and whether no others will follow them."""
    with here.store.read() as session:
        events = session.events_behind(job_id, place, _AT_ONCE)
        return events, session.job(job_id).is_final and len(events) < _AT_ONCE


def _sent(event: Event) -> bytes:
    data = json.dumps(views.dump(views.event_view(event)))
    return format_sse_event(data_str=data, id=event.id)


class _Stream(EventSourceResponse):
    """The events of one job; it gives its place among the open streams back."""

    def __init__(self, here: Provider, job_id: str, place: int) -> None:
        self._here, self._job_id = here, job_id
        super().__init__(
            self._pieces(place),
            # Proxies must not collect what is meant to be seen at once.
            headers={"cache-control": "no-cache", "x-accel-buffering": "no"},
        )

    async def _pieces(self, place: int) -> AsyncIterator[bytes]:
        heartbeat = self._here.settings.limits.event_stream_heartbeat_seconds
        with self._here.store.changes.watching(self._job_id) as watch:
            while True:
                events, ended = await run_in_threadpool(
                    _news, self._here, self._job_id, place
                )
                for event in events:
                    place = event.seq
                    yield _sent(event)
                if ended:
                    yield format_sse_event(data_str="[DONE]")
                    return
                if watch.closed:  # the client goes on at the next start
                    return
                if len(events) < _AT_ONCE and not await watch.wait(heartbeat):
                    yield KEEPALIVE_COMMENT

    async def __call__(self, scope, receive, send) -> None:
        try:
            await super().__call__(scope, receive, send)
        finally:
            self._here.store.changes.open_streams -= 1


async def stream_of_events(here: Provider, job_id: str, after: str | None) -> Response:
    """Answer with a job's events as Server-Sent Events, from the oldest on.

    Args:
        here: the provider.
        job_id: a job that exists.
        after: id of the event that the client saw last, or None.
    """

    def place_of() -> int | None:
        with here.store.read() as session:
            return session.event_place(job_id, after)

    place = 0 if after is None else await run_in_threadpool(place_of)
    if place is None:
        raise invalid(
            f"Invalid 'after': the job {job_id} has no event '{after[:100]}'. Leave "
            "'after' (or the header Last-Event-ID) out to begin at the first event.",
            "after",
            "invalid_value",
        )
    if here.store.changes.open_streams >= here.settings.limits.open_event_streams:
        raise too_busy(
            f"{here.settings.limits.open_event_streams} streams of events are open, "
            "the most that this provider keeps. Close one, or list the events.",
            retry_after=5,
        )
    # Counted in the one thread of the event loop, so nobody comes in between.
    here.store.changes.open_streams += 1
    return _Stream(here, job_id, place)
