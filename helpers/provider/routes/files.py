"""Files: upload, list, retrieve, delete, download."""

from __future__ import annotations

import base64
import unicodedata
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response, StreamingResponse

from helpers.provider import views
from helpers.provider.context import Provider, now, provider_of
from helpers.provider.errors import ApiError, from_os_error, invalid, no_such_file
from helpers.provider.ids import new_id
from helpers.provider.multipart import Form, receive_form
from helpers.provider.routes.paging import limit_of, page_or_error
from helpers.provider.routes.retrying import retries
from helpers.provider.schemas import LONGEST_LIFE, SHORTEST_LIFE
from helpers.provider.store import File, Session

router = APIRouter()
Here = Annotated[Provider, Depends(provider_of)]

PURPOSES = ("assistants", "batch", "fine-tune", "vision", "user_data")
# What clients call bytes that were given without a name.
UNNAMED = "upload"
RESULTS = "fine-tune-results"


@router.post("/files")
async def create_file(request: Request, here: Here) -> Response:
    """Take a file in, streaming it to disk."""
    length = request.headers.get("content-length", "0")
    try:
        size = min(int(length), here.settings.limits.file_bytes)
        await run_in_threadpool(here.blobs.check_space, size)
        with here.blobs.writing() as draft:
            form = await receive_form(request, draft, here.settings.limits)
            columns = _check(form)
            blob = await run_in_threadpool(draft.keep)
    except OSError as fault:
        known = from_os_error(fault)
        if known is None:
            raise
        raise known from fault
    file = await run_in_threadpool(add_file, here, blob, columns)
    return views.answer(views.file_view(file))


def add_file(here: Provider, blob: str, columns: dict[str, Any]) -> File:
    """Commit a new file whose content is on disk; without it the content goes."""
    try:
        with here.store.write() as session:
            check_number(session, here.settings.limits.files)
            return session.add_file(id=new_id("file-"), blob=blob, **columns)
    except BaseException:
        here.blobs.delete(blob)
        raise


def check_number(session: Session, most: int) -> None:
    """Raise it if there are as many files as this provider keeps."""
    if session.count_files() >= most:
        raise ApiError(
            400,
            f"This provider keeps {most} files, the most that it can. Delete files you "
            "no longer need.",
            code="too_many_files",
        )


def check_purpose(purpose: str) -> None:
    """Raise what is wrong with the purpose of a new file."""
    if purpose == "evals":
        raise invalid(
            "The purpose 'evals' is not served by this local provider. Use "
            "'user_data'.",
            "purpose",
            "unsupported_value",
        )
    if purpose not in PURPOSES:
        raise invalid(
            f"'{purpose[:100]}' is not one of {list(PURPOSES)} - 'purpose'",
            "purpose",
            "invalid_value",
        )


def check_name(name: str, purpose: str, param: str) -> None:
    """Raise it, naming `param`, if a new file's name is none, or not for its purpose.

    A name is only ever shown, never a path; but terminals obey control characters.
    """
    if any(unicodedata.category(character) == "Cc" for character in name):
        raise invalid(
            f"Invalid value for '{param}': the file's name holds a control character.",
            param,
            "invalid_value",
        )
    if purpose == "fine-tune" and name != UNNAMED and not name.endswith(".jsonl"):
        raise invalid(
            "Invalid file format for Fine-Tuning API. Must be .jsonl",
            param,
            "invalid_file_format",
        )


def _check(form: Form) -> dict[str, Any]:
    """Return the columns of a new file, or raise what is wrong with the form."""
    purpose = form.fields.get("purpose")
    if purpose is None:
        raise invalid(
            "Missing required parameter: 'purpose'.",
            "purpose",
            "missing_required_parameter",
        )
    check_purpose(purpose)
    if form.filename is None:
        raise invalid(
            "Missing required parameter: 'file'.", "file", "missing_required_parameter"
        )
    if form.size == 0:
        raise invalid("File is empty.", "file", "invalid_value")
    name = form.filename or UNNAMED
    check_name(name, purpose, "file")
    created_at = now()
    return {
        "filename": name[-255:],
        "purpose": purpose,
        "bytes": form.size,
        "created_at": created_at,
        "expires_at": _expiry(form.fields, created_at),
    }


def _expiry(fields: dict[str, str], created_at: int) -> int | None:
    anchor = fields.get("expires_after[anchor]")
    seconds = fields.get("expires_after[seconds]")
    if anchor is None and seconds is None:
        if any(name.startswith("expires_after") for name in fields):
            raise invalid(
                "Invalid value for 'expires_after': expected the fields "
                "expires_after[anchor] and expires_after[seconds].",
                "expires_after",
                "invalid_value",
            )
        return None
    if anchor != "created_at":
        raise invalid(
            "Invalid value for 'expires_after[anchor]': expected 'created_at'.",
            "expires_after[anchor]",
            "invalid_value",
        )
    plain = seconds is not None and seconds.isascii() and seconds.isdigit()
    if not plain or not SHORTEST_LIFE <= int(seconds[:12]) <= LONGEST_LIFE:
        raise invalid(
            "Invalid value for 'expires_after[seconds]': expected an integer >= "
            f"{SHORTEST_LIFE} and <= {LONGEST_LIFE}.",
            "expires_after[seconds]",
            "invalid_value",
        )
    return created_at + int(seconds)


@router.get("/files")
def list_files(
    here: Here,
    purpose: str | None = None,
    limit: str | None = None,
    after: str | None = None,
    order: str = "desc",
) -> Response:
    """List files, newest first."""
    if order not in ("asc", "desc"):
        raise invalid(
            "Invalid value for 'order': expected 'asc' or 'desc'.",
            "order",
            "invalid_value",
        )
    most = here.settings.limits.list_files
    size = limit_of(limit, most, most, clamp=False)
    with here.store.read() as session:
        page = page_or_error(
            lambda: session.list_files(
                now(),
                purpose=purpose,
                limit=size,
                after=after,
                ascending=order == "asc",
            ),
            after,
        )
    shown = [views.file_view(file) for file in page.rows]
    return views.answer(views.page_view(page, shown, ids=True))


def _find(here: Provider, file_id: str) -> File:
    with here.store.read() as session:
        file = session.file(file_id, now())
    if file is None:
        raise no_such_file(file_id)
    return file


@router.get("/files/{file_id}")
def retrieve_file(file_id: str, here: Here) -> Response:
    """Show one file."""
    return views.answer(views.file_view(_find(here, file_id)))


@router.delete("/files/{file_id}")
def delete_file(file_id: str, request: Request, here: Here) -> Response:
    """Delete a file that no unfinished job and no open batch needs."""
    with here.store.write() as session:
        file = session.file(file_id, now())
        if file is None:
            if retries(request) > 0 and session.was_file(file_id):
                # Its first request did it, and the answer was lost on the way.
                return views.answer(views.file_deleted_view(file_id))
            raise no_such_file(file_id)
        job = session.job_using_file(file_id)
        if job is not None:
            raise ApiError(
                400,
                f"File '{file_id}' is used by the fine-tuning job {job.id}, which has "
                "not ended. Cancel the job or wait for its end, then delete the file.",
                param="id",
                code="file_in_use",
            )
        batch = session.batch_using_file(file_id)
        if batch is not None:
            raise ApiError(
                400,
                f"File '{file_id}' is used by the batch {batch.id}, which has not "
                "ended. Cancel the batch or wait for its end, then delete the file.",
                param="id",
                code="file_in_use",
            )
        session.mark_file_deleted(file_id, now())
    here.blobs.delete(file.blob)
    return views.answer(views.file_deleted_view(file_id))


@router.get("/files/{file_id}/content")
def download_file(file_id: str, here: Here) -> Response:
    """Send a file's bytes; result files as the settings say."""
    file = _find(here, file_id)
    try:
        pieces = here.blobs.read(file.blob)
    except FileNotFoundError as fault:  # deleted since it was found
        raise no_such_file(file_id) from fault
    kind = "application/octet-stream"
    if file.purpose == RESULTS and here.settings.result_content == "base64":
        return Response(base64.b64encode(b"".join(pieces)), media_type=kind)
    headers = {"content-length": str(file.bytes)}
    return StreamingResponse(pieces, media_type=kind, headers=headers)
