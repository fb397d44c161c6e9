"""The file of a batch: one request a line, read and checked in flat memory.

Purpose: `read_requests` gives the lines as requests or as what is wrong with them;
`check` says whether a batch can run. What a body means is not checked here: the route
that answers it does that, as for every other request.
Sources: OpenAI's batch guide and API reference, read 2026-11-23.
It must never know about HTTP or the database.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from helpers.provider.settings import Limits


@dataclass(frozen=True)
class BatchRequest:
    """A line of the file; `number` counts lines from 1."""

    number: int
    custom_id: str
    body: dict[str, Any]


class BadLine(Exception):
    """What is wrong with a line.

    Args:
        code: for programs.
        message: what was found, what was expected.
        param: the field at fault, or None.
    """

    def __init__(self, code: str, message: str, param: str | None = None) -> None:
        super().__init__(message)
        self.code, self.message, self.param = code, message, param


@dataclass(frozen=True)
class Checked:
    """What `check` found: the number of requests and their model, or the errors."""

    total: int
    model: str | None
    errors: list[dict[str, Any]]


def _lines(path: Path, most_bytes: int) -> Iterator[tuple[int, bytes]]:
    """Yield the lines that are not blank; one that is too long is cut behind the cap"""
    with open(path, "rb") as file:
        number = 0
        while line := file.readline(most_bytes + 1):
            number += 1
            rest = line
            while len(line) > most_bytes and rest and not rest.endswith(b"\n"):
                rest = file.readline(most_bytes)
            if number == 1:
                line = line.removeprefix(b"\xef\xbb\xbf")
            if line.strip():
                yield number, line


def _required(row: dict[str, Any], name: str, kind: type, noun: str) -> Any:
    if name not in row:
        raise BadLine(
            "missing_required_parameter", f"Missing required parameter: '{name}'.", name
        )
    if not isinstance(row[name], kind) or not row[name]:
        raise BadLine(
            "invalid_type", f"Invalid value for '{name}': expected {noun}.", name
        )
    return row[name]


def _request(
    number: int, line: bytes, endpoint: str, limits: Limits, bare_urls: bool
) -> BatchRequest:
    if len(line) > limits.json_bytes:
        raise BadLine(
            "request_too_large",
            f"This line is longer than the {limits.json_bytes} bytes that a request "
            "may have.",
        )
    try:
        row = json.loads(line)
    except (ValueError, RecursionError) as fault:
        message = "This line is not parseable as valid JSON."
        raise BadLine("invalid_json_line", message) from fault
    if not isinstance(row, dict):
        raise BadLine(
            "invalid_json_line",
            "This line is not a JSON object. Expected an object with the fields "
            "'custom_id', 'method', 'url' and 'body'.",
        )
    custom_id = _required(row, "custom_id", str, "a string that is not empty")
    if len(custom_id) > limits.batch_custom_id:
        raise BadLine(
            "string_above_max_length",
            f"Invalid 'custom_id': expected at most {limits.batch_custom_id} "
            f"characters, but got {len(custom_id)}.",
            "custom_id",
        )
    method = _required(row, "method", str, "'POST'")
    if method != "POST":
        raise BadLine(
            "invalid_method",
            f"Invalid value for 'method': expected 'POST', but got '{method[:50]}'.",
            "method",
        )
    url = _required(row, "url", str, f"'{endpoint}'")
    if url != endpoint and not (bare_urls and f"/v1{url}" == endpoint):
        raise BadLine(
            "invalid_url",
            f"The URL '{url[:100]}' of this request is not the endpoint of the batch, "
            f"'{endpoint}'.",
            "url",
        )
    body = _required(row, "body", dict, "an object with the request")
    return BatchRequest(number, custom_id, body)


def read_requests(
    path: Path, endpoint: str, limits: Limits, bare_urls: bool = False
) -> Iterator[BatchRequest | tuple[int, BadLine]]:
    """Yield the requests of a file, and the lines that are none with their fault.

    Args:
        path: the file.
        endpoint: that every line has to name.
        limits: caps on lines and ids.
        bare_urls: lines may leave out the "/v1" of the endpoint, as Azure's do.
    """
    for number, line in _lines(path, limits.json_bytes):
        try:
            yield _request(number, line, endpoint, limits, bare_urls)
        except BadLine as fault:
            yield number, fault


def _check_body(body: dict[str, Any], model: str | None) -> str:
    """Return the model of a request, or raise what no batch can do."""
    if not isinstance(body.get("model"), str):
        raise BadLine(
            "missing_required_parameter",
            "Missing required parameter: 'body.model', a string.",
            "body.model",
        )
    if model is not None and body["model"] != model:
        raise BadLine(
            "mismatched_model",
            f"The model '{body['model'][:100]}' of this request is not the model of "
            f"the lines before, '{model[:100]}'. All requests of a batch must be for "
            "one model: make one batch for each.",
            "body.model",
        )
    if body.get("stream"):
        raise BadLine(
            "unsupported_parameter",
            "A batch has no streams. Leave 'stream' out, or set it to false.",
            "body.stream",
        )
    return body["model"]


def _inputs(body: dict[str, Any]) -> int:
    """Return how many vectors an embedding request asks for."""
    given = body.get("input")
    texts = isinstance(given, list) and given and isinstance(given[0], str | list)
    return len(given) if texts else 1


class _Checker:
    """What is known of the lines so far."""

    def __init__(self, endpoint: str, limits: Limits) -> None:
        self._embeds = endpoint == "/v1/embeddings"
        self._limits = limits
        self._seen: set[str] = set()
        self._vectors = 0
        self.total = 0
        self.model: str | None = None

    def take(self, request: BatchRequest) -> None:
        """Count a request in, or raise why it cannot be part of this batch."""
        self.total += 1
        if self.total > self._limits.batch_lines:
            raise BadLine(
                "too_many_requests",
                f"The file has more than the {self._limits.batch_lines} requests that "
                "a batch may have. Send them in several batches.",
            )
        if request.custom_id in self._seen:
            raise BadLine(
                "duplicate_custom_id",
                f"The custom_id '{request.custom_id[:100]}' stands on an earlier line "
                "too. Each request of a batch needs one of its own.",
                "custom_id",
            )
        self._seen.add(request.custom_id)
        model = _check_body(request.body, self.model)
        self.model = self.model or model
        if not self._embeds:
            return
        self._vectors += _inputs(request.body)
        if self._vectors > self._limits.batch_embedding_inputs:
            raise BadLine(
                "too_many_embedding_inputs",
                f"The file has more than the {self._limits.batch_embedding_inputs} "
                "embedding inputs that a batch may have, over all its requests.",
                "body.input",
            )


# Nothing behind these is worth reading: the batch is too large as it is.
_TOO_MANY = ("too_many_requests", "too_many_embedding_inputs")


def error(code: str, message: str, line: int | None = None, param: str | None = None):
    """Return an error of a batch as it is kept and shown."""
    return {"code": code, "message": message, "line": line, "param": param}


def check(
    path: Path, endpoint: str, limits: Limits, bare_urls: bool = False
) -> Checked:
    """Say whether a batch can run.

    Args:
        path: the file.
        endpoint: that every line has to name.
        limits: caps on the file; of the errors, the first `batch_errors` are told.
        bare_urls: see `read_requests`.

    Returns:
        The number of requests and their model; errors if it cannot.
    """
    checker = _Checker(endpoint, limits)
    errors: list[dict[str, Any]] = []
    for item in read_requests(path, endpoint, limits, bare_urls):
        try:
            if isinstance(item, tuple):
                number, fault = item
                raise fault
            number = item.number
            checker.take(item)
        except BadLine as fault:
            errors.append(error(fault.code, fault.message, number, fault.param))
            if fault.code in _TOO_MANY or len(errors) >= limits.batch_errors:
                break
    if not errors and not checker.total:
        errors.append(error("empty_file", "The file has no requests: it is empty."))
    return Checked(checker.total, checker.model, errors)
