"""The form of a chat completion: response_format, tools, and the older functions.

Purpose: what a request for a chat completion says about the form of its answer, checked
and turned into what `constraints` knows. The words of errors are those of OpenAI's API.
It must never know how answers are generated or sent.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from helpers.provider.constraints import (
    ANY_OBJECT,
    AnswerForm,
    Calls,
    Function,
    answer_form,
    check_compiles,
    compiled,
)
from helpers.provider.errors import ApiError, invalid, not_served
from helpers.provider.json_schemas import SchemaRefused, checked
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
            raise _missing(f"tools[{number}].function")
    form = payload.response_format
    if form is not None and form.type == "json_schema":
        if form.json_schema is None:
            raise _missing("response_format.json_schema")
        if form.json_schema.schema_ is None:
            raise _missing("response_format.json_schema.schema")
    _check_names(payload)


def _missing(name: str) -> ApiError:
    return invalid(
        f"Missing required parameter: '{name}'.", name, "missing_required_parameter"
    )


def _check_names(payload: CreateChatCompletion) -> None:
    seen: set[str] = set()
    for function, place in _functions(payload):
        if function.name in seen:
            raise invalid(
                f"Invalid '{place}.name': there is another function named "
                f"'{function.name}'. Expected each name once.",
                f"{place}.name",
                "invalid_value",
            )
        seen.add(function.name)
    _, allowed, place = _choice(payload)
    unknown = [name for name in allowed or () if name not in seen]
    if unknown:
        raise invalid(
            f"Invalid value for '{place}': no function named '{unknown[0][:64]}' was "
            "specified in this request.",
            place,
            "invalid_value",
        )


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
            raise _missing(f"{field}.function")
        return "required", [choice.function.name], field
    if choice.allowed_tools is None:
        raise _missing(f"{field}.allowed_tools")
    names = []
    for tool in choice.allowed_tools.tools:
        function = tool.get("function")
        name = function.get("name") if isinstance(function, dict) else None
        if not isinstance(name, str):
            raise _missing(f"{field}.allowed_tools.tools.function.name")
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
    from helpers.provider.grammars import CannotConstrain, GrammarRefused

    calls, allowed, field = _choice(payload)
    try:
        content = _content_schema(payload, renderer, limits)
        functions = [
            _function(function, place, renderer, limits)
            for function, place in _functions(payload)
            if allowed is None or function.name in allowed
        ]
        named = calls == "required" and field_names_one(payload)
        form = answer_form(
            content=content,
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
    except CannotConstrain as fault:
        param = "tools" if payload.tools else "response_format"
        raise not_served(f"This is not possible here: {fault}. It", param) from fault
    except GrammarRefused as fault:
        raise invalid(
            f"The form of the answer is too complex as a whole: {fault}. Send fewer "
            "functions, or smaller schemas.",
            "tools" if payload.tools else "response_format",
        ) from fault
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
    try:
        schema = checked(asked.schema_, limits, strict=bool(asked.strict))
        check_compiles(schema, renderer)
    except SchemaRefused as fault:
        raise invalid(
            f"Invalid schema for response_format '{asked.name}': In "
            f"context={fault.place}, {fault.reason}",
            "response_format",
        ) from fault
    return schema


def _function(
    function: FunctionTool, place: str, renderer: ChatRenderer, limits: Limits
) -> Function:
    schema = function.parameters
    if schema is None:
        schema = {"type": "object", "properties": {}, "additionalProperties": False}
    try:
        schema = checked(schema, limits, strict=bool(function.strict))
        if schema.setdefault("type", "object") != "object":
            raise SchemaRefused(
                "schema must be a JSON Schema of 'type: \"object\"', got 'type: "
                f'"{schema["type"]}"\'.'
            )
        check_compiles(schema, renderer)
    except SchemaRefused as fault:
        raise invalid(
            f"Invalid schema for function '{function.name}': In "
            f"context={fault.place}, {fault.reason}",
            f"{place}.parameters",
            "invalid_function_parameters",
        ) from fault
    return Function(function.name, schema)


@contextlib.contextmanager
def broken_forms_are_told() -> Iterator[None]:
    """Answer with a 400 when a form became too complex while it was kept to."""
    from helpers.provider.grammars import ConstraintBroken

    try:
        yield
    except ConstraintBroken as fault:
        raise invalid(
            f"The answer could not be kept to the form that was asked for: {fault}. "
            "Use simpler schemas or patterns.",
            "response_format",
            "form_too_complex",
        ) from fault
