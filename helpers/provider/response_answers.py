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
from helpers.provider.forms import broken_form
from helpers.provider.response_output import (
    Change,
    Output,
    Pieces,
    changes_of,
    part_of,
)

if TYPE_CHECKING:
    from helpers.provider.constraints import AnswerForm
    from helpers.provider.generation import Generation, TokenOut
    from helpers.provider.rendering import ChatRenderer
    from helpers.provider.store import Page

Keep = Callable[[dict[str, Any], Pieces], Awaitable[None]]

_EVENTS: dict[str, type[BaseModel]] = {
    "response.created": types.ResponseCreatedEvent,
    "response.in_progress": types.ResponseInProgressEvent,
    "response.output_item.added": types.ResponseOutputItemAddedEvent,
    "response.content_part.added": types.ResponseContentPartAddedEvent,
    "response.output_text.delta": types.ResponseTextDeltaEvent,
    "response.output_text.done": types.ResponseTextDoneEvent,
    "response.content_part.done": types.ResponseContentPartDoneEvent,
    "response.function_call_arguments.delta": (
        types.ResponseFunctionCallArgumentsDeltaEvent
    ),
    "response.function_call_arguments.done": (
        types.ResponseFunctionCallArgumentsDoneEvent
    ),
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
    """

    def __init__(self, response: dict[str, Any]) -> None:
        self._response = {**response, **_OPEN, "status": "in_progress", "output": []}
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
        """Return what is told before the first item."""
        return [
            self._event("response.created", response=self._response),
            self._event("response.in_progress", response=self._response),
        ]

    def tell(self, change: Change) -> list[bytes]:
        """Return the events of a change of an item."""
        steps = _steps_of_call if change.item["type"] == "function_call" else _steps
        return [
            self._event(f"response.{kind}", **fields) for kind, fields in steps(change)
        ]

    def closing(self, response: dict[str, Any]) -> list[bytes]:
        """Return what is told after the last item of a response that is whole."""
        return [self._event(f"response.{response['status']}", response=response)]

    def failed(self, error: dict[str, Any] = _FAILURE) -> bytes:
        """Return the event that ends a response which the server could not finish."""
        failed = {**self._response, "status": "failed", "error": error}
        return self._event("response.failed", response=failed)


Steps = list[tuple[str, dict[str, Any]]]


def _steps(change: Change) -> Steps:
    """Return what is told of a change of a message."""
    item = {"item": change.item, "output_index": change.number}
    place = {
        "item_id": change.item["id"],
        "output_index": change.number,
        "content_index": 0,
    }
    logprobs = _without_bytes(change.logprobs)
    if change.kind == "added":
        return [
            ("output_item.added", item),
            ("content_part.added", {**place, "part": part_of("")}),
        ]
    if change.kind == "delta":
        piece = {"delta": change.text, "logprobs": logprobs}
        return [("output_text.delta", {**place, **piece})]
    (part,) = change.item["content"]
    text = {"text": part["text"], "logprobs": _without_bytes(part["logprobs"])}
    return [
        ("output_text.done", {**place, **text}),
        ("content_part.done", {**place, "part": part}),
        ("output_item.done", item),
    ]


def _steps_of_call(change: Change) -> Steps:
    """Return what is told of a change of a function call."""
    item = {"item": change.item, "output_index": change.number}
    place = {"item_id": change.item["id"], "output_index": change.number}
    if change.kind == "added":
        return [("output_item.added", item)]
    if change.kind == "delta":
        return [("function_call_arguments.delta", {**place, "delta": change.text})]
    arguments = {"arguments": change.item["arguments"]}
    return [
        ("function_call_arguments.done", {**place, **arguments}),
        ("output_item.done", item),
    ]


def told_again(response: dict[str, Any], pieces: Pieces) -> list[bytes]:
    """Return the events of a stored response, as they were or would have been.

    Args:
        response: as it was answered.
        pieces: how the text of each item came.
    """
    script = Script(response)
    events = script.opening()
    for change in changes_of(response["output"], pieces):
        events += script.tell(change)
    return events + script.closing(response)


class ResponseAnswer(Choices):
    """A response on its way.

    Args:
        response: all of it that the request decides.
        prompt_tokens: length of the prompt.
        generation: the answer.
        renderer: of the model; names tokens in log probabilities.
        logprobs: whether to tell log probabilities.
        form: of the answer, None for any text.
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
        form: AnswerForm | None = None,
        keep: Keep | None = None,
    ) -> None:
        super().__init__({}, prompt_tokens, [generation], include_usage=False)
        self._generation = generation
        self._response = response
        self._script = Script(response)
        self._renderer = renderer
        self._output = Output(
            form.reader() if form else None, self._logprob if logprobs else None
        )
        self._keep = keep
        self._final: dict[str, Any] = {}
        self._last: list[Change] = []

    def _logprob(self, token: TokenOut, previous: int | None) -> dict[str, Any]:
        return logprob_of(self._renderer, token, previous)

    async def whole(self) -> dict[str, Any]:
        """Generate everything, keep the response if asked to, and return it."""
        await self._generation.wait()
        self._output.begin()
        for token in self._generation.result().tokens:
            self._output.take(token)
        return await self._finished()

    async def _finished(self) -> dict[str, Any]:
        """Return the response whose output has come, and keep it if asked to."""
        result = self._generation.result()
        if result.finish_reason is None:
            raise RuntimeError("the generation was stopped before its end")
        complete = result.finish_reason == "stop"
        self._last = self._output.finish(complete=complete)
        self._final = shown(
            {
                **self._response,
                "status": "completed" if complete else "incomplete",
                "completed_at": int(time.time()) if complete else None,
                "incomplete_details": (
                    None if complete else {"reason": "max_output_tokens"}
                ),
                "output": self._output.items,
                "usage": usage_of(self._prompt_tokens, len(result.tokens)),
            }
        )
        if self._keep is not None:
            await self._keep(self._final, self._output.pieces)
        return self._final

    async def _follow(self, index: int, events: asyncio.Queue) -> None:
        def say(changes: list[Change]) -> None:
            for change in changes:
                for event in self._script.tell(change):
                    events.put_nowait(event)

        for event in self._script.opening():
            events.put_nowait(event)
        say(self._output.begin())
        async for token in self._generations[index]:
            say(self._output.take(token))

    async def _generated(self) -> None:
        await self._generation.wait()
        await self._finished()

    def _ending(self) -> list[bytes]:
        last = [event for each in self._last for event in self._script.tell(each)]
        return last + self._script.closing(self._final)

    def _failure(self, fault: Exception) -> bytes:
        from helpers.provider.grammars import ConstraintBroken

        if isinstance(fault, ConstraintBroken):
            # Of the codes that a response knows, the one for a request at fault.
            error = {"code": "invalid_prompt", "message": broken_form(fault)}
            return self._script.failed(error)
        return self._script.failed()


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
