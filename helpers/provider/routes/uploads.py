"""Uploads in parts: create, add a part, complete to a file, cancel."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated

from fastapi import APIRouter, Depends, Request
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from helpers.provider import views
from helpers.provider.context import Provider, now, provider_of
from helpers.provider.errors import ApiError, from_os_error, invalid
from helpers.provider.ids import new_id
from helpers.provider.multipart import Form, receive_form
from helpers.provider.routes.files import check_name, check_number, check_purpose
from helpers.provider.routes.retrying import retries
from helpers.provider.schemas import CompleteUpload, CreateUpload
from helpers.provider.store import File, Session
from helpers.provider.uploads import (
    CANCELLED,
    COMPLETED,
    PENDING,
    Upload,
    UploadPart,
)

router = APIRouter(prefix="/uploads")
Here = Annotated[Provider, Depends(provider_of)]

_DATA = "data"
# JSON Lines has no registered type; these are the ones in use.
JSONL_TYPES = (
    "application/jsonl",
    "application/jsonlines",
    "application/x-jsonlines",
    "application/x-ndjson",
    "text/jsonl",
)


@router.post("")
def create_upload(payload: CreateUpload, here: Here) -> Response:
    """Begin an upload."""
    limits = here.settings.limits
    check_purpose(payload.purpose)
    # An upload has two ways to say what it holds, and one of them is enough.
    if not _says_jsonl(payload.mime_type):
        check_name(payload.filename, payload.purpose, "filename")
    if payload.bytes > limits.upload_bytes:
        raise invalid(
            "Invalid 'bytes': integer above maximum value. Expected a value <= "
            f"{limits.upload_bytes}, but got {payload.bytes} instead.",
            "bytes",
            "integer_above_max_value",
        )
    # While it is completed, the parts and the file are both on the disk.
    here.blobs.check_space(2 * payload.bytes)
    life = payload.expires_after
    created_at = now()
    with here.store.write() as session:
        if session.count_pending_uploads(created_at) >= limits.open_uploads:
            raise ApiError(
                429,
                f"{limits.open_uploads} uploads are pending, the most that this "
                "provider keeps open. Complete or cancel some of them, or wait: each "
                f"expires {limits.upload_seconds} seconds after it was created.",
                type="rate_limit_error",
                code="rate_limit_exceeded",
            )
        upload = session.add_upload(
            id=new_id("upload_"),
            created_at=created_at,
            expires_at=created_at + limits.upload_seconds,
            filename=payload.filename,
            purpose=payload.purpose,
            bytes=payload.bytes,
            file_seconds=None if life is None else life.seconds,
        )
    return views.answer(views.upload_view(upload))


def _says_jsonl(mime_type: str) -> bool:
    kind = mime_type.partition(";")[0].strip().lower()
    return kind in JSONL_TYPES


def _find(session: Session, upload_id: str) -> Upload:
    upload = session.upload(upload_id)
    if upload is None:
        raise ApiError(404, f"No such Upload object: {upload_id}", param="upload_id")
    return upload


def _find_pending(session: Session, upload_id: str) -> Upload:
    upload = _find(session, upload_id)
    state = upload.state_at(now())
    if state != PENDING:
        raise ApiError(
            400,
            f"The upload '{upload_id}' is {state}, so nothing more can be done with "
            "it. Create a new upload.",
            param="upload_id",
            code="invalid_upload_state",
        )
    return upload


@router.post("/{upload_id}/parts")
async def add_part(upload_id: str, request: Request, here: Here) -> Response:
    """Take a part in, streaming it to disk; parts may come side by side."""
    limits = here.settings.limits
    caps = replace(limits, file_bytes=limits.upload_part_bytes)
    length = request.headers.get("content-length", "0")
    try:
        size = min(int(length), caps.file_bytes)
        await run_in_threadpool(here.blobs.check_space, size)
        with here.blobs.writing() as draft:
            form = await receive_form(request, draft, caps, _DATA, "part")
            _check_part(form)
            blob = await run_in_threadpool(draft.keep)
    except OSError as fault:
        known = from_os_error(fault)
        if known is None:
            raise
        raise known from fault
    part = await run_in_threadpool(_add, here, upload_id, blob, form.size)
    return views.answer(views.upload_part_view(part))


def _check_part(form: Form) -> None:
    for name in form.fields:
        if name != _DATA:
            raise invalid(
                f"Unrecognized parameter '{name[:100]}': a part has '{_DATA}' only.",
                name[:100],
                "unknown_parameter",
            )
    if form.filename is None:
        raise invalid(
            f"Missing required parameter: '{_DATA}'. Send the bytes as a file, that "
            "is with a filename in the header of this part of the form.",
            _DATA,
            "missing_required_parameter",
        )
    if form.size == 0:
        raise invalid("The part is empty.", _DATA, "invalid_value")


def _add(here: Provider, upload_id: str, blob: str, size: int) -> UploadPart:
    try:
        with here.store.write() as session:
            upload = _find_pending(session, upload_id)
            _check_room(here, session, upload, size)
            return session.add_upload_part(
                id=new_id("part_"),
                upload_id=upload_id,
                created_at=now(),
                bytes=size,
                blob=blob,
            )
    except BaseException:
        here.blobs.delete(blob)
        raise


def _check_room(here: Provider, session: Session, upload: Upload, size: int) -> None:
    """Refuse parts without end; a part that was sent twice is no fault."""
    limits = here.settings.limits
    parts, held = session.weigh_upload(upload.id)
    if parts >= limits.upload_parts:
        raise invalid(
            f"The upload '{upload.id}' has {parts} parts, the most it may have. Send "
            "larger parts in a new upload.",
            "upload_id",
            "too_many_parts",
        )
    most = max(2 * upload.bytes, upload.bytes + limits.upload_part_bytes)
    if held + size > most:
        raise invalid(
            f"The parts of the upload '{upload.id}' would hold {held + size} bytes, "
            f"but it was created for {upload.bytes}. Complete it with the parts that "
            "make up the file, or create a new upload.",
            _DATA,
            "upload_too_large",
        )


@router.post("/{upload_id}/complete")
def complete_upload(
    upload_id: str, payload: CompleteUpload, request: Request, here: Here
) -> Response:
    """Make a file of the parts, in the order that is asked for."""
    with here.store.read() as session:
        done = _done_before(session, request, upload_id, COMPLETED)
        if done is not None:
            return done
        upload = _find_pending(session, upload_id)
        parts = _parts_in_order(session, upload, payload.part_ids)
    here.blobs.check_space(upload.bytes)
    try:
        blob = _join(here, parts, payload.md5)
    except FileNotFoundError:
        # The parts went while they were read: the upload was ended by another call.
        with here.store.read() as session:
            _find_pending(session, upload_id)
        raise
    try:
        with here.store.write() as session:
            done = _done_before(session, request, upload_id, COMPLETED)
            if done is None:
                upload = _find_pending(session, upload_id)
                check_number(session, here.settings.limits.files)
                file = _add_file(session, upload, blob)
                stale = session.end_upload(upload_id, COMPLETED, now(), file.id)
                upload = session.upload(upload_id)
    except BaseException:
        here.blobs.delete(blob)
        raise
    if done is not None:
        here.blobs.delete(blob)
        return done
    for name in stale:
        here.blobs.delete(name)
    return views.answer(views.upload_view(upload, file))


def _done_before(
    session: Session, request: Request, upload_id: str, state: str
) -> Response | None:
    """Return the answer if the client only repeats what it has done already."""
    upload = session.upload(upload_id)
    if retries(request) == 0 or upload is None or upload.state != state:
        return None
    file = session.file(upload.file_id, now()) if upload.file_id else None
    return views.answer(views.upload_view(upload, file))


def _parts_in_order(
    session: Session, upload: Upload, part_ids: list[str]
) -> list[UploadPart]:
    """Return the parts that make up the file, or raise what is wrong with them."""
    known = session.upload_parts(upload.id)
    seen: set[str] = set()
    for number, part_id in enumerate(part_ids):
        place = f"part_ids[{number}]"
        if part_id not in known:
            raise invalid(
                f"Invalid '{place}': the upload '{upload.id}' has no part "
                f"'{part_id[:100]}'.",
                place,
                "invalid_value",
            )
        if part_id in seen:
            raise invalid(
                f"Invalid '{place}': the part '{part_id}' is named twice.",
                place,
                "invalid_value",
            )
        seen.add(part_id)
    parts = [known[part_id] for part_id in part_ids]
    total = sum(part.bytes for part in parts)
    if total != upload.bytes:
        raise invalid(
            f"The parts hold {total} bytes, but the upload '{upload.id}' was created "
            f"for {upload.bytes} bytes. Name all parts of the file, add those that "
            "are missing, or create a new upload with the right number.",
            "part_ids",
            "upload_size_mismatch",
        )
    return parts


def _join(here: Provider, parts: list[UploadPart], md5: str | None) -> str:
    """Write the parts behind each other and return the new blob's name."""
    with here.blobs.writing() as draft:
        found = here.blobs.join((part.blob for part in parts), draft)
        if md5 is not None and md5.lower() != found:
            raise invalid(
                f"The MD5 checksum of the parts in this order is {found}, but "
                f"'{md5[:100]}' was given. Check the order of the parts, and that "
                "none of them changed on the way.",
                "md5",
                "md5_mismatch",
            )
        return draft.keep()


def _add_file(session: Session, upload: Upload, blob: str) -> File:
    created_at, life = now(), upload.file_seconds
    return session.add_file(
        id=new_id("file-"),
        blob=blob,
        filename=upload.filename,
        purpose=upload.purpose,
        bytes=upload.bytes,
        created_at=created_at,
        expires_at=None if life is None else created_at + life,
    )


@router.post("/{upload_id}/cancel")
def cancel_upload(upload_id: str, request: Request, here: Here) -> Response:
    """End an upload without a file."""
    with here.store.write() as session:
        done = _done_before(session, request, upload_id, CANCELLED)
        if done is not None:
            return done
        _find_pending(session, upload_id)
        stale = session.end_upload(upload_id, CANCELLED, now())
        upload = session.upload(upload_id)
    for name in stale:
        here.blobs.delete(name)
    return views.answer(views.upload_view(upload))
