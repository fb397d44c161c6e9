"""Chat completions: whole or streamed, several choices, log probabilities."""

from __future__ import annotations

import asyncio
import json
import logging
import secrets
from collections.abc import AsyncIterator
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request
from openai.types.chat import ChatCompletion, ChatCompletionChunk
from openai.types.completion_usage import CompletionUsage
from starlette.responses import Response, StreamingResponse

from helpers.provider import views
from helpers.provider.context import Provider, now, provider_of
from helpers.provider.errors import (
    ApiError,
    error_body,
    invalid,
    no_such_model,
    not_served,
)
from helpers.provider.ids import new_id
from helpers.provider.models import ModelEntry, context_length
from helpers.provider.schemas import CreateChatCompletion, Message

log = logging.getLogger(__name__)
router = APIRouter()
Here = Annotated[Provider, Depends(provider_of)]

_TEXT_PARTS = ("text", "refusal")


def _refuse_what_is_not_served(payload: CreateChatCompletion) -> None:
    """Refuse what would change the meaning of the answer, instead of ignoring it."""
    form = payload.response_format
    if form is not None and form.type != "text":
        raise not_served(f"The response_format '{form.type}'", "response_format")
    for name, words in (
        ("tools", "Calling tools"),
        ("functions", "Calling functions"),
        ("audio", "Audio"),
        ("web_search_options", "Web search"),
        ("moderation", "Moderation"),
    ):
        if getattr(payload, name):
            raise not_served(words, name)
    for name in ("tool_choice", "function_call"):
        if getattr(payload, name) not in (None, "none", "auto"):
            raise not_served(f"'{name}'", name)
    if payload.modalities and payload.modalities != ["text"]:
        raise not_served("Any modality but text", "modalities")


def _check_combinations(payload: CreateChatCompletion) -> None:
    if payload.top_logprobs is not None and not payload.logprobs:
        raise invalid(
            "The 'top_logprobs' parameter is only allowed when 'logprobs' is true.",
            "top_logprobs",
            "invalid_value",
        )
    if payload.stream_options is not None and not payload.stream:
        raise invalid(
            "The 'stream_options' parameter is only allowed when 'stream' is true.",
            "stream_options",
            "invalid_value",
        )
    both = payload.max_tokens is not None and payload.max_completion_tokens is not None
    if both and payload.max_tokens != payload.max_completion_tokens:
        raise invalid(
            "Setting 'max_tokens' and 'max_completion_tokens' at the same time is not "
            "supported.",
            "max_tokens",
            "invalid_parameter_combination",
        )


def _plain_message(message: Message, place: str) -> dict[str, Any]:
    """Return a message as a chat template wants it: content is one string."""
    content = message.content
    if isinstance(content, list):
        texts = []
        for number, part in enumerate(content):
            if part.type not in _TEXT_PARTS:
                raise not_served(
                    f"Content of the type '{part.type[:50]}'",
                    f"{place}.content[{number}]",
                )
            text = part.text if part.type == "text" else part.refusal
            if text is None:
                raise invalid(
                    f"Missing required parameter: '{place}.content[{number}].text'.",
                    f"{place}.content[{number}].text",
                    "missing_required_parameter",
                )
            texts.append(text)
        content = "".join(texts)
    calls = message.tool_calls or message.function_call
    if content is None and not (message.role == "assistant" and calls):
        raise invalid(
            f"Invalid value for '{place}.content': expected a string, got null.",
            f"{place}.content",
            "invalid_type",
        )
    plain = message.model_dump(exclude_none=True)
    plain["content"] = content
    return plain


def _logit_bias(payload: CreateChatCompletion) -> dict[int, float] | None:
    if not payload.logit_bias:
        return None
    bias = {}
    for token, value in payload.logit_bias.items():
        if not (token.isascii() and token.isdigit()) or not -100 <= value <= 100:
            raise invalid(
                "Invalid value for 'logit_bias': expected token ids as keys and "
                "numbers from -100 to 100 as values.",
                "logit_bias",
                "invalid_value",
            )
        bias[int(token)] = value
    return bias


def _stop(payload: CreateChatCompletion) -> list[str]:
    stop = [payload.stop] if isinstance(payload.stop, str) else payload.stop or []
    return [text for text in stop if text]


class Answer:
    """One request on its way: its generations and what is said about them."""

    def __init__(
        self,
        payload: CreateChatCompletion,
        model: ModelEntry,
        prompt_tokens: int,
        generations: list[Any],
    ) -> None:
        self.payload = payload
        self.id = new_id("chatcmpl-")
        self.created = now()
        self.model = model.really
        self.prompt_tokens = prompt_tokens
        self.completion_tokens = 0
        self.generations = generations

    def cancel(self) -> None:
        """Stop what is still being generated."""
        for generation in self.generations:
            generation.cancel()

    def usage(self) -> CompletionUsage:
        """Return the token counts so far."""
        return CompletionUsage(
            prompt_tokens=self.prompt_tokens,
            completion_tokens=self.completion_tokens,
            total_tokens=self.prompt_tokens + self.completion_tokens,
        )

    def logprob(self, token: Any) -> dict[str, Any]:
        """Return a token with its log probability, and those of its rivals."""

        def shown(text: str, raw: bytes, value: float) -> dict[str, Any]:
            return {"token": text, "logprob": value, "bytes": list(raw)}

        rivals = [
            shown(text, raw, value) for text, raw, value in _rivals(token.top_logprobs)
        ]
        return {
            **shown(token.text, token.text.encode(), token.logprob),
            "top_logprobs": rivals[: self.payload.top_logprobs or 0],
        }

    async def choice(self, index: int) -> dict[str, Any]:
        """Generate one choice to its end."""
        generation = self.generations[index]
        texts, logprobs = [], []
        async for token in generation:
            self.completion_tokens += 1
            texts.append(token.text)
            if self.payload.logprobs:
                logprobs.append(self.logprob(token))
        return {
            "index": index,
            "message": {
                "role": "assistant",
                "content": "".join(texts),
                "refusal": None,
            },
            "finish_reason": generation.finish_reason,
            "logprobs": (
                {"content": logprobs, "refusal": None}
                if self.payload.logprobs
                else None
            ),
        }

    async def whole(self) -> ChatCompletion:
        """Generate all choices and return the completion."""
        numbers = range(len(self.generations))
        choices = await asyncio.gather(*(self.choice(number) for number in numbers))
        return ChatCompletion.model_validate(
            {
                "id": self.id,
                "object": "chat.completion",
                "created": self.created,
                "model": self.model,
                "choices": choices,
                "usage": views.dump(self.usage()),
            }
        )

    def chunk(
        self,
        index: int,
        delta: dict[str, Any],
        *,
        finish_reason: str | None = None,
        logprobs: list[dict[str, Any]] | None = None,
    ) -> bytes:
        """Return one event of the stream."""
        choice = {
            "index": index,
            "delta": delta,
            "finish_reason": finish_reason,
            "logprobs": (
                None if logprobs is None else {"content": logprobs, "refusal": None}
            ),
        }
        return self._event([choice], None)

    def _event(
        self, choices: list[dict[str, Any]], usage: CompletionUsage | None
    ) -> bytes:
        options = self.payload.stream_options
        counted = options is not None and options.include_usage
        chunk = ChatCompletionChunk.model_validate(
            {
                "id": self.id,
                "object": "chat.completion.chunk",
                "created": self.created,
                "model": self.model,
                "choices": choices,
                **({"usage": views.dump(usage)} if counted else {}),
            }
        )
        return server_sent(views.dump(chunk))

    async def stream(self) -> AsyncIterator[bytes]:
        """Generate all choices at once, and yield events as tokens come."""
        events: asyncio.Queue[bytes | Exception | None] = asyncio.Queue()

        async def follow(index: int) -> None:
            generation = self.generations[index]
            events.put_nowait(
                self.chunk(index, {"role": "assistant", "content": "", "refusal": None})
            )
            async for token in generation:
                self.completion_tokens += 1
                logprobs = [self.logprob(token)] if self.payload.logprobs else None
                if token.text or logprobs:
                    delta = {"content": token.text}
                    events.put_nowait(self.chunk(index, delta, logprobs=logprobs))
            reason = generation.finish_reason
            events.put_nowait(self.chunk(index, {}, finish_reason=reason))

        async def follow_all() -> None:
            try:
                numbers = range(len(self.generations))
                await asyncio.gather(*(follow(number) for number in numbers))
                events.put_nowait(None)
            except Exception as fault:
                events.put_nowait(fault)

        task = asyncio.create_task(follow_all())
        try:
            while (event := await events.get()) is not None:
                if isinstance(event, Exception):
                    log.error("a stream failed", exc_info=event)
                    yield server_sent(
                        error_body(
                            "The provider had an error while generating.",
                            type="server_error",
                        )
                    )
                    return
                yield event
            options = self.payload.stream_options
            if options is not None and options.include_usage:
                yield self._event([], self.usage())
            yield b"data: [DONE]\n\n"
        finally:
            # The client is gone, or all is said: either way nobody listens any more.
            self.cancel()
            task.cancel()


def server_sent(content: Any) -> bytes:
    """Return one Server-Sent Event."""
    return b"data: " + json.dumps(content, separators=(",", ":")).encode() + b"\n\n"


def _rivals(top: Any) -> list[tuple[str, bytes, float]]:
    return [(text, text.encode(), value) for text, value in top or []]


async def _submit(
    here: Provider, payload: CreateChatCompletion, model: ModelEntry
) -> Answer:
    from helpers.provider.generation import GenerationRequest

    engine = await here.serving.engine()
    messages = [
        _plain_message(message, f"messages[{number}]")
        for number, message in enumerate(payload.messages)
    ]
    prompt = await asyncio.to_thread(
        lambda: here.serving.renderer(model.path).prompt_ids(messages)
    )
    room = context_length(model.path) - len(prompt)
    if room < 1:
        raise invalid(
            f"This model's maximum context length is {context_length(model.path)} "
            f"tokens. However, your messages resulted in {len(prompt)} tokens. Please "
            "reduce the length of the messages.",
            "messages",
            "context_length_exceeded",
        )
    asked = payload.max_completion_tokens or payload.max_tokens or room
    seed = secrets.randbits(63) if payload.seed is None else payload.seed
    generations = [
        engine.submit(
            GenerationRequest(
                model_path=model.path,
                prompt_ids=prompt,
                max_tokens=min(asked, room),
                temperature=1.0 if payload.temperature is None else payload.temperature,
                top_p=1.0 if payload.top_p is None else payload.top_p,
                # Each choice has its own chance, and all follow from one seed.
                seed=(seed + number) % 2**63,
                stop=_stop(payload),
                top_logprobs=(payload.top_logprobs or 0) if payload.logprobs else None,
                presence_penalty=payload.presence_penalty or 0.0,
                frequency_penalty=payload.frequency_penalty or 0.0,
                logit_bias=_logit_bias(payload),
            )
        )
        for number in range(payload.n or 1)
    ]
    return Answer(payload, model, len(prompt), generations)


async def _gone(request: Request) -> None:
    """Return when the client has gone away."""
    while (await request.receive())["type"] != "http.disconnect":
        pass


@router.post("/chat/completions")
async def create_chat_completion(
    request: Request, payload: CreateChatCompletion, here: Here
) -> Response:
    """Answer a conversation."""
    _refuse_what_is_not_served(payload)
    _check_combinations(payload)
    model = here.registry.find(payload.model)
    if model is None:
        raise no_such_model(payload.model)
    answer = await _submit(here, payload, model)
    if payload.stream:
        return StreamingResponse(answer.stream(), media_type="text/event-stream")
    work = asyncio.create_task(answer.whole())
    gone = asyncio.create_task(_gone(request))
    try:
        await asyncio.wait((work, gone), return_when=asyncio.FIRST_COMPLETED)
        if not work.done():
            raise ApiError(499, "The client has gone away.")
        return views.answer(work.result())
    finally:
        answer.cancel()
        work.cancel()
        gone.cancel()
