"""How a model writes calls of functions, and its text read back as calls.

Purpose: `CallForm` says what stands around the name and the arguments of a call;
`CallReader` takes an answer apart while it comes: text, beginnings of calls, pieces of
their arguments. What is told is final, so it can be streamed.
It must never know HTTP, grammars or tokens.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class CallForm:
    """What a call looks like: `begin NAME middle {arguments} end`.

    The default is what `rendering` writes where a chat template has no words of its
    own: one JSON object a line, {"name": ..., "arguments": ...}.

    Args:
        begin: what stands before the name.
        middle: between the name and the arguments, an object in JSON.
        end: behind the arguments.
        between: what separates calls; None if there is never more than one.
    """

    begin: str = '{"name": "'
    middle: str = '", "arguments": '
    end: str = "}"
    between: str | None = "\n"

    def head(self, name: str) -> str:
        """Return what stands before the arguments of a function."""
        return self.begin + name + self.middle


@dataclass(frozen=True)
class Said:
    """A piece of text that belongs to no call."""

    text: str


@dataclass(frozen=True)
class Called:
    """A call begins; calls are counted from 0."""

    index: int
    name: str


@dataclass(frozen=True)
class Argued:
    """A piece of the arguments of a call."""

    index: int
    text: str


Piece = Said | Called | Argued


class CallReader:
    """Reads one answer, piece by piece.

    A call begins at the beginning of the answer or of a line. The line break before the
    first call belongs to neither text nor call. A call that is cut off before its
    arguments begin was not made.

    Args:
        form: how calls are written.
        names: functions that can be called; anything else is text.

    Attributes:
        finished_calls: how many calls have come to their end.
    """

    def __init__(self, form: CallForm, names: Iterable[str]) -> None:
        self._form = form
        self._heads = {form.head(name): name for name in names}
        self._longest = max(map(len, self._heads), default=0)
        self._step = self._text
        self._buffer = ""
        self._pieces: list[Piece] = []
        self._begun = 0
        self._fresh = True  # nothing was said yet, so a call may begin right here
        self._depth, self._in_string, self._escaped = 0, False, False
        self.finished_calls = 0

    def feed(self, text: str) -> list[Piece]:
        """Take the next text of the answer and return what is sure by now."""
        self._buffer += text
        while self._buffer and self._step():
            pass
        pieces, self._pieces = self._pieces, []
        return pieces

    def finish(self) -> list[Piece]:
        """Return what was held back: the answer is over."""
        rest, self._buffer = self._buffer, ""
        if self._step != self._text or not rest:
            return []
        start = rest if self._fresh else rest[1:]
        if start.startswith(self._form.begin):
            return []
        return [Said(rest)]

    # Each step returns whether another one can follow at once.

    def _text(self) -> bool:
        if not self._fresh:
            at = self._buffer.find("\n")
            self._say(len(self._buffer) if at < 0 else at)
            if not self._buffer:
                return False
        start = self._buffer if self._fresh else self._buffer[1:]
        if self._begins(start):
            return True
        if len(start) < self._longest and self._may_begin(start):
            return False
        if not self._fresh:
            self._say(1)
        self._fresh = False
        return True

    def _say(self, size: int) -> None:
        if size:
            self._pieces.append(Said(self._buffer[:size]))
            self._buffer = self._buffer[size:]

    def _may_begin(self, start: str) -> bool:
        return any(head.startswith(start) for head in self._heads)

    def _begins(self, start: str) -> bool:
        """Whether a call begins here; then its head is taken."""
        for head, name in self._heads.items():
            if start.startswith(head):
                self._pieces.append(Called(self._begun, name))
                self._begun += 1
                self._buffer = start[len(head) :]
                self._step = self._arguments
                return True
        return False

    def _arguments(self) -> bool:
        """Take arguments up to the brace that closes them."""
        end = len(self._buffer)
        for at, char in enumerate(self._buffer):
            if self._in_string:
                if self._escaped:
                    self._escaped = False
                elif char == "\\":
                    self._escaped = True
                elif char == '"':
                    self._in_string = False
            elif char == '"':
                self._in_string = True
            elif char in "{[":
                self._depth += 1
            elif char in "}]":
                self._depth -= 1
                if self._depth == 0:
                    end, self._step = at + 1, self._end
                    break
        self._pieces.append(Argued(self._begun - 1, self._buffer[:end]))
        self._buffer = self._buffer[end:]
        return True

    def _end(self) -> bool:
        if not self._buffer.startswith(self._form.end):
            return False
        self._buffer = self._buffer[len(self._form.end) :]
        self.finished_calls += 1
        self._step = self._between
        return True

    def _between(self) -> bool:
        between = self._form.between
        if between is None or not self._buffer.startswith(between):
            return False
        return self._begins(self._buffer[len(between) :])


def read_calls(
    form: CallForm, names: Iterable[str], text: str
) -> tuple[str, list[tuple[str, str]], int]:
    """Take a whole answer apart.

    Returns:
        Its text; (name, arguments) of each call, of which the last may be cut off; how
        many calls have come to their end.
    """
    reader = CallReader(form, names)
    said, called, arguments = "", [], []
    for piece in [*reader.feed(text), *reader.finish()]:
        if isinstance(piece, Said):
            said += piece.text
        elif isinstance(piece, Called):
            called.append(piece.name)
            arguments.append("")
        else:
            arguments[piece.index] += piece.text
    calls = list(zip(called, arguments, strict=True))
    return said, calls, reader.finished_calls


def form_from_texts(one: str, two: str | None, probe: Probe) -> CallForm | None:
    """Find out how a chat template writes calls, from what it made of a probe.

    Args:
        one: what it wrote for an answer that is one call of `probe`.
        two: the same for two such calls, None if it refuses them.
        probe: the call.

    Returns:
        None if the call is not there as a JSON object with a name before arguments.
    """
    found = probe.find(one)
    if found is None:
        return None
    name, arguments, end = found
    between = None
    # Where calls stand in one list, say, one call is all that is ever made.
    apart = two is not None and len(two) >= 2 * len(one)
    if apart and two.startswith(one) and two.endswith(one):
        between = two[len(one) : -len(one)]
    middle = one[name + len(probe.name) : arguments]
    return CallForm(one[:name], middle, one[end:], between)


@dataclass(frozen=True)
class Probe:
    """A call that no template knows, to see how it writes one."""

    name: str = "probed_function"
    argument: str = "probed_argument"

    def call(self) -> dict[str, Any]:
        """Return it as a call of an assistant's message."""
        function = {"name": self.name, "arguments": {self.argument: "x"}}
        return {"type": "function", "id": "call00000", "function": function}

    def find(self, text: str) -> tuple[int, int, int] | None:
        """Return where the name and the arguments begin, and where those end."""
        decoder = json.JSONDecoder()
        starts = [at for at, char in enumerate(text) if char == "{"]
        for start in starts:
            try:
                found, end = decoder.raw_decode(text, start)
            except ValueError:
                continue
            if not isinstance(found, dict) or found.get("name") != self.name:
                continue
            for inner in (at for at in starts if start < at < end):
                arguments, inner_end = decoder.raw_decode(text, inner)
                name = text.index(self.name, start)
                if arguments == {self.argument: "x"} and name < inner:
                    return name, inner, inner_end
        return None
