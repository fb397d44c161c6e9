"""Methods: preferences and rewards, before and after, on recipes never seen.

The start is the base model fine-tuned on rows of which every other one has its names
In Title Case, so it answers in both ways. From there it is trained to write small
letters, on other rows, in three ways: with the right answers (supervised), with pairs
of both ways of writing (DPO), and with a grader that compares with the right answer
(reinforcement). All with "auto" hyperparameters, reinforcement for one epoch.

    python benchmarks/bench_methods.py [--rows 100] [--test 100]
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks import machine, tables
from benchmarks.bench_quality import MAX_ANSWER, answers, scores
from helpers import prompting, recipes
from helpers.kept_results import fingerprint
from helpers.provider.settings import BASE_MODEL_PATH

GRADER = {
    "type": "text_similarity",
    "name": "alike",
    "input": "{{ sample.output_text }}",
    "reference": "{{ item.reference }}",
    "evaluation_metric": "fuzzy_match",
}
AUTO = {"n_epochs": "auto", "batch_size": "auto", "learning_rate_multiplier": "auto"}


def small(row: dict) -> str:
    """Return the names of a recipe in small letters."""
    names = [name.lower() for name in json.loads(row["NER"])]
    return json.dumps(names, ensure_ascii=False)


def titled(row: dict) -> str:
    """Return the names of a recipe In Title Case."""
    names = [name.title() for name in json.loads(row["NER"])]
    return json.dumps(names, ensure_ascii=False)


def chat(row: dict, answer: str) -> dict:
    """Return a row for supervised fine-tuning."""
    said = {"role": "assistant", "content": answer}
    return {"messages": [*prompting.zero_shot()(row), said]}


def pair(row: dict) -> dict:
    """Return a row for preferences."""
    return {
        "input": {"messages": prompting.zero_shot()(row)},
        "preferred_output": [{"role": "assistant", "content": small(row)}],
        "non_preferred_output": [{"role": "assistant", "content": titled(row)}],
    }


def prompt(row: dict) -> dict:
    """Return a row for reinforcement."""
    return {"messages": prompting.zero_shot()(row), "reference": small(row)}


def fit(folder: Path, model: Path, method: str, rows: list[dict], **asked) -> dict:
    """Train and return the folder of the model, the seconds and the steps."""
    from helpers.provider import hyperparameters, training

    numbers = hyperparameters.resolve(method, len(rows), {**AUTO, **asked})
    began = time.perf_counter()
    result = training.train(
        training.TrainingSpec(
            model_path=model,
            training_path=recipes.write_jsonl(rows, folder / "rows.jsonl"),
            validation_path=None,
            work_dir=folder / "work",
            method=method,
            grader=GRADER if method == "reinforcement" else None,
            checkpoint_every_s=1e9,
            **numbers,
        ),
        lambda entry: None,
        lambda: "run",
    )
    seconds = round(time.perf_counter() - began, 1)
    model = Path(result.checkpoints[-1]["model_path"])
    return {"model": model, "seconds": seconds, "steps": result.step}


def measure(model: Path, test: list[dict]) -> dict[str, float]:
    """Ask for the names of recipes: drawn answers, as people get them, and greedy."""
    from helpers.provider import graders
    from helpers.provider.generation import Engine
    from helpers.provider.inference import open_for_answers
    from helpers.provider.rendering import ChatRenderer
    from helpers.provider.rollouts import draw

    renderer, grader = ChatRenderer(model), graders.parse(GRADER)
    chats = [prompting.zero_shot()(row) for row in test]
    engine = Engine()
    try:
        greedy = answers(engine, renderer, model, chats)
    finally:
        engine.close()
    drawn = draw(
        open_for_answers(model),
        [renderer.prompt_ids(messages) for messages in chats],
        list(range(len(chats))),
        end_ids=renderer.end_ids,
        max_tokens=MAX_ANSWER,
    )
    texts = [renderer.decode(rollout.answer) for rollout in drawn]
    rewards = [
        graders.grade(grader, text, {"reference": small(row)}).reward
        for text, row in zip(texts, test, strict=True)
    ]
    right = [small(row) for row in test]
    return {
        "small": sum(text == text.lower() for text in texts) / len(texts),
        "reward": sum(rewards) / len(rewards),
        "f1": scores(texts, right)["f1"],
        "greedy_f1": scores(greedy, right)["f1"],
    }


def run(options) -> dict:
    """Measure the start and what the three methods make of it."""
    table = recipes.load_recipes()
    pool = recipes.take(table, "train", 2 * options.rows).to_dict("records")
    test = recipes.take(table, "test", options.test).to_dict("records")
    first, second = pool[: options.rows], pool[options.rows :]
    mixed = [chat(row, (small, titled)[i % 2](row)) for i, row in enumerate(first)]
    ways = {
        "supervised": ([chat(row, small(row)) for row in second], {}),
        "dpo": ([pair(row) for row in second], {"beta": "auto"}),
        "reinforcement": ([prompt(row) for row in second], {"n_epochs": 1}),
    }
    result: dict = {
        "machine": machine.describe(),
        "base_model": fingerprint(options.model / "model.safetensors"),
        "rows": options.rows,
        "test_recipes": options.test,
        "systems": [],
    }

    def note(name: str, trained: dict) -> None:
        found = {"system": name, **measure(trained["model"], test)}
        found |= {key: trained[key] for key in ("seconds", "steps")}
        result["systems"].append(found)
        print(found, flush=True)

    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        start = fit(folder / "start", options.model, "supervised", mixed)
        note("start", start)
        for method, (rows, asked) in ways.items():
            place = folder / method
            note(method, fit(place, start["model"], method, rows, **asked))
    return result


def main() -> None:
    """Read the command line, measure, write and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", type=Path, default=BASE_MODEL_PATH)
    parser.add_argument("--rows", type=int, default=100)
    parser.add_argument("--test", type=int, default=100)
    parser.add_argument("--smoke", action="store_true", help="small numbers")
    options = parser.parse_args()
    if options.smoke:
        options.rows, options.test = 10, 5
    print(tables.save("methods", run(options), smoke=options.smoke))


if __name__ == "__main__":
    main()
