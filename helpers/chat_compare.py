"""What several examples and several files have in common, found in flat memory.

Purpose: duplicates, contradicting answers, leaks between files, and system prompts that
differ. Of each example three numbers are kept, 24 bytes, never its text.
"""

from __future__ import annotations

import json
from array import array
from collections.abc import Iterator
from functools import lru_cache
from typing import Any

from helpers.chat_problems import Problem, make_problem, shorten
from helpers.chat_rules import text_of
from helpers.messages import say

PARTS = 64  # the index is searched in this many parts, to keep memory low
MASK = (1 << 64) - 1


class Index:
    """Finds equal examples and equal prompts in 24 bytes per example."""

    def __init__(self) -> None:
        self.files: list[list[tuple[array, array, array]]] = []

    def new_file(self) -> None:
        """Start another file; earlier files count as the original."""
        parts = [(array("Q"), array("Q"), array("Q")) for _ in range(PARTS)]
        self.files.append(parts)

    def add(self, line: int, prompt: int, whole: int) -> None:
        """Remember an example by the hashes of its prompt and of all of it."""
        prompts, wholes, lines = self.files[-1][prompt % PARTS]
        prompts.append(prompt & MASK)
        wholes.append(whole & MASK)
        lines.append(line)

    def matches(self) -> Iterator[tuple[int, int, int, int, bool]]:
        """Yield (file, line, first file, its line, the answers are equal too)."""
        for part in range(PARTS):
            columns = [parts[part][0] for parts in self.files]
            if len(set().union(*columns)) == sum(map(len, columns)):
                continue  # nothing returns, and finding that out is cheap
            first: dict[int, tuple[int, int, int]] = {}
            for file, parts in enumerate(self.files):
                for prompt, whole, line in zip(*parts[part], strict=True):
                    seen = first.setdefault(prompt, (file, line, whole))
                    if seen[:2] != (file, line):
                        yield file, line, seen[0], seen[1], seen[2] == whole


def keys_of(data: dict[str, Any], method: str) -> tuple[int, int] | None:
    """Hash an example: its prompt, and all of it; None when it has no prompt.

    Capitals and spaces do not count, so that near copies are found as well.
    """
    holder = data["input"] if method == "dpo" else data
    messages = holder["messages"]
    parts = []
    user = False
    for message in messages[:-1] if method == "supervised" else messages:
        role = message["role"]
        content = message.get("content")
        plain = len(message) == 2 and type(content) is str
        parts.append(role)
        if plain and role == "user":
            user = True
            parts.append(" ".join(content.split()).casefold())
        elif plain and role in ("system", "developer"):
            parts.append(_plain_prompt(content))
        else:
            user = user or role == "user"
            parts.append(_plain(message))
    if not user:
        return None
    if holder.get("tools"):
        parts.append(json.dumps(holder["tools"], sort_keys=True))
    prompt = hash("\x1f".join(parts))
    if method == "supervised":
        rest = _plain(messages[-1])
    else:
        others = {k: v for k, v in data.items() if k not in ("input", "messages")}
        rest = json.dumps(others, sort_keys=True)
    return prompt, hash((prompt, rest))


@lru_cache(maxsize=32)  # most files have one system prompt, and it is long
def _plain_prompt(text: str) -> str:
    return " ".join(text.split()).casefold()


def _plain(message: dict[str, Any]) -> str:
    content = message.get("content")
    text = content if isinstance(content, str) else json.dumps(content)
    if message.get("tool_calls") or message.get("function_call"):
        text += json.dumps([message.get("tool_calls"), message.get("function_call")])
    return " ".join(text.split()).casefold()


class SystemPrompts:
    """Which system prompts one file uses, how often, and where first."""

    LIMIT = 1000  # more different ones than this are data, not instructions

    def __init__(self) -> None:
        self.seen: dict[str, list[int]] = {}
        self.total = 0

    def add(self, data: dict[str, Any], line: int) -> None:
        holder = data if "messages" in data else data["input"]
        messages = holder["messages"]
        first = messages[0]
        text = ""
        if first["role"] in ("system", "developer"):
            content = first["content"]
            text = content if type(content) is str else text_of(content)
        self.total += 1
        entry = self.seen.get(text)
        if entry is not None:
            entry[0] += 1
        elif len(self.seen) < self.LIMIT:
            self.seen[text] = [1, line]

    @property
    def usual(self) -> str | None:
        """The prompt that at least half of the examples share, if there is one."""
        if not self.seen:
            return None
        text, (count, _) = max(self.seen.items(), key=lambda item: item[1][0])
        return text if 2 * count >= self.total else None


def prompt_problems(
    prompts: list[SystemPrompts], names: list[str]
) -> Iterator[tuple[Problem, int]]:
    for file, found in enumerate(prompts):
        usual = found.usual
        if usual is None:
            continue
        for text, (count, line) in found.seen.items():
            if text != usual:
                yield (
                    make_problem(
                        "warning", "system_prompt_mixed", line, "messages[0].content",
                        count=count, total=found.total,
                        found=_quoted(text), expected=_quoted(usual),
                    ),
                    file,
                )  # fmt: skip
        trained = prompts[0]
        if file and trained.usual is not None and usual not in trained.seen:
            yield (
                make_problem(
                    "warning", "system_prompt_differs", found.seen[usual][1],
                    "messages[0].content", found=_quoted(usual), file=names[0],
                    expected=_quoted(trained.usual),
                ),
                file,
            )  # fmt: skip


def _quoted(text: str) -> str:
    return f"'{shorten(text)}'" if text else say("prompt.none")
