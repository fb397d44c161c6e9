"""What goes into a response: the items of `input`, and the chat they stand for.

Purpose: `read_input` checks what came and gives it the shape in which the API lists
items; `chat_of` turns items, of this turn and of those before, into the messages that a
renderer knows. Each error names its place as OpenAI does: `input[1].content[0].type`.
It must never know how anything is stored or answered.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Literal, TypeVar

from pydantic import ValidationError

from helpers.provider.errors import ApiError, from_validation, invalid, not_served
from helpers.provider.ids import new_id
from helpers.provider.schemas import Request
from helpers.provider.settings import Limits

_LIMITS = Limits()
# What the real API takes besides text. Files and pictures cannot be read here.
_UNREAD_PARTS = ("input_image", "input_file", "input_audio")
_ITEMS = ("message", "function_call", "function_call_output")

Item = dict[str, Any]
Place = tuple[str | int, ...]
R = TypeVar("R", bound=Request)


class _Message(Request):
    role: Literal["user", "assistant", "system", "developer"]
    content: Any


class _Call(Request):
    call_id: str
    name: str
    arguments: str


class _CallOutput(Request):
    call_id: str
    output: Any


class _Text(Request):
    text: str


class _Refusal(Request):
    refusal: str


def wrong(problem: str, place: Place, value: Any) -> ApiError:
    """Return one of pydantic's findings about a value as an error."""
    return from_validation({"loc": ("body", *place), "type": problem, "input": value})


def read_as(kind: type[R], value: Any, place: Place) -> R:
    """Return a value as its type has it, or raise what is wrong, with the place."""
    try:
        return kind.model_validate(value)
    except ValidationError as fault:
        problem = fault.errors()[0]
        where = ("body", *place, *problem["loc"])
        raise from_validation({**problem, "loc": where}) from fault


def name_of(place: Place) -> str:
    """Write a place as OpenAI does: input[1].content."""
    text = "".join(f"[{p}]" if isinstance(p, int) else f".{p}" for p in place)
    return text.removeprefix(".")


def not_of(value: Any, known: Iterable[str], place: Place) -> ApiError:
    """Return the error for a word that is none of those known."""
    name = name_of(place)
    wanted = ", ".join(f"'{word}'" for word in known)
    found = f"'{value[:50]}'" if isinstance(value, str) else "something else"
    return invalid(
        f"Invalid value for '{name}': {found}. Supported values are: {wanted}.",
        name,
        "invalid_value",
    )


def _part(value: Any, place: Place, known: tuple[str, ...]) -> dict[str, Any]:
    """Return one part of a content as the API shows it."""
    if not isinstance(value, dict):
        raise wrong("dict_type", place, value)
    kind = value.get("type")
    if kind is None:
        raise wrong("missing", (*place, "type"), value)
    if kind in _UNREAD_PARTS and "input_text" in known:
        raise not_served(f"Content of the type '{kind}'", name_of(place))
    if kind not in known:
        raise not_of(kind, known, (*place, "type"))
    if kind == "refusal":
        return {"type": kind, "refusal": read_as(_Refusal, value, place).refusal}
    text = read_as(_Text, value, place).text
    if kind == "output_text":
        return {"type": kind, "text": text, "annotations": [], "logprobs": []}
    return {"type": kind, "text": text}


def _parts(value: Any, place: Place, known: tuple[str, ...]) -> list[dict[str, Any]]:
    """Return a content, a text or a list of parts, as parts."""
    if isinstance(value, str):
        value = [{"type": known[0], "text": value}]
    if not isinstance(value, list):
        name = name_of(place)
        raise invalid(
            f"Invalid type for '{name}': expected a string or an array of parts.",
            name,
            "invalid_type",
        )
    return [_part(part, (*place, n), known) for n, part in enumerate(value)]


def _message(value: Any, place: Place) -> Item:
    message = read_as(_Message, value, place)
    answers = message.role == "assistant"
    known = ("output_text", "refusal") if answers else ("input_text",)
    return {
        "id": new_id("msg_"),
        "type": "message",
        "status": "completed",
        "role": message.role,
        "content": _parts(message.content, (*place, "content"), known),
    }


def _call(value: Any, place: Place) -> Item:
    call = read_as(_Call, value, place)
    fixed = {"id": new_id("fc_"), "type": "function_call", "status": "completed"}
    return {**fixed, **call.model_dump()}


def _call_output(value: Any, place: Place) -> Item:
    given = read_as(_CallOutput, value, place)
    output = given.output
    if not isinstance(output, str):
        output = _parts(output, (*place, "output"), ("input_text",))
    return {
        "id": new_id("fco_"),
        "type": "function_call_output",
        "status": "completed",
        "call_id": given.call_id,
        "output": output,
    }


def _item(value: Any, place: Place) -> Item:
    if not isinstance(value, dict):
        raise wrong("dict_type", place, value)
    kind = value.get("type")
    if kind is None or kind == "message":
        return _message(value, place)
    if kind == "function_call":
        return _call(value, place)
    if kind == "function_call_output":
        return _call_output(value, place)
    if not isinstance(kind, str):
        raise not_of(kind, _ITEMS, (*place, "type"))
    raise not_served(f"An item of the type '{kind[:50]}'", name_of(place))


def read_input(value: Any) -> list[Item]:
    """Return the items of `input`, checked, as the API lists them.

    Every item gets an id of its own, also one that was copied with its id from an
    earlier response: ids are cursors, so none may be there twice.

    Args:
        value: of the field, a text or a list of items; None for nothing.

    Raises:
        ApiError: something in it is wrong, or is not served.
    """
    if value is None:
        return []
    if isinstance(value, str):
        value = [{"role": "user", "content": value}]
    if not isinstance(value, list):
        raise invalid(
            "Invalid type for 'input': expected a string or an array of items.",
            "input",
            "invalid_type",
        )
    if len(value) > _LIMITS.messages:
        raise invalid(
            f"Invalid 'input': expected at most {_LIMITS.messages} items, but got "
            f"{len(value)} instead.",
            "input",
            "array_above_max_length",
        )
    return [_item(item, ("input", number)) for number, item in enumerate(value)]


def check_pairs(items: Iterable[Item]) -> None:
    """Refuse calls without their output, and outputs without their call, as OpenAI.

    Args:
        items: all of a conversation.
    """
    called: dict[str, bool] = {}
    for item in items:
        if item["type"] == "function_call":
            called.setdefault(item["call_id"], False)
        elif item["type"] == "function_call_output":
            if item["call_id"] not in called:
                raise invalid(
                    "No tool call found for function call output with call_id "
                    f"{item['call_id'][:64]}. Expected its 'function_call' before it.",
                    "input",
                )
            called[item["call_id"]] = True
    for call_id, answered in called.items():
        if not answered:
            raise invalid(
                f"No tool output found for function call {call_id[:64]}. Send an item "
                "of the type 'function_call_output' with its 'call_id'.",
                "input",
            )


def _text_of(content: str | list[dict[str, Any]]) -> str:
    if isinstance(content, str):
        return content
    return "".join(part.get("text", part.get("refusal", "")) for part in content)


def chat_of(items: Iterable[Item]) -> list[dict[str, Any]]:
    """Return the chat messages that items stand for.

    Function calls belong to the message of the assistant that stands before them, as
    chat completions have them.
    """
    messages: list[dict[str, Any]] = []
    for item in items:
        if item["type"] == "function_call":
            call = {
                "id": item["call_id"],
                "type": "function",
                "function": {"name": item["name"], "arguments": item["arguments"]},
            }
            if not messages or messages[-1]["role"] != "assistant":
                messages.append({"role": "assistant", "content": None})
            messages[-1].setdefault("tool_calls", []).append(call)
        elif item["type"] == "function_call_output":
            content = _text_of(item["output"])
            messages.append(
                {"role": "tool", "tool_call_id": item["call_id"], "content": content}
            )
        else:
            content = _text_of(item["content"])
            messages.append({"role": item["role"], "content": content})
    return messages
