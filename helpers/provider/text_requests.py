"""Bodies of requests about plain texts: legacy completions and embeddings.

Purpose: the same strict types and bounds as `schemas`, for the two operations whose
input is a text, several texts, tokens, or several lists of tokens.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field, PlainValidator
from pydantic_core import PydanticCustomError

from helpers.provider.schemas import Request, StreamOptions, check_stop
from helpers.provider.settings import Limits

_LIMITS = Limits()
# The most that the real API takes for best_of and for logprobs here.
MOST_CANDIDATES, MOST_LOGPROBS = 20, 5

Inputs = list[str] | list[list[int]]


def _is_token(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _are_tokens(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and all(map(_is_token, value))


def _texts_or_tokens(value: Any, most: int) -> Inputs:
    """Return the four kinds of input as one: a list of texts or of lists of tokens."""
    if isinstance(value, str):
        return [value]
    if _are_tokens(value):
        return [value]
    if not isinstance(value, list) or not value:
        fits = False
    else:
        texts = all(isinstance(item, str) for item in value)
        fits = texts or all(map(_are_tokens, value))
    if not fits:
        raise PydanticCustomError(
            "wrong_input",
            "expected a string, or an array of strings, of tokens (integers) or of "
            "token arrays, and none of these arrays empty",
        )
    if len(value) > most:
        raise PydanticCustomError(
            "too_many_inputs",
            "expected at most {most} inputs in one request, but got {found}. Send "
            "them in several requests",
            {"most": most, "found": len(value)},
        )
    return value


def _check_prompt(value: Any) -> Inputs:
    # No prompt means the beginning of a new document, like an empty text.
    return [""] if value is None else _texts_or_tokens(value, _LIMITS.prompts)


def _check_input(value: Any) -> Inputs:
    inputs = _texts_or_tokens(value, _LIMITS.embedding_inputs)
    if "" in inputs:
        raise PydanticCustomError(
            "empty_input",
            "the input at position {place} is an empty string; expected some text",
            {"place": inputs.index("")},
        )
    return inputs


class CreateCompletion(Request):
    """Body of POST /completions."""

    model: str
    prompt: Annotated[Any, PlainValidator(_check_prompt)]
    suffix: str | None = None
    max_tokens: Annotated[int | None, Field(ge=0)] = None
    temperature: Annotated[float | None, Field(ge=0, le=2)] = None
    top_p: Annotated[float | None, Field(ge=0, le=1)] = None
    n: Annotated[int | None, Field(ge=1, le=_LIMITS.choices)] = None
    best_of: Annotated[int | None, Field(ge=0, le=MOST_CANDIDATES)] = None
    stream: bool | None = None
    stream_options: StreamOptions | None = None
    logprobs: Annotated[int | None, Field(ge=0, le=MOST_LOGPROBS)] = None
    echo: bool | None = None
    stop: Annotated[list[str], PlainValidator(check_stop)] = []
    presence_penalty: Annotated[float | None, Field(ge=-2, le=2)] = None
    frequency_penalty: Annotated[float | None, Field(ge=-2, le=2)] = None
    logit_bias: dict[str, int] | None = None
    seed: Annotated[int | None, Field(ge=-(2**63), le=2**63 - 1)] = None
    user: str = ""


class CreateEmbedding(Request):
    """Body of POST /embeddings; the document allows no other fields."""

    model_config = ConfigDict(strict=True, extra="forbid", allow_inf_nan=False)

    model: str
    input: Annotated[Any, PlainValidator(_check_input)]
    encoding_format: Literal["float", "base64"] = "float"
    dimensions: Annotated[int, Field(ge=1)] = None
    user: str = ""
