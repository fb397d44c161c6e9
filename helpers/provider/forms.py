"""What requests of every kind share that ask for a form of their answer.

Purpose: the checks and the words of errors that chat completions (`chat_forms`) and
responses (`response_forms`) have in common; the words are those of OpenAI's API.
It must never know the fields of one kind of request, or how answers are generated.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from helpers.provider.constraints import Function, check_compiles
from helpers.provider.errors import ApiError, invalid, not_served
from helpers.provider.json_schemas import SchemaRefused, checked
from helpers.provider.schemas import FunctionTool
from helpers.provider.settings import Limits

if TYPE_CHECKING:
    from helpers.provider.grammars import ConstraintBroken
    from helpers.provider.rendering import ChatRenderer

NO_ARGUMENTS = {"type": "object", "properties": {}, "additionalProperties": False}


def missing(name: str) -> ApiError:
    """Return the error for a parameter that has to be there."""
    return invalid(
        f"Missing required parameter: '{name}'.", name, "missing_required_parameter"
    )


def check_names(
    functions: Sequence[tuple[FunctionTool, str]],
    allowed: Sequence[str] | None,
    field: str,
) -> None:
    """Refuse names of functions that are there twice, or are chosen and not there.

    Args:
        functions: each with its place in the request.
        allowed: names that were chosen, None for no choice.
        field: that has chosen them.
    """
    seen: set[str] = set()
    for function, place in functions:
        if function.name in seen:
            raise invalid(
                f"Invalid '{place}.name': there is another function named "
                f"'{function.name}'. Expected each name once.",
                f"{place}.name",
                "invalid_value",
            )
        seen.add(function.name)
    unknown = [name for name in allowed or () if name not in seen]
    if unknown:
        raise invalid(
            f"Invalid value for '{field}': no function named '{unknown[0][:64]}' was "
            "specified in this request.",
            field,
            "invalid_value",
        )


def content_schema(
    schema: Any,
    name: str,
    renderer: ChatRenderer,
    limits: Limits,
    *,
    strict: bool,
    param: str,
    code: str | None = None,
) -> dict[str, Any]:
    """Return the schema of an answer that is no call, checked; blocking.

    Args:
        schema: as it came.
        name: that the request gives it.
        renderer: of the model that answers.
        limits: caps on its size.
        strict: whether OpenAI's rules for `strict: true` count.
        param: of an error.
        code: of an error.
    """
    with _refused_schemas_are_told(f"response_format '{name}'", param, code):
        schema = checked(schema, limits, strict=strict)
        check_compiles(schema, renderer)
    return schema


def function_of(
    tool: FunctionTool,
    place: str,
    renderer: ChatRenderer,
    limits: Limits,
    *,
    strict: bool,
) -> Function:
    """Return a function that can be called, its parameters checked; blocking.

    Args:
        tool: what the request says of it.
        place: of the function in the request.
        renderer: of the model that answers.
        limits: caps on its size.
        strict: whether OpenAI's rules for `strict: true` count.
    """
    schema = NO_ARGUMENTS if tool.parameters is None else tool.parameters
    with _refused_schemas_are_told(
        f"function '{tool.name}'", f"{place}.parameters", "invalid_function_parameters"
    ):
        schema = checked(schema, limits, strict=strict)
        if schema.setdefault("type", "object") != "object":
            raise SchemaRefused(
                "schema must be a JSON Schema of 'type: \"object\"', got 'type: "
                f'"{schema["type"]}"\'.'
            )
        check_compiles(schema, renderer)
    return Function(tool.name, schema)


@contextlib.contextmanager
def _refused_schemas_are_told(
    what: str, param: str, code: str | None
) -> Iterator[None]:
    try:
        yield
    except SchemaRefused as fault:
        raise invalid(
            f"Invalid schema for {what}: In context={fault.place}, {fault.reason}",
            param,
            code,
        ) from fault


@contextlib.contextmanager
def impossible_forms_are_told(param: str) -> Iterator[None]:
    """Answer with a 400 when a model cannot be kept to a form."""
    from helpers.provider.grammars import CannotConstrain, GrammarRefused

    try:
        yield
    except CannotConstrain as fault:
        raise not_served(f"This is not possible here: {fault}. It", param) from fault
    except GrammarRefused as fault:
        raise invalid(
            f"The form of the answer is too complex as a whole: {fault}. Send fewer "
            "functions, or smaller schemas.",
            param,
        ) from fault


@contextlib.contextmanager
def broken_forms_are_told(param: str) -> Iterator[None]:
    """Answer with a 400 when a form became too complex while it was kept to."""
    from helpers.provider.grammars import ConstraintBroken

    try:
        yield
    except ConstraintBroken as fault:
        raise invalid(broken_form(fault), param, "form_too_complex") from fault


def broken_form(fault: ConstraintBroken) -> str:
    """Say what happened to an answer that could not be kept to its form."""
    return (
        f"The answer could not be kept to the form that was asked for: {fault}. "
        "Use simpler schemas or patterns."
    )
