"""What requests may hold, with the bounds of OpenAI's API and the caps of this one.

Purpose: pydantic models of request bodies; answers are the `openai` package's own types
(views). Fields nobody here needs are ignored, as the real API's clients send many.
Types are strict, because the real API refuses "1" where it wants 1.
"""

from __future__ import annotations

import json
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    PlainValidator,
    ValidationError,
    model_validator,
)
from pydantic_core import PydanticCustomError

from helpers.provider.settings import Limits

_LIMITS = Limits()
LARGEST_SEED = 2**31 - 1
SHORTEST_LIFE, LONGEST_LIFE = 3600, 2_592_000
METHODS = ("supervised", "dpo", "reinforcement")


class Request(BaseModel):
    """Base of all request bodies."""

    model_config = ConfigDict(strict=True, extra="ignore", allow_inf_nan=False)

    @model_validator(mode="before")
    @classmethod
    def _whole_characters(cls, value: Any) -> Any:
        """Refuse half a character (a lone surrogate, which JSON can spell).

        It cannot be written as UTF-8: kept in a row, it would break every later list.
        """
        if isinstance(value, dict):
            try:
                json.dumps(value, ensure_ascii=False).encode()
            except UnicodeEncodeError as fault:
                raise PydanticCustomError(
                    "half_a_character",
                    "a text holds half a character (a lone surrogate such as \\ud800); "
                    "expected text that can be written as UTF-8",
                ) from fault
        return value


def _auto_or(kind: type, at_least: float, at_most: float | None, above: bool = False):
    """Return a check for "auto" or a number, as one field with one error message."""
    noun = "an integer" if kind is int else "a number"
    floor = f"> {at_least:g}" if above else f">= {at_least:g}"
    wanted = f"'auto' or {noun} {floor}"
    if at_most is not None:
        wanted += f" and <= {at_most:g}"

    def check(value: Any) -> Any:
        if value == "auto" or value is None:
            return "auto"
        kinds = (int,) if kind is int else (int, float)
        if isinstance(value, bool) or not isinstance(value, kinds):
            raise PydanticCustomError("wrong_kind", "expected " + wanted)
        too_low = value <= at_least if above else value < at_least
        if too_low or not value < float("inf"):
            raise PydanticCustomError("too_low", "expected " + wanted)
        if at_most is not None and value > at_most:
            raise PydanticCustomError("too_high", "expected " + wanted)
        return value

    return PlainValidator(check)


class Hyperparameters(Request):
    """Hyperparameters of supervised fine-tuning; "auto" leaves them to the provider."""

    n_epochs: Annotated[Any, _auto_or(int, 1, 50)] = "auto"
    batch_size: Annotated[Any, _auto_or(int, 1, 256)] = "auto"
    learning_rate_multiplier: Annotated[Any, _auto_or(float, 0, None, above=True)] = (
        "auto"
    )


class PreferenceHyperparameters(Hyperparameters):
    """Hyperparameters of direct preference optimisation (DPO)."""

    beta: Annotated[Any, _auto_or(float, 0, 2, above=True)] = "auto"


class RewardHyperparameters(Hyperparameters):
    """Hyperparameters of reinforcement fine-tuning."""

    # The document's lower bound is exclusive.
    compute_multiplier: Annotated[Any, _auto_or(float, 1e-5, 10, above=True)] = "auto"
    eval_interval: Annotated[Any, _auto_or(int, 1, None)] = "auto"
    eval_samples: Annotated[Any, _auto_or(int, 1, _LIMITS.eval_samples)] = "auto"
    reasoning_effort: Literal["default", "low", "medium", "high"] = "default"


class SupervisedMethod(Request):
    """What `method.supervised` may hold."""

    hyperparameters: Hyperparameters | None = None


class PreferenceMethod(Request):
    """What `method.dpo` may hold."""

    hyperparameters: PreferenceHyperparameters | None = None


class RewardMethod(Request):
    """What `method.reinforcement` may hold; its grader is read by `graders`."""

    grader: dict[str, Any]
    hyperparameters: RewardHyperparameters | None = None
    # Answers in a form of their own would mean another training, so it is refused.
    response_format: Any = None


class Method(Request):
    """How to train."""

    type: Literal["supervised", "dpo", "reinforcement"]
    supervised: SupervisedMethod | None = None
    dpo: PreferenceMethod | None = None
    reinforcement: RewardMethod | None = None

    @model_validator(mode="after")
    def _has_a_grader(self) -> Method:
        if self.type == "reinforcement" and self.reinforcement is None:
            raise PydanticCustomError(
                "no_grader",
                "the type 'reinforcement' needs 'method.reinforcement.grader'",
            )
        return self


_HYPERPARAMETERS: dict[str, type[Hyperparameters]] = {
    "supervised": Hyperparameters,
    "dpo": PreferenceHyperparameters,
    "reinforcement": RewardHyperparameters,
}


class WandbSettings(Request):
    """Where Weights & Biases metrics would go."""

    project: str
    name: str | None = None
    entity: str | None = None
    tags: list[str] | None = None


class Integration(Request):
    """An integration; accepted, echoed and not served."""

    type: Literal["wandb"]
    wandb: WandbSettings


def _check_metadata(value: dict[str, str] | None) -> dict[str, str] | None:
    if value is None:
        return None
    if len(value) > 16:
        raise PydanticCustomError("too_many", "expected at most 16 keys")
    for key, text in value.items():
        if len(key) > 64 or len(text) > 512:
            raise PydanticCustomError(
                "too_long", "keys have at most 64 and values at most 512 characters"
            )
    return value


Metadata = Annotated[dict[str, str] | None, AfterValidator(_check_metadata)]


class CreateJob(Request):
    """Body of POST /fine_tuning/jobs."""

    model: str
    training_file: str
    validation_file: str | None = None
    suffix: Annotated[str | None, Field(min_length=1, max_length=64)] = None
    seed: Annotated[int | None, Field(ge=0, le=LARGEST_SEED)] = None
    method: Method | None = None
    hyperparameters: Hyperparameters | None = None
    integrations: Annotated[list[Integration] | None, Field(max_length=5)] = None
    metadata: dict[str, str] | None = None

    @model_validator(mode="after")
    def _metadata_fits(self) -> CreateJob:
        _check_metadata(self.metadata)
        return self

    @property
    def method_type(self) -> str:
        """The name of the method; supervised fine-tuning unless told otherwise."""
        return self.method.type if self.method else "supervised"

    def asked(self) -> Hyperparameters:
        """Return the hyperparameters; those in `method` win over the old field."""
        settings = getattr(self.method, self.method_type) if self.method else None
        if settings is not None and settings.hyperparameters is not None:
            return settings.hyperparameters
        old = self.hyperparameters or Hyperparameters()
        return _HYPERPARAMETERS[self.method_type](**old.model_dump())


class ExpiresAfter(Request):
    """When the file that an upload becomes expires."""

    model_config = ConfigDict(extra="forbid")

    anchor: Literal["created_at"]
    seconds: Annotated[int, Field(ge=SHORTEST_LIFE, le=LONGEST_LIFE)]


class CreateUpload(Request):
    """Body of POST /uploads; the document allows no other field."""

    model_config = ConfigDict(extra="forbid")

    filename: Annotated[str, Field(min_length=1, max_length=255)]
    purpose: str
    bytes: Annotated[int, Field(ge=1)]
    # Not kept: a file has no type. It only helps to tell what a nameless upload holds.
    mime_type: Annotated[str, Field(max_length=255)]
    expires_after: ExpiresAfter | None = None


class CompleteUpload(Request):
    """Body of POST /uploads/{upload_id}/complete."""

    model_config = ConfigDict(extra="forbid")

    part_ids: Annotated[list[str], Field(min_length=1, max_length=_LIMITS.upload_parts)]
    md5: str | None = None


class CreatePermissions(Request):
    """Body of POST /fine_tuning/checkpoints/{checkpoint}/permissions."""

    model_config = ConfigDict(extra="forbid")

    project_ids: Annotated[
        list[Annotated[str, Field(min_length=1, max_length=128)]],
        Field(min_length=1, max_length=_LIMITS.projects_in_a_request),
    ]


class ContentPart(Request):
    """One part of a message's content."""

    type: str
    text: str | None = None
    refusal: str | None = None


class FunctionCall(Request):
    """The function an assistant message calls."""

    name: str
    arguments: str


class ToolCall(Request):
    """A tool call of an earlier assistant message."""

    id: str
    type: Literal["function"]
    function: FunctionCall


class Message(Request):
    """One message of a conversation."""

    role: Literal["system", "developer", "user", "assistant", "tool", "function"]
    content: str | Annotated[list[ContentPart], Field(min_length=1)] | None = None
    name: str | None = None
    tool_calls: list[ToolCall] | None = None
    tool_call_id: str | None = None
    function_call: FunctionCall | None = None
    refusal: str | None = None


class StreamOptions(Request):
    """Options of a streamed answer."""

    include_usage: bool | None = None
    include_obfuscation: bool | None = None


FunctionName = Annotated[
    str, Field(min_length=1, max_length=64, pattern=r"^[a-zA-Z0-9_-]+$")
]


class JsonSchemaFormat(Request):
    """A schema that the answer obeys."""

    name: FunctionName
    description: str | None = None
    # Called as on the wire, which pydantic has a method for.
    schema_: Annotated[dict[str, Any] | None, Field(alias="schema")] = None
    strict: bool | None = None


class ResponseFormat(Request):
    """The form the answer should have."""

    type: Literal["text", "json_object", "json_schema"]
    json_schema: JsonSchemaFormat | None = None


class FunctionTool(Request):
    """A function that the model may call."""

    name: FunctionName
    description: str | None = None
    parameters: dict[str, Any] | None = None
    strict: bool | None = None


class Tool(Request):
    """A tool; functions are served, custom tools are not."""

    type: Literal["function", "custom"]
    function: FunctionTool | None = None


class FunctionChoice(Request):
    """The name of a function that is to be called."""

    name: str


class AllowedTools(Request):
    """Which of the tools may be called, and whether one must be."""

    mode: Literal["auto", "required"]
    tools: list[dict[str, Any]]


class ToolChoice(Request):
    """A tool, or some of the tools."""

    type: Literal["function", "custom", "allowed_tools"]
    function: FunctionChoice | None = None
    allowed_tools: AllowedTools | None = None


def _one_of(words: tuple[str, ...], kind: type[Request]):
    """Return a check for one of some words or an object, with one error message."""

    def check(value: Any) -> Any:
        if value is None or value in words:
            return value
        if not isinstance(value, dict):
            wanted = ", ".join(f"'{word}'" for word in words)
            raise PydanticCustomError("wrong_choice", f"expected {wanted} or an object")
        try:
            return kind.model_validate(value)
        except ValidationError as fault:
            problem = fault.errors()[0]
            at = ".".join(map(str, problem["loc"]))
            raise PydanticCustomError(
                "wrong_choice", "{at}: {why}", {"at": at, "why": problem["msg"]}
            ) from fault

    return PlainValidator(check)


def check_stop(value: Any) -> list[str]:
    texts = [value] if isinstance(value, str) else value
    if texts is None:
        return []
    wanted = (
        f"expected a string, or an array of 1 to {_LIMITS.stop_sequences} strings, "
        f"of at most {_LIMITS.stop_characters} characters each"
    )
    fits = isinstance(texts, list) and 1 <= len(texts) <= _LIMITS.stop_sequences
    if not fits or not all(isinstance(text, str) for text in texts):
        raise PydanticCustomError("wrong_stop", wanted)
    if any(len(text) > _LIMITS.stop_characters for text in texts):
        raise PydanticCustomError("long_stop", wanted)
    return texts


class CreateChatCompletion(Request):
    """Body of POST /chat/completions."""

    model: str
    messages: Annotated[list[Message], Field(min_length=1, max_length=_LIMITS.messages)]
    max_tokens: Annotated[int | None, Field(ge=1)] = None
    max_completion_tokens: Annotated[int | None, Field(ge=1)] = None
    n: Annotated[int | None, Field(ge=1, le=_LIMITS.choices)] = None
    temperature: Annotated[float | None, Field(ge=0, le=2)] = None
    top_p: Annotated[float | None, Field(ge=0, le=1)] = None
    presence_penalty: Annotated[float | None, Field(ge=-2, le=2)] = None
    frequency_penalty: Annotated[float | None, Field(ge=-2, le=2)] = None
    logit_bias: dict[str, float] | None = None
    seed: Annotated[int | None, Field(ge=-(2**63), le=2**63 - 1)] = None
    stop: Annotated[list[str], PlainValidator(check_stop)] = []
    logprobs: bool | None = None
    top_logprobs: Annotated[int | None, Field(ge=0, le=20)] = None
    stream: bool | None = None
    stream_options: StreamOptions | None = None
    response_format: ResponseFormat | None = None
    metadata: Metadata = None
    user: str | None = None
    store: bool | None = None
    tools: Annotated[list[Tool] | None, Field(max_length=_LIMITS.functions)] = None
    tool_choice: Annotated[Any, _one_of(("none", "auto", "required"), ToolChoice)] = (
        None
    )
    parallel_tool_calls: bool | None = None
    functions: Annotated[
        list[FunctionTool] | None, Field(min_length=1, max_length=_LIMITS.functions)
    ] = None
    function_call: Annotated[Any, _one_of(("none", "auto"), FunctionChoice)] = None
    # Present, these change what an answer means, so they are refused, not ignored.
    audio: Any = None
    modalities: list[str] | None = None
    web_search_options: Any = None
    moderation: Any = None


class OutputExpiresAfter(ExpiresAfter):
    """When the files that a batch ends with expire, counted from their creation."""

    model_config = ConfigDict(extra="ignore")


class CreateBatch(Request):
    """Body of POST /batches."""

    input_file_id: str
    endpoint: str
    completion_window: Literal["24h"]
    metadata: Metadata = None
    # No null: the public document allows none here.
    output_expires_after: OutputExpiresAfter = None


class UpdateChatCompletion(Request):
    """Body of POST /chat/completions/{completion_id}."""

    metadata: Metadata
