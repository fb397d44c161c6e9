"""Rules within one example that its shape does not tell: order, answers, tools.

Purpose: given an example whose shape is right, find what would make it useless or be
refused: no answer at the end, empty answers, tool results without a call.
It knows one example at a time, and neither files nor lines before it.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from functools import lru_cache
from typing import Any

from helpers.chat_problems import Problem, make_problem

# OpenAI refuses these in training text ("message contains an invalid token"; seen in
# johny-b/llmcomp#59, 2026-02-12). The local provider reads them as plain text.
RESERVED_TOKENS = (
    "<|endoftext|>",
    "<|endofprompt|>",
    "<|fim_prefix|>",
    "<|fim_middle|>",
    "<|fim_suffix|>",
    "<|im_start|>",
    "<|im_end|>",
)


@lru_cache(maxsize=1000)
def plain_order(roles: tuple[str, ...]) -> bool:
    """True when no rule about the order can be broken: turns, a prompt before them."""
    turns = roles[1:] if roles[:1] in (("system",), ("developer",)) else roles
    return bool(turns) and turns == ("user", "assistant") * (len(turns) // 2)


def is_plain(data: Any, method: str) -> bool:
    """True for the common shapes in which no rule can be broken, nor that of shape.

    Most lines of most files are such, and this costs a tenth of pydantic and `rules`.

    Args:
        data: what a line holds, whether its shape was checked or not.
        method: the method of training.
    """
    if method != "supervised" or type(data) is not dict or len(data) != 1:
        return False
    messages = data.get("messages")
    if type(messages) is not list:
        return False
    roles = []
    for message in messages:
        if type(message) is not dict or len(message) != 2:
            return False
        content = message.get("content")
        if type(content) is not str or not content or content.isspace():
            return False
        roles.append(message.get("role"))
    return all(type(role) is str for role in roles) and plain_order(tuple(roles))


def rules(
    data: dict[str, Any], line: int, number: int, method: str
) -> Iterator[Problem]:
    """Check what the shape alone does not tell."""

    def problem(severity: str, code: str, field: str, wire: str = "", **values: object):
        wire = f"Example {number}{wire}" if wire else ""
        return make_problem(
            severity, code, line, field, number=number, wire=wire, **values
        )

    root = "input.messages" if method == "dpo" else "messages"
    holder = data["input"] if method == "dpo" else data
    messages = holder["messages"]
    tools = {tool["function"]["name"] for tool in holder.get("tools") or ()}
    for tool in data.get("functions") or ():
        tools.add(tool["name"])
    open_calls: dict[str, str] = {}
    calls_seen: set[str] = set()
    # An example without any question gets the warning `no_user` instead.
    asked = all(m["role"] != "user" for m in messages)
    answered = False
    before = ""
    for at, message in enumerate(messages):
        role = message["role"]
        field = f"{root}[{at}]"
        wire_at = f", message {at + 1}"
        if role in ("system", "developer") and at:
            yield problem("warning", "system_not_first", field, role=role)
        if role == before and role not in ("tool", "function"):
            yield problem("warning", "same_role_twice", field, role=role)
        asked = asked or role == "user"
        if role == "assistant" and not asked and not answered:
            yield problem("warning", "answer_first", field)
        if role == "tool":
            call = message["tool_call_id"]
            if call not in calls_seen:
                yield problem(
                    "error", "tool_without_call", f"{field}.tool_call_id",
                    f"{wire_at}: messages with role 'tool' must be a response to a "
                    "preceding message with 'tool_calls'.",
                    found=call,
                )  # fmt: skip
            open_calls.pop(call, None)
        elif open_calls:
            call, place = next(iter(open_calls.items()))
            yield problem("warning", "call_without_result", place, found=call)
            open_calls.clear()
        if role == "assistant":
            yield from _answer_problems(message, field, wire_at, tools, problem)
            for index, call in enumerate(message.get("tool_calls") or ()):
                calls_seen.add(call["id"])
                open_calls[call["id"]] = f"{field}.tool_calls[{index}]"
        elif not text_of(message.get("content")).strip():
            pictures = _has_picture(message.get("content"))
            if not pictures and role in ("system", "developer", "user"):
                yield problem("warning", "empty_content", f"{field}.content", role=role)
        if _has_picture(message.get("content")):
            yield problem("warning", "image_content", f"{field}.content")
        text = text_of(message.get("content"))
        if "<|" in text:
            for token in RESERVED_TOKENS:
                if token in text:
                    yield problem(
                        "warning", "reserved_token", f"{field}.content", found=token
                    )
        answered = answered or role == "assistant"
        before = role
    last = f"{root}[{len(messages) - 1}]"
    if all(m["role"] != "user" for m in messages):
        yield problem("warning", "no_user", root)
    if method == "supervised":
        if before != "assistant":
            yield problem(
                "error", "last_not_assistant", last,
                ": the last message must be from the assistant", found=before,
            )  # fmt: skip
        answers = [m for m in messages if m["role"] == "assistant"]
        if answers and all(m.get("weight", 1) == 0 for m in answers):
            yield problem(
                "error", "nothing_to_learn", root,
                ": at least one assistant message must have a non-zero weight",
            )  # fmt: skip
        return
    if before == "assistant":
        yield problem(
            "error", "last_not_user", last,
            ": the last message must be from the user", found=before,
        )  # fmt: skip
    if method == "dpo":
        for output in ("preferred_output", "non_preferred_output"):
            answer = {**data[output][0], "weight": 1}
            yield from _answer_problems(
                answer, f"{output}[0]", f", {output}", tools, problem
            )


def _answer_problems(
    message: dict[str, Any],
    field: str,
    wire_at: str,
    tools: set[str],
    problem: Callable[..., Problem],
) -> Iterator[Problem]:
    calls = [call["function"] for call in message.get("tool_calls") or ()]
    places = [f"{field}.tool_calls[{i}].function" for i in range(len(calls))]
    if message.get("function_call"):
        calls.append(message["function_call"])
        places.append(f"{field}.function_call")
    content = message.get("content")
    if not calls and not message.get("refusal"):
        learned = message.get("weight", 1) != 0
        severity = "error" if learned else "warning"
        if content is None:
            yield problem(
                "error", "missing_answer", f"{field}.content",
                f"{wire_at}, key \"content\": Field required",
            )  # fmt: skip
        elif not text_of(content).strip():
            yield problem(
                severity, "empty_answer", f"{field}.content",
                f"{wire_at}, key \"content\": the assistant message is empty",
            )  # fmt: skip
    for call, place in zip(calls, places, strict=True):
        if call["name"] not in tools:
            yield problem("warning", "unknown_tool", f"{place}.name", name=call["name"])
        try:
            json.loads(call["arguments"])
        except (ValueError, RecursionError) as fault:
            yield problem(
                "error", "bad_arguments", f"{place}.arguments",
                f"{wire_at}, key \"arguments\": Input should be valid JSON",
                name=call["name"], error=str(fault),
            )  # fmt: skip


def text_of(content: Any) -> str:
    """Return the text of a message's content, whatever form it has."""
    if isinstance(content, str):
        return content
    if isinstance(content, list):
        return "".join(
            part.get("text") or part.get("refusal") or "" for part in content
        )
    return ""


def _has_picture(content: Any) -> bool:
    return isinstance(content, list) and any(p["type"] == "image_url" for p in content)
