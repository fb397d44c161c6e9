"""Legacy text completions: a text goes on as the model would have it, without a chat.

The prompt reaches the model as it is, without the template of a chat: the tokenizer
reads it, and text that spells a special token stays text. Where a text begins (no
prompt, or the first token of an echo) the model is shown what stands between documents.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from fastapi import APIRouter, Depends, Request
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from helpers.provider.context import Provider, now, provider_of
from helpers.provider.errors import ApiError, invalid
from helpers.provider.models import ModelEntry
from helpers.provider.routes.generating import (
    chances_of,
    check_stream_options,
    deleted_is_unknown,
    found_model,
    includes_usage,
    opened,
    respond,
    seeds,
    unless_gone,
)
from helpers.provider.text_answers import Prompt, TextAnswer
from helpers.provider.text_requests import CreateCompletion, Inputs

if TYPE_CHECKING:
    from helpers.provider.rendering import ChatRenderer

router = APIRouter()
Here = Annotated[Provider, Depends(provider_of)]

DEFAULT_MAX_TOKENS = 16


def _candidates(payload: CreateCompletion, most: int) -> tuple[int, int]:
    """Return how many choices to show and how many candidates to generate of each."""
    shown = payload.n or 1
    candidates = payload.best_of or shown
    if candidates < shown:
        raise invalid(
            f"Invalid 'best_of': expected at least 'n' ({shown}), but got "
            f"{candidates} instead.",
            "best_of",
            "invalid_value",
        )
    if payload.stream and candidates > shown:
        raise invalid(
            "The best candidates are known only when all are complete: leave "
            "'best_of' out, or set 'stream' to false.",
            "best_of",
            "invalid_parameter_combination",
        )
    if len(payload.prompt) * candidates > most:
        raise invalid(
            f"{len(payload.prompt)} prompts with {candidates} completions each are "
            f"more than the {most} completions that this provider generates in one "
            "request. Send the prompts in several requests.",
            "prompt",
            "too_many_completions",
        )
    return shown, candidates


def _refuse_what_is_not_served(payload: CreateCompletion) -> None:
    if payload.suffix is not None:
        raise invalid(
            "'suffix' asks for text that fits between two others, which the models of "
            "this local provider have not learned. Leave 'suffix' out.",
            "suffix",
            "unsupported_parameter",
        )


def read_inputs(renderer: ChatRenderer, inputs: Inputs, param: str) -> list[list[int]]:
    """Return the tokens of each input.

    Raises:
        ApiError: a number is no token of the model.
    """
    rows = []
    for number, item in enumerate(inputs):
        if isinstance(item, str):
            rows.append(renderer.text_ids(item))
            continue
        wrong = [token for token in item if not 0 <= token < renderer.vocab_size]
        if wrong:
            # A list of tokens alone and one in a list look the same from here.
            raise invalid(
                f"Invalid '{param}': input {number} contains {wrong[0]}, which is no "
                f"token of this model. Expected integers from 0 to "
                f"{renderer.vocab_size - 1}.",
                param,
                "invalid_value",
            )
        rows.append(item)
    return rows


def check_tokens(rows: list[list[int]], most: int, param: str) -> None:
    """Refuse a request with more tokens than are read at once."""
    total = sum(map(len, rows))
    if total > most:
        raise invalid(
            f"Invalid '{param}': expected at most {most} tokens in one request, but "
            f"got {total}. Send the inputs in several requests.",
            param,
            "max_tokens_per_request",
        )


def too_long(context: int, prompt: int, answer: int, param: str) -> ApiError:
    """Return OpenAI's 400 about a text that the model cannot read."""
    return invalid(
        f"This model's maximum context length is {context} tokens, however you "
        f"requested {prompt + answer} tokens ({prompt} in your prompt; {answer} for "
        "the completion). Please reduce your prompt; or completion length.",
        param,
        "context_length_exceeded",
    )


def _full_ids(renderer: ChatRenderer, item: str | list[int], ids: list[int]):
    """Return what the model reads: texts begin as the tokenizer begins them."""
    if isinstance(item, str):
        ids = [*renderer.opening_ids, *ids] if ids else renderer.start_ids
    if not ids:
        raise invalid(
            "This model has no token that begins a text, so the prompt cannot be "
            "empty.",
            "prompt",
            "invalid_value",
        )
    return ids


async def _echoed(
    here: Provider,
    model: ModelEntry,
    renderer: ChatRenderer,
    item: str | list[int],
    ids: list[int],
    own: list[int],
    top: int | None,
) -> Prompt:
    """Return a prompt that is said again, with log probabilities if asked for.

    Args:
        here: the provider.
        model: that reads it.
        renderer: of the model.
        item: the prompt as it came.
        ids: what the model reads.
        own: those of them that are the prompt's own, the last ones.
        top: how many likely tokens to tell at each place, None for no probabilities.
    """
    from helpers.provider.decoding import pieces_of
    from helpers.provider.generation import TokenOut
    from helpers.provider.reading import token_logprobs

    text = item if isinstance(item, str) else renderer.decode(ids)
    if top is None or not own:
        return Prompt(ids, text)
    begin = renderer.start_ids
    if not begin:
        raise invalid(
            "This model has no token that begins a text, so the first token of a "
            "prompt has no log probability. Leave 'echo' or 'logprobs' out.",
            "echo",
            "unsupported_parameter",
        )

    def first(reader):
        return token_logprobs(reader, [*begin, own[0]], len(begin), top)

    def others(reader):
        return token_logprobs(reader, ids, len(ids) - len(own) + 1, top)

    with deleted_is_unknown(here, model):
        found = await here.serving.read(model.path, first)
        if len(own) > 1:
            found += await here.serving.read(model.path, others)
    pieces = await run_in_threadpool(pieces_of, renderer, own)
    tokens = (
        TokenOut(token, piece, logprob, rivals)
        for token, piece, (logprob, rivals) in zip(own, pieces, found, strict=True)
    )
    return Prompt(ids, text, tuple(tokens))


async def _prompts(
    here: Provider,
    payload: CreateCompletion,
    model: ModelEntry,
    renderer: ChatRenderer,
    max_tokens: int,
) -> list[Prompt]:
    rows = await run_in_threadpool(read_inputs, renderer, payload.prompt, "prompt")
    check_tokens(rows, here.settings.limits.request_tokens, "prompt")
    full = [
        _full_ids(renderer, *pair) for pair in zip(payload.prompt, rows, strict=True)
    ]
    for ids in full:
        if len(ids) + max_tokens > renderer.context:
            raise too_long(renderer.context, len(ids), max_tokens, "prompt")
    if not payload.echo:
        return [Prompt(ids) for ids in full]
    return [
        await _echoed(here, model, renderer, item, ids, own, payload.logprobs)
        for item, ids, own in zip(payload.prompt, full, rows, strict=True)
    ]


@router.post("/completions")
async def create_completion(
    request: Request, payload: CreateCompletion, here: Here
) -> Response:
    """Let texts go on."""
    from helpers.provider.generation import GenerationRequest

    _refuse_what_is_not_served(payload)
    check_stream_options(payload)
    shown, candidates = _candidates(payload, here.settings.limits.completions)
    chances = chances_of(payload)
    model = await found_model(here, payload.model)
    engine, renderer = await opened(here, model)
    asked = payload.max_tokens
    max_tokens = DEFAULT_MAX_TOKENS if asked is None else asked
    prompts = await unless_gone(
        request, _prompts(here, payload, model, renderer, max_tokens)
    )
    # Which candidate is best is a matter of log probabilities, told or not.
    ranked = 0 if candidates > shown else None
    starts = [prompt.ids for prompt in prompts for _ in range(candidates)]
    generations = [
        engine.submit(
            GenerationRequest(
                model_path=model.path,
                prompt_ids=ids,
                max_tokens=max_tokens,
                seed=seed,
                top_logprobs=ranked if payload.logprobs is None else payload.logprobs,
                continues=renderer.goes_on(ids),
                **chances,
            )
        )
        for ids, seed in zip(starts, seeds(payload.seed, len(starts)), strict=True)
    ]
    answer = TextAnswer(
        model=model.really,
        created_at=now(),
        prompts=prompts,
        generations=generations,
        shown=shown,
        renderer=renderer,
        logprobs=payload.logprobs is not None,
        include_usage=includes_usage(payload),
    )
    return await respond(request, answer, stream=bool(payload.stream))
