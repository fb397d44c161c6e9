"""Stored chat completions: list, retrieve, update, delete, and their messages."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Request
from starlette.responses import Response

from helpers.provider import stored, views
from helpers.provider.context import Provider, now, provider_of
from helpers.provider.errors import no_such_completion
from helpers.provider.routes.paging import (
    is_ascending,
    limit_of,
    metadata_filter,
    page_or_error,
)
from helpers.provider.schemas import UpdateChatCompletion

router = APIRouter(prefix="/chat/completions")
Here = Annotated[Provider, Depends(provider_of)]

DEFAULT_PAGE = 20


@router.get("")
def list_completions(
    request: Request,
    here: Here,
    model: str | None = None,
    limit: str | None = None,
    after: str | None = None,
    order: str = "asc",
) -> Response:
    """List stored completions, oldest first."""
    wanted, without = metadata_filter(request)
    ascending = is_ascending(order)
    size = limit_of(limit, DEFAULT_PAGE, here.settings.limits.list_completions)
    with here.store.read() as session:
        page = page_or_error(
            lambda: session.list_completions(
                limit=size,
                after=after,
                ascending=ascending,
                model=model,
                metadata=wanted,
                without_metadata=without,
            ),
            after,
        )
    shown = [stored.completion_view(row) for row in page.rows]
    return views.answer(views.page_view(page, shown, ids=True))


@router.get("/{completion_id}")
def retrieve_completion(completion_id: str, here: Here) -> Response:
    """Show one stored completion."""
    with here.store.read() as session:
        row = session.completion(completion_id)
    if row is None:
        raise no_such_completion(completion_id)
    return views.answer(stored.completion_view(row))


@router.post("/{completion_id}")
def update_completion(
    completion_id: str, payload: UpdateChatCompletion, here: Here
) -> Response:
    """Put other metadata on a stored completion."""
    with here.store.write() as session:
        row = session.update_completion(completion_id, payload.metadata)
    if row is None:
        raise no_such_completion(completion_id)
    return views.answer(stored.completion_view(row))


@router.delete("/{completion_id}")
def delete_completion(completion_id: str, here: Here) -> Response:
    """Delete a stored completion."""
    with here.store.write() as session:
        deleted = session.delete_completion(completion_id, now())
    if not deleted:
        raise no_such_completion(completion_id)
    return views.answer(stored.deleted_view(completion_id))


@router.get("/{completion_id}/messages")
def list_messages(
    completion_id: str,
    here: Here,
    limit: str | None = None,
    after: str | None = None,
    order: str = "asc",
) -> Response:
    """List the messages that a stored completion answers."""
    ascending = is_ascending(order)
    size = limit_of(limit, DEFAULT_PAGE, here.settings.limits.list_completions)
    with here.store.read() as session:
        row = session.completion(completion_id)
    if row is None:
        raise no_such_completion(completion_id)
    page = page_or_error(
        lambda: stored.messages_page(row, limit=size, after=after, ascending=ascending),
        after,
    )
    return views.answer(views.page_view(page, page.rows, ids=True))
