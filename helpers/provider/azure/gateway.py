"""The dialect's door: Azure's paths in, the provider's own behind it, and back.

Purpose: an ASGI layer around the application. A request on one of Azure's paths becomes
the request of OpenAI's API that means the same; its answer, whole or streamed, is told
in Azure's words (`replies`). So both dialects have one store, one trainer and one set
of rules.

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
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl, urlencode

from starlette.concurrency import run_in_threadpool
from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from helpers.provider import errors
from helpers.provider.azure import control_plane, imports, names, translate
from helpers.provider.azure.deployments import OF_AZURE, TRAINING_TYPE
from helpers.provider.azure.replies import Buffered, Replies, Sizes
from helpers.provider.context import Provider, now
from helpers.provider.errors import ApiError, invalid
from helpers.provider.store import Session

# The application's own prefix; app.py has it for its routes.
_OWN = "/v1"
_PROJECT = re.compile(r"/api/projects/[^/]+(/openai(?:/v1)?/.*)")
_DEPLOYED = re.compile(r"/deployments/(?P<name>[^/]+)(?P<rest>/.*)")
_INFERENCE = frozenset(
    {
        "/chat/completions",
        "/completions",
        "/embeddings",
        "/responses",
        "/responses/input_tokens",
    }
)
_JOB = re.compile(r"/fine_tuning/jobs/(?P<id>[^/]+)")
_PAUSE = re.compile(r"/fine_tuning/jobs/(?P<id>[^/]+)/pause")
_CHECKPOINTS = re.compile(r"/fine_tuning/jobs/(?P<id>[^/]+)/checkpoints")
_CONTENT = re.compile(r"/files/(?P<id>[^/]+)/content")
# Where a path holds the name of a model.
_NAMED = (
    re.compile(r"(?P<head>/models/)(?P<name>.+)(?P<tail>)"),
    re.compile(r"(?P<head>/fine_tuning/checkpoints/)(?P<name>.+)(?P<tail>/perm.*)"),
)
_IMPORT = "/files/import"
_JOBS = "/fine_tuning/jobs"
_BATCHES = "/batches"
_READ = _INFERENCE | {_JOBS, _IMPORT, _BATCHES}
# Segments of a path of Resource Manager that know no case, as they are written here.
_ARM_WORDS = {
    word.lower(): word
    for word in (
        "subscriptions",
        "resourceGroups",
        "providers",
        "Microsoft.CognitiveServices",
        "accounts",
        "deployments",
        "skus",
        "models",
        "locations",
        "operationResults",
    )
}


def speaks_azure(path: str) -> bool:
    """Say whether a path is one of Azure's."""
    if path.startswith(("/openai/", "/api/projects/", "/msi/")):
        return True
    return path.lower().startswith("/subscriptions/")


def plane_of(path: str) -> str:
    """Return the plane that a path of Azure's belongs to: DATED, V1 or ARM."""
    inner = _PROJECT.fullmatch(path)
    path = inner[1] if inner else path
    if not path.startswith("/openai/"):
        return translate.ARM
    return translate.V1 if path.startswith("/openai/v1/") else translate.DATED


def refusal(scope: Scope, fault: ApiError) -> Response | None:
    """Return the answer of a refusal in Azure's words; None for OpenAI's paths."""
    path = scope["path"]
    if not speaks_azure(path):
        return None
    return _answer_of(fault, plane_of(path))


def _answer_of(fault: ApiError, plane: str) -> Response:
    body = translate.error(fault.body(), fault.status, plane)
    return JSONResponse(body, fault.status, errors.headers_of(fault))


@dataclass
class Call:
    """A request on its way through.

    Attributes:
        method: of HTTP.
        rest: the path behind `/v1`, as OpenAI's API has it.
        plane: DATED, V1 or ARM.
        path: as the client wrote it.
        deployment: named in the path; None where it is in the body, or nowhere.
        body: the JSON body of a request whose body had to be read.
    """

    method: str
    rest: str
    plane: str
    path: str
    deployment: str | None = None
    body: dict[str, Any] | None = None

    @property
    def creates(self) -> bool:
        """Whether the dated data plane answers this with 201 and an address."""
        return self.method == "POST" and self.rest in ("/files", _JOBS)


class Gateway:
    """The ASGI layer.

    Args:
        app: the application that speaks OpenAI's dialect.
        provider: everything behind it.
    """

    def __init__(self, app: ASGIApp, provider: Provider) -> None:
        self._app, self._provider = app, provider
        self._sizes = Sizes()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or not speaks_azure(scope["path"]):
            await self._app(scope, receive, send)
            return
        plane, begun = plane_of(scope["path"]), False

        async def watched(message: Message) -> None:
            nonlocal begun
            begun = True
            await send(message)

        try:
            await self._handle(scope, receive, watched)
        except Exception as fault:
            if begun:
                raise  # there is no taking back; the server logs it
            await _answer_of(errors.of_fault(fault), plane)(scope, receive, send)

    async def _handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        call = _call_of(scope)
        if call.plane == translate.ARM:
            scope["path"] = _with_arm_words(call.path)
        else:
            receive = await self._prepare(call, scope, receive)
            own = await run_in_threadpool(self._own_answer, call, scope)
            if own is not None:
                await own(scope, receive, send)
                return
            # The same dict, not a copy: a route marks in it that it counts its body.
            scope["path"] = _OWN + call.rest
        scope["raw_path"] = scope["path"].encode("utf-8", "replace")
        replies = await run_in_threadpool(
            Replies, self._provider, call, scope, self._sizes
        )
        await self._app(scope, receive, Buffered(send, replies.whole, replies.piece))

    # ------------------------------------------------------------------- requests

    async def _prepare(self, call: Call, scope: Scope, receive: Receive) -> Receive:
        """Turn the request into OpenAI's; returns where its body comes from."""
        if call.deployment is not None and call.rest not in _INFERENCE:
            raise ApiError(404, "Resource not found", code="404")
        await run_in_threadpool(self._rename, call, scope)
        if call.method != "POST" or call.rest not in _READ:
            return receive
        raw = await _read(receive)
        try:
            body = json.loads(raw)
        except (ValueError, RecursionError):
            body = None
        if not isinstance(body, dict):
            return _said(raw, receive)  # the application says what is wrong with it
        call.body = body
        if call.rest in _INFERENCE:
            await run_in_threadpool(self._deploy, call)
        elif call.rest == _JOBS:
            await run_in_threadpool(self._as_openais_job, call, scope)
        elif call.rest == _BATCHES:
            _as_openais_batch(call.body)
            scope[OF_AZURE] = True
        try:
            return _said(json.dumps(call.body).encode(), receive)
        except RecursionError as fault:
            message = "The JSON of this request is nested too deeply."
            raise invalid(message, None) from fault

    def _rename(self, call: Call, scope: Scope) -> None:
        """Put own names and ids where path and query have Azure's."""
        store = self._provider.store
        for pattern in _NAMED:
            if (match := pattern.fullmatch(call.rest)) is not None:
                with store.read() as session:
                    own = names.own_name(session, match["name"])
                call.rest = match["head"] + own + match["tail"]
        of_job = _CHECKPOINTS.fullmatch(call.rest)
        if of_job is None and call.rest != "/chat/completions":
            return
        given = scope.get("query_string", b"").decode("latin-1")
        pairs = parse_qsl(given, keep_blank_values=True)
        with store.read() as session:
            for number, (name, value) in enumerate(pairs):
                if name == "after" and of_job is not None:
                    value = names.own_cursor(session, of_job["id"], value)
                elif name == "model":
                    value = names.own_name(session, value)
                pairs[number] = (name, value)
        scope["query_string"] = urlencode(pairs).encode()

    def _deploy(self, call: Call) -> None:
        """Put the model's name where the deployment's stands."""
        name = call.deployment or call.body.get("model")
        if not isinstance(name, str):
            return
        # JSON can hold half a character, a database and an answer cannot.
        name = name.encode("utf-8", "replace").decode()
        here = self._provider
        with here.store.read() as session:
            row = control_plane.living(here, session, name)
        seconds = here.settings.deployment_seconds
        state = None if row is None else row.state(time.time(), seconds)
        if state != "Succeeded":
            waits = "" if state is None else f" Its provisioning state is {state}."
            raise ApiError(
                404,
                "The API deployment for this resource does not exist. If you created "
                "the deployment within the last 5 minutes, please wait a moment and "
                f"try again. (Deployment: '{name[:100]}'.{waits})",
                code="DeploymentNotFound",
            )
        call.body["model"] = row.model

    def _as_openais_job(self, call: Call, scope: Scope) -> None:
        """Say a new job as OpenAI's API has it; the trainingType goes beside it."""
        body = call.body
        if isinstance(body.get("model"), str):
            with self._provider.store.read() as session:
                body["model"] = names.own_name(session, body["model"])
        scope[TRAINING_TYPE] = translate.training_type(body)
        method = body.get("method")
        parts = list(method.values()) if isinstance(method, dict) else []
        for part in (body, *parts):
            if isinstance(part, dict) and "hyperparameters" in part:
                part["hyperparameters"] = translate.autos(part["hyperparameters"])

    # --------------------------------------------------- what only Azure has

    def _own_answer(self, call: Call, scope: Scope) -> Response | None:
        """Answer what OpenAI's API lacks; None where the application shall answer.

        Raises:
            ApiError: Azure does not allow it.
        """
        verb = (call.method, call.rest)
        if verb == ("POST", _IMPORT):
            return imports.import_file(self._provider, call.body, scope)
        if call.method == "DELETE" and (match := _JOB.fullmatch(call.rest)):
            return self._delete_job(match["id"])
        if call.method == "GET" and (match := _CONTENT.fullmatch(call.rest)):
            return self._results(match["id"])
        if call.method == "POST" and (match := _PAUSE.fullmatch(call.rest)):
            self._check_pause(match["id"])
        return None

    def _delete_job(self, job_id: str) -> Response:
        """Delete a job that has ended, with its log; its models stay."""
        with self._provider.store.write() as session:
            job = session.job(job_id)
            if job is None:
                raise errors.no_such_job(job_id)
            if not job.is_final:
                raise invalid(
                    f"The job {job_id} has not ended. Cancel it or wait for its end, "
                    "then delete it.",
                    "id",
                    "unexpectedEntityState",
                )
            if job.deleted_at is None:
                session.hide_job(job_id, now())
        # Also the second time: clients repeat what they have heard no answer to.
        return Response(status_code=204)

    def _check_pause(self, job_id: str) -> None:
        """Raise it where Azure does not pause, so that a pause leaves a checkpoint."""
        with self._provider.store.read() as session:
            job = session.shown_job(job_id)
        if job is None or job.is_final or job.state in ("pausing", "paused"):
            return  # the application's to answer
        if job.state != "running" or job.last_step < 1:
            raise invalid(
                f"The job {job_id} cannot be paused yet (status: "
                f"{translate.state(job)}). A job can be paused when it is running and "
                "at least one training step is done.",
                "id",
                "unexpectedEntityState",
            )

    def _results(self, file_id: str) -> Response | None:
        """Return a result file as Azure has it: plain, with columns of its own."""
        with self._provider.store.read() as session:
            content = results_of(session, file_id)
        if content is None:
            return None
        return Response(content, media_type="application/octet-stream")


def results_of(session: Session, file_id: str) -> bytes | None:
    """Return the content of a result file that exists; None for any other file."""
    job = session.job_of_result(file_id)
    if job is None or session.file(file_id, now()) is None:
        return None
    return imports.results_csv(session.metrics_of_job(job.id), job.method)


def _as_openais_batch(body: dict[str, Any]) -> None:
    """Write the endpoint as OpenAI does; Azure's guide leaves the "/v1" out, too."""
    endpoint = body.get("endpoint")
    bare = isinstance(endpoint, str) and endpoint.startswith("/")
    if bare and not endpoint.startswith(_OWN + "/"):
        body["endpoint"] = _OWN + endpoint


def _call_of(scope: Scope) -> Call:
    """Read one of Azure's paths."""
    path = scope["path"]
    plane = plane_of(path)
    if plane == translate.ARM:
        return Call(scope["method"], path, plane, path)
    inner = _PROJECT.fullmatch(path)
    rest = (inner[1] if inner else path).removeprefix("/openai")
    if plane == translate.V1:
        rest = rest.removeprefix("/v1")
    deployed = _DEPLOYED.fullmatch(rest)
    if deployed is None:
        return Call(scope["method"], rest, plane, path)
    return Call(scope["method"], deployed["rest"], plane, path, deployed["name"])


def _with_arm_words(path: str) -> str:
    """Write the fixed segments of a Resource Manager path as the routes have them."""
    if not path.lower().startswith("/subscriptions/"):
        return path
    parts = path.split("/")
    for place, part in enumerate(parts):
        # Names stand in every second place, but for that of the resource provider.
        if place % 2 or parts[place - 1] == _ARM_WORDS["providers"]:
            parts[place] = _ARM_WORDS.get(part.lower(), part)
    return "/".join(parts)


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
