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
from helpers.provider.tool_calls import Called, Piece, Said, read_calls

if TYPE_CHECKING:
    from helpers.provider.chat_forms import WantedForm
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

    def _failure(self, fault: Exception) -> bytes:
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
                    yield self._failure(event)
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
        wanted: the form of the choices, None for any text.
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
        wanted: WantedForm | None = None,
        keep: Callable[[ChatCompletion], Awaitable[None]] | None = None,
    ) -> None:
        head = {"id": new_id("chatcmpl-"), "created": created_at, "model": model}
        super().__init__(head, prompt_tokens, generations, include_usage)
        self._renderer = renderer
        self._logprobs = logprobs
        self._call_ids: dict[int, list[str]] = {}
        self._wanted = wanted
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
        message, finish_reason = self._message(index, result.text, result.finish_reason)
        return {
            "index": index,
            "message": message,
            "finish_reason": finish_reason,
            "logprobs": _content(logprobs),
        }

    def _message(
        self, index: int, text: str, reason: str | None
    ) -> tuple[dict[str, Any], str | None]:
        """Return the message that a text is, and why it ended."""
        message: dict[str, Any] = {"role": "assistant", "content": text}
        message["refusal"] = None
        if self._wanted is None or not self._wanted.form.functions:
            return message, reason
        form = self._wanted.form
        names = [function.name for function in form.functions]
        said, calls, finished = read_calls(form.calls, names, text)
        if not calls:
            return {**message, "content": said}, reason
        shown = [{"name": name, "arguments": arguments} for name, arguments in calls]
        message["content"] = said or None
        if self._wanted.legacy:
            message["function_call"] = shown[0]
        else:
            message["tool_calls"] = [
                {"id": call_id, "type": "function", "function": function}
                for call_id, function in zip(
                    self._ids_of_calls(index, len(shown)), shown, strict=True
                )
            ]
        return message, self._wanted.finish_reason(reason, len(calls), finished)

    def _ids_of_calls(self, index: int, count: int) -> list[str]:
        """Return the ids of the first calls of a choice, always the same ones."""
        known = self._call_ids.setdefault(index, [])
        while len(known) < count:
            known.append(new_id("call_"))
        return known[:count]

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

        reader = self._wanted.form.reader() if self._wanted else None
        # Whether there will be text is not known before its first piece.
        content = "" if reader is None else None
        say({"role": "assistant", "content": content, "refusal": None})
        generation, previous = self._generations[index], None
        calls = 0
        async for token in generation:
            self._completion_tokens += 1
            logprobs = (
                [logprob_of(self._renderer, token, previous)]
                if self._logprobs
                else None
            )
            previous = token.id
            if reader is None:
                deltas = [{"content": token.text}] if token.text else []
            else:
                pieces = reader.feed(token.text)
                calls += sum(isinstance(piece, Called) for piece in pieces)
                deltas = [self._delta(index, piece) for piece in pieces]
            if logprobs and not deltas:
                deltas = [{"content": ""} if reader is None else {}]
            for delta in deltas:
                say(delta, logprobs=logprobs)
                logprobs = None  # told once
        reason = generation.finish_reason
        if reader is not None:
            for piece in reader.finish():
                say(self._delta(index, piece))
            reason = self._wanted.finish_reason(reason, calls, reader.finished_calls)
        say({}, finish_reason=reason)

    def _delta(self, index: int, piece: Piece) -> dict[str, Any]:
        """Return what a piece of an answer adds to its message."""
        if isinstance(piece, Said):
            return {"content": piece.text}
        if isinstance(piece, Called):
            function = {"name": piece.name, "arguments": ""}
        else:
            function = {"arguments": piece.text}
        if self._wanted.legacy:
            return {"function_call": function}
        call: dict[str, Any] = {"index": piece.index, "function": function}
        if isinstance(piece, Called):
            call_id = self._ids_of_calls(index, piece.index + 1)[-1]
            call |= {"id": call_id, "type": "function"}
        return {"tool_calls": [call]}

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
