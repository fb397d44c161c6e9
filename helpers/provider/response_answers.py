"""Generated tokens as a response: whole, event by event, or told again from the store.

Purpose: `ResponseAnswer` is one response on its way; `Script` knows which events tell
it, in which order, whether it is being generated or was long ago (`told_again`). All
have the shapes of the `openai` package. It must never know how a request was checked.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

from openai.types import responses as types
from openai.types.responses import (
    InputTokenCountResponse,
    Response,
    ResponseItemList,
    ResponseUsage,
)
from pydantic import BaseModel

from helpers.provider import views
from helpers.provider.answers import Choices, logprob_of, server_sent
from helpers.provider.ids import new_id

if TYPE_CHECKING:
    from helpers.provider.generation import Generation, GenerationResult
    from helpers.provider.rendering import ChatRenderer
    from helpers.provider.store import Page

Keep = Callable[[dict[str, Any], list[int]], Awaitable[None]]

_EVENTS: dict[str, type[BaseModel]] = {
    "response.created": types.ResponseCreatedEvent,
    "response.in_progress": types.ResponseInProgressEvent,
    "response.output_item.added": types.ResponseOutputItemAddedEvent,
    "response.content_part.added": types.ResponseContentPartAddedEvent,
    "response.output_text.delta": types.ResponseTextDeltaEvent,
    "response.output_text.done": types.ResponseTextDoneEvent,
    "response.content_part.done": types.ResponseContentPartDoneEvent,
    "response.output_item.done": types.ResponseOutputItemDoneEvent,
    "response.completed": types.ResponseCompletedEvent,
    "response.incomplete": types.ResponseIncompleteEvent,
    "response.failed": types.ResponseFailedEvent,
}
# What a response does not have before its end.
_OPEN = {"completed_at": None, "incomplete_details": None, "usage": None}
_FAILURE = {
    "code": "server_error",
    "message": "The provider had an error while generating.",
}


def usage_of(prompt_tokens: int, output_tokens: int) -> dict[str, Any]:
    """Return the count of tokens; nothing is cached between requests or thought."""
    usage = ResponseUsage.model_validate(
        {
            "input_tokens": prompt_tokens,
            "input_tokens_details": {"cached_tokens": 0, "cache_write_tokens": 0},
            "output_tokens": output_tokens,
            "output_tokens_details": {"reasoning_tokens": 0},
            "total_tokens": prompt_tokens + output_tokens,
        }
    )
    return views.dump(usage)


def shown(response: dict[str, Any]) -> dict[str, Any]:
    """Return a response as it is sent: checked by the package's type, times whole.

    The type has times as floats, the real API sends integers.
    """
    sent = views.dump(Response.model_validate(response))
    for name in ("created_at", "completed_at"):
        if sent[name] is not None:
            sent[name] = int(sent[name])
    return sent


def count_view(tokens: int) -> InputTokenCountResponse:
    """Show how many tokens a response would read."""
    return InputTokenCountResponse(input_tokens=tokens, object="response.input_tokens")


def items_view(page: Page) -> dict[str, Any]:
    """Show a page of items."""
    listed = ResponseItemList.model_validate(
        {
            "object": "list",
            "data": page.rows,
            "has_more": page.has_more,
            "first_id": page.rows[0]["id"] if page.rows else "",
            "last_id": page.rows[-1]["id"] if page.rows else "",
        }
    )
    return views.dump(listed)


class Script:
    """The events of one response in their order, numbered from 0.

    Args:
        response: the response as it is while it is being generated.
        item_id: of its one message.
    """

    def __init__(self, response: dict[str, Any], item_id: str) -> None:
        self._response = {**response, **_OPEN, "status": "in_progress", "output": []}
        self._place = {"item_id": item_id, "output_index": 0, "content_index": 0}
        self._item_id = item_id
        self._next = 0

    def _event(self, kind: str, **fields: Any) -> bytes:
        if "response" in fields:
            sent = {"response": shown(fields.pop("response"))}
        else:
            sent = {}
        numbered = {"type": kind, "sequence_number": self._next}
        event = _EVENTS[kind].model_validate({**numbered, **fields, **sent})
        self._next += 1
        # Again what `shown` made: the type would turn its times into floats.
        body = {**numbered, **views.dump(event), **sent}
        return f"event: {kind}\n".encode() + server_sent(body)

    def opening(self) -> list[bytes]:
        """Return what is told before the first token."""
        item = _message(self._item_id, "in_progress", [])
        return [
            self._event("response.created", response=self._response),
            self._event("response.in_progress", response=self._response),
            self._event("response.output_item.added", item=item, output_index=0),
            self._event("response.content_part.added", **self._place, part=_part("")),
        ]

    def delta(self, text: str, logprobs: list[dict[str, Any]]) -> bytes:
        """Return the event of a further piece of text."""
        return self._event(
            "response.output_text.delta",
            **self._place,
            delta=text,
            logprobs=_without_bytes(logprobs),
        )

    def closing(self, response: dict[str, Any]) -> list[bytes]:
        """Return what is told after the last token of a response that is whole."""
        (item,) = response["output"]
        (part,) = item["content"]
        return [
            self._event(
                "response.output_text.done",
                **self._place,
                text=part["text"],
                logprobs=_without_bytes(part["logprobs"]),
            ),
            self._event("response.content_part.done", **self._place, part=part),
            self._event("response.output_item.done", item=item, output_index=0),
            self._event(f"response.{response['status']}", response=response),
        ]

    def failed(self) -> bytes:
        """Return the event that ends a response which the server could not finish."""
        failed = {**self._response, "status": "failed", "error": _FAILURE}
        return self._event("response.failed", response=failed)


def told_again(response: dict[str, Any], pieces: list[int]) -> list[bytes]:
    """Return the events of a stored response, as they were or would have been.

    Args:
        response: as it was answered.
        pieces: length of each piece of its text.
    """
    (item,) = response["output"]
    (part,) = item["content"]
    script = Script(response, item["id"])
    events, at = script.opening(), 0
    for number, length in enumerate(pieces):
        text = part["text"][at : at + length]
        # With log probabilities there is a piece for each token.
        events.append(script.delta(text, part["logprobs"][number : number + 1]))
        at += length
    return events + script.closing(response)


class ResponseAnswer(Choices):
    """A response on its way.

    Args:
        response: all of it that the request decides.
        prompt_tokens: length of the prompt.
        generation: the answer.
        renderer: of the model; names tokens in log probabilities.
        logprobs: whether to tell log probabilities.
        keep: what is to be done with the response before its end is told.
    """

    def __init__(
        self,
        *,
        response: dict[str, Any],
        prompt_tokens: int,
        generation: Generation,
        renderer: ChatRenderer,
        logprobs: bool,
        keep: Keep | None = None,
    ) -> None:
        super().__init__({}, prompt_tokens, [generation], include_usage=False)
        self._generation = generation
        self._response = response
        self._item_id = new_id("msg_")
        self._script = Script(response, self._item_id)
        self._renderer = renderer
        self._logprobs = logprobs
        self._keep = keep
        self._final: dict[str, Any] = {}

    async def whole(self) -> dict[str, Any]:
        """Generate everything, keep the response if asked to, and return it."""
        await self._generation.wait()
        result = self._generation.result()
        self._final = shown(self._finished(result))
        if self._keep is not None:
            said = [t.text for t in result.tokens if t.text or self._logprobs]
            await self._keep(self._final, list(map(len, said)))
        return self._final

    def _finished(self, result: GenerationResult) -> dict[str, Any]:
        if result.finish_reason is None:
            raise RuntimeError("the generation was stopped before its end")
        complete = result.finish_reason == "stop"
        status = "completed" if complete else "incomplete"
        details = None if complete else {"reason": "max_output_tokens"}
        part = _part(result.text, self._all_logprobs(result))
        return {
            **self._response,
            "status": status,
            "completed_at": int(time.time()) if complete else None,
            "incomplete_details": details,
            "output": [_message(self._item_id, status, [part])],
            "usage": usage_of(self._prompt_tokens, len(result.tokens)),
        }

    def _all_logprobs(self, result: GenerationResult) -> list[dict[str, Any]]:
        if not self._logprobs:
            return []
        before = [None, *(token.id for token in result.tokens)]
        return [
            logprob_of(self._renderer, token, previous)
            for token, previous in zip(result.tokens, before, strict=False)
        ]

    async def _follow(self, index: int, events: asyncio.Queue) -> None:
        for event in self._script.opening():
            events.put_nowait(event)
        previous = None
        async for token in self._generations[index]:
            logprobs = []
            if self._logprobs:
                logprobs = [logprob_of(self._renderer, token, previous)]
            previous = token.id
            if token.text or logprobs:
                events.put_nowait(self._script.delta(token.text, logprobs))

    async def _generated(self) -> None:
        await self.whole()

    def _ending(self) -> list[bytes]:
        return self._script.closing(self._final)

    def _failure(self) -> bytes:
        return self._script.failed()


def _part(text: str, logprobs: list[dict[str, Any]] | None = None) -> dict[str, Any]:
    return {
        "type": "output_text",
        "text": text,
        "annotations": [],
        "logprobs": logprobs or [],
    }


def _message(item_id: str, status: str, content: list[dict]) -> dict[str, Any]:
    return {
        "id": item_id,
        "type": "message",
        "status": status,
        "role": "assistant",
        "content": content,
    }


def _without_bytes(logprobs: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return log probabilities as events have them, which tell no bytes."""
    return [
        {
            "token": one["token"],
            "logprob": one["logprob"],
            "top_logprobs": [
                {"token": rival["token"], "logprob": rival["logprob"]}
                for rival in one["top_logprobs"]
            ],
        }
        for one in logprobs
    ]
