"""The whole way in one command: `python -m helpers.demo`, or `make demo`.

Purpose: show within minutes what the notebooks teach step by step: recipes become a
training file, a job fine-tunes the base model, and a hand-written rule, the base model
and the fine-tuned model answer the same held-out recipes. Everything can be interrupted
and run again: one job, one upload, no question asked twice.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import openai
import pandas as pd
from rich.console import Console
from rich.table import Table

from helpers.charts import score_chart
from helpers.chat_format import check_files
from helpers.connect import (
    Connection,
    KeyNotFound,
    ProviderNotReady,
    SpendingRefused,
    connect,
)
from helpers.evaluation import Result, ask, ask_function, compare, score, score_table
from helpers.jobs import JobFailed, TrainingFileError, follow, submit
from helpers.messages import say
from helpers.prompting import from_bullets, in_known_words, zero_shot
from helpers.recipes import SPLITS, load_recipes, parse_names, take, write_jsonl
from helpers.rule_baseline import extract

# Longest list in the test set, with room: a model that never ends is cut off here.
MAX_TOKENS = 300
SEED = 1


def make_parser() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    parser = argparse.ArgumentParser(
        prog="python -m helpers.demo",
        description="Fine-tune the recipe assistant and compare it, in one go.",
    )
    add = parser.add_argument
    add("--rows", type=int, default=100, help="rows to train on (default: 100)")
    add("--validation", type=int, default=100, help="rows to validate (default: 100)")
    add("--test", type=int, default=100, help="test recipes to ask (default: 100)")
    add("--out", type=Path, default=Path("out/demo"), help="folder for what is written")
    add("--home", type=Path, default=None, help="folder of the local provider")
    add("--again", action="store_true", help="train again although it was done before")
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the demo; return the exit status."""
    options = make_parser().parse_args(arguments)
    console = Console(highlight=False)
    try:
        _check(options)
        run(options, console)
    except KeyboardInterrupt:
        console.print("\n" + say("demo.interrupted"))
        return 130
    except (
        FileNotFoundError,
        JobFailed,
        KeyNotFound,
        ProviderNotReady,
        SpendingRefused,
        TrainingFileError,
        ValueError,
        openai.OpenAIError,
    ) as error:
        notes = "\n".join(getattr(error, "__notes__", ()))
        console.print(say("demo.failed", error=error), style="red", markup=False)
        console.print(notes, markup=False)
        return 1
    return 0


def _check(options: argparse.Namespace) -> None:
    for name, split in (("rows", "train"), ("validation", "validation")):
        value, most = getattr(options, name), len(SPLITS[split])
        least = 10 if name == "rows" else 1
        if not least <= value <= most:
            raise ValueError(say("demo.range", name=name, least=least, most=most))
    if not 2 <= options.test <= len(SPLITS["test"]):
        most = len(SPLITS["test"])
        raise ValueError(say("demo.range", name="test", least=2, most=most))


def run(options: argparse.Namespace, console: Console) -> pd.DataFrame:
    """Do everything, one step after the other, and return the table of scores."""
    started = time.monotonic()
    out = options.out
    out.mkdir(parents=True, exist_ok=True)
    os.environ.setdefault("COMPANION_STATE", str(out / ".companion"))

    def step(key: str) -> None:
        console.rule(f"[bold]{say(key)}", align="left")

    step("demo.provider")
    here = connect(home=options.home)
    console.print(here.describe(), markup=False)

    step("demo.data")
    recipes = load_recipes()
    train = take(recipes, "train", options.rows)
    validation = take(recipes, "validation", options.validation)
    test = take(recipes, "test", options.test)
    training_file = write_jsonl(train, out / "train.jsonl")
    validation_file = write_jsonl(validation, out / "validation.jsonl")
    test_file = write_jsonl(test, out / "test.jsonl")
    report = check_files(
        training_file, validation_file, test_file, count_tokens=here.counter()
    )
    console.print(str(report), markup=False)

    step("demo.job")
    job = submit(
        here,
        training_file,
        validation_file,
        suffix="recipe-ner",
        seed=SEED,
        again=options.again,
    )
    job = follow(here, job)
    if job.fine_tuned_model is None:
        raise ValueError(say("demo.no_model", id=job.id, status=job.status))

    step("demo.ask")
    results = answer_all(here, job.fine_tuned_model, test, out / "answers.jsonl")

    step("demo.results")
    table = score_table(results)
    console.print(rich_table(table))
    console.print(say("demo.per_call"), style="dim")
    *rivals, tuned = results.values()
    for key, rival in zip(("rule", "base", "known"), rivals, strict=True):
        console.print(say(f"demo.than_{key}", verdict=compare(rival, tuned)))
    chart = score_chart(table, say("demo.title", n=len(test)))
    picture = chart.save(out / "demo.png")
    console.print(say("demo.picture", path=picture), markup=False, soft_wrap=True)
    seconds = time.monotonic() - started
    console.print(say("demo.done", minutes=seconds / 60))
    if here.home is not None:
        console.print(say("demo.stop"))
    return table


def answer_all(
    here: Connection, fine_tuned_model: str, test: pd.DataFrame, keep: Path
) -> dict[str, Result]:
    """Let the rule, the base model and the fine-tuned model answer the test recipes.

    The base model is asked twice: in the tutorial's words, and in words that it knows.

    Args:
        here: the connection.
        fine_tuned_model: the job's model.
        test: the held-out recipes.
        keep: file in which answers are kept.

    Returns:
        Name of the system -> its scored answers, in the order of the table.
    """
    rows = test.to_dict("records")
    rule = ask_function(
        lambda row: extract(parse_names(row["ingredients"]) or []), rows
    )
    results = {say("demo.rule"): score(rule, test["NER"])}
    for name, model, prompt, read in (
        (say("demo.base"), here.base_model, zero_shot(), str),
        (say("demo.known"), here.base_model, in_known_words(), from_bullets),
        (say("demo.tuned"), fine_tuned_model, zero_shot(), str),
    ):
        prompts = [prompt(row) for row in rows]
        answers = ask(
            here.client, model, prompts, max_tokens=MAX_TOKENS, keep=keep, label=name
        )
        read_answers = [replace(answer, text=read(answer.text)) for answer in answers]
        results[name] = score(read_answers, test["NER"])
    return results


def rich_table(table: pd.DataFrame) -> Table:
    """Return the table of scores for a terminal."""
    drawn = Table(show_edge=False, pad_edge=False)
    drawn.add_column(say("demo.column.system"), no_wrap=True)
    for key in ("f1", "exact", "tokens", "seconds"):
        drawn.add_column(say(f"demo.column.{key}"), justify="right", no_wrap=True)
    last = table.index[-1]
    for name, row in table.iterrows():
        tokens = row["prompt_tokens"] + row["completion_tokens"]
        drawn.add_row(
            str(name),
            f"{row['f1']:.2f} ({row['f1_low']:.2f}–{row['f1_high']:.2f})",
            f"{100 * row['exact']:.0f} %",
            f"{tokens:.0f}" if tokens else "–",
            f"{row['seconds']:.2f}" if row["seconds"] >= 0.005 else "< 0.01",
            style="bold" if name == last else None,
        )
    return drawn


if __name__ == "__main__":
    sys.exit(main())
