"""What all routes share that let a model say or read something."""

from __future__ import annotations

import asyncio
import contextlib
import secrets
from collections.abc import Awaitable, Iterator
from typing import TYPE_CHECKING, Any, TypeVar

from fastapi import Request
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response, StreamingResponse

from helpers.provider import views
from helpers.provider.answers import Choices
from helpers.provider.context import Provider
from helpers.provider.errors import ApiError, invalid, no_such_model, too_busy
from helpers.provider.models import ModelEntry
from helpers.provider.schemas import CreateChatCompletion
from helpers.provider.serving import CannotServe
from helpers.provider.settings import Limits
from helpers.provider.text_requests import CreateCompletion

if TYPE_CHECKING:
    from helpers.provider.generation import Engine
    from helpers.provider.rendering import ChatRenderer

T = TypeVar("T")
_LIMITS = Limits()
Sampled = CreateChatCompletion | CreateCompletion


async def found_model(here: Provider, name: str) -> ModelEntry:
    """Return the model of this name, or raise OpenAI's 404."""
    model = await run_in_threadpool(here.registry.find, name)
    if model is None:
        raise no_such_model(name)
    return model


@contextlib.contextmanager
def deleted_is_unknown(here: Provider, model: ModelEntry) -> Iterator[None]:
    """Answer for a model that was deleted since it was found as for one unknown."""
    try:
        yield
    except CannotServe as fault:
        if here.registry.find(model.name) is None:
            raise no_such_model(model.name) from fault
        raise


async def opened(here: Provider, model: ModelEntry) -> tuple[Engine, ChatRenderer]:
    """Return the engine, with the model loaded, and the model's renderer.

    Raises:
        ApiError: so many answers are waited for that one more would wait too long.
    """
    engine = await here.serving.engine()
    most = here.settings.limits.unfinished_answers
    if engine.unfinished >= most:
        raise too_busy(
            f"{engine.unfinished} answers are being generated or wait for their turn; "
            f"from {most} on no further ones are taken. Try again in a moment.",
            retry_after=2,
        )
    with deleted_is_unknown(here, model):
        return engine, await run_in_threadpool(here.serving.open, model.path)


def check_stream_options(payload: Sampled) -> None:
    """Refuse options of a stream that is not asked for."""
    if payload.stream_options is not None and not payload.stream:
        raise invalid(
            "The 'stream_options' parameter is only allowed when 'stream' is true.",
            "stream_options",
            "invalid_value",
        )


def includes_usage(payload: Sampled) -> bool:
    """Whether a stream shall end with the token counts."""
    options = payload.stream_options
    return bool(options is not None and options.include_usage)


def chances_of(payload: Sampled) -> dict[str, Any]:
    """Return the fields of a GenerationRequest that say how tokens are chosen."""
    return {
        "temperature": 1.0 if payload.temperature is None else payload.temperature,
        "top_p": 1.0 if payload.top_p is None else payload.top_p,
        "stop": [text for text in payload.stop if text],
        "presence_penalty": payload.presence_penalty or 0.0,
        "frequency_penalty": payload.frequency_penalty or 0.0,
        "logit_bias": _logit_bias(payload),
    }


def seeds(seed: int | None, count: int) -> list[int]:
    """Return a seed for each answer: each has its own chance, all follow from one."""
    first = secrets.randbits(63) if seed is None else seed
    return [(first + number) % 2**63 for number in range(count)]


def _logit_bias(payload: Sampled) -> dict[int, float] | None:
    if not payload.logit_bias:
        return None
    if len(payload.logit_bias) > _LIMITS.logit_biases:
        raise invalid(
            f"Invalid 'logit_bias': expected at most {_LIMITS.logit_biases} tokens, "
            f"but got {len(payload.logit_bias)}.",
            "logit_bias",
            "invalid_value",
        )
    bias = {}
    for token, value in payload.logit_bias.items():
        plain = token.isascii() and token.isdigit() and len(token) <= 9
        if not plain or not -100 <= value <= 100:
            raise invalid(
                "Invalid value for 'logit_bias': expected token ids as keys and "
                "numbers from -100 to 100 as values.",
                "logit_bias",
                "invalid_value",
            )
        bias[int(token)] = value
    return bias


async def _gone(request: Request) -> None:
    """Return when the client has gone away."""
    while (await request.receive())["type"] != "http.disconnect":
        pass


async def unless_gone(request: Request, work: Awaitable[T]) -> T:
    """Do some work, but stop it when nobody waits for it any more."""
    task = asyncio.ensure_future(work)
    gone = asyncio.create_task(_gone(request))
    try:
        await asyncio.wait((task, gone), return_when=asyncio.FIRST_COMPLETED)
        if not task.done():
            raise ApiError(499, "The client has gone away.")
        return task.result()
    finally:
        task.cancel()
        gone.cancel()


async def respond(request: Request, answer: Choices, *, stream: bool) -> Response:
    """Send an answer, whole or as it comes."""
    if stream:
        return StreamingResponse(
            answer.stream(),
            media_type="text/event-stream",
            headers={"cache-control": "no-cache"},
        )
    try:
        return views.answer(await unless_gone(request, answer.whole()))
    finally:
        answer.cancel()
