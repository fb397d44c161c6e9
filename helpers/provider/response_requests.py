"""Bodies of requests for responses.

Purpose: the same strict types and bounds as `schemas`. Unlike chat completions, the
real API refuses fields of responses that it does not know ("Unknown parameter"), and so
does this one: who sends `max_tokens` or `seed` here would wait for an effect in vain.
What the items of `input` may be is in `response_items`.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field

from helpers.provider.schemas import (
    FunctionName,
    FunctionTool,
    Metadata,
    Request,
    StreamOptions,
)
from helpers.provider.settings import Limits

_LIMITS = Limits()
# The least that OpenAI's API takes for max_output_tokens.
LEAST_OUTPUT = 16
LOGPROBS = "message.output_text.logprobs"
# What else can be asked to be included is of tools, pictures and hidden reasoning. No
# response here has any, so these are known and include nothing.
Includable = Literal[
    "message.output_text.logprobs",
    "file_search_call.results",
    "web_search_call.results",
    "web_search_call.action.sources",
    "message.input_image.image_url",
    "computer_call_output.output.image_url",
    "code_interpreter_call.outputs",
    "reasoning.encrypted_content",
]
ServiceTier = Literal[
    "auto", "default", "flex", "scale", "priority", "fast", "ultrafast"
]
ShortText = Annotated[str | None, Field(max_length=512)]


class TextFormat(Request):
    """The form the answer should have; chat completions nest the same fields."""

    model_config = ConfigDict(extra="forbid")

    type: Literal["text", "json_object", "json_schema"]
    name: FunctionName | None = None
    description: str | None = None
    # Called as on the wire, which pydantic has a method for.
    schema_: Annotated[dict[str, Any] | None, Field(alias="schema")] = None
    strict: bool | None = None


class ResponseFunction(FunctionTool):
    """A function that the model may call; chat completions nest the same fields."""

    model_config = ConfigDict(extra="forbid")

    type: Literal["function"]
    # What the output means to the caller; nothing here depends on it.
    output_schema: dict[str, Any] | None = None
    # Present, these change when or by whom it is called, so they may be refused.
    allowed_callers: list[Literal["direct", "programmatic"]] | None = None
    async_: Annotated[bool | None, Field(alias="async")] = None
    defer_loading: bool | None = None


class NamedFunction(Request):
    """A function that was chosen."""

    type: Literal["function"]
    name: str


class AllowedFunctions(Request):
    """Which of the tools may be called, and whether one must be."""

    type: Literal["allowed_tools"]
    mode: Literal["auto", "required"]
    tools: Annotated[list[NamedFunction], Field(min_length=1)]


class TextOptions(Request):
    """What is asked of the text of an answer."""

    format: TextFormat | None = None
    # Like the effort of reasoning: a wish that these models cannot know.
    verbosity: Literal["low", "medium", "high"] | None = None


class PromptCacheOptions(Request):
    """Hints for a cache of prompts, which is not billed here and so not told of."""

    prewarm: bool | None = None


class Asked(Request):
    """What leads to a prompt: shared by a response and the count of its tokens."""

    model_config = ConfigDict(extra="forbid")

    model: str
    input: Any = None
    instructions: str | None = None
    previous_response_id: str | None = None
    truncation: Literal["auto", "disabled"] | None = None
    text: TextOptions | None = None
    # Read by response_forms: tools of other types have other fields.
    tools: Annotated[list[Any] | None, Field(max_length=_LIMITS.functions)] = None
    tool_choice: Any = None
    parallel_tool_calls: bool | None = None
    # Accepted and without effect: these models do not reason before they answer.
    reasoning: dict[str, Any] | None = None
    # Present, it changes what an answer means, so it is refused, not ignored.
    conversation: Any = None


class CountInputTokens(Asked):
    """Body of POST /responses/input_tokens."""

    personality: Any = None


class CreateResponse(Asked):
    """Body of POST /responses."""

    max_output_tokens: Annotated[int | None, Field(ge=LEAST_OUTPUT)] = None
    # It counts calls of hosted tools only, of which there are none.
    max_tool_calls: Annotated[int | None, Field(ge=0)] = None
    temperature: Annotated[float | None, Field(ge=0, le=2)] = None
    top_p: Annotated[float | None, Field(ge=0, le=1)] = None
    top_logprobs: Annotated[int | None, Field(ge=0, le=20)] = None
    include: list[Includable] | None = None
    metadata: Metadata = None
    store: bool | None = None
    stream: bool | None = None
    stream_options: StreamOptions | None = None
    user: ShortText = None
    safety_identifier: ShortText = None
    service_tier: ServiceTier | None = None
    prompt_cache_key: ShortText = None
    prompt_cache_retention: Literal["in_memory", "24h"] | None = None
    prompt_cache_options: PromptCacheOptions | None = None
    # These concern pictures and hosted models only; nothing here depends on them.
    image: Any = None
    access_programs: Any = None
    # Present, these change what an answer means, so they are refused, not ignored.
    background: bool | None = None
    background_options: Any = None
    context_management: list[Any] | None = None
    moderation: Any = None
    prompt: Any = None

    @property
    def logprobs(self) -> int | None:
        """How many likely tokens to tell at each place; None for none at all."""
        if LOGPROBS not in (self.include or ()):
            return None
        return self.top_logprobs or 0
