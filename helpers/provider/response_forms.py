"""The form of a response: text.format, function tools, and the choice among them.

Purpose: what a request for a response says about the form of its answer, checked and
turned into what `constraints` knows; `chat_forms` does the same for chat completions.
The words of errors are those of OpenAI's API.
It must never know how answers are generated or sent.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from helpers.provider.constraints import (
    ANY_OBJECT,
    AnswerForm,
    Calls,
    answer_form,
    compiled,
)
from helpers.provider.errors import invalid, not_served
from helpers.provider.forms import (
    check_names,
    content_schema,
    function_of,
    impossible_forms_are_told,
    missing,
)
from helpers.provider.json_schemas import made_strict
from helpers.provider.response_items import Item, name_of, not_of, read_as
from helpers.provider.response_requests import (
    AllowedFunctions,
    Asked,
    NamedFunction,
    ResponseFunction,
    TextFormat,
)
from helpers.provider.settings import Limits

if TYPE_CHECKING:
    from helpers.provider.grammars import Grammar
    from helpers.provider.rendering import ChatRenderer

_CHOICES = ("none", "auto", "required")
# Fields that change when or by whom a function is called, and what they mean.
_REFUSED = {
    "async_": "Calling a function asynchronously",
    "defer_loading": "Loading a function later",
}


@dataclass(frozen=True)
class AskedForm:
    """What a request says about the form of its answer, checked but for schemas.

    Args:
        format: of an answer that is no call, None for any text.
        functions: each with its place in the request.
        calls: whether to call some of them.
        allowed: names of those that may be called, None for all.
        several: whether there may be more than one call.
    """

    format: TextFormat | None
    functions: list[tuple[ResponseFunction, str]]
    calls: Calls
    allowed: list[str] | None
    several: bool


@dataclass(frozen=True)
class WantedForm:
    """The form of one answer.

    Args:
        form: what it is.
        grammar: the same, for the tokens of the model that answers.
    """

    form: AnswerForm
    grammar: Grammar


# -------------------------------------------------------------------- what was asked


def asked_form(payload: Asked) -> AskedForm:
    """Read all that forces an answer into a form.

    Raises:
        ApiError: something is wrong, does not fit together, or is not served.
    """
    form = payload.text.format if payload.text else None
    if form is not None and form.type == "json_schema":
        if form.name is None:
            raise missing("text.format.name")
        if form.schema_ is None:
            raise missing("text.format.schema")
    functions = [
        (_function(tool, number), f"tools[{number}]")
        for number, tool in enumerate(payload.tools or ())
    ]
    calls, allowed, named = _choice(payload.tool_choice)
    if calls == "required" and not functions:
        raise invalid(
            "'tool_choice' is only allowed to ask for a call when 'tools' are "
            "specified.",
            "tool_choice",
        )
    check_names(functions, allowed, "tool_choice")
    return AskedForm(
        format=form if form is not None and form.type != "text" else None,
        functions=functions,
        calls=calls,
        allowed=allowed,
        several=not named and payload.parallel_tool_calls is not False,
    )


def _function(tool: Any, number: int) -> ResponseFunction:
    kind = tool.get("type") if isinstance(tool, dict) else None
    if not isinstance(kind, str):
        raise missing(f"tools[{number}].type")
    if kind != "function":
        raise not_served(f"A tool of the type '{kind[:50]}'", "tools")
    place = ("tools", number)
    function = read_as(ResponseFunction, tool, place)
    for field, words in _REFUSED.items():
        if getattr(function, field):
            raise not_served(words, name_of((*place, field.rstrip("_"))))
    if "programmatic" in (function.allowed_callers or ()):
        raise not_served("Calling from a program", name_of((*place, "allowed_callers")))
    return function


def _choice(choice: Any) -> tuple[Calls, list[str] | None, bool]:
    """Return whether to call, which functions only, and whether one was named."""
    if choice is None:
        return "auto", None, False
    place = ("tool_choice",)
    if not isinstance(choice, dict):
        if choice not in _CHOICES:
            raise not_of(choice, _CHOICES, place)
        return choice, None, False
    kind = choice.get("type")
    if kind == "function":
        return "required", [read_as(NamedFunction, choice, place).name], True
    if kind == "allowed_tools":
        allowed = read_as(AllowedFunctions, choice, place)
        return allowed.mode, [tool.name for tool in allowed.tools], False
    if not isinstance(kind, str):
        raise missing("tool_choice.type")
    raise not_served(f"A choice of the type '{kind[:50]}'", "tool_choice")


def told_tools(payload: Asked) -> list[dict[str, Any]] | None:
    """Return the tools as a chat has them, for the model to read; None for none.

    Their keys stay in the order in which they came: that is what a model knows.
    """
    nested = [
        {
            "type": "function",
            "function": {key: tool[key] for key in tool if key != "type"},
        }
        for tool in payload.tools or ()
    ]
    return nested or None


def check_word(asked: AskedForm, items: Iterable[Item]) -> None:
    """Refuse JSON mode without the word JSON, as OpenAI's API does.

    A model that was not told to write JSON would write nonsense.

    Args:
        asked: what the request says.
        items: all of the conversation.
    """
    if asked.format is None or asked.format.type != "json_object":
        return
    if not any("json" in _words(item) for item in items if "content" in item):
        raise invalid(
            "Response input messages must contain the word 'json' in some form to use "
            "'text.format' of type 'json_object'.",
            "input",
        )


def _words(item: Item) -> str:
    texts = (part.get("text", part.get("refusal", "")) for part in item["content"])
    return " ".join(texts).lower()


# ---------------------------------------------------------------------- the form itself


def wanted_form(
    asked: AskedForm, renderer: ChatRenderer, limits: Limits
) -> WantedForm | None:
    """Return the form of an answer for the model that gives it; blocking.

    Raises:
        ApiError: a schema cannot be obeyed, or not by this model.
    """
    with impossible_forms_are_told("tools" if asked.functions else "text.format"):
        functions = [
            _obeyed(function, place, renderer, limits)
            for function, place in asked.functions
            if asked.allowed is None or function.name in asked.allowed
        ]
        form = answer_form(
            content=_content(asked.format, renderer, limits),
            functions=functions,
            calls=asked.calls,
            several=asked.several,
            call_form=renderer.call_form,
        )
        return None if form is None else WantedForm(form, compiled(form, renderer))


def _content(
    form: TextFormat | None, renderer: ChatRenderer, limits: Limits
) -> dict[str, Any] | None:
    if form is None:
        return None
    if form.type == "json_object" or form.name is None:
        return ANY_OBJECT
    return content_schema(
        form.schema_,
        form.name,
        renderer,
        limits,
        strict=bool(form.strict),
        param="text.format.schema",
        code="invalid_json_schema",
    )


def _obeyed(
    tool: ResponseFunction, place: str, renderer: ChatRenderer, limits: Limits
) -> Any:
    function = function_of(tool, place, renderer, limits, strict=bool(tool.strict))
    strict = resolved(tool)
    if strict.parameters is tool.parameters:
        return function
    return function_of(strict, place, renderer, limits, strict=True)


def resolved(tool: ResponseFunction) -> ResponseFunction:
    """Return a function with `strict` decided.

    Where a request leaves it out, responses make the schema a strict one if they can
    (guide "Function calling", read 2026-11-23); chat completions leave it as it is.

    Args:
        tool: whose parameters `wanted_form` has found to be a schema.
    """
    if tool.strict is not None:
        return tool
    strict = made_strict(tool.parameters or {})
    if strict is None:
        return tool.model_copy(update={"strict": False})
    return tool.model_copy(update={"strict": True, "parameters": strict})


# ------------------------------------------------------------------------- told back


def shown_format(payload: Asked) -> dict[str, Any]:
    """Return the format as a response tells it back."""
    form = payload.text.format if payload.text else None
    if form is None or form.type != "json_schema":
        return {"type": form.type if form else "text"}
    return {
        "type": form.type,
        "name": form.name,
        "description": form.description,
        "schema": form.schema_,
        "strict": bool(form.strict),
    }


def shown_tools(asked: AskedForm) -> list[dict[str, Any]]:
    """Return the tools as a response tells them back, `strict` decided."""
    optional = {"output_schema", "allowed_callers", "async", "defer_loading"}
    shown = []
    for tool, _ in asked.functions:
        told = resolved(tool).model_dump(by_alias=True)
        left = {name for name in optional if told[name] is None}
        shown.append({name: told[name] for name in told if name not in left})
    return shown
