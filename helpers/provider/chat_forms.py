"""The form of a chat completion: response_format, tools, and the older functions.

Purpose: what a request for a chat completion says about the form of its answer, checked
and turned into what `constraints` knows. The words of errors are those of OpenAI's API.
It must never know how answers are generated or sent.
"""

from __future__ import annotations

from collections.abc import Sequence
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
from helpers.provider.schemas import (
    CreateChatCompletion,
    FunctionChoice,
    FunctionTool,
    ToolChoice,
)
from helpers.provider.settings import Limits

if TYPE_CHECKING:
    from helpers.provider.grammars import Grammar
    from helpers.provider.rendering import ChatRenderer


@dataclass(frozen=True)
class WantedForm:
    """The form of the choices of one request.

    Args:
        form: what it is.
        grammar: the same, for the tokens of the model that answers.
        legacy: calls are told as `function_call`.
        named: the caller has named the function.
    """

    form: AnswerForm
    grammar: Grammar
    legacy: bool
    named: bool

    def finish_reason(self, reason: str | None, calls: int, whole: int) -> str | None:
        """Return why an answer ended.

        Args:
            reason: why its text ended.
            calls: how many calls have begun in it.
            whole: how many of them have come to their end.
        """
        # The real API says "stop" where the function was named by the caller (guide
        # "Function calling"): the model has not decided to call it.
        if reason != "stop" or not calls or calls > whole or self.named:
            return reason
        return "function_call" if self.legacy else "tool_calls"


# ------------------------------------------------------------- what must fit together


def check_choices(payload: CreateChatCompletion) -> None:
    """Refuse tools, functions and choices that do not fit together."""
    if payload.tools and payload.functions:
        raise invalid(
            "'tools' and 'functions' cannot be used together. Leave out 'functions', "
            "which is the older one.",
            "functions",
            "invalid_parameter_combination",
        )
    for name, others, given in (
        ("tool_choice", "tools", payload.tools),
        ("function_call", "functions", payload.functions),
    ):
        if getattr(payload, name) not in (None, "none", "auto") and not given:
            raise invalid(
                f"'{name}' is only allowed when '{others}' are specified.", name
            )
    if payload.parallel_tool_calls is not None and not payload.tools:
        raise invalid(
            "'parallel_tool_calls' is only allowed when 'tools' are specified.",
            "parallel_tool_calls",
        )
    for number, tool in enumerate(payload.tools or ()):
        if tool.type != "function":
            raise not_served("A custom tool", f"tools[{number}].type")
        if tool.function is None:
            raise missing(f"tools[{number}].function")
    form = payload.response_format
    if form is not None and form.type == "json_schema":
        if form.json_schema is None:
            raise missing("response_format.json_schema")
        if form.json_schema.schema_ is None:
            raise missing("response_format.json_schema.schema")
    _, allowed, field = _choice(payload)
    check_names(_functions(payload), allowed, field)


def _functions(payload: CreateChatCompletion) -> list[tuple[FunctionTool, str]]:
    """Return each function with its place in the request."""
    if payload.functions:
        return [(f, f"functions[{n}]") for n, f in enumerate(payload.functions)]
    return [
        (tool.function, f"tools[{n}].function")
        for n, tool in enumerate(payload.tools or ())
        if tool.function is not None
    ]


def _choice(payload: CreateChatCompletion) -> tuple[Calls, list[str] | None, str]:
    """Return whether to call, which functions only (None: any), and the field."""
    field = "function_call" if payload.functions else "tool_choice"
    choice = getattr(payload, field)
    if isinstance(choice, FunctionChoice):
        return "required", [choice.name], field
    if not isinstance(choice, ToolChoice):
        return choice or "auto", None, field
    if choice.type == "custom":
        raise not_served("A custom tool", f"{field}.type")
    if choice.type == "function":
        if choice.function is None:
            raise missing(f"{field}.function")
        return "required", [choice.function.name], field
    if choice.allowed_tools is None:
        raise missing(f"{field}.allowed_tools")
    names = []
    for tool in choice.allowed_tools.tools:
        function = tool.get("function")
        name = function.get("name") if isinstance(function, dict) else None
        if not isinstance(name, str):
            raise missing(f"{field}.allowed_tools.tools.function.name")
        names.append(name)
    if not names:
        raise invalid(
            f"Invalid '{field}.allowed_tools.tools': empty array. Expected at least "
            "one tool.",
            f"{field}.allowed_tools.tools",
            "empty_array",
        )
    return choice.allowed_tools.mode, names, field


def check_word(
    payload: CreateChatCompletion, messages: Sequence[dict[str, Any]]
) -> None:
    """Refuse JSON mode without the word JSON, as OpenAI's API does.

    A model that was not told to write JSON would otherwise write blanks for ever there;
    here it would write nonsense.
    """
    from helpers.provider.rendering import content_text

    form = payload.response_format
    if form is None or form.type != "json_object":
        return
    if not any("json" in content_text(message).lower() for message in messages):
        raise invalid(
            "'messages' must contain the word 'json' in some form, to use "
            "'response_format' of type 'json_object'.",
            "messages",
        )


def told_tools(body: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the tools of a request as they came, for the model to read.

    Training files are read as they came too: the order of keys is what a model knows.
    """
    if body.get("tools"):
        return body["tools"]
    functions = body.get("functions") or []
    return [{"type": "function", "function": function} for function in functions]


# --------------------------------------------------------------------- the form itself


def wanted_form(
    payload: CreateChatCompletion, renderer: ChatRenderer, limits: Limits
) -> WantedForm | None:
    """Return the form of an answer for the model that gives it; blocking.

    Raises:
        ApiError: a schema cannot be obeyed, or not by this model.
    """
    calls, allowed, _ = _choice(payload)
    with impossible_forms_are_told("tools" if payload.tools else "response_format"):
        functions = [
            function_of(function, place, renderer, limits, strict=bool(function.strict))
            for function, place in _functions(payload)
            if allowed is None or function.name in allowed
        ]
        named = calls == "required" and field_names_one(payload)
        form = answer_form(
            content=_content_schema(payload, renderer, limits),
            functions=functions,
            calls=calls,
            several=not (
                named or payload.functions or payload.parallel_tool_calls is False
            ),
            call_form=renderer.call_form,
        )
        if form is None:
            return None
        grammar = compiled(form, renderer)
    return WantedForm(form, grammar, bool(payload.functions), named)


def field_names_one(payload: CreateChatCompletion) -> bool:
    """Whether the caller has named the one function to be called."""
    choice = payload.function_call if payload.functions else payload.tool_choice
    return isinstance(choice, FunctionChoice) or (
        isinstance(choice, ToolChoice) and choice.type == "function"
    )


def _content_schema(
    payload: CreateChatCompletion, renderer: ChatRenderer, limits: Limits
) -> dict[str, Any] | None:
    form = payload.response_format
    if form is None or form.type == "text":
        return None
    if form.json_schema is None or form.type == "json_object":
        return ANY_OBJECT
    asked = form.json_schema
    return content_schema(
        asked.schema_,
        asked.name,
        renderer,
        limits,
        strict=bool(asked.strict),
        param="response_format",
    )
