"""Every error answer, in the one shape that OpenAI's clients understand.

Purpose: `{"error": {"message", "type", "param", "code"}}`, all four always there, with
the status that makes the client raise the right class. Whatever trying again cannot
mend says `x-should-retry: false`; conflicts are 400, because clients repeat a 409.
Source: openai-python 3.54.0 and OpenAI's API reference, read 2026-11-22.
"""

from __future__ import annotations

import errno
import logging
import sqlite3
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.responses import JSONResponse, Response

log = logging.getLogger(__name__)

INVALID_REQUEST = "invalid_request_error"


class ApiError(HTTPException):
    """An answer that says no: raised anywhere below a route, sent by `install`.

    It is an HTTPException so that FastAPI lets it through while it reads a body.

    Args:
        status: HTTP status, 400 for everything a caller can mend.
        message: what was found, what was expected, how to mend it.
        param: the request field at fault, or None.
        code: OpenAI's machine-readable code, or None.
        type: OpenAI's error type.
        retry_after: seconds after which the same request may well succeed, or None
            where trying again is of no use.
        close: whether the connection ends with this answer.
    """

    def __init__(
        self,
        status: int,
        message: str,
        *,
        param: str | None = None,
        code: str | None = None,
        type: str = INVALID_REQUEST,
        retry_after: int | None = None,
        close: bool = False,
    ) -> None:
        super().__init__(status, message)
        self.retry_after = retry_after
        self.close = close
        self.status = status
        self.message = message
        self.param = param
        self.code = code
        self.type = type

    def body(self) -> dict[str, Any]:
        """Return the JSON body."""
        return error_body(
            self.message, type=self.type, param=self.param, code=self.code
        )


def error_body(
    message: str,
    *,
    type: str = INVALID_REQUEST,
    param: str | None = None,
    code: str | None = None,
) -> dict[str, Any]:
    """Return an error body with all four fields, as the specification requires."""
    return {"error": {"message": message, "type": type, "param": param, "code": code}}


def error_response(fault: ApiError) -> Response:
    """Return the HTTP answer of an error."""
    return JSONResponse(
        fault.body(), status_code=fault.status, headers=headers_of(fault)
    )


def headers_of(fault: ApiError) -> dict[str, str]:
    """Return what the answer of an error has in its head."""
    headers = {}
    if fault.retry_after is not None:
        headers["retry-after"] = str(fault.retry_after)
    elif fault.status < 500:
        headers["x-should-retry"] = "false"
    if fault.close:
        headers["connection"] = "close"
    if fault.status == 401:
        headers["www-authenticate"] = "Bearer"
    return headers


def invalid(message: str, param: str | None, code: str | None = None) -> ApiError:
    """Return a 400 about one field of the request."""
    return ApiError(400, message, param=param, code=code)


def not_served(what: str, param: str) -> ApiError:
    """Return the 400 of something the real API has and this provider lacks so far."""
    return ApiError(
        400,
        f"{what} is not served by this local provider yet. "
        f"Leave '{param}' out, or use a hosted provider for this request.",
        param=param,
        code="unsupported_parameter",
    )


def no_such_file(file_id: str, param: str = "id") -> ApiError:
    """Return OpenAI's 404 of an unknown file."""
    return ApiError(404, f"No such File object: {file_id}", param=param)


def no_such_job(job_id: str) -> ApiError:
    """Return OpenAI's 404 of an unknown fine-tuning job."""
    return ApiError(
        404,
        f"Could not find fine tune: {job_id}",
        param="fine_tune_id",
        code="fine_tune_not_found",
    )


def no_such_completion(completion_id: str) -> ApiError:
    """Return the 404 of a chat completion that is not stored."""
    return ApiError(
        404,
        f"No stored chat completion found with id '{completion_id}'. Only completions "
        "created with 'store': true are kept, and of those the newest.",
        param="completion_id",
    )


def no_such_response(response_id: str) -> ApiError:
    """Return OpenAI's 404 of a response that is not stored."""
    return ApiError(
        404,
        f"Response with id '{response_id}' not found. Responses created with 'store': "
        "false are not kept, and of the others only the newest.",
        param="response_id",
    )


def no_previous_response(response_id: str, missing: str) -> ApiError:
    """Return OpenAI's 400 of a conversation that cannot be gone on with.

    Args:
        response_id: the response that was to be gone on from.
        missing: the one that is not there, it or one before it.
    """
    message = f"Previous response with id '{response_id}' not found."
    if missing != response_id:
        message = (
            f"The conversation before the response '{response_id}' is not complete: "
            f"'{missing}' is not there any more."
        )
    return invalid(
        f"{message} Responses created with 'store': false are not kept, and of the "
        "others only the newest. Send the conversation in 'input' instead.",
        "previous_response_id",
        "previous_response_not_found",
    )


def no_such_batch(batch_id: str) -> ApiError:
    """Return OpenAI's 404 of an unknown batch."""
    return ApiError(404, f"No batch found with id '{batch_id}'.", param="batch_id")


def no_such_model(name: str) -> ApiError:
    """Return OpenAI's 404 of an unknown model."""
    return ApiError(
        404,
        f"The model '{name}' does not exist",
        param="model",
        code="model_not_found",
    )


def disk_is_full() -> ApiError:
    """Return the 400 of a full disk: trying again would only fill it further."""
    return ApiError(
        400,
        "There is not enough free space on the provider's disk for this request. "
        "Delete files and models you no longer need, or free some space, and try "
        "again.",
        code="insufficient_storage",
    )


def too_busy(message: str, retry_after: int) -> ApiError:
    """Return the 429 of a cap that will have room again soon.

    429 and not 503: the `openai` client repeats both after `Retry-After`, but a 429
    becomes its RateLimitError, which programs for hosted services expect and handle;
    a 503 becomes InternalServerError, which reads as if something were broken.
    """
    return ApiError(
        429,
        message,
        type="rate_limit_error",
        code="rate_limit_exceeded",
        retry_after=retry_after,
    )


def from_os_error(fault: OSError) -> ApiError | None:
    """Return the answer of a disk that is full, or None for any other fault."""
    full = {errno.ENOSPC, errno.EFBIG, getattr(errno, "EDQUOT", errno.ENOSPC)}
    return disk_is_full() if fault.errno in full else None


_EXPECTED = {
    "string_type": "a string",
    "int_type": "an integer",
    "int_from_float": "an integer",
    "float_type": "a decimal",
    "bool_type": "a boolean",
    "list_type": "an array",
    "dict_type": "an object",
    "model_type": "an object",
    "model_attributes_type": "an object",
}


def _found(value: Any) -> str:
    names = {
        bool: "a boolean",
        str: "a string",
        int: "an integer",
        float: "a decimal",
        list: "an array",
        dict: "an object",
        type(None): "null",
    }
    return names.get(type(value), "something else")


def path_of(location: tuple[int | str, ...]) -> str | None:
    """Write `("body", "messages", 0, "role")` as OpenAI does: `messages[0].role`."""
    text = ""
    for part in location[1:]:
        if isinstance(part, int):
            text += f"[{part}]"
        else:
            text += f".{part}" if text else part
    return text or None


def _bound(problem: dict[str, Any], name: str) -> tuple[str, str]:
    value = problem["input"]
    context = problem.get("ctx", {})
    kind = problem["type"]
    noun = "decimal" if isinstance(value, float) else "integer"
    if kind in ("greater_than_equal", "greater_than"):
        word = ">=" if kind.endswith("equal") else ">"
        limit = context.get("ge", context.get("gt"))
        return (
            f"Invalid '{name}': {noun} below minimum value. Expected a value "
            f"{word} {limit}, but got {value} instead.",
            f"{noun}_below_min_value",
        )
    word = "<=" if kind.endswith("equal") else "<"
    limit = context.get("le", context.get("lt"))
    return (
        f"Invalid '{name}': {noun} above maximum value. Expected a value "
        f"{word} {limit}, but got {value} instead.",
        f"{noun}_above_max_value",
    )


def from_validation(problem: dict[str, Any]) -> ApiError:
    """Say one of pydantic's findings in the words that OpenAI's API uses."""
    param = path_of(problem["loc"])
    kind = problem["type"]
    name = param or "body"
    code: str | None = "invalid_value"
    if kind == "missing" and param is None:
        message = (
            "This request needs a JSON body: send an object with the header "
            "'Content-Type: application/json'."
        )
        code = None
    elif kind == "missing":
        message = f"Missing required parameter: '{name}'."
        code = "missing_required_parameter"
    elif kind == "extra_forbidden":
        message = f"Unknown parameter: '{name}'."
        code = "unknown_parameter"
    elif kind == "json_invalid":
        reason = problem.get("ctx", {}).get("error", "not JSON")
        message = (
            "We could not parse the JSON body of your request. (HINT: This likely "
            f"means you aren't using your HTTP library correctly: {reason}.)"
        )
        param, code = None, None
    elif kind in _EXPECTED:
        message = (
            f"Invalid type for '{name}': expected {_EXPECTED[kind]}, but got "
            f"{_found(problem['input'])} instead."
        )
        code = "invalid_type"
    elif kind in (
        "greater_than_equal",
        "greater_than",
        "less_than_equal",
        "less_than",
    ):
        message, code = _bound(problem, name)
    else:
        message = f"Invalid value for '{name}': {problem['msg']}."
    return ApiError(400, message, param=param, code=code)


def install(app: FastAPI) -> None:
    """Make every way a request can fail end in an OpenAI error body."""

    @app.exception_handler(ApiError)
    async def _api_error(_: Request, fault: ApiError) -> Response:
        return error_response(fault)

    @app.exception_handler(RequestValidationError)
    async def _validation(_: Request, fault: RequestValidationError) -> Response:
        return error_response(from_validation(fault.errors()[0]))

    @app.exception_handler(HTTPException)
    async def _http(request: Request, fault: HTTPException) -> Response:
        line = f"{request.method} {request.url.path}"
        if fault.status_code == 404:
            message = f"Invalid URL ({line})"
            return error_response(ApiError(404, message, code="unknown_url"))
        if fault.status_code == 405:
            message = f"Not allowed to {request.method} on {request.url.path}"
            return error_response(ApiError(405, message, code="method_not_supported"))
        return error_response(ApiError(fault.status_code, str(fault.detail)))

    @app.exception_handler(ClientDisconnect)
    async def _gone(_: Request, __: ClientDisconnect) -> Response:
        return Response(status_code=499)  # nobody reads it

    @app.exception_handler(OSError)
    async def _os_error(_: Request, fault: OSError) -> Response:
        known = from_os_error(fault)
        return error_response(known) if known else _internal(fault)

    @app.exception_handler(sqlite3.OperationalError)
    async def _database(_: Request, fault: sqlite3.OperationalError) -> Response:
        return _internal(fault)

    @app.exception_handler(Exception)
    async def _unexpected(_: Request, fault: Exception) -> Response:
        return _internal(fault)


def _internal(fault: Exception) -> Response:
    return error_response(of_fault(fault))


def of_fault(fault: Exception) -> ApiError:
    """Return the answer of any exception; one that nobody expected is logged."""
    if isinstance(fault, ApiError):
        return fault
    known = from_os_error(fault) if isinstance(fault, OSError) else None
    if known is not None:
        return known
    if getattr(fault, "sqlite_errorcode", None) == sqlite3.SQLITE_FULL:
        return disk_is_full()
    log.error("a request failed", exc_info=fault)
    return ApiError(
        500,
        "The provider had an error while processing your request. "
        "Its log (server.log in the provider's folder) says more.",
        type="server_error",
    )
