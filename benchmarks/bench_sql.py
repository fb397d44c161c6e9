"""Text to SQL: all weights, all but the embeddings, and LoRA of several ranks.

Each way trains once on data/sql with the settings of scripts/sft.yaml, but for its own
learning rate, and answers the first rows of both tests greedily; queries are run. All
ways use helpers.hf_training.AnswerTrainer, and two threads.

One learning rate and one seed for each way: none was searched for, so small differences
say nothing.

    python benchmarks/bench_sql.py [--smoke] [--ways LoRA-64 all] [--rows-tested N]
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks import machine, tables, work
from helpers import hf_training, sft_runs, sql_data
from helpers.sql_scores import score_sql

# Name -> rank (0: no LoRA), whether embeddings learn, learning rate.
WAYS = {
    "LoRA, rank 64": (64, False, 5e-3),
    "LoRA, rank 8": (8, False, 5e-3),
    "all weights": (0, True, 2e-3),
    "all but the embeddings": (0, False, 2e-3),
}
TESTS = ("test_seen", "test_unseen")


def child(options) -> None:
    """Train one way and score it, in this process; prints the result as JSON."""
    import torch
    from datasets import Dataset
    from transformers import set_seed

    rank, embeddings, rate = WAYS[options.child]
    torch.set_num_threads(options.threads)
    with tempfile.TemporaryDirectory() as folder:
        words = [f"--output_dir={folder}", f"--learning_rate={rate}"]
        words += ["--save_strategy=no", f"--seed={options.seed}"]
        _, settings, _ = sft_runs.read_settings(words)
        rows = sql_data.load("train").head(options.rows).to_dict("records")
        model, tokenizer = hf_training.load_base(hf_training.choose("local"))
        if not embeddings:
            model.get_input_embeddings().weight.requires_grad_(False)
        set_seed(options.seed)
        trainer = hf_training.AnswerTrainer(
            model=model,
            args=settings,
            train_dataset=Dataset.from_list(
                [sql_data.as_prompt_completion(row) for row in rows]
            ),
            processing_class=tokenizer,
            peft_config=hf_training.lora(rank) if rank else None,
        )
        learned, _ = hf_training.trainable(trainer.model)
        began = time.perf_counter()
        trainer.train()
        result = {
            "way": options.child,
            "learning_rate": rate,
            "learned": learned,
            "rows": len(rows),
            "seed": options.seed,
            "seconds": time.perf_counter() - began,
        }
        for test in TESTS:
            part = sql_data.load(test).head(options.rows_tested)
            prompts = [
                sql_data.as_prompt_completion(row)["prompt"]
                for row in part.to_dict("records")
            ]
            answers = hf_training.generate(trainer.model, tokenizer, prompts)
            found = score_sql(answers, part).rows
            result[test] = {
                "n": len(part),
                "exact": float(found.exact.mean()),
                "execution": float(found.execution.mean()),
            }
    print(json.dumps(result))


def main() -> None:
    """Measure and print a table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--smoke", action="store_true", help="small, to see it run")
    parser.add_argument("--ways", nargs="+", choices=list(WAYS), default=list(WAYS))
    parser.add_argument("--rows", type=int, default=12_000, help="learned from")
    parser.add_argument("--rows-tested", type=int, default=500, help="of each test")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--child", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.smoke:
        options.rows, options.rows_tested = 64, 4
    if options.child:
        return child(options)
    result = {"machine": machine.describe("trl", "peft"), "threads": options.threads}
    result["runs"] = []
    for way in options.ways:
        words = [f"--child={way}", f"--rows={options.rows}"]
        words += [f"--rows-tested={options.rows_tested}", f"--seed={options.seed}"]
        words.append(f"--threads={options.threads}")
        env = machine.environment(options.threads, "passive")
        result["runs"].append(work.run_child(__file__, env, *words))
        print(json.dumps(result["runs"][-1]), flush=True)
    tables.save("sql", result, smoke=options.smoke)
    print(tables.sql_table(result))


if __name__ == "__main__":
    main()
