"""Graders: how good an answer of a model is, as a number.

Purpose: OpenAI's graders read (`parse`), shown again (`shown`) and run (`grade`) for
one answer and one row of data. Shapes: the public OpenAPI document (2026-08-21);
meanings: OpenAI's graders guide. Reinforcement fine-tuning can grade with it as well.
It must never know HTTP or SQL, and never runs code of a request.
"""

from __future__ import annotations

import functools
import json
import re
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    PlainValidator,
    ValidationError,
    field_validator,
)
from pydantic_core import PydanticCustomError

from helpers.provider.formulas import Formula, FormulaError
from helpers.provider.similarity import METRICS

# A metric takes a time that grows with the product of both lengths: 20,000 characters
# against as many are a twentieth of a second.
LONGEST_TEXT = 20_000
# One field can be megabytes large, and a template can name it again and again.
MOST_FIELDS = 32
LONGEST_RENDERED = 2_000_000
MOST_GRADERS = 16
LONGEST_SOURCE = 256 * 1024
MOST_MESSAGES = 64

_BRACES = re.compile(r"\{\{([^{}]*)\}\}")
_STEP = r"(?:\.[^\s.\[\]{}]+|\[\d{1,9}\])"
_PATH = re.compile(rf"(item|sample)({_STEP}+)")
_STEPS = re.compile(r"\.([^\s.\[\]{}]+)|\[(\d+)\]")
_SAMPLE_NAMES = ("output_text", "output_json", "output_tools", "choices")


class InvalidGrader(ValueError):
    """A grader that breaks the rules of its kind.

    Args:
        problem: what pydantic says of it: `type`, `loc`, `msg`, `input` and `ctx`.
    """

    def __init__(self, problem: dict[str, Any]) -> None:
        super().__init__(f"{problem['loc']}: {problem['msg']}")
        self.problem = problem


class NotServed(ValueError):
    """A grader of a kind that is valid but cannot be run here.

    Args:
        message: what it is, and why not.
        place: where it stands, such as `("grader", "graders", "b")`.
    """

    def __init__(self, message: str, place: tuple[str, ...]) -> None:
        super().__init__(message)
        self.place = place


class MissingField(ValueError):
    """A template names something that the row of data does not have.

    Args:
        path: as the template names it, such as `item.label`.
        reason: what is there instead.
    """

    def __init__(self, path: str, reason: str) -> None:
        super().__init__(f"'{path}' {reason}")
        self.path = path


class _BadSample(Exception):
    """A template names something that the model's answer does not have."""


class _NoJson(_BadSample):
    """The model's answer is no JSON, and a template reads it as JSON."""


class _TooLong(_BadSample):
    """A text is too long with its templates filled in."""


# Templates


def _check_template(text: str) -> str:
    """Refuse a template that names anything but a field of `item` or `sample`."""
    for number, match in enumerate(_BRACES.finditer(text), start=1):
        if number > MOST_FIELDS:
            raise PydanticCustomError(
                "bad_template", f"expected at most {MOST_FIELDS} templates in one text"
            )
        inside = match[1].strip()
        path = _PATH.fullmatch(inside)
        if path is None:
            raise PydanticCustomError(
                "bad_template",
                "expected '{{ item.field }}' or '{{ sample.output_text }}', "
                "but found '{found}'",
                {"found": match[0][:100]},
            )
        name = next(_STEPS.finditer(path[2]))[1]
        if path[1] == "sample" and name not in _SAMPLE_NAMES:
            raise PydanticCustomError(
                "bad_template",
                "'{found}' names nothing of a sample; it has {names}",
                {"found": inside[:100], "names": ", ".join(_SAMPLE_NAMES)},
            )
    if any("{{" in between for between in _BRACES.split(text)[::2]):
        raise PydanticCustomError(
            "bad_template", "a '{{' has no '}}' behind it, or other braces before that"
        )
    return text


def _field(value: Any, steps: str) -> Any:
    """Walk into a value; raise KeyError with a reason where a step leads nowhere."""
    for match in _STEPS.finditer(steps):
        name, number = match[1], match[2]
        if isinstance(value, list) and (number or (name.isascii() and name.isdigit())):
            index = int(number or name[:9])
            if index >= len(value):
                raise KeyError(f"is not there: the array has {len(value)} elements")
            value = value[index]
        elif isinstance(value, dict) and name is not None:
            if name not in value:
                known = ", ".join(list(map(str, value))[:10]) or "none"
                raise KeyError(
                    f"is not there: no field '{name}' (fields: {known[:200]})"
                )
            value = value[name]
        else:
            kind = {dict: "an object", list: "an array"}.get(type(value), "no object")
            raise KeyError(f"is not there: '{match[0]}' is asked of {kind}")
    return value


def _as_text(value: Any) -> str:
    """Return a text as it is, and anything else as JSON."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


@dataclass(frozen=True)
class Case:
    """What is graded.

    Args:
        output_text: the model's answer.
        item: the row of data it belongs to.
    """

    output_text: str
    item: dict[str, Any] = field(default_factory=dict)

    def render(self, template: str) -> str:
        """Return a text with its templates filled in.

        Raises:
            MissingField: the item lacks a field.
        """
        pieces, length = [], 0
        # Text and what stands in braces take turns.
        for number, piece in enumerate(_BRACES.split(template)):
            pieces.append(self._look_up(piece.strip()) if number % 2 else piece)
            length += len(pieces[-1])
            if length > LONGEST_RENDERED:
                raise _TooLong(
                    f"a text with its templates filled in is longer than "
                    f"{LONGEST_RENDERED} characters"
                )
        return "".join(pieces)

    def _look_up(self, path: str) -> str:
        namespace, steps = _PATH.fullmatch(path).groups()
        try:
            if namespace == "item":
                return _as_text(_field(self.item, steps))
            return _as_text(_field(self._sample(path), steps))
        except (KeyError, RecursionError) as fault:
            deep = isinstance(fault, RecursionError)
            reason = "is nested too deeply" if deep else fault.args[0]
            if namespace == "item":
                raise MissingField(path, reason) from fault
            raise _BadSample(f"'{path}' {reason}") from fault

    def _sample(self, path: str) -> dict[str, Any]:
        if not path.startswith("sample.output_json"):
            return {"output_text": self.output_text}
        try:
            return {"output_json": self._json}
        except (ValueError, RecursionError) as fault:
            raise _NoJson(f"'{path}' needs an answer in JSON") from fault

    @functools.cached_property
    def _json(self) -> Any:
        return json.loads(self.output_text)


# Kinds of graders

Text = Annotated[str, Field(max_length=LONGEST_TEXT)]
Template = Annotated[Text, AfterValidator(_check_template)]
Name = Annotated[str, Field(max_length=200)]


class _Base(BaseModel):
    model_config = ConfigDict(strict=True, extra="ignore", allow_inf_nan=False)


class StringCheck(_Base):
    """1 if the input is, is not, or holds the reference; else 0."""

    type: Literal["string_check"]
    name: Name
    input: Template
    reference: Template
    operation: Literal["eq", "ne", "like", "ilike"]


class TextSimilarity(_Base):
    """How alike the input and the reference are, from 0 to 1."""

    type: Literal["text_similarity"]
    name: Name
    input: Template
    reference: Template
    evaluation_metric: Literal["cosine", *METRICS]  # type: ignore[valid-type]


class PythonGrader(_Base):
    """A program; read, never run."""

    type: Literal["python"]
    name: Name
    source: Annotated[str, Field(max_length=LONGEST_SOURCE)]
    image_tag: Name = ""


def _check_part(part: Any) -> Any:
    """Check one piece of content of a message to a grading model."""
    if isinstance(part, str):
        return _check_template(part)
    kind = part.get("type") if isinstance(part, dict) else None
    if kind in ("input_text", "output_text") and isinstance(part.get("text"), str):
        return {"type": kind, "text": _check_template(part["text"])}
    if kind == "input_image" and isinstance(part.get("image_url"), str):
        return {k: part[k] for k in ("type", "image_url", "detail") if k in part}
    sound = part.get("input_audio") if kind == "input_audio" else None
    if isinstance(sound, dict) and sound.get("format") in ("mp3", "wav"):
        data = sound.get("data")
        if isinstance(data, str):
            heard = {"data": data, "format": sound["format"]}
            return {"type": kind, "input_audio": heard}
    raise PydanticCustomError(
        "bad_content",
        "expected a string, or an object of the type input_text, output_text, "
        "input_image or input_audio with its fields",
    )


def _check_content(value: Any) -> Any:
    if isinstance(value, list):
        return [_check_part(part) for part in value]
    return _check_part(value)


class InputMessage(_Base):
    """A message to a grading model."""

    role: Literal["user", "assistant", "system", "developer"]
    content: Annotated[Any, PlainValidator(_check_content)]
    type: Literal["message"] = "message"


class SamplingParams(_Base):
    """How a grading model samples."""

    seed: int | None = None
    top_p: Annotated[float | None, Field(ge=0, le=1)] = None
    temperature: Annotated[float | None, Field(ge=0, le=2)] = None
    max_completions_tokens: Annotated[int | None, Field(ge=1)] = None
    reasoning_effort: (
        Literal["none", "minimal", "low", "medium", "high", "xhigh", "max"] | None
    ) = None


Messages = Annotated[list[InputMessage], Field(max_length=MOST_MESSAGES)]


class ScoreModel(_Base):
    """A model that gives a score."""

    type: Literal["score_model"]
    name: Name
    model: Name
    input: Messages
    sampling_params: SamplingParams = SamplingParams()
    range: Annotated[list[float], Field(min_length=2, max_length=2)] = [0.0, 1.0]

    @field_validator("range")
    @classmethod
    def _rises(cls, value: list[float]) -> list[float]:
        if not value[0] < value[1]:
            raise PydanticCustomError(
                "bad_range", "expected two numbers, the smaller one first"
            )
        return value


class LabelModel(_Base):
    """A model that gives a label."""

    type: Literal["label_model"]
    name: Name
    model: Name
    input: Messages
    labels: Annotated[list[Name], Field(max_length=1000)]
    passing_labels: Annotated[list[Name], Field(max_length=1000)]

    @field_validator("passing_labels")
    @classmethod
    def _are_labels(cls, value: list[str], info: Any) -> list[str]:
        for label in value:
            if label not in info.data.get("labels", value):
                raise PydanticCustomError(
                    "bad_label", "'{label}' is none of the labels", {"label": label}
                )
        return value


class Multi(_Base):
    """Several graders and a formula over their scores.

    OpenAI's document says that `graders` is one grader, its example shows an array, and
    its guide an object with a name for each: all three are read. In an array, and with
    one grader, the formula uses the grader's own `name`.
    """

    type: Literal["multi"]
    name: Name
    graders: Annotated[Any, PlainValidator(lambda value: value)]
    calculate_output: Annotated[str, Field(max_length=1000)]

    @field_validator("calculate_output")
    @classmethod
    def _fits_the_graders(cls, value: str, info: Any) -> str:
        try:
            names = Formula(value).names
        except FormulaError as fault:
            raise PydanticCustomError(
                "bad_formula", "{why}", {"why": str(fault)}
            ) from fault
        named = _by_name(info.data["graders"]) if "graders" in info.data else names
        for name in sorted(names - set(named)):
            raise PydanticCustomError(
                "unknown_name",
                "the formula uses '{name}', but the graders are called {known} (a name "
                "in a formula has letters, digits and _ only)",
                {"name": name, "known": ", ".join(map(repr, named))[:500]},
            )
        return value

    def formula(self) -> Formula:
        """Return the formula."""
        return Formula(self.calculate_output)

    def named(self) -> dict[str, Grader]:
        """Return the graders by the names that the formula uses."""
        return _by_name(self.graders)


def _by_name(graders: Any) -> dict[str, Grader]:
    if isinstance(graders, dict):
        return graders
    several = graders if isinstance(graders, list) else [graders]
    return {grader.name: grader for grader in several}


Grader = StringCheck | TextSimilarity | PythonGrader | ScoreModel | LabelModel | Multi
_SIMPLE: dict[str, type[_Base]] = {
    "string_check": StringCheck,
    "text_similarity": TextSimilarity,
    "python": PythonGrader,
    "score_model": ScoreModel,
}
# A label alone is no score, so OpenAI takes this kind only within `multi`.
_INNER = {**_SIMPLE, "label_model": LabelModel}
_OUTER = {**_SIMPLE, "multi": Multi}

# Reading


def _problem(kind: str, place: tuple, message: str, found: Any) -> InvalidGrader:
    return InvalidGrader({"type": kind, "loc": place, "msg": message, "input": found})


def _kind(raw: Any, place: tuple, kinds: dict[str, type[_Base]]) -> type[_Base]:
    if not isinstance(raw, dict):
        raise _problem("dict_type", place, "expected an object", raw)
    if "type" not in raw:
        raise _problem("missing", (*place, "type"), "missing", raw)
    kind = raw["type"]
    if not isinstance(kind, str):
        raise _problem("string_type", (*place, "type"), "expected a string", kind)
    if kind not in kinds:
        known = ", ".join(kinds)
        raise _problem(
            "enum", (*place, "type"), f"expected one of {known} in this place", kind
        )
    return kinds[kind]


def _read(raw: Any, place: tuple, kinds: dict[str, type[_Base]]) -> Grader:
    model = _kind(raw, place, kinds)
    if model is Multi:
        raw = {**raw}
        if "graders" in raw:
            raw["graders"] = _read_inner(raw["graders"], (*place, "graders"))
    try:
        return model.model_validate(raw)
    except ValidationError as fault:
        problem = fault.errors()[0]
        raise InvalidGrader({**problem, "loc": (*place, *problem["loc"])}) from fault


def _read_inner(raw: Any, place: tuple) -> Any:
    """Read the graders of a multi grader in any of their three forms."""
    if isinstance(raw, dict) and isinstance(raw.get("type"), str):
        return _read(raw, place, _INNER)
    if not isinstance(raw, dict | list):
        raise _problem("dict_type", place, "expected an object", raw)
    if not 1 <= len(raw) <= MOST_GRADERS:
        message = f"expected 1 to {MOST_GRADERS} graders, but got {len(raw)}"
        raise _problem("wrong_number", place, message, raw)
    if isinstance(raw, dict):
        for name in raw:
            if not name.isprintable() or len(name) > 200:
                message = "expected names of at most 200 printable characters"
                raise _problem("bad_name", place, message, raw)
        return {name: _read(one, (*place, name), _INNER) for name, one in raw.items()}
    several = [_read(one, (*place, i), _INNER) for i, one in enumerate(raw)]
    names = [grader.name for grader in several]
    for name in names:
        if names.count(name) > 1:
            message = f"two graders are called '{name}', so a formula cannot tell them"
            raise _problem("same_name", place, message, raw)
    return several


def parse(raw: Any, place: tuple[str, ...] = ("grader",)) -> Grader:
    """Read a grader.

    Args:
        raw: the grader as JSON values.
        place: where it stands in the request.

    Raises:
        InvalidGrader: it breaks a rule; says which, and where.
    """
    return _read(raw, place, _OUTER)


def shown(grader: Any) -> Any:
    """Return a grader as JSON values: the fields that were given, and no others."""
    if isinstance(grader, Multi):
        kept = grader.model_dump(exclude_unset=True, exclude={"graders"})
        return {**kept, "graders": shown(grader.graders)}
    if isinstance(grader, BaseModel):
        return grader.model_dump(exclude_unset=True)
    if isinstance(grader, dict):
        return {name: shown(one) for name, one in grader.items()}
    return [shown(one) for one in grader]


def check_servable(grader: Grader, place: tuple[str, ...] = ("grader",)) -> None:
    """Refuse what cannot be run here.

    Raises:
        NotServed: says why, and what to use.
    """
    if isinstance(grader, Multi):
        for name, one in grader.named().items():
            check_servable(one, (*place, "graders", name))
    elif isinstance(grader, PythonGrader):
        raise NotServed(
            "A 'python' grader is not run by this local provider: it never executes "
            "code that comes with a request. Use 'string_check', 'text_similarity' "
            "or 'multi'.",
            place,
        )
    elif isinstance(grader, ScoreModel | LabelModel):
        raise NotServed(
            f"A '{grader.type}' grader is not run by this local provider: its small "
            "models cannot judge answers reliably. Use 'string_check', "
            "'text_similarity' or 'multi'.",
            place,
        )
    elif isinstance(grader, TextSimilarity) and grader.evaluation_metric == "cosine":
        raise NotServed(
            "The metric 'cosine' compares embeddings of a hosted model, and OpenAI "
            "offers it for evals only. Use 'fuzzy_match', 'bleu', 'gleu', 'meteor' or "
            "one of the 'rouge' metrics.",
            (*place, "evaluation_metric"),
        )


def parts(grader: Grader) -> dict[str, Grader]:
    """Return the graders within a grader by name; of a simple one, itself."""
    return grader.named() if isinstance(grader, Multi) else {grader.name: grader}


def check_item(grader: Grader, item: dict[str, Any]) -> None:
    """See that a row of data has every field that the templates name.

    Args:
        grader: one that can be run here.
        item: the row.

    Raises:
        MissingField: it lacks one.
    """
    case = Case("", item)
    for one in parts(grader).values():
        for template in (one.input, one.reference):
            for match in _BRACES.finditer(template):
                if match[1].strip().startswith("item"):
                    case.render(match[0])


# Running


@dataclass
class Grade:
    """What a grader says of one answer.

    Args:
        reward: the score.
        scores: of each grader, by name.
        sub_rewards: of the graders within a multi grader, by name.
        sample_parse_error: the answer was to be JSON and is not.
        invalid_variable_error: the answer lacks a field that a template names.
        formula_parse_error: the formula has no finite result for these scores.
        truncated_observation_error: a text is longer than a metric takes.
        details: one sentence for each error.
        seconds: how long it took.
    """

    reward: float = 0.0
    scores: dict[str, float] = field(default_factory=dict)
    sub_rewards: dict[str, float] = field(default_factory=dict)
    sample_parse_error: bool = False
    invalid_variable_error: bool = False
    formula_parse_error: bool = False
    truncated_observation_error: bool = False
    details: list[str] = field(default_factory=list)
    seconds: float = 0.0


_OPERATIONS: dict[str, Callable[[str, str], bool]] = {
    "eq": lambda text, reference: text == reference,
    "ne": lambda text, reference: text != reference,
    "like": lambda text, reference: reference in text,
    "ilike": lambda text, reference: reference.lower() in text.lower(),
}


def _score(grader: StringCheck | TextSimilarity, case: Case, into: Grade) -> float:
    """Return the score of one grader; an answer that cannot be graded gets 0."""
    try:
        text, reference = case.render(grader.input), case.render(grader.reference)
    except _BadSample as fault:
        into.details.append(f"{grader.name}: {fault}")
        if isinstance(fault, _NoJson):
            into.sample_parse_error = True
        elif isinstance(fault, _TooLong):
            into.truncated_observation_error = True
        else:
            into.invalid_variable_error = True
        return 0.0
    if isinstance(grader, StringCheck):
        return float(_OPERATIONS[grader.operation](text, reference))
    if max(len(text), len(reference)) > LONGEST_TEXT:
        into.truncated_observation_error = True
        into.details.append(
            f"{grader.name}: texts of at most {LONGEST_TEXT} characters are compared; "
            "the rest was left out"
        )
    metric = METRICS[grader.evaluation_metric]
    return metric(text[:LONGEST_TEXT], reference[:LONGEST_TEXT])


def grade(grader: Grader, output_text: str, item: dict[str, Any]) -> Grade:
    """Grade one answer.

    What is wrong with the answer costs it its reward and is flagged, since a model
    under training will say anything. What is wrong with the data is an error.

    Args:
        grader: as `parse` returns it.
        output_text: the answer of the model.
        item: the row of data it answers to.

    Raises:
        NotServed: the grader cannot be run here.
        MissingField: the item lacks a field that a template names.
    """
    check_servable(grader)
    began = time.perf_counter()
    case, result = Case(output_text, item), Grade()
    if isinstance(grader, Multi):
        named = grader.named()
        result.sub_rewards = {
            name: _score(one, case, result) for name, one in named.items()
        }
        result.scores = dict(result.sub_rewards)
        try:
            result.reward = grader.formula().value(result.sub_rewards)
        except FormulaError as fault:
            result.formula_parse_error = True
            result.details.append(str(fault))
    else:
        result.reward = _score(grader, case, result)
        result.scores = {grader.name: result.reward}
    result.seconds = time.perf_counter() - began
    return result
