"""Responses: answers to turns of a conversation that the provider keeps."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated, Any, get_args

from fastapi import APIRouter, Depends, Request
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response, StreamingResponse

from helpers.provider import responses, stored, views
from helpers.provider.context import Provider, now, provider_of
from helpers.provider.errors import (
    ApiError,
    invalid,
    no_previous_response,
    no_such_response,
    not_served,
)
from helpers.provider.forms import broken_forms_are_told
from helpers.provider.ids import new_id
from helpers.provider.models import ModelEntry
from helpers.provider.response_answers import (
    Keep,
    ResponseAnswer,
    count_view,
    items_view,
    told_again,
)
from helpers.provider.response_forms import (
    AskedForm,
    asked_form,
    check_word,
    shown_format,
    shown_tools,
    told_tools,
    wanted_form,
)
from helpers.provider.response_items import Item, chat_of, check_pairs, read_input
from helpers.provider.response_output import Pieces
from helpers.provider.response_requests import (
    Asked,
    CountInputTokens,
    CreateResponse,
    Includable,
)
from helpers.provider.responses import ConversationTooLarge, KeptResponse
from helpers.provider.routes.generating import (
    check_stream_options,
    found_model,
    opened,
    respond,
    seeds,
    unless_gone,
)
from helpers.provider.routes.paging import is_ascending, limit_of, page_or_error
from helpers.provider.store import Session

if TYPE_CHECKING:
    from helpers.provider.rendering import ChatRenderer

router = APIRouter(prefix="/responses")
Here = Annotated[Provider, Depends(provider_of)]

DEFAULT_PAGE = 20
# Where the beginning of a conversation is dropped to make room ("truncation"), this
# part of the context is left for the answer, or `max_output_tokens` if that is less.
ROOM_FOR_THE_ANSWER = 4


# ---------------------------------------------------------------------------- checks


def _refuse_what_is_not_served(payload: Asked) -> None:
    """Refuse what would change the meaning of the answer, instead of ignoring it."""
    for name, words in (
        ("background", "Answering in the background"),
        ("conversation", "A conversation object"),
        ("prompt", "A prompt template"),
        ("moderation", "Moderation"),
        ("context_management", "Managing the context"),
        ("personality", "A personality"),
    ):
        if getattr(payload, name, None):
            raise not_served(words, name)
    options = getattr(payload, "prompt_cache_options", None)
    if options is not None and options.prewarm:
        raise not_served("Filling a cache without an answer", "prompt_cache_options")


def _check(payload: CreateResponse) -> None:
    _refuse_what_is_not_served(payload)
    check_stream_options(payload)
    if payload.top_logprobs and payload.logprobs is None:
        raise invalid(
            "The 'top_logprobs' parameter is only allowed when 'include' contains "
            "'message.output_text.logprobs'.",
            "top_logprobs",
            "invalid_value",
        )


def _check_include(request: Request) -> None:
    """Check what a query wants included; a response is shown as it was answered."""
    known = get_args(Includable)
    for name in ("include", "include[]"):
        for value in request.query_params.getlist(name):
            if value not in known:
                raise invalid(
                    f"Invalid value for 'include': '{value[:50]}'. Supported values "
                    f"are: {', '.join(known)}.",
                    "include",
                    "invalid_value",
                )


def _flag(request: Request, name: str) -> bool:
    value = request.query_params.get(name, "false")
    if value not in ("true", "false"):
        raise invalid(
            f"Invalid value for '{name}': expected true or false.",
            name,
            "invalid_value",
        )
    return value == "true"


# ------------------------------------------------------------------------- the prompt


def _turns(here: Provider, session: Session, response_id: str) -> list[KeptResponse]:
    limits = here.settings.limits
    try:
        return session.conversation(
            response_id, most=limits.messages, most_bytes=limits.json_bytes
        )
    except ConversationTooLarge as fault:
        raise invalid(
            "The conversation before this response is longer than this provider reads "
            f"({limits.messages} turns, {limits.json_bytes} bytes). Begin a new one "
            "with a part of it in 'input'.",
            "previous_response_id",
            "conversation_too_long",
        ) from fault


def _items_before(here: Provider, response_id: str) -> list[Item]:
    """Return the items of all turns that a new one follows."""
    with here.store.read() as session:
        turns = _turns(here, session, response_id)
    if not turns:
        raise no_previous_response(response_id, response_id)
    if turns[0].previous is not None:
        raise no_previous_response(response_id, turns[0].previous)
    return [item for turn in turns for item in turn.items]


def _read_items(here: Provider, payload: Asked) -> tuple[list[Item], list[Item]]:
    """Return the items of the turns before, and those of this one."""
    items = read_input(payload.input)
    if payload.previous_response_id is not None:
        before = _items_before(here, payload.previous_response_id)
        check_pairs([*before, *items])
        return before, items
    check_pairs(items)
    if not items:
        raise invalid(
            "Missing required parameter: 'input'. Expected a text, a list of items, "
            "or a 'previous_response_id' to go on from.",
            "input",
            "missing_required_parameter",
        )
    return [], items


def _prompt(
    renderer: ChatRenderer,
    payload: Asked,
    items: list[Item],
    most_output: int | None,
) -> list[int]:
    """Return the tokens of the prompt, shortened if need be and allowed.

    Args:
        renderer: of the model.
        payload: says the instructions, the tools, and whether the beginning may be
            dropped.
        items: all of the conversation.
        most_output: the most tokens of the answer, None for as many as there are.
    """
    head, tools = [], told_tools(payload)
    if payload.instructions is not None:
        # Of this turn only: those of turns before are not part of their items.
        head = [{"role": "system", "content": payload.instructions}]

    def ids_from(first: int) -> list[int]:
        try:
            return renderer.prompt_ids([*head, *chat_of(items[first:])], tools)
        except ValueError as fault:
            raise invalid(str(fault), "input", "invalid_value") from fault

    ids = ids_from(0)
    if len(ids) < renderer.context:
        return ids
    if payload.truncation == "auto":
        room = renderer.context // ROOM_FOR_THE_ANSWER
        room = min(most_output or room, room)
        # Never begin with an answer whose question is gone.
        starts = [
            n
            for n, item in enumerate(items)
            if item.get("role", item["type"]) in ("user", "system", "developer")
        ]
        ids = _shortened(ids_from, starts, renderer.context - room) or ids
    if len(ids) < renderer.context:
        return ids
    advice = "Please reduce the length of the input"
    if payload.truncation != "auto":
        advice += ", or set 'truncation' to 'auto' to drop the oldest items"
    raise invalid(
        f"Your input exceeds the context window of this model: it has {len(ids)} "
        f"tokens, the window {renderer.context}, the answer included. {advice}.",
        "input",
        "context_length_exceeded",
    )


def _shortened(
    ids_from: Callable[[int], list[int]], starts: list[int], most: int
) -> list[int] | None:
    """Return the longest end of a conversation that fits, None if none does.

    It looks from the end in growing steps, so what is far too old is never rendered.

    Args:
        ids_from: renders the items from one on.
        starts: where an end may begin, rising.
        most: how many tokens fit.
    """
    best, fits, fails, step = None, len(starts), -1, 1
    while fits - fails > 1:
        at = max(fits - step, fails + 1) if fails < 0 else (fits + fails) // 2
        ids = ids_from(starts[at])
        if len(ids) <= most:
            best, fits, step = ids, at, step * 2
        else:
            fails = at
    return best


# ------------------------------------------------------------------------- the answer


def _described(
    payload: CreateResponse, asked: AskedForm, model: ModelEntry
) -> dict[str, Any]:
    """Return all of a response that the request decides."""
    text = payload.text
    verbosity = (text.verbosity if text else None) or "medium"

    def default(value: Any, otherwise: Any) -> Any:
        return otherwise if value is None else value

    return {
        "id": new_id("resp_", 48),
        "object": "response",
        "created_at": now(),
        "status": "in_progress",
        "background": False,
        "completed_at": None,
        "error": None,
        "incomplete_details": None,
        "instructions": payload.instructions,
        "max_output_tokens": payload.max_output_tokens,
        "max_tool_calls": payload.max_tool_calls,
        "metadata": payload.metadata or {},
        "model": model.really,
        "output": [],
        "parallel_tool_calls": default(payload.parallel_tool_calls, True),
        "previous_response_id": payload.previous_response_id,
        "prompt_cache_key": payload.prompt_cache_key,
        "prompt_cache_retention": payload.prompt_cache_retention,
        # Whatever was wished for: nothing is thought, and there is one tier.
        "reasoning": {"effort": None, "summary": None},
        "safety_identifier": payload.safety_identifier,
        "service_tier": "default",
        "temperature": default(payload.temperature, 1.0),
        "text": {"format": shown_format(payload), "verbosity": verbosity},
        "tool_choice": default(payload.tool_choice, "auto"),
        "tools": shown_tools(asked),
        "top_logprobs": default(payload.top_logprobs, 0),
        "top_p": default(payload.top_p, 1.0),
        "truncation": payload.truncation or "disabled",
        "usage": None,
        "user": payload.user,
    }


def _keeper(here: Provider, items: list[Item]) -> Keep:
    """Return what stores the response to these items."""

    async def keep(response: dict[str, Any], pieces: Pieces) -> None:
        await run_in_threadpool(
            responses.keep,
            here.store,
            here.settings.limits,
            response,
            pieces,
            items,
        )

    return keep


async def _submit(
    here: Provider, payload: CreateResponse, asked: AskedForm, model: ModelEntry
) -> ResponseAnswer:
    from helpers.provider.generation import GenerationRequest

    before, items = await run_in_threadpool(_read_items, here, payload)
    check_word(asked, [*before, *items])
    engine, renderer = await opened(here, model)
    most = payload.max_output_tokens
    prompt = await run_in_threadpool(
        _prompt, renderer, payload, [*before, *items], most
    )
    wanted = await run_in_threadpool(wanted_form, asked, renderer, here.settings.limits)
    room = renderer.context - len(prompt)
    described = _described(payload, asked, model)
    generation = engine.submit(
        GenerationRequest(
            model_path=model.path,
            prompt_ids=prompt,
            max_tokens=min(most or room, room),
            temperature=described["temperature"],
            top_p=described["top_p"],
            seed=seeds(None, 1)[0],
            top_logprobs=payload.logprobs,
            grammar=wanted.grammar if wanted else None,
        )
    )
    return ResponseAnswer(
        response=described,
        prompt_tokens=len(prompt),
        generation=generation,
        renderer=renderer,
        logprobs=payload.logprobs is not None,
        form=wanted.form if wanted else None,
        keep=None if payload.store is False else _keeper(here, items),
    )


@router.post("")
async def create_response(
    request: Request, payload: CreateResponse, here: Here
) -> Response:
    """Answer a turn."""
    _check(payload)
    asked = asked_form(payload)
    model = await found_model(here, payload.model)
    if payload.store is not False:
        # Said now: an answer that cannot be stored is better not generated.
        await run_in_threadpool(here.blobs.check_space, 0)
    answer = await _submit(here, payload, asked, model)
    with broken_forms_are_told("tools" if asked.functions else "text.format"):
        return await respond(request, answer, stream=bool(payload.stream))


@router.post("/input_tokens")
async def count_input_tokens(
    request: Request, payload: CountInputTokens, here: Here
) -> Response:
    """Count the tokens that a response would read, without answering."""
    _refuse_what_is_not_served(payload)
    asked_form(payload)
    model = await found_model(here, payload.model)
    before, items = await run_in_threadpool(_read_items, here, payload)
    _, renderer = await opened(here, model)
    prompt = await unless_gone(
        request,
        run_in_threadpool(
            _prompt, renderer, payload, [*before, *items], most_output=None
        ),
    )
    return views.answer(count_view(len(prompt)))


# --------------------------------------------------------------------- stored responses


def _found(here: Provider, response_id: str) -> KeptResponse:
    with here.store.read() as session:
        row = session.response(response_id)
    if row is None:
        raise no_such_response(response_id)
    return row


@router.get("/{response_id}")
def retrieve_response(response_id: str, request: Request, here: Here) -> Response:
    """Show a stored response, or tell its events again."""
    _check_include(request)
    stream = _flag(request, "stream")
    after = request.query_params.get("starting_after")
    if after is not None and not (after.isascii() and after.isdigit()):
        raise invalid(
            "Invalid type for 'starting_after': expected the number of an event.",
            "starting_after",
            "invalid_type",
        )
    row = _found(here, response_id)
    if not stream:
        return views.answer(row.response)
    # As a text first: Python refuses to read numbers of thousands of digits.
    first = 0 if after is None else int(after[:18]) + 1
    events = told_again(row.response, row.pieces)[first:]
    return StreamingResponse(
        iter(events),
        media_type="text/event-stream",
        headers={"cache-control": "no-cache"},
    )


@router.delete("/{response_id}")
def delete_response(response_id: str, here: Here) -> Response:
    """Delete a stored response."""
    with here.store.write() as session:
        deleted = session.delete_response(response_id)
    if not deleted:
        raise no_such_response(response_id)
    return views.answer({"id": response_id, "object": "response", "deleted": True})


@router.get("/{response_id}/input_items")
def list_input_items(
    response_id: str,
    request: Request,
    here: Here,
    limit: str | None = None,
    after: str | None = None,
    order: str = "desc",
) -> Response:
    """List the items that a response answers, those of earlier turns included."""
    _check_include(request)
    ascending = is_ascending(order)
    size = limit_of(limit, DEFAULT_PAGE, here.settings.limits.list_completions)
    with here.store.read() as session:
        row = session.response(response_id)
        if row is None:
            raise no_such_response(response_id)
        before = _turns(here, session, row.previous) if row.previous else []
    items = [item for turn in before for item in turn.items] + row.input_items
    ids = [item["id"] for item in items]
    page = page_or_error(
        lambda: stored.page_of(
            items, ids, limit=size, after=after, ascending=ascending
        ),
        after,
    )
    return views.answer(items_view(page))


@router.post("/{response_id}/cancel")
def cancel_response(response_id: str, here: Here) -> Response:
    """Refuse to cancel: only what runs in the background can be cancelled."""
    _found(here, response_id)
    raise invalid(
        "Cannot cancel a synchronous response: it is complete. Only responses created "
        "with 'background': true can be cancelled, which this local provider does not "
        "serve. A stream ends when its connection is closed.",
        "response_id",
    )


@router.post("/compact")
def compact_conversation() -> Response:
    """Refuse to compact: nobody but a hosted service could read the result."""
    raise ApiError(
        400,
        "Compacting a conversation is not served by this local provider. Set "
        "'truncation' to 'auto' to drop what is too old, or use a hosted provider.",
        code="unsupported_operation",
    )
