"""The shapes that one line of a training file may have, as pydantic types.

Purpose: one description of chat, preference and reinforcement examples, used to check
files before the upload and again when a job starts. It knows shapes only: the order of
messages, and everything that needs more than one line, is in `helpers.chat_format`.
Sources, read on 2026-11-22: OpenAI's API reference (fine-tuning, chat and preference
input objects) and the messages of failed jobs in public transcripts.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal, NotRequired

from pydantic import ConfigDict, Discriminator, Field, TypeAdapter
from typing_extensions import TypedDict

CLOSED = ConfigDict(extra="forbid")
OPEN = ConfigDict(extra="allow")

ROLES = ("system", "developer", "user", "assistant", "tool", "function")


class TextPart(TypedDict):
    __pydantic_config__ = CLOSED
    type: Literal["text"]
    text: str


class RefusalPart(TypedDict):
    __pydantic_config__ = CLOSED
    type: Literal["refusal"]
    refusal: str


class ImageUrl(TypedDict):
    __pydantic_config__ = CLOSED
    url: str
    detail: NotRequired[Literal["auto", "low", "high"]]


class ImagePart(TypedDict):
    __pydantic_config__ = CLOSED
    type: Literal["image_url"]
    image_url: ImageUrl


TextParts = Annotated[list[TextPart], Field(min_length=1)]
UserParts = Annotated[
    list[Annotated[TextPart | ImagePart, Discriminator("type")]], Field(min_length=1)
]
AnswerParts = Annotated[
    list[Annotated[TextPart | RefusalPart, Discriminator("type")]], Field(min_length=1)
]


class FunctionCall(TypedDict):
    __pydantic_config__ = CLOSED
    name: str
    arguments: str


class ToolCall(TypedDict):
    __pydantic_config__ = CLOSED
    id: str
    type: Literal["function"]
    function: FunctionCall


class FunctionDefinition(TypedDict):
    __pydantic_config__ = CLOSED
    name: str
    description: NotRequired[str | None]
    parameters: NotRequired[dict[str, Any] | None]
    strict: NotRequired[bool | None]


class Tool(TypedDict):
    __pydantic_config__ = CLOSED
    type: Literal["function"]
    function: FunctionDefinition


class SystemMessage(TypedDict):
    __pydantic_config__ = CLOSED
    role: Literal["system"]
    content: str | TextParts
    name: NotRequired[str | None]


class DeveloperMessage(TypedDict):
    __pydantic_config__ = CLOSED
    role: Literal["developer"]
    content: str | TextParts
    name: NotRequired[str | None]


class UserMessage(TypedDict):
    __pydantic_config__ = CLOSED
    role: Literal["user"]
    content: str | UserParts
    name: NotRequired[str | None]


class AssistantMessage(TypedDict):
    __pydantic_config__ = CLOSED
    role: Literal["assistant"]
    content: NotRequired[str | AnswerParts | None]
    name: NotRequired[str | None]
    weight: NotRequired[Literal[0, 1]]
    # null instead of absent is what `message.model_dump()` of the client writes.
    tool_calls: NotRequired[Annotated[list[ToolCall], Field(min_length=1)] | None]
    function_call: NotRequired[FunctionCall | None]
    refusal: NotRequired[str | None]
    audio: NotRequired[None]


class ToolMessage(TypedDict):
    __pydantic_config__ = CLOSED
    role: Literal["tool"]
    content: str | TextParts
    tool_call_id: str
    name: NotRequired[str | None]


class FunctionMessage(TypedDict):
    __pydantic_config__ = CLOSED
    role: Literal["function"]
    content: str | None
    name: str


Message = Annotated[
    SystemMessage
    | DeveloperMessage
    | UserMessage
    | AssistantMessage
    | ToolMessage
    | FunctionMessage,
    Discriminator("role"),
]
Messages = Annotated[list[Message], Field(min_length=1)]
OneAnswer = Annotated[list[AssistantMessage], Field(min_length=1, max_length=1)]


class ChatExample(TypedDict):
    """A line for supervised fine-tuning."""

    __pydantic_config__ = CLOSED
    messages: Messages
    tools: NotRequired[list[Tool] | None]
    parallel_tool_calls: NotRequired[bool | None]
    functions: NotRequired[list[FunctionDefinition] | None]


class PreferenceInput(TypedDict):
    __pydantic_config__ = CLOSED
    messages: Messages
    tools: NotRequired[list[Tool] | None]
    parallel_tool_calls: NotRequired[bool | None]


class PreferenceExample(TypedDict):
    """A line for direct preference optimisation (DPO)."""

    __pydantic_config__ = CLOSED
    input: PreferenceInput
    preferred_output: OneAnswer
    non_preferred_output: OneAnswer


class ReinforcementExample(TypedDict):
    """A line for reinforcement fine-tuning; other keys are read by the grader."""

    __pydantic_config__ = OPEN
    messages: Messages
    tools: NotRequired[list[Tool] | None]
    parallel_tool_calls: NotRequired[bool | None]


SCHEMAS: dict[str, TypeAdapter] = {
    "supervised": TypeAdapter(ChatExample),
    "dpo": TypeAdapter(PreferenceExample),
    "reinforcement": TypeAdapter(ReinforcementExample),
}


def format_of(keys: object) -> str:
    """Return which format an object with these keys is meant to be.

    Args:
        keys: the keys of one decoded line.

    Returns:
        "chat", "preference", "completion", or "" when nothing fits.
    """
    found = set(keys) if isinstance(keys, (dict, set, list, tuple)) else set()
    if "messages" in found:
        return "chat"
    if found & {"preferred_output", "non_preferred_output"}:
        return "preference"
    if {"prompt", "completion"} <= found:
        return "completion"
    return ""
