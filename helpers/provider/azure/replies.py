"""The application's answers, told in Azure's words on their way out.

Purpose: what the gateway puts between the application and the client. JSON is kept
until it is whole and then translated; streams and files go through piece by piece.
It must never decide anything, only say it in other words.
"""

from __future__ import annotations

import json
import re
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

from starlette.concurrency import run_in_threadpool
from starlette.types import Message, Scope, Send

from helpers.provider import views
from helpers.provider.azure import imports, names, translate
from helpers.provider.context import Provider
from helpers.provider.routes.files import RESULTS
from helpers.provider.store import Session

if TYPE_CHECKING:
    from helpers.provider.azure.gateway import Call

_SIZES_KEPT = 10_000
# Paths whose answers may be streams of what is known already.
_EVENTS = re.compile(r"/fine_tuning/jobs/[^/]+/events|/responses/[^/]+")
Translated = tuple[Any, int, dict[str, str]]


class Buffered:
    """Receives an answer; JSON is kept until it is whole, all else goes through.

    Args:
        send: where the answer goes.
        translated: makes Azure's answer of a body and a status: body, status and
            further headers.
        piece: what becomes of the pieces of any other answer.
    """

    def __init__(
        self,
        send: Send,
        translated: Callable[[Any, int], Translated],
        piece: Callable[[bytes], Awaitable[bytes]],
    ) -> None:
        self._send, self._translated, self._piece = send, translated, piece
        self._start: Message | None = None
        self._pieces: list[bytes] = []

    async def __call__(self, message: Message) -> None:
        """Take one ASGI message of the answer."""
        if message["type"] == "http.response.start":
            kinds = [v for n, v in message["headers"] if n.lower() == b"content-type"]
            if kinds and kinds[0].startswith(b"application/json"):
                self._start = message
                return
            await self._send(message)
            return
        if self._start is None:
            if message.get("body"):
                message = message | {"body": await self._piece(message["body"])}
            await self._send(message)
            return
        self._pieces.append(message.get("body", b""))
        if not message.get("more_body"):
            await self._finish()

    async def _finish(self) -> None:
        raw, status = b"".join(self._pieces), self._start["status"]
        body, status, extra = await run_in_threadpool(
            self._translated, json.loads(raw), status
        )
        raw = json.dumps(body, separators=(",", ":")).encode()
        kept = [
            (name, value)
            for name, value in self._start["headers"]
            if name.lower() != b"content-length"
        ]
        kept += [(name.encode(), value.encode()) for name, value in extra.items()]
        kept.append((b"content-length", str(len(raw)).encode()))
        await self._send(
            {"type": "http.response.start", "status": status, "headers": kept}
        )
        await self._send({"type": "http.response.body", "body": raw})


class Sizes:
    """How large result files are with Azure's columns; they never change again."""

    def __init__(self) -> None:
        self._known: dict[str, int] = {}

    def of(self, session: Session, file_id: str) -> int | None:
        """Return the bytes of a result file; None if no job made it."""
        if file_id not in self._known:
            job = session.job_of_result(file_id)
            if job is None:
                return None
            if len(self._known) >= _SIZES_KEPT:
                self._known.clear()
            content = imports.results_csv(session.metrics_of_job(job.id), job.method)
            self._known[file_id] = len(content)
        return self._known.get(file_id)


class Replies:
    """Turns the application's answers to one call into Azure's.

    Args:
        provider: knows the rows behind the answers.
        call: what was asked.
        scope: of the request.
        sizes: of result files.
    """

    def __init__(
        self, provider: Provider, call: Call, scope: Scope, sizes: Sizes
    ) -> None:
        self._provider, self._call, self._scope = provider, call, scope
        self._sizes = sizes
        # What a streamed answer calls its model, and what Azure calls it.
        self._streamed: tuple[bytes, bytes] | None = None
        if call.body is not None and isinstance(call.body.get("model"), str):
            own = call.body["model"]
            with provider.store.read() as session:
                shown = names.shown_name(session, own)
            self._streamed = tuple(
                b'"model":' + json.dumps(name).encode() for name in (own, shown)
            )

    async def piece(self, piece: bytes) -> bytes:
        """Translate a piece of a stream, or of a file, which stays as it is."""
        if self._streamed is not None:
            # An answer that is being generated: all that differs is the model's name.
            return piece.replace(*self._streamed)
        if not _EVENTS.fullmatch(self._call.rest):
            return piece
        return await run_in_threadpool(self._told, piece)

    def _told(self, piece: bytes) -> bytes:
        """Translate events of a job, or those of a stored response told again.

        The application sends each event in one piece, with its data on one line.
        """
        lines = piece.split(b"\n")
        with self._provider.store.read() as session:
            for number, line in enumerate(lines):
                if line.startswith(b"data: {"):
                    event = json.loads(line.removeprefix(b"data: "))
                    shown = self._translated(session, event)
                    text = json.dumps(shown, separators=(",", ":"))
                    lines[number] = b"data: " + text.encode()
        return b"\n".join(lines)

    def whole(self, body: Any, status: int) -> Translated:
        """Translate a JSON answer; returns body, status and further headers."""
        call = self._call
        with self._provider.store.read() as session:
            if status >= 400:
                return self._error(session, body, status), status, {}
            if call.plane != translate.ARM:
                body = self._translated(session, body)
        if call.plane != translate.DATED or not call.creates:
            return body, status, {}
        return body, 201, {"location": self._location(body["id"])}

    def _error(self, session: Session, body: Any, status: int) -> Any:
        fault = body.get("error") if isinstance(body, dict) else None
        if isinstance(fault, dict) and isinstance(fault.get("message"), str):
            message = names.shown_text(session, fault["message"])
            if status in (404, 405):
                # Messages about addresses name the one that was called.
                message = message.replace(self._scope["path"], self._call.path)
            body = {"error": fault | {"message": message}}
        return translate.error(body, status, self._call.plane)

    def _location(self, item: str) -> str:
        scope, call = self._scope, self._call
        host = dict(scope["headers"]).get(b"host", b"").decode("latin-1")
        query = scope.get("query_string", b"").decode("latin-1")
        url = f"{scope['scheme']}://{host}/openai{call.rest}/{item}"
        return f"{url}?{query}" if query else url

    def _translated(self, session: Session, body: Any) -> Any:
        """Translate an object, or a list of them, by what it says it is."""
        if not isinstance(body, dict):
            return body
        kind = body.get("object")
        if kind == "list" and isinstance(body.get("data"), list):
            shown = [self._translated(session, one) for one in body["data"]]
            ids = {}
            if shown and body.get("last_id") is not None:
                ids = {"first_id": shown[0]["id"], "last_id": shown[-1]["id"]}
            body = body | {"data": shown} | ids
        elif kind == "fine_tuning.job":
            return self._job(session, body)
        elif kind == "fine_tuning.job.event":
            text = names.shown_text(session, body["message"])
            return translate.event(body | {"message": text})
        elif kind == "fine_tuning.job.checkpoint":
            own = body["fine_tuned_model_checkpoint"]
            return translate.checkpoint(
                body,
                id=names.checkpoint_id(body["id"]),
                name=names.shown_name(session, own),
            )
        elif kind == "model":
            return self._model(session, body)
        elif kind == "file" and body.get("purpose") == RESULTS:
            size = self._sizes.of(session, body["id"])
            return body if size is None else body | {"bytes": size}
        # Completions, embeddings, responses, and lists of vectors, too.
        if isinstance(body.get("model"), str):
            body = body | {"model": names.shown_name(session, body["model"])}
        if isinstance(body.get("response"), dict):
            # An event of a stream, with the response so far.
            told = self._translated(session, body["response"])
            body = body | {"response": told}
        return body

    def _job(self, session: Session, body: dict[str, Any]) -> dict[str, Any]:
        row, status = session.job(body["id"]), body["status"]
        if status in (row.state, views.job_view(row).status):
            status = translate.state(row)
        else:
            # The job has moved on; what is told must be of one moment.
            again = status == "queued" and row.last_step
            status = "resuming" if again else translate.STATES.get(status, status)
        own = body.get("fine_tuned_model")
        fault = body.get("error")
        if fault is not None:
            message = names.shown_text(session, fault["message"])
            body = body | {"error": fault | {"message": message}}
        return translate.job(
            body | {"model": names.shown_name(session, body["model"])},
            status,
            name=None if own is None else names.azure_name(row, own),
            training_type=session.training_type(row.id)
            or translate.DEFAULT_TRAINING_TYPE,
            dated=self._call.plane == translate.DATED,
        )

    def _model(self, session: Session, body: dict[str, Any]) -> dict[str, Any]:
        own = body["id"]
        name = names.shown_name(session, own)
        if "created" not in body:
            return body | {"id": name}  # it says that a model was deleted
        model = session.model(own)
        job = None if model is None else session.job(model.job_id)
        return translate.model(
            body,
            name=name,
            job_id=None if job is None else job.id,
            tuned_from=None if job is None else names.shown_name(session, job.model),
            dated=self._call.plane == translate.DATED,
        )
