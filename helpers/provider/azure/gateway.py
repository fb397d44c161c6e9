"""The dialect's door: Azure's paths in, the provider's own behind it, and back.

Purpose: an ASGI layer around the application. A request on one of Azure's paths becomes
the request of OpenAI's API that means the same; its answer, whole or streamed, is told
in Azure's words. So both dialects have one store, one trainer and one set of rules.

    /openai/deployments/{d}/chat/completions  ->  /v1/chat/completions, with the
        (and completions, embeddings)             model of the deployment
    /openai/files, .../fine_tuning, ...       ->  /v1/files, ... (the dated data plane)
    /openai/v1/...                            ->  /v1/..., `model` names a deployment
    /api/projects/{p}/openai/v1/...           ->  the same

Any api-version is taken. Control plane, projects and tokens have routes of their own.
It must never decide what a request does.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs

from starlette.concurrency import run_in_threadpool
from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from helpers.provider.azure import control_plane, imports, names, translate
from helpers.provider.context import Provider, now
from helpers.provider.errors import ApiError, invalid
from helpers.provider.store import Job, Session

# The application's own prefix; app.py has it for its routes.
_OWN = "/v1"
_PROJECT = re.compile(r"/api/projects/[^/]+(/openai(?:/v1)?/.*)")
_DEPLOYED = re.compile(r"/deployments/(?P<name>[^/]+)(?P<rest>/.*)")
_INFERENCE = frozenset(
    {"/chat/completions", "/completions", "/embeddings", "/responses"}
)
_JOB = re.compile(r"/fine_tuning/jobs/(?P<id>[^/]+)(?P<rest>/[a-z]+)?")
_CHECKPOINTS = re.compile(r"/fine_tuning/jobs/(?P<id>[^/]+)/checkpoints")
_CONTENT = re.compile(r"/files/(?P<id>[^/]+)/content")
_MODEL = re.compile(r"/models/(?P<name>.+)")
_CREATED = frozenset({"/files", "/fine_tuning/jobs", "/files/import"})
_ARM = ("/subscriptions/", "/api/projects/")
_LARGEST_TYPE = 64


def speaks_azure(path: str) -> bool:
    """Say whether a path is one of Azure's."""
    return path.startswith(("/openai/", *_ARM, "/msi/"))


def refusal(scope: Scope, fault: ApiError) -> Response | None:
    """Return the answer of a refusal in Azure's words; None for OpenAI's paths."""
    if not speaks_azure(scope["path"]):
        return None
    dated = not _is_v1(scope["path"])
    body = translate.error(fault.body(), fault.status, dated=dated)
    headers = {"x-should-retry": "false"} if fault.status < 500 else {}
    return JSONResponse(body, fault.status, headers)


def _is_v1(path: str) -> bool:
    inner = _PROJECT.fullmatch(path)
    return (inner[1] if inner else path).startswith("/openai/v1/")


@dataclass
class Call:
    """A request on its way through.

    Attributes:
        method: of HTTP.
        rest: the path behind `/v1`, as OpenAI's API has it.
        dated: an api-version's data plane, not /openai/v1.
        deployment: named in the path; None where it is in the body, or nowhere.
        body: the JSON body of a request whose body had to be read.
    """

    method: str
    rest: str
    dated: bool
    deployment: str | None
    body: dict[str, Any] | None = None


class Gateway:
    """The ASGI layer.

    Args:
        app: the application that speaks OpenAI's dialect.
        provider: everything behind it; only looked at.
    """

    def __init__(self, app: ASGIApp, provider: Provider) -> None:
        self._app, self._provider = app, provider

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or not speaks_azure(scope["path"]):
            await self._app(scope, receive, send)
            return
        call = _call_of(scope)
        if call is None:
            await self._app(scope, receive, _in_arm_words(send))
            return
        try:
            receive = await self._prepare(call, scope, receive)
            if call.rest == "/files/import" or _is_deletion_of_job(call):
                await self._own(call, scope)(scope, receive, send)
                return
            if (content := await run_in_threadpool(self._results, call)) is not None:
                await content(scope, receive, send)
                return
        except ApiError as fault:
            body = translate.error(fault.body(), fault.status, dated=call.dated)
            await JSONResponse(body, fault.status)(scope, receive, send)
            return
        scope["path"] = _OWN + call.rest
        scope["raw_path"] = scope["path"].encode()
        answers = await run_in_threadpool(_Answers, self._provider, call, scope)
        await self._app(scope, receive, _Buffered(send, answers.whole, answers.piece))

    # ------------------------------------------------------------------- requests

    async def _prepare(self, call: Call, scope: Scope, receive: Receive) -> Receive:
        """Turn the request into OpenAI's; returns where its body comes from."""
        await run_in_threadpool(self._rename_in_path, call, scope)
        deployed = call.method == "POST" and call.rest in _INFERENCE
        creates = call.method == "POST" and call.rest in _CREATED - {"/files"}
        if not deployed and not creates:
            return receive
        raw = await _read(receive)
        try:
            body = json.loads(raw)
        except (ValueError, RecursionError):
            body = None
        if not isinstance(body, dict):
            return _said(raw, receive)  # the application says what is wrong with it
        call.body = body
        if deployed:
            await run_in_threadpool(self._deploy, call)
        elif "model" in body:
            await run_in_threadpool(self._base, call)
        return _said(json.dumps(call.body).encode(), receive)

    def _rename_in_path(self, call: Call, scope: Scope) -> None:
        """Put own names and ids where the path or the query has Azure's."""
        store = self._provider.store
        if (match := _MODEL.fullmatch(call.rest)) is not None:
            with store.read() as session:
                call.rest = f"/models/{names.own_name(session, match['name'])}"
        if _CHECKPOINTS.fullmatch(call.rest) is not None:
            query = scope.get("query_string", b"").decode("latin-1")
            with store.read() as session:
                for shown in parse_qs(query).get("after", []):
                    for checkpoint in session.all_checkpoints():
                        if names.checkpoint_id(checkpoint.id) == shown:
                            query = query.replace(shown, checkpoint.id)
            scope["query_string"] = query.encode("latin-1")

    def _deploy(self, call: Call) -> None:
        """Put the model's name where the deployment's stands."""
        name = call.deployment or call.body.get("model")
        if not isinstance(name, str):
            return
        here = self._provider
        with here.store.read() as session:
            row = control_plane.living(here, session, name)
        seconds = here.settings.deployment_seconds
        state = None if row is None else row.state(time.time(), seconds)
        if state != "Succeeded":
            waits = "" if state is None else f" Its provisioning state is {state}."
            raise ApiError(
                404,
                f"The API deployment '{name[:100]}' for this resource does not exist "
                f"or is not ready.{waits} Deploy a model under this name first; if you "
                "have just created the deployment, wait a moment and try again.",
                code="DeploymentNotFound",
            )
        call.body["model"] = row.model

    def _base(self, call: Call) -> None:
        """Put the own name of the model that a job shall train."""
        if isinstance(call.body["model"], str):
            with self._provider.store.read() as session:
                call.body["model"] = names.own_name(session, call.body["model"])

    # --------------------------------------------------- what only Azure has

    def _own(self, call: Call, scope: Scope) -> ASGIApp:
        """Return the app of an operation that OpenAI's API lacks."""

        async def answer(scope: Scope, receive: Receive, send: Send) -> None:
            if call.rest == "/files/import":
                response = await run_in_threadpool(
                    imports.import_file, self._provider, call.body, scope
                )
            else:
                response = await run_in_threadpool(self._delete_job, call)
            await response(scope, receive, send)

        async def guarded(scope: Scope, receive: Receive, send: Send) -> None:
            try:
                await answer(scope, receive, send)
            except ApiError as fault:
                body = translate.error(fault.body(), fault.status, dated=call.dated)
                await JSONResponse(body, fault.status)(scope, receive, send)

        return guarded

    def _delete_job(self, call: Call) -> Response:
        """Delete a job that has ended, with its log; its models stay."""
        job_id = _JOB.fullmatch(call.rest)["id"]
        with self._provider.store.write() as session:
            job = session.job(job_id)
            if job is None:
                return Response(status_code=204)
            if not job.is_final:
                raise invalid(
                    f"The job {job_id} has not ended. Cancel it or wait for its end, "
                    "then delete it.",
                    "id",
                    "unexpectedEntityState",
                )
            session.hide_job(job_id, now())
        return Response(status_code=204)

    def _results(self, call: Call) -> Response | None:
        """Return a result file as Azure has it: plain, with columns of its own."""
        match = _CONTENT.fullmatch(call.rest)
        if match is None or call.method != "GET":
            return None
        with self._provider.store.read() as session:
            job = session.job_of_result(match["id"])
            file = session.file(match["id"], now())
            if job is None or file is None:
                return None
            metrics = list(session.metrics_of_job(job.id))
        return Response(
            imports.results_csv(metrics), media_type="application/octet-stream"
        )


def _call_of(scope: Scope) -> Call | None:
    """Read an Azure path; None for one that has a route of its own."""
    path = scope["path"]
    inner = _PROJECT.fullmatch(path)
    path = inner[1] if inner else path
    if not path.startswith("/openai/"):
        return None
    dated = not path.startswith("/openai/v1/")
    rest = path.removeprefix("/openai" if dated else "/openai/v1")
    deployed = _DEPLOYED.fullmatch(rest)
    name = deployed["name"] if deployed else None
    if deployed is not None:
        rest = deployed["rest"]
    return Call(scope["method"], rest, dated, name)


def _is_deletion_of_job(call: Call) -> bool:
    match = _JOB.fullmatch(call.rest)
    return call.method == "DELETE" and match is not None and not match["rest"]


async def _read(receive: Receive) -> bytes:
    """Read a whole body; the guard has put a cap on it."""
    pieces = []
    while True:
        message = await receive()
        if message["type"] != "http.request":
            raise ApiError(499, "The client has gone away.")
        pieces.append(message.get("body", b""))
        if not message.get("more_body"):
            return b"".join(pieces)


def _said(body: bytes, then: Receive) -> Receive:
    """Return a receive that gives this body first, and then whatever comes."""
    given = False

    async def receive() -> Message:
        nonlocal given
        if given:
            return await then()
        given = True
        return {"type": "http.request", "body": body, "more_body": False}

    return receive


class _Buffered:
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
        translated: Callable[[Any, int], tuple[Any, int, dict[str, str]]],
        piece: Callable[[bytes], bytes] = bytes,
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
                message = message | {"body": self._piece(message["body"])}
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
        raw = b"" if status == 204 else json.dumps(body, separators=(",", ":")).encode()
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


class _Answers:
    """Turns the application's answers to one call into Azure's."""

    def __init__(self, provider: Provider, call: Call, scope: Scope) -> None:
        self._provider, self._call, self._scope = provider, call, scope
        # What a streamed answer calls its model, and what Azure calls it.
        self._streamed: tuple[bytes, bytes] | None = None
        if call.body is not None and isinstance(call.body.get("model"), str):
            own = call.body["model"]
            with provider.store.read() as session:
                shown = names.shown_name(session, own)
            self._streamed = (json.dumps(own).encode(), json.dumps(shown).encode())

    def piece(self, piece: bytes) -> bytes:
        """Translate a piece of a stream: the model's name is all that differs."""
        return piece if self._streamed is None else piece.replace(*self._streamed)

    def whole(self, body: Any, status: int) -> tuple[Any, int, dict[str, str]]:
        """Translate a JSON answer; returns body, status and further headers."""
        call = self._call
        if status >= 400:
            return translate.error(body, status, dated=call.dated), status, {}
        with self._provider.store.write() as session:
            if call.rest == "/fine_tuning/jobs" and call.method == "POST":
                asked = call.body.get("trainingType")
                if isinstance(asked, str):
                    session.keep_training_type(body["id"], asked[:_LARGEST_TYPE])
        with self._provider.store.read() as session:
            body = self._translated(session, body)
        if not call.dated or call.method != "POST" or call.rest not in _CREATED:
            return body, status, {}
        return body, 201, {"location": self._location(body["id"])}

    def _location(self, item: str) -> str:
        scope, call = self._scope, self._call
        headers = dict(scope["headers"])
        host = headers.get(b"host", b"").decode("latin-1")
        query = scope.get("query_string", b"").decode("latin-1")
        url = f"{scope['scheme']}://{host}/openai{call.rest}/{item}"
        return f"{url}?{query}" if query else url

    def _translated(self, session: Session, body: Any) -> Any:
        """Translate an object, or a list of them, by what it says it is."""
        if not isinstance(body, dict):
            return body
        if body.get("object") == "list" and isinstance(body.get("data"), list):
            shown = [self._translated(session, one) for one in body["data"]]
            ids = {}
            if shown and "last_id" in body:
                ids = {"first_id": shown[0]["id"], "last_id": shown[-1]["id"]}
            return body | {"data": shown} | ids
        kind = body.get("object")
        if kind == "fine_tuning.job":
            return self._job(session, body)
        if kind == "fine_tuning.job.event":
            return translate.event(body, self._names(session))
        if kind == "fine_tuning.job.checkpoint":
            own = body["fine_tuned_model_checkpoint"]
            return translate.checkpoint(
                body,
                id=names.checkpoint_id(body["id"]),
                name=names.shown_name(session, own),
            )
        if kind == "model":
            return self._model(session, body)
        if isinstance(body.get("model"), str):
            return body | {"model": names.shown_name(session, body["model"])}
        return body

    def _job(self, session: Session, body: dict[str, Any]) -> dict[str, Any]:
        row = session.job(body["id"])
        own = body.get("fine_tuned_model")
        base = names.shown_name(session, body["model"])
        return translate.job(
            body | {"model": base},
            row,
            name=None if own is None else names.azure_name(row, own),
            training_type=session.training_type(row.id)
            or translate.DEFAULT_TRAINING_TYPE,
            dated=self._call.dated,
        )

    def _names(self, session: Session) -> dict[str, str]:
        """Return Azure's names of the models that a job's log may name."""
        match = _JOB.fullmatch(self._call.rest)
        job = session.job(match["id"]) if match else None
        if job is None:
            return {}
        # A checkpoint's name is its model's with an end, so one entry does for all.
        return {job.planned_name: names.azure_name(job, job.planned_name)}

    def _model(self, session: Session, body: dict[str, Any]) -> dict[str, Any]:
        model = session.model(body["id"])
        job: Job | None = None if model is None else session.job(model.job_id)
        return translate.model(
            body,
            name=names.shown_name(session, body["id"]),
            tuned_from=None if job is None else job.model,
            dated=self._call.dated,
        )


def _in_arm_words(send: Send) -> Send:
    """Translate the errors of control plane and projects; all else stays."""

    def translated(body: Any, status: int) -> tuple[Any, int, dict[str, str]]:
        if status >= 400:
            body = translate.error(body, status, dated=True)
        return body, status, {}

    return _Buffered(send, translated)
