"""Stored chat completions: kept, and shown again with the messages that led to them.

Purpose: what stands in the database is exactly what was answered and asked; this module
turns one into the other. It must never know HTTP or how an answer was generated.
"""

from __future__ import annotations

from typing import Any

from openai.types.chat import (
    ChatCompletion,
    ChatCompletionDeleted,
    ChatCompletionStoreMessage,
)

from helpers.provider import views
from helpers.provider.settings import Limits
from helpers.provider.store import Page, Store, StoredCompletion, UnknownCursor


def keep(
    store: Store,
    limits: Limits,
    completion: ChatCompletion,
    messages: list[dict[str, Any]],
    metadata: dict[str, str] | None,
) -> None:
    """Store a completion; the oldest go when there are too many.

    Args:
        store: where to.
        limits: how many, and how large together.
        completion: as it was answered.
        messages: as they were asked.
        metadata: of the request.
    """
    with store.write() as session:
        session.add_completion(
            id=completion.id,
            created_at=completion.created,
            model=completion.model,
            metadata=metadata,
            messages=messages,
            completion=views.dump(completion),
            most=limits.stored_completions,
            most_bytes=limits.stored_completion_bytes,
        )


def completion_view(row: StoredCompletion) -> ChatCompletion:
    """Show a stored completion."""
    return ChatCompletion.model_validate(
        {**row.completion, "metadata": row.metadata or {}}
    )


def deleted_view(completion_id: str) -> ChatCompletionDeleted:
    """Show that a stored completion is gone."""
    return ChatCompletionDeleted(
        id=completion_id, object="chat.completion.deleted", deleted=True
    )


def _message_view(message_id: str, message: dict[str, Any]) -> Any:
    """Show a message of a request.

    The package's type knows the role "assistant" only, the real API shows the role that
    was sent; so the type is filled without its check.
    """
    content = message.get("content")
    parts = content if isinstance(content, list) else None
    refusals = [part["refusal"] for part in parts or () if part["type"] == "refusal"]
    shown = {
        **message,
        "id": message_id,
        "content": None if parts else content,
        "refusal": message.get("refusal") or "".join(refusals) or None,
        "name": message.get("name"),
        "content_parts": None
        if parts is None
        else [
            {"type": "text", "text": part["text"]}
            for part in parts
            if part["type"] == "text"
        ],
    }
    return ChatCompletionStoreMessage.model_construct(**shown)


def messages_page(
    row: StoredCompletion, *, limit: int, after: str | None, ascending: bool
) -> Page:
    """Return a page of the messages that a completion answers.

    Args:
        row: the completion.
        limit: most messages to return.
        after: id of the last message of the page before.
        ascending: the first message first.

    Raises:
        UnknownCursor: no message has the id `after`.
    """
    shown = [
        _message_view(f"{row.id}-{number}", message)
        for number, message in enumerate(row.messages)
    ]
    ids = [message.id for message in shown]
    return page_of(shown, ids, limit=limit, after=after, ascending=ascending)


def page_of(
    shown: list[Any],
    ids: list[str],
    *,
    limit: int,
    after: str | None,
    ascending: bool,
) -> Page:
    """Return a page of a list that is at hand.

    Args:
        shown: what is in the list.
        ids: the id of each.
        limit: most of them to return.
        after: id of the last one of the page before.
        ascending: in the order in which they are given.

    Raises:
        UnknownCursor: none has the id `after`.
    """
    if not ascending:
        shown, ids = shown[::-1], ids[::-1]
    if after is not None:
        if after not in ids:
            raise UnknownCursor(after)
        shown = shown[ids.index(after) + 1 :]
    return Page(shown[:limit], len(shown) > limit)
