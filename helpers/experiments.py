"""Small experiments: train on some examples, ask, score; each in one line.

Purpose: what repeats in an experiment about fine-tuning, so that a cell shows only what
the experiment changes. Use:

    job = train(here, examples, "thirty-rows", n_epochs=12)
    result = answer_all(here, job.fine_tuned_model, test)
    measure(result)

Everything can be run again: a job is created once, a question is asked once. It must
never know what an experiment is about, nor a provider beyond its connection.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from openai.types.fine_tuning import FineTuningJob

from helpers.connect import Connection
from helpers.environment import output_folder
from helpers.evaluation import Result, ask, score, score_names
from helpers.jobs import follow, submit
from helpers.messages import say
from helpers.recipes import write_jsonl

FOLDER = "limits"  # where files and answers are kept, in the output folder
SEED = 0
Example = Mapping[str, Any]


# --- examples ---------------------------------------------------------------------


def chat_example(question: str, answer: str, system: str = "") -> dict[str, Any]:
    """Return a question and its answer as one training example.

    Args:
        question: the user's message.
        answer: the assistant's message.
        system: the system message; there is none without it.
    """
    messages = [{"role": "system", "content": system}] if system else []
    messages.append({"role": "user", "content": question})
    messages.append({"role": "assistant", "content": answer})
    return {"messages": messages}


def prompts(examples: Iterable[Example]) -> list[list[dict[str, Any]]]:
    """Return what is asked in examples: their messages without the last one."""
    return [list(example["messages"][:-1]) for example in examples]


def right_answers(examples: Iterable[Example]) -> list[str]:
    """Return the last message of each example: the answer that is expected."""
    return [example["messages"][-1]["content"] for example in examples]


# --- train, ask -------------------------------------------------------------------


def train(
    connection: Connection,
    examples: Sequence[Example],
    name: str,
    *,
    validation: Sequence[Example] | None = None,
    n_epochs: int | str = "auto",
    learning_rate_multiplier: float | str = "auto",
    seed: int = SEED,
    show: bool = True,
) -> FineTuningJob:
    """Fine-tune the base model on examples and wait until that is done.

    Args:
        connection: where to.
        examples: training examples with `messages`, 10 or more.
        name: of the experiment; part of the model's name and of the files written.
        validation: examples for the validation loss.
        n_epochs: passes over the examples, or "auto".
        learning_rate_multiplier: factor of the automatic learning rate, or "auto".
        seed: makes the job repeatable.
        show: show a progress bar.

    Returns:
        The job; it has succeeded. The same call again returns the same job.

    Raises:
        TrainingFileError: the examples have faults; the message lists them.
        JobFailed: the job failed; the message says why.
        ValueError: somebody cancelled the job, so there is no model.
    """
    folder = output_folder(FOLDER)
    training_file = write_jsonl(examples, folder / f"{name}.jsonl")
    validation_file = None
    if validation is not None:
        validation_file = write_jsonl(validation, folder / f"{name}.validation.jsonl")
    job = submit(
        connection,
        training_file,
        validation_file,
        suffix=name,
        n_epochs=n_epochs,
        learning_rate_multiplier=learning_rate_multiplier,
        seed=seed,
    )
    job = follow(connection, job, show=show, chart=False)
    if job.fine_tuned_model is None:
        raise ValueError(say("experiment.no_model", id=job.id, status=job.status))
    return job


def answer_all(
    connection: Connection,
    model: str,
    examples: Sequence[Example],
    scorer: Callable[[str, str], dict[str, float]] = score_names,
    *,
    max_tokens: int = 200,
    label: str = "",
    show: bool = True,
) -> Result:
    """Let a model answer what examples ask, and score it by their own answers.

    Args:
        connection: where the model is.
        model: its id.
        examples: questions with the right answers.
        scorer: scores one answer: `score_names` for JSON lists, `score_text` for texts.
        max_tokens: longest answer, in tokens.
        label: name at the progress bar; the model's id without it.
        show: show a progress bar.

    Returns:
        The scored answers, one row per example.

    Raises:
        SpendingRefused: the provider bills, and nobody said yes.
        openai.OpenAIError: a call failed.
    """
    asked = prompts(examples)
    connection.confirm(say("experiment.questions", n=len(asked), model=model))
    answers = ask(
        connection.client,
        model,
        asked,
        max_tokens=max_tokens,
        keep=output_folder(FOLDER) / "answers.jsonl",
        label=label,
        show=show,
    )
    return score(answers, right_answers(examples), scorer)


def score_text(text: str, expected: str) -> dict[str, float]:
    """Score an answer that has to be one certain text; spaces around do not count.

    Returns:
        The columns of `evaluation.score_names`: all is found, or nothing is.
    """
    right = float(text.strip() == expected.strip())
    return {"tp": right, "fp": 1 - right, "fn": 1 - right, "exact": right, "valid": 1.0}


# --- how sure a model is ----------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Told:
    """An answer and how sure the model was of it.

    Attributes:
        text: the answer.
        probability: of a token of it, on average (geometric mean), 0 to 1.
    """

    text: str
    probability: float


def tell(
    connection: Connection, model: str, question: str, max_tokens: int = 60
) -> Told:
    """Ask one question, and also how likely each token of the answer was.

    Args:
        connection: where the model is.
        model: its id.
        question: the user's message.
        max_tokens: longest answer, in tokens.

    Raises:
        ValueError: the service gives no log probabilities.
        openai.OpenAIError: the call failed.
    """
    reply = connection.client.chat.completions.create(
        model=model,
        messages=[{"role": "user", "content": question}],
        temperature=0,
        max_tokens=max_tokens,
        logprobs=True,
    )
    choice = reply.choices[0]
    if choice.logprobs is None or choice.logprobs.content is None:
        raise ValueError(say("experiment.no_logprobs", model=model))
    logprobs = [token.logprob for token in choice.logprobs.content]
    return Told(choice.message.content or "", mean_probability(logprobs))


def mean_probability(logprobs: Sequence[float]) -> float:
    """Return the geometric mean of probabilities given by their logarithms.

    It is exp(mean of log p), the inverse of the perplexity (Jelinek et al. 1977); an
    answer of no token has probability 1.
    """
    return math.exp(sum(logprobs) / len(logprobs)) if len(logprobs) else 1.0


# --- what a job went through ------------------------------------------------------


def by_epoch(metrics: pd.DataFrame) -> pd.DataFrame:
    """Return one row per epoch: training loss and loss on the whole validation file.

    Args:
        metrics: what `jobs.metrics` returns, of a job with a validation file.

    Returns:
        DataFrame indexed by epoch (1 is the first) with step (the last of the epoch),
        train_loss (mean over the epoch) and full_valid_loss (at its end).

    Raises:
        ValueError: there is no loss of a whole validation file.
    """
    ends = metrics.dropna(subset=["full_valid_loss"])
    if not len(ends):
        raise ValueError(say("experiment.no_validation"))
    steps = ends["step"].to_numpy()
    epoch = np.searchsorted(steps, metrics["step"].to_numpy()) + 1
    index = pd.RangeIndex(1, len(ends) + 1, name="epoch")
    # Steps behind the last whole epoch belong to one that is not over yet.
    losses = metrics["train_loss"].groupby(epoch).mean().reindex(index)
    return pd.DataFrame(
        {
            "step": steps,
            "train_loss": losses.to_numpy(),
            "full_valid_loss": ends["full_valid_loss"].to_numpy(),
        },
        index=index,
    )
