"""JSON Schemas of requests: checked, and made ready for a grammar.

Purpose: `checked` says no to what a grammar cannot honour and names the place, because
a keyword that was silently ignored would be a promise broken later. Whether a schema is
one at all is decided by the `jsonschema` package; the rules of `strict` are OpenAI's
(guide "Structured Outputs", read 2026-11-23).
It must never know HTTP or grammars.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from typing import Any

from helpers.provider.settings import Limits

Keys = tuple[str | int, ...]

_MAPS = ("properties", "patternProperties", "$defs", "definitions")
_LISTS = ("anyOf", "oneOf", "allOf", "prefixItems")
_SINGLE = ("items", "additionalProperties")
_HONOURED = {
    *_MAPS,
    *_LISTS,
    *_SINGLE,
    *("type", "const", "enum", "$ref", "required", "minItems", "maxItems"),
    *("minProperties", "maxProperties", "minLength", "maxLength", "pattern", "format"),
    *("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"),
}
# They say something about values that no grammar here can keep.
_REFUSED = {
    *("not", "if", "then", "else", "dependentRequired", "dependentSchemas"),
    *("dependencies", "propertyNames", "contains", "minContains", "maxContains"),
    *("uniqueItems", "unevaluatedItems", "unevaluatedProperties", "additionalItems"),
    *("$dynamicRef", "$recursiveRef"),
}
# Formats that the grammar knows; others are remarks, as JSON Schema has it.
_FORMATS = "date-time time date duration email hostname ipv4 ipv6 uuid uri".split()


class SchemaRefused(ValueError):
    """A schema that answers cannot be made to obey.

    Args:
        reason: what was found and what was expected.
        path: keys and indexes that lead to the place.
    """

    def __init__(self, reason: str, path: Keys = ()) -> None:
        super().__init__(reason)
        self.reason, self.path = reason, path

    @property
    def place(self) -> str:
        """The place as OpenAI's messages write it: ('properties', 'age')."""
        return str(tuple(str(key) for key in self.path))


def checked(schema: Any, limits: Limits, *, strict: bool) -> dict[str, Any]:
    """Return a schema that a grammar can be made of.

    Args:
        schema: as it came in a request.
        limits: caps on its size.
        strict: whether OpenAI's rules for `strict: true` count.

    Returns:
        A copy with what says nothing about values left out (titles, examples).

    Raises:
        SchemaRefused: it is no schema, too large, or says what cannot be honoured.
    """
    if not isinstance(schema, dict):
        raise SchemaRefused("expected an object")
    _check_size(schema, limits)
    _check_kind(schema)
    if strict:
        _check_root(schema)
        for path, part in subschemas(schema):
            _check_strict(part, path)
    return _ready(schema, ())


def _check_size(schema: dict[str, Any], limits: Limits) -> None:
    """Refuse what is too deep or too large, without going deeper than allowed."""
    waiting: list[tuple[Any, Keys]] = [(schema, ())]
    properties = values = 0
    while waiting:
        value, path = waiting.pop()
        if len(path) > limits.schema_depth:
            raise SchemaRefused(
                f"expected at most {limits.schema_depth} levels of nesting", path[:8]
            )
        if isinstance(value, dict):
            if isinstance(inner := value.get("properties"), dict):
                properties += len(inner)
            if isinstance(inner := value.get("enum"), list):
                values += len(inner)
            waiting += [(inner, (*path, key)) for key, inner in value.items()]
        elif isinstance(value, list):
            waiting += [(inner, (*path, at)) for at, inner in enumerate(value)]
    for found, most, noun in (
        (properties, limits.schema_properties, "properties in all objects together"),
        (values, limits.schema_enum_values, "enum values in all enums together"),
        (len(json.dumps(schema)), limits.schema_characters, "characters"),
    ):
        if found > most:
            raise SchemaRefused(f"expected at most {most} {noun}, but got {found}")


def _check_kind(schema: dict[str, Any]) -> None:
    """Refuse what is no JSON Schema, at the place that is wrong."""
    from jsonschema import Draft202012Validator
    from jsonschema.exceptions import best_match

    validator = Draft202012Validator(Draft202012Validator.META_SCHEMA)
    fault = best_match(validator.iter_errors(schema))
    if fault is not None:
        raise SchemaRefused(fault.message[:300], tuple(fault.absolute_path))


def _check_root(schema: dict[str, Any]) -> None:
    if schema.get("type") != "object":
        found = json.dumps(schema.get("type", "None"))
        raise SchemaRefused(
            f"schema must be a JSON Schema of 'type: \"object\"', got 'type: {found}'."
        )


def _check_strict(schema: Any, path: Keys) -> None:
    if not isinstance(schema, dict):
        return
    properties = schema.get("properties")
    if schema.get("type") != "object" and properties is None:
        return
    if schema.get("additionalProperties") is not False:
        raise SchemaRefused(
            "'additionalProperties' is required to be supplied and to be false.", path
        )
    missing = [name for name in properties or () if name not in _required(schema)]
    if missing:
        raise SchemaRefused(
            "'required' is required to be supplied and to be an array including "
            f"every key in properties. Missing '{missing[0]}'.",
            path,
        )


def made_strict(schema: dict[str, Any]) -> dict[str, Any] | None:
    """Return a schema as OpenAI's rules for `strict: true` want it.

    Objects get no further keys, and every key becomes required.

    Args:
        schema: one that `checked` has found right.

    Returns:
        A copy; None if it says itself that its keys are not all known.
    """
    strict = copy.deepcopy(schema)
    strict.setdefault("type", "object")
    strict.setdefault("properties", {})
    for _, part in subschemas(strict):
        if not isinstance(part, dict):
            continue
        if part.get("type") != "object" and part.get("properties") is None:
            continue
        if part.get("additionalProperties", False) is not False:
            return None
        if part.get("patternProperties"):
            return None
        part["additionalProperties"] = False
        part["required"] = list(part.get("properties") or ())
    try:
        _check_root(strict)
        for path, part in subschemas(strict):
            _check_strict(part, path)
    except SchemaRefused:
        return None
    return strict


def _required(schema: dict[str, Any]) -> list[str]:
    return schema.get("required") or []


def subschemas(schema: Any, path: Keys = ()) -> Iterator[tuple[Keys, Any]]:
    """Yield a schema and all schemas in it, each with the way to it."""
    yield path, schema
    if not isinstance(schema, dict):
        return
    for key in _MAPS:
        for name, part in (schema.get(key) or {}).items():
            yield from subschemas(part, (*path, key, name))
    for key in _LISTS:
        for at, part in enumerate(schema.get(key) or ()):
            yield from subschemas(part, (*path, key, at))
    for key in _SINGLE:
        if key in schema:
            yield from subschemas(schema[key], (*path, key))


def _ready(schema: Any, path: Keys) -> Any:
    if not isinstance(schema, dict):
        return schema
    ready: dict[str, Any] = {}
    for key, value in schema.items():
        if key in _REFUSED and value is not False:
            raise SchemaRefused(f"'{key}' is not supported here.", path)
        if key in _MAPS:
            value = {n: _ready(part, (*path, key, n)) for n, part in value.items()}
        elif key in _LISTS:
            value = [_ready(part, (*path, key, at)) for at, part in enumerate(value)]
        elif key in _SINGLE:
            value = _ready(value, (*path, key))
        elif key not in _HONOURED or (key == "format" and value not in _FORMATS):
            continue
        ready[key] = value
    # A name may come twice in an object, which a reader counts once.
    if ready.get("minProperties", 0) > max(1, len(_required(ready))):
        raise SchemaRefused(
            "'minProperties' is not supported here beyond the number of 'required'.",
            path,
        )
    return ready
