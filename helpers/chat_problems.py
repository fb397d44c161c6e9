"""A fault of a training file, and the faults that a single line can show by its shape.

Purpose: turn what the JSON parser and pydantic say into sentences that name the place,
the reason and the mend, and into the words that OpenAI's API uses for the same fault.
It knows one line at a time; what follows from the order of messages is in
`helpers.chat_rules`. Wire words: public transcripts of failed jobs, read on 2026-11-22.
"""

from __future__ import annotations

import difflib
import json
from dataclasses import dataclass
from typing import Any, NamedTuple

from pydantic import ValidationError

from helpers.chat_schema import ROLES, format_of
from helpers.messages import problem_text, say
from helpers.privacy import mask

BOM = b"\xef\xbb\xbf"
FORMAT_OF_METHOD = {"supervised": "chat", "dpo": "preference", "reinforcement": "chat"}
# OpenAI's names of the formats, as they stand in its error messages.
WIRE_FORMAT = {
    "chat": "fine-tune-chat",
    "preference": "fine-tune-preference",
    "completion": "prompt-completion",
}


@dataclass(frozen=True, slots=True)
class Problem:
    """One fault of a training file. An error stops a job, a warning does not.

    Attributes:
        severity: "error" or "warning".
        code: a stable name of the kind of fault.
        line: 1-based; 0 when it is about the whole file.
        field: where in the line, such as "messages[1].content".
        reason: what is wrong.
        fix: how to mend it.
        example: 1-based number of the example, blank lines left out; 0 as `line`.
        file: name of the file, when several are checked.
        wire: what OpenAI's API says about it; empty when it accepts it.
    """

    severity: str
    code: str
    line: int
    field: str
    reason: str
    fix: str
    example: int = 0
    file: str = ""
    wire: str = ""

    def __str__(self) -> str:
        place = f"line {self.line}" if self.line else ""
        where = ", ".join(part for part in (self.file, place, self.field) if part)
        head = f"{self.severity}: {where}: " if where else f"{self.severity}: "
        return f"{head}{self.reason} {self.fix}"


def make_problem(
    severity: str,
    code: str,
    line: int = 0,
    field: str = "",
    *,
    number: int = 0,
    wire: str = "",
    **values: object,
) -> Problem:
    """Build a problem from its code, with the words of `helpers.messages`."""
    reason, fix = problem_text(code, **values)
    return Problem(severity, code, line, field, reason, fix, number, "", wire)


def whole_file_problem(head: bytes) -> Problem | None:
    """Recognise files that are no JSON Lines, from their first line."""
    code = ""
    if head.startswith((b"\x1f\x8b", b"PK\x03\x04", b"\x28\xb5\x2f\xfd")):
        code = "compressed"
    elif head.startswith((b"\xff\xfe", b"\xfe\xff")) or b"\x00" in head[:64]:
        code = "utf16"
    else:
        start = head.removeprefix(BOM).strip()
        if start[:1] == b"[" and (start == b"[" or b"{" in start[:64]):
            code = "json_list"
        elif start == b"{":
            code = "spread_over_lines"
    if not code:
        return None
    wire = (
        "Expected file to have JSONL format, where every line is a valid JSON "
        "dictionary. Line 1 is not a dictionary (HINT: line starts with: "
        f'"{_printable(head[:8])}...").'
    )
    return make_problem("error", code, 1, wire=wire)


def _printable(raw: bytes) -> str:
    return raw.decode("ascii", "backslashreplace").rstrip().replace("\x00", "\\x00")


# --- broken lines -----------------------------------------------------------------


def explain(
    raw: bytes, error: ValidationError, line: int, number: int, method: str
) -> list[Problem]:
    """Turn pydantic's errors about one line into problems; never empty."""
    raw = raw.rstrip(b"\r\n")
    try:
        text = raw.removeprefix(BOM).decode("utf-8")
    except UnicodeDecodeError as fault:
        wire = f"Example {number} cannot be parsed. Error: {fault} (line {line})"
        column = len(raw[: fault.start].decode("utf-8", "replace")) + 1
        guess = _guess_encoding(raw)
        byte = f"{raw[fault.start]:02X}"
        return [
            make_problem(
                "error", "invalid_utf8", line, number=number, wire=wire,
                byte=byte, column=column, guess=guess,
            )
        ]  # fmt: skip
    try:
        data = json.loads(text)
    except json.JSONDecodeError as fault:
        hint = _json_hint(raw, text, fault.msg, fault.pos)
        return [_bad_json(line, number, fault.msg, fault.colno, str(fault), hint)]
    except (RecursionError, ValueError) as fault:
        return [_bad_json(line, number, str(fault), 1, str(fault), "deep")]
    details = error.errors(include_url=False)
    if details[0]["type"] == "json_invalid":
        # Python's parser is laxer: half surrogates, deep nesting, a mark in mid-file.
        words = details[0]["ctx"]["error"]
        reason, _, column = words.partition(" at line 1 column ")
        hint = _json_hint(raw, text, reason, 0)
        column = int(column) if column.isdigit() else 1
        return [_bad_json(line, number, reason, column, words, hint)]
    if not isinstance(data, dict):
        wire = (
            "Expected file to have JSONL format, where every line is a valid JSON "
            f"dictionary. Line {line} is not a dictionary (HINT: line starts with: "
            f'"{_printable(raw[:4])}...").'
        )
        found = _describe(data)
        return [
            make_problem(
                "error", "not_an_object", line, number=number, wire=wire, found=found
            )
        ]
    found = format_of(data)
    if found and found != FORMAT_OF_METHOD[method]:
        return [_wrong_method(found, method, line, number)]
    return _shape_problems(details, data, line, number)


def _bad_json(
    line: int, number: int, reason: str, column: int, words: str, hint: str
) -> Problem:
    wire = (
        f"Example {number} cannot be parsed. Error: line contains invalid json: "
        f"{words} (line {line})"
    )
    return make_problem(
        "error", "invalid_json", line, number=number, wire=wire,
        error=reason, column=column, hint=say(f"json.{hint}"),
    )  # fmt: skip


def _json_hint(raw: bytes, text: str, reason: str, position: int) -> str:
    """Name the likely cause of a parser's complaint at a position of the text."""
    low = reason.lower()
    before = text[:position].rstrip()
    if raw.startswith(BOM):
        return "mark"
    if "surrogate" in low or "hex escape" in low:
        return "surrogate"
    if "recursion" in low:
        return "deep"
    if "extra data" in low:
        return "extra"
    if "control character" in low:
        return "control"
    if "unterminated" in low or position >= len(text.rstrip()):
        return "cut"
    if text[position] == "'" or text.lstrip()[0] not in "{[":
        return "quotes"
    if before.endswith(",") or "delimiter" in low:
        return "comma"
    return "other"


def _guess_encoding(raw: bytes) -> str:
    try:
        text = raw.decode("cp949")
    except UnicodeDecodeError:
        return "cp1252 (Windows)"
    hangul = any("\uac00" <= letter <= "\ud7a3" for letter in text)
    return "cp949 (Korean Windows)" if hangul else "cp1252 (Windows)"


def _wrong_method(found: str, method: str, line: int, number: int) -> Problem:
    if found == "completion":
        # Chat models take chat files; words as in transcripts of 2023 jobs.
        wire = (
            "Input file {file} is in the prompt-completion format, but the specified "
            "model is a chat model and requires chat-formatted data."
        )
    else:
        wanted = "supervised" if found == "chat" else "dpo"
        wire = (
            f"Input file {{file}} is in the {WIRE_FORMAT[found]} format, but the "
            f"specified fine-tuning job is not using '{wanted}' as the training method "
            f"(provided method={method}). "
        )
    return make_problem(
        "error", "wrong_method", line, number=number, wire=wire,
        found=say(f"format.{found}"), method=method,
        expected=say(f"expects.{method}"), hint=say(f"method.{found}"),
    )  # fmt: skip


class _Place(NamedTuple):
    """Where in an example a fault is, and what was found there."""

    path: tuple[str | int, ...]
    found: Any

    def __str__(self) -> str:
        text = ""
        for part in self.path:
            text += f"[{part}]" if isinstance(part, int) else f".{part}"
        return text.lstrip(".")

    @property
    def wire(self) -> str:
        """The place in OpenAI's words: messages are counted from one."""
        words = []
        path = self.path
        at = path.index("messages") if "messages" in path else len(path)
        if len(path) > at + 1:
            words.append(f"message {path[at + 1] + 1}")
            path = path[at + 2 :]
        if path:
            words.append(f'key "{_Place(path, None)}"')
        return ", ".join(words)


def _place(location: tuple[str | int, ...], data: Any) -> _Place:
    """Follow pydantic's location through the data, past the names of its types."""
    path: list[str | int] = []
    here = data
    entered = False  # just stepped into an element of a list of several shapes
    for part in location:
        if isinstance(part, int):
            path.append(part)
            here = here[part]
            entered = path[-2] in ("messages", "content")
        elif entered and part in (here.get("role"), here.get("type")):
            entered = False
        elif (
            path
            and path[-1] == "content"
            and (part == "str" or part.startswith("list["))
        ):
            continue
        else:
            path.append(part)
            here = here.get(part)
    return _Place(tuple(path), here)


def _shape_problems(
    details: list[Any], data: dict[str, Any], line: int, number: int
) -> list[Problem]:
    """One problem per fault of shape, without the echoes of unions."""
    problems = []
    wrong_parts: list[tuple[str | int, ...]] = []
    for detail in details:
        place = _place(detail["loc"], data)
        whole = _list_for_text(place, data)
        if whole is not None:
            if whole.path not in wrong_parts:
                wrong_parts.append(whole.path)
                wire = f"Example {number}, {place.wire}: {detail['msg']}"
                problems.append(
                    make_problem(
                        "error", "wrong_type", line, str(whole), number=number,
                        wire=wire, found=_describe(whole.found),
                        expected=say("type.text"),
                    )
                )  # fmt: skip
            continue
        if detail["type"] == "literal_error" and place.path[-1] == "type":
            wrong_parts.append(place.path[:-1])
        elif any(place.path[: len(part)] == part for part in wrong_parts):
            continue
        # `content` may be text or a list: report the branch that was meant.
        if place.path[-1:] == ("content",):
            meant = "list" if isinstance(place.found, list) else "str"
            branch = str(detail["loc"][-1])
            if branch != "content" and not branch.startswith(meant):
                continue
        problems.append(_shape_problem(detail, place, line, number))
    return problems


def _list_for_text(place: _Place, data: dict[str, Any]) -> _Place | None:
    """Return the content that is a list of texts or numbers: text was meant."""
    if place.path[-2:-1] != ("content",) or isinstance(place.found, dict):
        return None
    here: Any = data
    for part in place.path[:-1]:
        here = here[part]
    return _Place(place.path[:-1], here)


TYPES = {
    "string_type": "type.text",
    "list_type": "type.list",
    "dict_type": "type.object",
    "bool_type": "type.bool",
    "bool_parsing": "type.bool",
    "none_required": "type.null",
}


def _shape_problem(
    detail: dict[str, Any], place: _Place, line: int, number: int
) -> Problem:
    kind = detail["type"]
    where = str(place)
    name = str(place.path[-1]) if place.path else ""
    head = f"Example {number}"
    wire = f"{head}, {place.wire}: {detail['msg']}"
    level = "message" if len(place.path) == 3 else "example"

    def problem(code: str, wire: str, **values: object) -> Problem:
        return make_problem(
            "error", code, line, where, number=number, wire=wire, **values
        )

    if kind == "missing":
        if len(place.path) == 1:
            wire = f"{head} is missing key '{name}'."
        return problem("missing_key", wire, key=name, where=say(f"where.{level}"))
    if kind == "extra_forbidden":
        owner = _Place(place.path[:-1], None).wire
        wire = f'{head}{", " + owner if owner else ""} contains an extra "{name}".'
        known = KNOWN_KEYS["message" if level == "message" else "example"]
        return problem("unknown_key", wire, key=name, guess=_did_you_mean(name, known))
    if kind == "union_tag_not_found" and place.path[-2] == "messages":
        wire = f"{head}, {place.wire} Discriminator 'role' is missing in value"
        return problem("role_missing", wire)
    if kind == "union_tag_invalid" and place.path[-2] == "messages":
        role = detail["ctx"]["tag"]
        wire = (
            f"{head}, {place.wire} No match for discriminator 'role' and value "
            f"'{role}' (allowed values: {', '.join(map(repr, ROLES))})"
        )
        alias = ROLE_ALIASES.get(role.lower())
        guess = say("guess", found=alias) if alias else _did_you_mean(role, ROLES)
        return problem(
            "role_unknown", wire, found=role, expected=", ".join(ROLES), guess=guess
        )
    if kind == "union_tag_not_found":
        where += ".type"
        return problem("missing_key", wire, key="type", where="")
    if kind == "union_tag_invalid":
        where += ".type"
        expected = detail["ctx"]["expected_tags"].replace("', '", "' or '")
        found = say("found.text", value=shorten(detail["ctx"]["tag"]))
        return problem("wrong_value", wire, found=found, expected=expected)
    if kind == "too_short":
        return problem("empty_list", wire)
    if kind in TYPES:
        expected = say(TYPES[kind])
        return problem(
            "wrong_type", wire, found=_describe(place.found), expected=expected
        )
    expected = detail.get("ctx", {}).get("expected", detail["msg"])
    return problem("wrong_value", wire, found=_describe(place.found), expected=expected)


KNOWN_KEYS = {
    "example": ("messages", "tools", "functions", "parallel_tool_calls"),
    "message": (
        "role", "content", "weight", "name", "tool_calls", "tool_call_id",
        "function_call", "refusal",
    ),
}  # fmt: skip
# Names that other data formats use for the same role.
ROLE_ALIASES = {
    "human": "user",
    "gpt": "assistant",
    "bot": "assistant",
    "model": "assistant",
    "ai": "assistant",
    "instruction": "system",
}


def _did_you_mean(word: str, known: tuple[str, ...]) -> str:
    if word == "weight":
        return say("guess.weight")
    if word in known:
        return ""
    close = difflib.get_close_matches(word.lower(), known, n=1, cutoff=0.6)
    return say("guess", found=close[0]) if close else ""


def _describe(value: Any) -> str:
    """Say what a JSON value is, without printing much of it."""
    if value is None:
        return say("found.null")
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (int, float)):
        return say("found.number", value=repr(value)[:20])
    if isinstance(value, str):
        return say("found.text", value=shorten(value))
    return say("found.list" if isinstance(value, list) else "found.object")


def shorten(text: str, width: int = 60) -> str:
    """Return the start of a text on one line, personal data in it masked."""
    text = " ".join(mask(text).split())
    return text if len(text) <= width else text[: width - 1] + "…"
