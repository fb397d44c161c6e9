"""What form an answer must have: a JSON value, calls of functions, or any text.

Purpose: from what a request asks for (a schema of the answer, functions and whether
they must be called) to one `AnswerForm`, whose grammar every answer obeys from its
first token on, and whose reader takes the answer apart again. Chat completions and
responses share it; each has its own words for the fields.

White space in JSON is bounded (a blank, or a line break with at most eight blanks), so
that a weak model cannot fill its answer with it. Text that begins like a call, at the
beginning of the answer or of a line, can only become a call of a function that exists.
It must never know HTTP, tensors, or the fields of a request.
"""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from helpers.provider.json_schemas import SchemaRefused, subschemas
from helpers.provider.tool_calls import CallForm, CallReader

if TYPE_CHECKING:
    from helpers.provider.grammars import Grammar
    from helpers.provider.rendering import ChatRenderer

Calls = Literal["none", "auto", "required"]

ANY_OBJECT: dict[str, Any] = {"type": "object"}
# How the rest of llguidance's dialect is told what this module's docstring says.
_JSON = {
    "whitespace_flexible": False,
    "whitespace_pattern": r"( |\n {0,8})?",
    "lenient": False,
    "coerce_one_of": False,
}
_AS_CALLS = {
    "whitespace_flexible": False,
    "item_separator": ", ",
    "key_separator": ": ",
    "lenient": False,
    "coerce_one_of": False,
}
# So many parts of a refused schema are tried one by one to name the one at fault.
_PARTS_TRIED = 100


@dataclass(frozen=True)
class Function:
    """A function that can be called.

    Args:
        name: letters, digits, _ and -.
        parameters: checked schema of its arguments, an object.
    """

    name: str
    parameters: dict[str, Any]


@dataclass(frozen=True)
class AnswerForm:
    """The form of an answer.

    Args:
        grammar: in llguidance's dialect of Lark.
        functions: that can be called.
        calls: how calls are written.
    """

    grammar: str
    functions: tuple[Function, ...] = ()
    calls: CallForm | None = None

    def reader(self) -> CallReader | None:
        """Return what takes an answer apart; None if it has no calls."""
        if not self.functions or self.calls is None:
            return None
        return CallReader(self.calls, [function.name for function in self.functions])


def answer_form(
    *,
    content: dict[str, Any] | None = None,
    functions: Sequence[Function] = (),
    calls: Calls = "auto",
    several: bool = True,
    call_form: CallForm | None = None,
) -> AnswerForm | None:
    """Return the form of an answer, None if it is any text.

    Args:
        content: checked schema of an answer that is no call; None for any text.
        functions: that the model knows of.
        calls: whether it may or must call some of them.
        several: whether there may be more than one call.
        call_form: how the model writes calls; the plain form if None.
    """
    call_form = call_form or CallForm()
    said = "TEXT" if content is None else "content"
    if not functions:
        if content is None:
            return None
        return AnswerForm(_grammar("content", content, (), call_form))
    if calls == "none":
        return AnswerForm(_grammar(said, content, (), call_form))
    several = several and call_form.between is not None
    more = f" ({_quoted(call_form.between)} call)*" if several else ""
    start = f"call{more}"
    if calls == "auto" and content is not None:
        if (either := _one_schema(content, functions, call_form)) is not None:
            content, start = either, f"content{more}"
        else:
            start = f"content | {start}"
    elif calls == "auto":
        start = f"TEXT | {start} | intro rest{more}"
    grammar = _grammar(start, content, functions, call_form)
    return AnswerForm(grammar, tuple(functions), call_form)


def _grammar(
    start: str,
    content: dict[str, Any] | None,
    functions: Sequence[Function],
    form: CallForm,
) -> str:
    # Nothing is forced: a model writes with the tokens that it has learned.
    lines = ['%llguidance {"no_forcing": true}', f"start: {start}"]
    if "content" in start:
        lines.append(f"content: {_json_rule(content)}")
    if "TEXT" in start:
        mark = _escaped(form.begin)
        lines.append(rf"TEXT: /(?s:.*)/ & ~/(?s:(.*\n)?{mark}.*)/")
        lines.append(rf"intro[lazy]: /(?s:.*\n{mark})/ & ~/(?s:{mark}.*)/")
    if functions:
        ways = []
        for number, function in enumerate(functions):
            head = _quoted(function.name + form.middle)
            ways.append(f"{head} arguments{number} {_quoted(form.end)}")
            lines.append(f"arguments{number}: {_json_rule(function.parameters)}")
        lines.append(f"call: {_quoted(form.begin)} rest")
        lines.append("rest: " + " | ".join(ways))
    return "\n".join(lines) + "\n"


def _one_schema(
    content: dict[str, Any], functions: Sequence[Function], form: CallForm
) -> dict[str, Any] | None:
    """Write "this object or a call" as one schema, where calls are JSON objects.

    Grammars read ahead by whole words: two rules for what begins with the same words
    would get into each other's way. Separators are those of calls, everywhere.

    Returns:
        None where a call is something else than an object of a name and arguments.
    """
    example = form.head("x") + "{}" + form.end
    try:
        keys = list(json.loads(example))
    except ValueError:
        return None
    if len(keys) != 2 or json.dumps(dict(zip(keys, ("x", {}), strict=True))) != example:
        return None
    parts: dict[str, Any] = {"content": _moved(content, "content")}
    for number, function in enumerate(functions):
        parts[f"call{number}"] = {
            "type": "object",
            "properties": {
                keys[0]: {"const": function.name},
                keys[1]: {"$ref": f"#/$defs/arguments{number}"},
            },
            "required": keys,
            "additionalProperties": False,
        }
    ways = [{"$ref": f"#/$defs/{name}"} for name in parts]
    for number, function in enumerate(functions):
        name = f"arguments{number}"
        parts[name] = _moved(function.parameters, name)
    return {"$defs": parts, "anyOf": ways, "x-guidance": _AS_CALLS}


def _moved(schema: Any, name: str) -> Any:
    """Return a schema as it has to read inside of another, under `$defs`."""
    moved = copy.deepcopy(schema)
    for _, part in subschemas(moved):
        if isinstance(part, dict) and part.get("$ref", "").startswith("#"):
            part["$ref"] = f"#/$defs/{name}" + part["$ref"][1:]
    return moved


def _json_rule(schema: dict[str, Any] | None) -> str:
    return "%json " + json.dumps({"x-guidance": _JSON, **(schema or {})})


def _quoted(text: str | None) -> str:
    return json.dumps(text or "", ensure_ascii=False)


def _escaped(text: str) -> str:
    """Write a text as a regular expression of Rust between slashes."""
    escaped = re.sub(r"([\\.+*?()|\[\]{}^$/&~#-])", r"\\\1", text)
    return escaped.replace("\n", r"\n")


def compiled(form: AnswerForm, renderer: ChatRenderer) -> Grammar:
    """Return the grammar of a form for one model; blocking.

    Raises:
        GrammarRefused: the form cannot be kept.
        CannotConstrain: not with this model.
    """
    from helpers.provider.grammars import vocabulary_of

    return vocabulary_of(renderer).compile(form.grammar)


def check_compiles(schema: dict[str, Any], renderer: ChatRenderer) -> None:
    """Refuse a schema that no grammar can be made of, and name the place; blocking.

    Args:
        schema: a checked one.
        renderer: of the model that shall answer.

    Raises:
        SchemaRefused: it contradicts itself or is too complex.
        CannotConstrain: the model cannot answer in any form.
    """
    from helpers.provider.grammars import GrammarRefused, vocabulary_of

    vocabulary = vocabulary_of(renderer)
    plain = CallForm()
    try:
        vocabulary.compile(_grammar("content", schema, (), plain))
        return
    except GrammarRefused as fault:
        reason, place = str(fault), ()
    shared = {k: schema[k] for k in ("$defs", "definitions") if k in schema}
    for number, (path, part) in enumerate(subschemas(schema)):
        if number == _PARTS_TRIED:
            break
        if len(path) < len(place) or not isinstance(part, dict):
            continue
        try:
            vocabulary.matcher(_grammar("content", {**shared, **part}, (), plain))
        except GrammarRefused as fault:
            if str(fault) == reason:
                place = path
    raise SchemaRefused(f"{reason}.", place)
