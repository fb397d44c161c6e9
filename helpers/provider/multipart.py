"""Receive a multipart upload in flat memory.

Purpose: the one file part streams to a draft on disk as it arrives, the few text fields
stay in memory, and everything is capped: bytes, parts, headers, field length. Parsing
and writing run in a thread, so that other requests are answered meanwhile.
It must never know what the file is for.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from fastapi import Request
from python_multipart.exceptions import MultipartParseError
from python_multipart.multipart import MultipartParser, parse_options_header
from starlette.concurrency import run_in_threadpool

from helpers.provider.blobs import CHUNK, Draft
from helpers.provider.errors import ApiError, invalid
from helpers.provider.guard import STREAMED
from helpers.provider.settings import Limits

_ENVELOPE = 1024 * 1024
_DRAIN = 2 * 1024 * 1024 * 1024


@dataclass
class Form:
    """What arrived.

    Args:
        fields: text fields by name; a nested one keeps its brackets.
        filename: as the client gave it, or None when no file part came.
        size: bytes of the file part.
    """

    fields: dict[str, str] = field(default_factory=dict)
    filename: str | None = None
    size: int = 0


def _broken(reason: str) -> ApiError:
    return ApiError(400, f"The multipart body of this request is broken: {reason}.")


class _Receiver:
    """Callbacks of the parser; one instance per request."""

    def __init__(
        self, draft: Draft, file_field: str, limits: Limits, noun: str
    ) -> None:
        self.form = Form()
        self.finished = False
        self._draft = draft
        self._file_field = file_field
        self._limits = limits
        self._noun = noun
        self._parts = 0
        self._name = ""
        self._is_file = False
        self._text = bytearray()
        self._header = bytearray()
        self._value = bytearray()
        self._headers: dict[bytes, bytes] = {}

    def callbacks(self) -> dict:
        return {
            "on_part_begin": self._part_begin,
            "on_header_field": self._header_field,
            "on_header_value": self._header_value,
            "on_header_end": self._header_end,
            "on_headers_finished": self._headers_finished,
            "on_part_data": self._part_data,
            "on_part_end": self._part_end,
            "on_end": self._end,
        }

    def _part_begin(self) -> None:
        self._parts += 1
        if self._parts > self._limits.multipart_parts:
            raise _broken(f"more than {self._limits.multipart_parts} parts")
        self._headers = {}
        self._text = bytearray()

    def _header_field(self, data: bytes, start: int, end: int) -> None:
        self._header += data[start:end]

    def _header_value(self, data: bytes, start: int, end: int) -> None:
        self._value += data[start:end]

    def _header_end(self) -> None:
        self._headers[bytes(self._header).lower()] = bytes(self._value)
        self._header, self._value = bytearray(), bytearray()

    def _headers_finished(self) -> None:
        disposition = self._headers.get(b"content-disposition", b"")
        _, options = parse_options_header(disposition)
        self._name = _text(options.get(b"name", b""), "a part's name")
        filename = options.get(b"filename")
        self._is_file = filename is not None
        if not self._is_file:
            return
        if self._name != self._file_field:
            raise invalid(
                f"Unexpected file part '{self._name}': the file belongs in "
                f"'{self._file_field}'.",
                self._name or None,
            )
        if self.form.filename is not None:
            raise _broken(f"'{self._file_field}' came more than once")
        self.form.filename = _text(filename, "the file's name")

    def _part_data(self, data: bytes, start: int, end: int) -> None:
        if not self._is_file:
            self._text += data[start:end]
            if len(self._text) > self._limits.multipart_field_bytes:
                raise _broken(f"the field '{self._name}' is too long")
            return
        self.form.size += end - start
        if self.form.size > self._limits.file_bytes:
            raise ApiError(
                413,
                f"The {self._noun} is larger than {self._limits.file_bytes} bytes, the "
                f"most that one {self._noun} may have. Split it into smaller "
                f"{self._noun}s.",
                param=self._file_field,
                code=f"{self._noun}_too_large",
            )
        self._draft.file.write(data[start:end])

    def _part_end(self) -> None:
        if self._is_file:
            return
        if self._name in self.form.fields:
            raise _broken(f"'{self._name}' came more than once")
        self.form.fields[self._name] = _text(bytes(self._text), self._name)

    def _end(self) -> None:
        self.finished = True


def _text(value: bytes, what: str) -> str:
    try:
        return value.decode("utf-8")
    except UnicodeDecodeError as fault:
        raise _broken(f"{what} is not UTF-8 text") from fault


async def receive_form(
    request: Request,
    draft: Draft,
    limits: Limits,
    file_field: str = "file",
    noun: str = "file",
) -> Form:
    """Read a multipart request, its file part into `draft`.

    The body is read to its end even when it is refused (up to 2 GiB), because a client
    that is cut off in mid-upload never sees the reason.

    Args:
        request: the request, body unread.
        draft: where the file part goes.
        limits: the caps; `file_bytes` is that of the file part.
        file_field: name of the file part.
        noun: what messages call the content of the file part.

    Raises:
        ApiError: the body is no multipart form, is broken or too large.
        OSError: the disk is full.
    """
    kind, options = parse_options_header(request.headers.get("content-type", ""))
    boundary = options.get(b"boundary", b"")
    if kind != b"multipart/form-data" or not boundary:
        raise ApiError(
            415,
            "This API method only accepts 'multipart/form-data' requests, with the "
            f"file in the part '{file_field}'.",
            code="unsupported_content_type",
        )
    request.scope[STREAMED] = True  # the caps below take the place of the guard's
    receiver = _Receiver(draft, file_field, limits, noun)
    parser = MultipartParser(boundary, receiver.callbacks())
    cap = limits.file_bytes + _ENVELOPE
    seen = 0
    fault: Exception | None = None
    pending = bytearray()

    def feed(data: bytes) -> None:
        try:
            parser.write(data)
        except MultipartParseError as broken:
            raise _broken("its parts cannot be told apart") from broken

    async for piece in request.stream():
        seen += len(piece)
        if fault is not None:
            if seen > _DRAIN:
                break
            continue
        pending += piece
        if len(pending) >= CHUNK:
            data, pending = bytes(pending), bytearray()
            try:
                await run_in_threadpool(feed, data)
                if seen > cap and receiver.form.filename is None:
                    raise _broken("it is too long")
            except (ApiError, OSError) as problem:
                fault = problem
    if fault is not None:
        raise fault
    if pending:
        await run_in_threadpool(feed, bytes(pending))
    if not receiver.finished:
        raise _broken("it ends before its closing boundary")
    return receiver.form
