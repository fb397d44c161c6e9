"""Ask a test set, score the answers, and say what the scores allow to conclude.

Purpose: every system (a rule, a prompt, a fine-tuned model) answers the same rows, gets
the same scores with 95 % intervals, and is compared row by row. Use:

    answers = ask(client, model, [prompt(row) for row in rows])
    result = score(answers, expected)
    score_table({"base": base, "fine-tuned": tuned})
    compare(base, tuned)

Intervals are bootstrap intervals over the rows of the test set (Efron and Tibshirani
1993, percentile method; scipy.stats.bootstrap): they say how much the score would move
with another test set of this size. They do not say how it would move with another
training run. It must never know a provider beyond its client.
"""

from __future__ import annotations

import hashlib
import json
import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from openai import OpenAI, OpenAIError
from scipy.stats import bootstrap

from helpers.messages import say
from helpers.progress import Progress
from helpers.recipes import name_set, parse_names

CONFIDENCE = 0.95
RESAMPLES = 9999
SEED = 20261122
NOT_SENT = "not_sent"  # reason of an answer that was never asked for


@dataclass(frozen=True, slots=True)
class Answer:
    """What one call gave, and what it took."""

    text: str
    prompt_tokens: int = 0
    completion_tokens: int = 0
    seconds: float = 0.0  # from request to answer; others were on their way as well
    finish_reason: str = "stop"


# --- asking -----------------------------------------------------------------------


def ask(
    client: OpenAI,
    model: str,
    prompts: Sequence[Sequence[Mapping[str, Any]]],
    *,
    max_tokens: int = 500,
    temperature: float = 0.0,
    at_once: int = 8,
    keep: str | Path | None = None,
    label: str = "",
    show: bool = True,
    fits: Sequence[bool] | None = None,
    **more: Any,
) -> list[Answer]:
    """Ask a model all prompts, several at once, and go on where a run was interrupted.

    Args:
        client: an openai client.
        model: the model's id.
        prompts: the messages of each call.
        max_tokens: longest answer, in tokens.
        temperature: 0 gives the most likely answer; more adds chance to the scores.
        at_once: how many calls are on their way at the same time.
        keep: file in which answers are kept; those that it has are not asked again.
        label: name at the progress bar; the model's id without it.
        show: show a progress bar.
        fits: which prompts to send, as `context.fits` tells; the others get an empty
            answer with the reason NOT_SENT, so that every row keeps its place.
        more: further arguments of `client.chat.completions.create`.

    Returns:
        One answer per prompt, in the same order.

    Raises:
        ValueError: `fits` is not as long as `prompts`.
        openai.OpenAIError: a call failed; the note at it says how many are done.
    """
    if fits is not None and len(fits) != len(prompts):
        raise ValueError(say("ask.fits", marks=len(fits), prompts=len(prompts)))
    arguments = {"max_tokens": max_tokens, "temperature": temperature, **more}
    stored = _Kept(keep, model, arguments, client if keep else None)
    answers: list[Answer | None] = [stored.find(messages) for messages in prompts]
    for index, fit in enumerate([] if fits is None else fits):
        if not fit:
            answers[index] = Answer("", finish_reason=NOT_SENT)
    missing = [i for i, answer in enumerate(answers) if answer is None]
    stop = threading.Event()

    def call(index: int) -> None:
        if stop.is_set():
            return
        started = time.perf_counter()
        reply = client.chat.completions.create(
            model=model, messages=list(prompts[index]), **arguments
        )
        seconds = time.perf_counter() - started
        choice, usage = reply.choices[0], reply.usage
        answers[index] = Answer(
            text=choice.message.content or "",
            prompt_tokens=usage.prompt_tokens if usage else 0,
            completion_tokens=usage.completion_tokens if usage else 0,
            seconds=seconds,
            finish_reason=choice.finish_reason,
        )
        stored.add(prompts[index], answers[index])

    with Progress(len(prompts), label or model, show) as progress:
        progress.to(len(prompts) - len(missing))
        with ThreadPoolExecutor(max_workers=max(1, at_once)) as pool:
            futures = [pool.submit(call, index) for index in missing]
            try:
                for future in as_completed(futures):
                    future.result()
                    progress.add()
            except BaseException as error:
                stop.set()
                pool.shutdown(wait=True, cancel_futures=True)
                if isinstance(error, OpenAIError):
                    done = sum(answer is not None for answer in answers)
                    key = "ask.resume" if keep else "ask.failed"
                    error.add_note(say(key, done=done, total=len(prompts)))
                raise
    return [answer for answer in answers if answer is not None]


class _Kept:
    """Answers kept in a JSON Lines file, found again by what was asked."""

    def __init__(
        self,
        path: str | Path | None,
        model: str,
        arguments: dict[str, Any],
        client: OpenAI | None,
    ) -> None:
        self.path = Path(path) if path is not None else None
        self.lock = threading.Lock()
        self.known: dict[str, Answer] = {}
        self.torn = False  # a killed run may leave half a line at the end
        # A base model keeps its name when its weights change; its date tells.
        created = _created(client, model) if client is not None else None
        self.asked = [model, created, arguments]
        if self.path is not None and self.path.is_file():
            text = self.path.read_text(encoding="utf-8")
            self.torn = bool(text) and not text.endswith("\n")
            for line in text.split("\n"):
                try:
                    entry = json.loads(line)
                    self.known[entry["key"]] = Answer(**entry["answer"])
                except (ValueError, KeyError, TypeError):
                    continue

    def key(self, messages: Sequence[Mapping[str, Any]]) -> str:
        text = json.dumps([self.asked, list(messages)], sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()

    def find(self, messages: Sequence[Mapping[str, Any]]) -> Answer | None:
        return self.known.get(self.key(messages)) if self.known else None

    def add(self, messages: Sequence[Mapping[str, Any]], answer: Answer | None) -> None:
        if self.path is None or answer is None:
            return
        line = json.dumps({"key": self.key(messages), "answer": asdict(answer)})
        with self.lock:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with self.path.open("a", encoding="utf-8", newline="\n") as lines:
                lines.write("\n" * self.torn + line + "\n")
            self.torn = False


def _created(client: OpenAI, model: str) -> int | None:
    try:
        return client.models.retrieve(model).created
    except OpenAIError:
        return None  # some services do not show the models they serve


def ask_function(
    function: Callable[[Mapping[str, Any]], list[str] | str],
    rows: pd.DataFrame | Iterable[Mapping[str, Any]],
) -> list[Answer]:
    """Let a plain function answer, such as a hand-written rule.

    Args:
        function: takes a row, returns the names or the text of an answer.
        rows: the test rows.

    Returns:
        One answer per row; it takes no tokens.
    """
    records = rows.to_dict("records") if isinstance(rows, pd.DataFrame) else rows
    answers = []
    for row in records:
        started = time.perf_counter()
        found = function(row)
        seconds = time.perf_counter() - started
        text = found if isinstance(found, str) else json.dumps(found)
        answers.append(Answer(text=text, seconds=seconds))
    return answers


# --- scoring ----------------------------------------------------------------------


@dataclass(frozen=True)
class Result:
    """The scored answers of one system.

    Attributes:
        answers: one per row of the test set.
        rows: DataFrame with one row per answer: tp, fp, fn (names found, invented,
            missed), exact (the sets are equal), valid (the answer could be read).
    """

    answers: list[Answer]
    rows: pd.DataFrame

    def __len__(self) -> int:
        return len(self.rows)


def score_names(text: str, expected: str) -> dict[str, float]:
    """Score one answer that should be a JSON list of names.

    Sets of lower-cased names are compared, so order and repeats do not count.

    Args:
        text: the answer.
        expected: the right list, as JSON text.

    Returns:
        tp, fp, fn, exact and valid; an unreadable answer counts as an empty list.
    """
    right = name_set(parse_names(expected) or [])
    names = parse_names(text)
    found = name_set(names or [])
    return {
        "tp": len(found & right),
        "fp": len(found - right),
        "fn": len(right - found),
        "exact": float(names is not None and found == right),
        "valid": float(names is not None),
    }


def score(
    answers: Sequence[Answer],
    expected: Iterable[str],
    scorer: Callable[[str, str], dict[str, float]] = score_names,
) -> Result:
    """Score the answers of a system against the right ones.

    Args:
        answers: one per row.
        expected: the right answers, in the same order.
        scorer: scores one answer; returns tp, fp, fn, exact and valid.

    Raises:
        ValueError: there are not as many answers as right ones.
    """
    pairs = zip(answers, expected, strict=True)
    rows = [scorer(answer.text, right) for answer, right in pairs]
    return Result(list(answers), pd.DataFrame(rows))


def precision(tp: Any, fp: Any, fn: Any, axis: int = -1) -> Any:
    """Return the share of the names given that are right, over all rows (micro)."""
    return _share(tp, (fp,), fn, axis)


def recall(tp: Any, fp: Any, fn: Any, axis: int = -1) -> Any:
    """Return the share of the right names that were given, over all rows (micro)."""
    return _share(tp, (fn,), fp, axis)


def f1(tp: Any, fp: Any, fn: Any, axis: int = -1) -> Any:
    """Return the micro-F1: 2 tp / (2 tp + fp + fn), summed over rows first.

    Args:
        tp, fp, fn: counts per row; any shape, rows along `axis`.
        axis: the axis of rows.
    """
    found, invented, missed = (np.sum(x, axis=axis) for x in (tp, fp, fn))
    total = 2 * found + invented + missed
    # Nothing to find and nothing given is a perfect answer.
    return np.where(total == 0, 1.0, 2 * found / np.maximum(total, 1))


def _share(tp: Any, wrong: tuple[Any, ...], other: Any, axis: int) -> Any:
    found = np.sum(tp, axis=axis)
    total = found + sum(np.sum(x, axis=axis) for x in wrong)
    empty = np.where(np.sum(other, axis=axis) == 0, 1.0, 0.0)
    return np.where(total == 0, empty, found / np.maximum(total, 1))


def _mean(values: Any, axis: int = -1) -> Any:
    return np.mean(values, axis=axis)


# What can be measured: the columns that it needs, and the statistic over rows.
METRICS: dict[str, tuple[tuple[str, ...], Callable[..., Any]]] = {
    "f1": (("tp", "fp", "fn"), f1),
    "precision": (("tp", "fp", "fn"), precision),
    "recall": (("tp", "fp", "fn"), recall),
    "exact": (("exact",), _mean),
    "valid": (("valid",), _mean),
    "execution": (("execution",), _mean),  # these two of sql_scores alone
    "raw": (("raw",), _mean),
}


def measure(result: Result, metric: str = "f1") -> float:
    """Return one metric of METRICS over all rows."""
    columns, statistic = METRICS[metric]
    return float(statistic(*(result.rows[c].to_numpy(float) for c in columns)))


def row_scores(result: Result, metric: str = "f1") -> np.ndarray:
    """Return a metric of every row by itself: an array of shape (rows,), each 0 to 1.

    Their mean is the macro average; `measure` sums over rows first (micro), so that
    the two differ a little where rows have different numbers of names.

    Args:
        result: the scored answers.
        metric: a key of METRICS.
    """
    columns, statistic = METRICS[metric]
    data = (result.rows[column].to_numpy(float)[:, None] for column in columns)
    return np.asarray(statistic(*data), dtype=float)


def first_rows(result: Result, n: int) -> Result:
    """Return a result as if only the first `n` rows of the test set had been asked.

    Args:
        result: the scored answers.
        n: how many rows; all of them where there are fewer.
    """
    return Result(result.answers[:n], result.rows.head(n))


@dataclass(frozen=True, slots=True)
class Interval:
    """A value with its 95 % interval."""

    value: float
    low: float
    high: float

    def __str__(self) -> str:
        return f"{self.value:.2f} ({self.low:.2f} to {self.high:.2f})"


def interval(result: Result, metric: str = "f1", seed: int = SEED) -> Interval:
    """Return a metric with its 95 % bootstrap interval over rows.

    Args:
        result: the scored answers.
        metric: a key of METRICS.
        seed: makes the interval the same in every run.
    """
    columns, statistic = METRICS[metric]
    data = [result.rows[column].to_numpy(float) for column in columns]
    low, high = _bootstrap(data, statistic, seed)
    return Interval(float(statistic(*data)), low, high)


def _bootstrap(
    data: list[np.ndarray], statistic: Callable[..., Any], seed: int
) -> tuple[float, float]:
    if len(data[0]) < 2:
        value = float(statistic(*data))
        return value, value
    drawn = bootstrap(
        data,
        statistic,
        n_resamples=RESAMPLES,
        batch=1000,
        vectorized=True,
        paired=True,
        axis=-1,
        confidence_level=CONFIDENCE,
        # The percentile method also works when every row has the same score.
        method="percentile",
        rng=np.random.default_rng(seed),
    ).confidence_interval
    return float(drawn.low), float(drawn.high)


# --- concluding -------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Difference:
    """How much one system differs from another, and what that allows to say.

    Attributes:
        metric: what was compared.
        value, low, high: second minus first, with its 95 % interval.
        verdict: "better", "worse" or "cannot tell", about the second.
    """

    metric: str
    value: float
    low: float
    high: float
    verdict: str

    def __str__(self) -> str:
        key = "verdict." + self.verdict.replace(" ", "_")
        metric = say(f"metric.{self.metric}")
        return say(key, metric=metric, value=self.value, low=self.low, high=self.high)


def compare(
    first: Result, second: Result, metric: str = "f1", seed: int = SEED
) -> Difference:
    """Compare two systems on the same rows: is the second better than the first?

    Rows are drawn in pairs (both systems' scores of a row together), which takes the
    difficulty of rows out of the comparison.

    Args:
        first, second: scored answers to the same rows in the same order.
        metric: a key of METRICS.
        seed: makes the interval the same in every run.

    Raises:
        ValueError: the two have not answered equally many rows.
    """
    if len(first) != len(second):
        raise ValueError(say("compare.rows", first=len(first), second=len(second)))
    columns, statistic = METRICS[metric]
    n = len(columns)
    data = [
        result.rows[column].to_numpy(float)
        for result in (first, second)
        for column in columns
    ]

    def gain(*values: Any, axis: int = -1) -> Any:
        return statistic(*values[n:], axis=axis) - statistic(*values[:n], axis=axis)

    low, high = _bootstrap(data, gain, seed)
    if low > 0:
        verdict = "better"
    elif high < 0:
        verdict = "worse"
    else:
        verdict = "cannot tell"
    return Difference(metric, float(gain(*data)), low, high, verdict)


def score_table(results: Mapping[str, Result]) -> pd.DataFrame:
    """Return one row per system: scores with intervals, tokens and seconds per call.

    Args:
        results: name of the system -> its scored answers.

    Returns:
        DataFrame indexed by system with the columns n, f1, f1_low, f1_high, precision,
        recall, exact, exact_low, exact_high, valid, prompt_tokens, completion_tokens
        (means per call) and seconds (mean per call); calls that were not sent do not
        count for the last three.
    """
    rows = []
    for name, result in results.items():
        row: dict[str, Any] = {"system": name, "n": len(result)}
        for metric in ("f1", "precision", "recall", "exact", "valid"):
            if metric in ("f1", "exact"):
                found = interval(result, metric)
                row[metric] = found.value
                row[f"{metric}_low"], row[f"{metric}_high"] = found.low, found.high
            else:
                row[metric] = measure(result, metric)
        for column in ("prompt_tokens", "completion_tokens", "seconds"):
            values = [
                getattr(answer, column)
                for answer in result.answers
                if answer.finish_reason != NOT_SENT
            ]
            row[column] = float(np.mean(values)) if values else 0.0
        rows.append(row)
    return pd.DataFrame(rows).set_index("system")


def side_by_side(
    results: Mapping[str, Result],
    rows: pd.DataFrame,
    n: int = 5,
    worst_of: str | None = None,
) -> pd.DataFrame:
    """Show the answers of several systems to the same rows, with what is wrong.

    Args:
        results: name of the system -> its scored answers to `rows`.
        rows: the test rows, with the columns title, ingredients and NER.
        n: how many rows to show.
        worst_of: show the rows with the most errors of this system first; without it
            the first rows.

    Returns:
        DataFrame with title, ingredients, expected and a column per system: the
        answer, then what is missing (−) and what is too much (+).
    """
    order = list(range(len(rows)))
    if worst_of is not None:
        scored = results[worst_of].rows
        errors = (scored.fp + scored.fn).to_numpy()
        order.sort(key=lambda i: -errors[i])
    shown = []
    for i in order[:n]:
        row = rows.iloc[i]
        line = {
            "title": row["title"],
            "ingredients": "\n".join(parse_names(row["ingredients"]) or []),
            "expected": ", ".join(parse_names(row["NER"]) or []),
        }
        right = name_set(parse_names(row["NER"]) or [])
        for name, result in results.items():
            line[name] = _marked(result.answers[i].text, right)
        shown.append(line)
    return pd.DataFrame(shown)


def _marked(text: str, right: set[str]) -> str:
    names = parse_names(text)
    if names is None:
        short = " ".join(text.split())
        return say("answer.unreadable", text=short[:120])
    found = name_set(names)
    marks = [f"− {name}" for name in sorted(right - found)]
    marks += [f"+ {name}" for name in sorted(found - right)]
    return ", ".join(names) + ("\n" + "\n".join(marks) if marks else "")
