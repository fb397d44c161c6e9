"""Generated tokens as chat completions: whole, or event by event.

Purpose: one `Answer` per request; its choices are generated side by side, and what is
said about them (text, log probabilities, usage) has the shape of the `openai` package.
What other kinds of answers share with it (text_answers) is in `Choices`.
It must never know how a request was checked or a model found.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import TYPE_CHECKING, Any

from openai.types.chat import ChatCompletion, ChatCompletionChunk
from openai.types.completion_usage import CompletionUsage
from pydantic import BaseModel

from helpers.provider import views
from helpers.provider.errors import error_body
from helpers.provider.ids import new_id

if TYPE_CHECKING:
    from helpers.provider.generation import Generation, TokenOut
    from helpers.provider.rendering import ChatRenderer

log = logging.getLogger(__name__)

DONE = b"data: [DONE]\n\n"


class Choices:
    """One request on its way: its answers, their count of tokens, the way to stream.

    Args:
        head: `id`, `created` and `model`, which every piece of the answer repeats.
        prompt_tokens: length of the prompt.
        generations: the answers.
        include_usage: whether a stream ends with the token counts.
    """

    def __init__(
        self,
        head: dict[str, Any],
        prompt_tokens: int,
        generations: list[Generation],
        include_usage: bool,
    ) -> None:
        self._head = head
        self._prompt_tokens = prompt_tokens
        self._completion_tokens = 0
        self._generations = generations
        self._include_usage = include_usage

    def cancel(self) -> None:
        """Stop what is still being generated."""
        for generation in self._generations:
            generation.cancel()

    def _usage(self) -> dict[str, Any]:
        usage = CompletionUsage(
            prompt_tokens=self._prompt_tokens,
            completion_tokens=self._completion_tokens,
            total_tokens=self._prompt_tokens + self._completion_tokens,
        )
        return views.dump(usage)

    async def whole(self) -> BaseModel:
        """Generate everything and return it as one object."""
        raise NotImplementedError

    async def _follow(self, index: int, events: asyncio.Queue) -> None:
        """Put the events of one answer into a queue as they come."""
        raise NotImplementedError

    def _usage_event(self) -> bytes:
        """Return the event that tells the token counts and nothing else."""
        raise NotImplementedError

    async def _generated(self) -> None:
        """Do what is to be done before the end of a stream is told."""

    def _ending(self) -> list[bytes]:
        """Return the events that end a stream."""
        return [self._usage_event(), DONE] if self._include_usage else [DONE]

    def _failure(self) -> bytes:
        """Return the event that ends a stream which the server could not finish."""
        message = "The provider had an error while generating."
        return server_sent(error_body(message, type="server_error"))

    async def stream(self) -> AsyncIterator[bytes]:
        """Generate all choices, and yield Server-Sent Events as tokens come."""
        events: asyncio.Queue[bytes | Exception | None] = asyncio.Queue()

        async def follow_all() -> None:
            try:
                numbers = range(len(self._generations))
                await asyncio.gather(*(self._follow(n, events) for n in numbers))
                await self._generated()
                events.put_nowait(None)
            except Exception as fault:
                events.put_nowait(fault)

        task = asyncio.create_task(follow_all())
        try:
            while (event := await events.get()) is not None:
                if isinstance(event, Exception):
                    log.error("a stream failed", exc_info=event)
                    yield self._failure()
                    return
                yield event
            for event in self._ending():
                yield event
        finally:
            # The client is gone, or all is said: either way nobody listens any more.
            self.cancel()
            task.cancel()


class Answer(Choices):
    """A chat completion on its way.

    Args:
        model: name of the model that answers.
        created_at: Unix time.
        prompt_tokens: length of the prompt.
        generations: one per choice.
        renderer: of the model; names tokens in log probabilities.
        logprobs: whether to tell log probabilities.
        include_usage: whether a stream ends with the token counts.
        keep: what is to be done with the completion before its end is told.
    """

    def __init__(
        self,
        *,
        model: str,
        created_at: int,
        prompt_tokens: int,
        generations: list[Generation],
        renderer: ChatRenderer,
        logprobs: bool,
        include_usage: bool,
        keep: Callable[[ChatCompletion], Awaitable[None]] | None = None,
    ) -> None:
        head = {"id": new_id("chatcmpl-"), "created": created_at, "model": model}
        super().__init__(head, prompt_tokens, generations, include_usage)
        self._renderer = renderer
        self._logprobs = logprobs
        self._keep = keep

    async def _choice(self, index: int) -> dict[str, Any]:
        generation = self._generations[index]
        await generation.wait()
        result = generation.result()
        self._completion_tokens += len(result.tokens)
        logprobs = None
        if self._logprobs:
            ids = [None, *(token.id for token in result.tokens)]
            logprobs = [
                logprob_of(self._renderer, token, previous)
                for token, previous in zip(result.tokens, ids, strict=False)
            ]
        return {
            "index": index,
            "message": {"role": "assistant", "content": result.text, "refusal": None},
            "finish_reason": result.finish_reason,
            "logprobs": _content(logprobs),
        }

    async def whole(self) -> ChatCompletion:
        """Generate all choices, keep the completion if asked to, and return it."""
        numbers = range(len(self._generations))
        self._completion_tokens = 0  # a stream has counted them already
        choices = await asyncio.gather(*(self._choice(number) for number in numbers))
        completion = ChatCompletion.model_validate(
            {
                **self._head,
                "object": "chat.completion",
                "choices": choices,
                "usage": self._usage(),
            }
        )
        if self._keep is not None:
            await self._keep(completion)
        return completion

    def _event(
        self,
        choice: dict[str, Any] | None,
        *,
        finish_reason: str | None = None,
        logprobs: list[dict[str, Any]] | None = None,
        usage: dict[str, Any] | None = None,
    ) -> bytes:
        choices = []
        if choice is not None:
            content = _content(logprobs)
            choices = [{**choice, "finish_reason": finish_reason, "logprobs": content}]
        body = {**self._head, "object": "chat.completion.chunk", "choices": choices}
        if self._include_usage:
            body["usage"] = usage
        return server_sent(views.dump(ChatCompletionChunk.model_validate(body)))

    async def _follow(self, index: int, events: asyncio.Queue) -> None:
        def say(delta: dict[str, Any], **more: Any) -> None:
            events.put_nowait(self._event({"index": index, "delta": delta}, **more))

        say({"role": "assistant", "content": "", "refusal": None})
        generation, previous = self._generations[index], None
        async for token in generation:
            self._completion_tokens += 1
            logprobs = (
                [logprob_of(self._renderer, token, previous)]
                if self._logprobs
                else None
            )
            previous = token.id
            if token.text or logprobs:
                say({"content": token.text}, logprobs=logprobs)
        say({}, finish_reason=generation.finish_reason)

    def _usage_event(self) -> bytes:
        return self._event(None, usage=self._usage())

    async def _generated(self) -> None:
        if self._keep is not None:
            await self.whole()


def _content(logprobs: list[dict[str, Any]] | None) -> dict[str, Any] | None:
    return None if logprobs is None else {"content": logprobs, "refusal": None}


def logprob_of(
    renderer: ChatRenderer, token: TokenOut, previous: int | None
) -> dict[str, Any]:
    """Return a token's log probability, and its rivals', as the API tells them.

    Args:
        renderer: of the model.
        token: generated with log probabilities.
        previous: the token before it in the answer, None for the first.
    """

    def shown(token_id: int, logprob: float) -> dict[str, Any]:
        raw = renderer.token_bytes(token_id, previous)
        # A token can be a part of a character: its bytes tell all of it.
        text = raw.decode("utf-8", errors="backslashreplace")
        return {"token": text, "logprob": logprob, "bytes": list(raw)}

    rivals = [shown(rival, value) for rival, value in token.top_logprobs or ()]
    return {**shown(token.id, token.logprob), "top_logprobs": rivals}


def server_sent(content: Any) -> bytes:
    """Return one Server-Sent Event."""
    return b"data: " + json.dumps(content, separators=(",", ":")).encode() + b"\n\n"
