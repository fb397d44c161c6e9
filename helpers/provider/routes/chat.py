"""Chat completions: whole or streamed, several choices, log probabilities."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request
from openai.types.chat import ChatCompletion
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from helpers.provider import stored
from helpers.provider.answers import Answer
from helpers.provider.chat_forms import (
    check_choices,
    check_word,
    told_tools,
    wanted_form,
)
from helpers.provider.context import Provider, now, provider_of
from helpers.provider.errors import invalid, not_served
from helpers.provider.forms import broken_forms_are_told
from helpers.provider.models import ModelEntry
from helpers.provider.routes.generating import (
    chances_of,
    check_stream_options,
    found_model,
    includes_usage,
    opened,
    respond,
    seeds,
)
from helpers.provider.schemas import CreateChatCompletion, Message

router = APIRouter()
Here = Annotated[Provider, Depends(provider_of)]

_TEXT_PARTS = ("text", "refusal")


def _refuse_what_is_not_served(payload: CreateChatCompletion) -> None:
    """Refuse what would change the meaning of the answer, instead of ignoring it."""
    for name, words in (
        ("audio", "Audio"),
        ("web_search_options", "Web search"),
        ("moderation", "Moderation"),
    ):
        if getattr(payload, name):
            raise not_served(words, name)
    if payload.modalities and payload.modalities != ["text"]:
        raise not_served("Any modality but text", "modalities")


def _check_combinations(payload: CreateChatCompletion) -> None:
    if payload.top_logprobs is not None and not payload.logprobs:
        raise invalid(
            "The 'top_logprobs' parameter is only allowed when 'logprobs' is true.",
            "top_logprobs",
            "invalid_value",
        )
    check_stream_options(payload)
    both = payload.max_tokens is not None and payload.max_completion_tokens is not None
    if both and payload.max_tokens != payload.max_completion_tokens:
        raise invalid(
            "Setting 'max_tokens' and 'max_completion_tokens' at the same time is not "
            "supported.",
            "max_tokens",
            "invalid_parameter_combination",
        )


def _checked(message: Message, place: str) -> dict[str, Any]:
    """Return a message for the renderer, or raise what cannot be shown to a model."""
    content = message.content
    for number, part in enumerate(content if isinstance(content, list) else []):
        if part.type not in _TEXT_PARTS:
            raise not_served(
                f"Content of the type '{part.type[:50]}'",
                f"{place}.content[{number}]",
            )
        if getattr(part, part.type) is None:
            raise invalid(
                f"Missing required parameter: '{place}.content[{number}].{part.type}'.",
                f"{place}.content[{number}].{part.type}",
                "missing_required_parameter",
            )
    silent = message.tool_calls or message.function_call or message.refusal
    if content is None and not (message.role == "assistant" and silent):
        raise invalid(
            f"Invalid value for '{place}.content': expected a string, got null.",
            f"{place}.content",
            "invalid_type",
        )
    return message.model_dump(exclude_none=True)


async def _submit(
    here: Provider,
    payload: CreateChatCompletion,
    tools: list[dict[str, Any]],
    model: ModelEntry,
) -> Answer:
    from helpers.provider.generation import GenerationRequest

    messages = [
        _checked(message, f"messages[{number}]")
        for number, message in enumerate(payload.messages)
    ]
    check_word(payload, messages)
    chances = chances_of(payload)
    engine, renderer = await opened(here, model)
    try:
        prompt = await run_in_threadpool(renderer.prompt_ids, messages, tools or None)
    except ValueError as fault:
        raise invalid(str(fault), "messages", "invalid_value") from fault
    wanted = await run_in_threadpool(
        wanted_form, payload, renderer, here.settings.limits
    )
    room = renderer.context - len(prompt)
    if room < 1:
        raise invalid(
            f"This model's maximum context length is {renderer.context} tokens. "
            f"However, your messages resulted in {len(prompt)} tokens. Please reduce "
            "the length of the messages.",
            "messages",
            "context_length_exceeded",
        )
    asked = payload.max_completion_tokens or payload.max_tokens or room
    generations = [
        engine.submit(
            GenerationRequest(
                model_path=model.path,
                prompt_ids=prompt,
                max_tokens=min(asked, room),
                seed=seed,
                grammar=wanted.grammar if wanted else None,
                top_logprobs=(payload.top_logprobs or 0) if payload.logprobs else None,
                **chances,
            )
        )
        for seed in seeds(payload.seed, payload.n or 1)
    ]
    return Answer(
        model=model.really,
        created_at=now(),
        prompt_tokens=len(prompt),
        generations=generations,
        renderer=renderer,
        logprobs=bool(payload.logprobs),
        include_usage=includes_usage(payload),
        wanted=wanted,
        keep=_keeper(here, payload, messages) if payload.store else None,
    )


def _keeper(
    here: Provider, payload: CreateChatCompletion, messages: list[dict[str, Any]]
) -> Callable[[ChatCompletion], Awaitable[None]]:
    """Return what stores the completion of this request."""

    async def keep(completion: ChatCompletion) -> None:
        await run_in_threadpool(
            stored.keep,
            here.store,
            here.settings.limits,
            completion,
            messages,
            payload.metadata,
        )

    return keep


@router.post("/chat/completions")
async def create_chat_completion(
    request: Request, payload: CreateChatCompletion, here: Here
) -> Response:
    """Answer a conversation."""
    _refuse_what_is_not_served(payload)
    _check_combinations(payload)
    check_choices(payload)
    tools = told_tools(await request.json())
    model = await found_model(here, payload.model)
    if payload.store:
        # Said now: an answer that cannot be stored is better not generated.
        await run_in_threadpool(here.blobs.check_space, 0)
    answer = await _submit(here, payload, tools, model)
    with broken_forms_are_told("response_format"):
        return await respond(request, answer, stream=bool(payload.stream))
