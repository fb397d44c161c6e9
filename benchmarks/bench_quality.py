"""Quality: how well the base model learns the recipe assistant's task, and how soon.

The base model asked cold, with examples in the prompt, and in words that it knows from
its pre-training (bullets, turned into JSON by code); and fine-tuned on 10 to 1,000 rows
with several seeds. All on one test set with greedy answers: micro-F1 over the sets
of lower-cased names per recipe, and the share of exact lists. "auto" hyperparameters,
by the provider's own trainer and engine.

    python benchmarks/bench_quality.py [--rows 30,100,300] [--seeds 0,1,2]
    python benchmarks/bench_quality.py --recipes full_dataset.csv --test 300

With `--recipes` another file of the same columns is measured (the real RecipeNLG, say):
its last `--test` rows are the test set, the rows before it the pool. Nothing of that is
written into the README.
"""

from __future__ import annotations

import argparse
import dataclasses
import statistics
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import pandas as pd

from benchmarks import machine, tables
from helpers import evaluation, prompting, recipes
from helpers.kept_results import fingerprint
from helpers.provider.settings import BASE_MODEL_PATH

MAX_ANSWER = 160


def answers(engine, renderer, model: Path, chats: list[list[dict]]) -> list[str]:
    """Return the greedy answers of a model folder to chats, in their order."""
    from helpers.provider.generation import GenerationRequest

    handles = [
        engine.submit(
            GenerationRequest(
                model_path=model,
                prompt_ids=renderer.prompt_ids(chat),
                max_tokens=MAX_ANSWER,
                temperature=0.0,
            )
        )
        for chat in chats
    ]
    return [handle.result().text for handle in handles]


def scores(given: list[str], expected: list[str]) -> dict[str, float]:
    """Return micro-F1, exact lists and readable lists, each 0 to 1."""
    rows = [evaluation.score_names(a, b) for a, b in zip(given, expected, strict=True)]
    total = {key: sum(row[key] for row in rows) for key in rows[0]}
    return {
        "f1": float(evaluation.f1(total["tp"], total["fp"], total["fn"])),
        "exact": total["exact"] / len(rows),
        "readable": total["valid"] / len(rows),
    }


def pool_and_test(options) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the rows to train on and the rows to test on."""
    if options.recipes:  # of any length, unlike the notebook's
        table = pd.read_csv(options.recipes)
        return table.iloc[: -options.test], table.iloc[-options.test :]
    table = recipes.load_recipes()
    return recipes.take(table, "train"), recipes.take(table, "test", options.test)


def fine_tuned(options, pool: pd.DataFrame, n: int, seed: int, folder: Path) -> dict:
    """Train on n rows; seed 0 takes the first n, the others draw theirs."""
    from helpers.provider import training

    rows = pool.iloc[:n] if seed == 0 else pool.sample(n, random_state=seed)
    file = recipes.write_jsonl(rows, folder / "train.jsonl")
    chosen = training.resolve_hyperparameters(
        n, options.epochs, options.batch_size, options.multiplier
    )
    began = time.perf_counter()
    result = training.train(
        training.TrainingSpec(
            model_path=options.model,
            training_path=file,
            validation_path=None,
            work_dir=folder / "work",
            seed=seed,
            threads=options.threads,
            checkpoint_every_s=1e9,
            optimizer=options.optimizer,
            **dataclasses.asdict(chosen),
        ),
        lambda entry: None,
        lambda: "run",
    )
    model = Path(result.checkpoints[-1]["model_path"])
    return {"model": model, "seconds": time.perf_counter() - began}


def run(options) -> dict:
    """Measure everything asked for and return it."""
    from helpers.provider.generation import Engine
    from helpers.provider.rendering import ChatRenderer

    pool, test = pool_and_test(options)
    expected = list(test["NER"])
    renderer = ChatRenderer(options.model)
    engine = Engine(threads=options.threads)
    result: dict = {
        "machine": machine.describe(),
        "base_model": fingerprint(options.model / "model.safetensors"),
        "test_recipes": len(test),
        "prompted": [],
        "fine_tuned": [],
    }

    def ask(model: Path, prompt, read=str) -> dict[str, float]:
        chats = [prompt(row) for row in test.to_dict("records")]
        given = answers(engine, renderer, model, chats)
        return scores([read(text) for text in given], expected)

    try:
        for k in options.shots:
            prompt = prompting.few_shot(pool, k) if k else prompting.zero_shot()
            found = {"examples": k, **ask(options.model, prompt)}
            result["prompted"].append(found)
            print(found, flush=True)
        found = ask(options.model, prompting.in_known_words(), prompting.from_bullets)
        result["known_words"] = found
        print("asked in words it knows", found, flush=True)
        for n in options.rows:
            for seed in options.seeds:
                with tempfile.TemporaryDirectory() as folder:
                    trained = fine_tuned(options, pool, n, seed, Path(folder))
                    found = {
                        "rows": n,
                        "seed": seed,
                        **ask(trained["model"], prompting.zero_shot()),
                        "training_seconds": round(trained["seconds"], 1),
                    }
                    engine.unload(trained["model"])
                result["fine_tuned"].append(found)
                print(found, flush=True)
    finally:
        engine.close()
    return result


def numbers(text: str) -> list[int]:
    """Read "30,100" as [30, 100]."""
    return [int(part) for part in text.split(",") if part]


def number_or_auto(text: str) -> float | str:
    """Read a number, or "auto"."""
    return text if text == "auto" else float(text)


def main() -> None:
    """Read the command line, measure, write and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", type=Path, default=BASE_MODEL_PATH)
    parser.add_argument("--recipes", help="another file of recipes (not written down)")
    parser.add_argument("--rows", type=numbers, default=[10, 30, 100, 300, 1000])
    parser.add_argument("--seeds", type=numbers, default=[0, 1, 2])
    parser.add_argument("--shots", type=numbers, default=[0, 1, 3, 5])
    parser.add_argument("--test", type=int, default=300)
    parser.add_argument("--epochs", type=number_or_auto, default="auto")
    parser.add_argument("--batch-size", type=number_or_auto, default="auto")
    parser.add_argument("--multiplier", type=number_or_auto, default="auto")
    parser.add_argument("--optimizer", default="auto")
    parser.add_argument("--threads", type=int, default=machine.available_cores())
    parser.add_argument("--smoke", action="store_true", help="small numbers")
    options = parser.parse_args()
    if options.smoke:
        options.rows, options.seeds, options.shots, options.test = [10], [0], [0], 5
    result = run(options)
    by_rows: dict[int, list[float]] = {}
    for found in result["fine_tuned"]:
        by_rows.setdefault(found["rows"], []).append(found["f1"])
    for n, found in by_rows.items():
        print(f"{n:5d} rows: mean F1 {statistics.mean(found):.3f}, {found}")
    if not options.recipes:
        print(tables.save("quality", result, smoke=options.smoke))


if __name__ == "__main__":
    main()
