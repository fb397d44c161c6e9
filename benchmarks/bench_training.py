"""Training: this repository against TRL's SFTTrainer, side by side in one run.

Same model, rows, epochs, batch size, threads, optimiser (AdamW) and schedule of the
learning rate. Both run with threads that sleep at barriers ("passive", what the
provider uses because it shares the machine) and threads that spin ("active"); each
side's better one counts. TRL gets its own best settings on a CPU: bfloat16, no
activation checkpointing, loss on completions only, rows tokenized in advance, nothing
logged or saved on the way.

Rows per second are taken from the times of the steps, the first ones left out.
The validation loss of both is computed by the same function at the end.

    python benchmarks/bench_training.py [--smoke] [--rows N] [--batch-sizes 1,4,8]
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
from helpers.provider import hyperparameters as auto

WARMUP_STEPS = 5


def rate(times: list[float], batch_size: int) -> float:
    """Return rows per second from the times at which steps ended."""
    times = times[min(WARMUP_STEPS, len(times) // 3) :]
    return (len(times) - 1) * batch_size / (times[-1] - times[0])


def validation_loss(model_path: Path, validation: Path) -> float:
    """Return the loss of a model folder on a file; the same for both sides."""
    from helpers.provider import training
    from helpers.provider.causal_models import open_for_training
    from helpers.provider.rendering import ChatRenderer

    model = open_for_training(model_path, lora=False, seed=0)
    examples = training.Examples(validation, ChatRenderer(model_path))
    total = training.Tally()
    for tally in training.measure(model, examples, training.by_tokens(examples)):
        total.add(tally)
    return total.metrics("valid")["valid_loss"]


def train_ours(options, folder: Path) -> tuple[list[float], Path]:
    """Train with this repository; return the times of steps and the model."""
    from helpers.provider import training

    times: list[float] = []

    def report(entry: dict) -> None:
        if entry["type"] == "step":
            times.append(options.clock())

    result = training.train(
        training.TrainingSpec(
            model_path=options.model,
            training_path=options.training,
            validation_path=None,
            work_dir=folder,
            n_epochs=options.epochs,
            batch_size=options.batch_size,
            threads=options.threads,
            lora=options.lora,
            checkpoint_every_s=1e9,
            optimizer="adamw",
        ),
        report,
        lambda: "run",
    )
    # Model and state are written at the end of each epoch: not a part of the steps.
    return _without_pauses(times, options), Path(result.checkpoints[-1]["model_path"])


def _without_pauses(times: list[float], options) -> list[float]:
    """Close the gaps at the ends of epochs, where a model is written."""
    per_epoch = len(times) // options.epochs
    durations = [b - a for a, b in zip(times, times[1:], strict=False)]
    for end in range(per_epoch, len(times), per_epoch):
        usual = sorted(durations[end - per_epoch : end - 1])
        durations[end - 1] = usual[len(usual) // 2]
    closed = [0.0]
    for duration in durations:
        closed.append(closed[-1] + duration)
    return closed


def train_trl(options, folder: Path) -> tuple[list[float], Path]:
    """Train with TRL; return the times of steps and the model."""
    import torch
    from datasets import Dataset
    from transformers import AutoModelForCausalLM, AutoTokenizer, TrainerCallback
    from trl import SFTConfig, SFTTrainer

    from helpers.provider import training
    from helpers.provider.model_folders import count_parameters
    from helpers.provider.rendering import ChatRenderer

    torch.set_num_threads(options.threads)
    renderer = ChatRenderer(options.model)
    rows = []
    for line in options.training.read_text("utf-8").splitlines():
        ids, weights = renderer.training_ids(json.loads(line))
        rows.append({"input_ids": ids, "completion_mask": [int(w) for w in weights]})
    # The same order as ours, epoch by epoch: with few rows the order alone moves the
    # validation loss by more than a tenth.
    order = [
        row
        for epoch in range(options.epochs)
        for row in training.shuffled(len(rows), 0, epoch)
    ]
    times: list[float] = []
    lora = None
    if options.lora:
        from peft import LoraConfig

        lora = LoraConfig(
            r=auto.LORA_RANK,
            lora_alpha=auto.LORA_ALPHA,
            lora_dropout=0.0,
            target_modules="all-linear",
            task_type="CAUSAL_LM",
        )

    class Clock(TrainerCallback):
        def on_step_end(self, *arguments, **more) -> None:
            times.append(options.clock())

    steps = -(-len(rows) // options.batch_size) * options.epochs
    trainer = SFTTrainer(
        model=AutoModelForCausalLM.from_pretrained(options.model, dtype=torch.float32),
        args=SFTConfig(
            output_dir=str(folder),
            per_device_train_batch_size=options.batch_size,
            num_train_epochs=1,  # the epochs are written out in the data set
            train_sampling_strategy="sequential",
            learning_rate=auto.learning_rate(
                count_parameters(options.model),
                options.batch_size,
                "lora" if options.lora else "adamw",
            ),
            lr_scheduler_type="linear",
            warmup_steps=auto.warmup_steps(steps),
            adam_beta1=auto.ADAM_BETAS[0],
            adam_beta2=auto.ADAM_BETAS[1],
            weight_decay=auto.WEIGHT_DECAY,
            max_grad_norm=auto.MAX_GRADIENT_NORM,
            optim="adamw_torch_fused",
            use_cpu=True,
            bf16=options.precision == "bfloat16",
            activation_checkpointing=False,
            gradient_checkpointing=False,
            completion_only_loss=True,
            max_length=None,
            dataloader_pin_memory=False,
            logging_strategy="no",
            save_strategy="no",
            report_to="none",
            disable_tqdm=True,
            seed=0,
        ),
        train_dataset=Dataset.from_list([rows[row] for row in order]),
        processing_class=AutoTokenizer.from_pretrained(options.model),
        callbacks=[Clock()],
        peft_config=lora,
    )
    trainer.train()
    saved = folder / "model"
    trainer.save_model(str(saved))
    return times, saved


def child(options) -> None:
    """One side, once."""
    with tempfile.TemporaryDirectory() as folder:
        run = {"ours": train_ours, "trl": train_trl}[options.child]
        times, model = run(options, Path(folder))
        loss = validation_loss(model, options.validation)
    found = {
        "rows_per_second": rate(times, options.batch_size),
        "validation_loss": loss,
        "steps": len(times),
    }
    print(json.dumps(found))


def case(options, batch_size: int, mean_operations: float, rates: dict) -> dict:
    """Both sides at one batch size, the better of all runs for each."""
    best: dict[str, dict] = {}
    runs = []
    precisions = ["bfloat16"] if options.smoke else ["bfloat16", "float32"]
    for _ in range(options.repeat):
        alone = options.cpu_time or options.threads == 1  # nobody to wait for
        for wait in ("passive",) if alone else ("passive", "active"):
            for side, precision in [
                ("ours", "auto"),
                *(("trl", precision) for precision in precisions),
            ]:
                words = [
                    f"--child={side}",
                    f"--precision={precision}",
                    f"--batch-size={batch_size}",
                    f"--model={options.model}",
                    f"--training={options.training}",
                    f"--validation={options.validation}",
                    f"--epochs={options.epochs}",
                    f"--threads={options.threads}",
                    *(["--cpu-time"] if options.cpu_time else []),
                ]
                env = machine.environment(options.threads, wait)
                found = work.run_child(__file__, env, *words)
                found |= {"side": side, "wait": wait, "precision": precision}
                speed = found["rows_per_second"] * mean_operations / 1e9
                for kind, peak in rates.items():
                    found[f"share_of_{kind}"] = speed / peak
                runs.append(found)
                print(
                    f"batch {batch_size} {side:4} {wait:7} {precision:8} "
                    f"{found['rows_per_second']:7.2f} rows/s, validation loss "
                    f"{found['validation_loss']:.4f}",
                    flush=True,
                )
                if found["rows_per_second"] > best.get(side, {}).get(
                    "rows_per_second", 0
                ):
                    best[side] = found
    ours, trl = best["ours"], best["trl"]
    return {
        "batch_size": batch_size,
        "ours": ours,
        "trl": trl,
        "speedup": ours["rows_per_second"] / trl["rows_per_second"],
        "loss_difference": ours["validation_loss"] / trl["validation_loss"] - 1,
        "runs": runs,
    }


def main() -> None:
    """Measure and print a table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--smoke", action="store_true", help="small, to see it run")
    parser.add_argument("--model", type=Path, default=work.default_model())
    parser.add_argument("--rows", type=int, default=200)
    parser.add_argument("--epochs", type=int, default=3)
    parser.add_argument("--batch-sizes", default="1,4,8")
    parser.add_argument("--threads", type=int, default=machine.available_cores())
    parser.add_argument("--repeat", type=int, default=2)
    parser.add_argument(
        "--cpu-time",
        action="store_true",
        help="count processor time of one thread: for a look on a busy machine",
    )
    for name in ("--child", "--precision"):
        parser.add_argument(name, help=argparse.SUPPRESS)
    for name in ("--training", "--validation"):
        parser.add_argument(name, type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--batch-size", type=int, help=argparse.SUPPRESS)
    parser.set_defaults(lora=False)  # bench_scaling sets it
    options = parser.parse_args()
    options.clock = time.process_time if options.cpu_time else time.perf_counter
    if options.child:
        return child(options)
    if options.cpu_time:
        options.threads = 1
    if options.smoke:
        options.rows, options.epochs, options.repeat = 12, 2, 1
        options.batch_sizes, options.threads = "2", 1
    result = {"machine": machine.describe("trl")}
    rates = machine.matrix_rates(options.threads)
    with tempfile.TemporaryDirectory() as folder:
        options.training = work.write_recipes(
            Path(folder) / "train.jsonl", "train", options.rows
        )
        options.validation = work.write_recipes(
            Path(folder) / "valid.jsonl", "validation", 12 if options.smoke else 100
        )
        mean_operations = _mean_operations(options)
        cases = [
            case(options, int(size), mean_operations, rates)
            for size in options.batch_sizes.split(",")
        ]
    result |= {
        "model": options.model.name,
        "rows": options.rows,
        "epochs": options.epochs,
        "threads": options.threads,
        "clock": "processor" if options.cpu_time else "wall",
        "matrix_rates": rates,
        "operations_per_row": mean_operations,
        "cases": cases,
    }
    tables.save("training", result, smoke=options.smoke or options.cpu_time)
    print(tables.training_table(result))


def _mean_operations(options) -> float:
    """Operations of training on one row, on average, by the textbook."""
    from helpers.provider.rendering import ChatRenderer
    from helpers.provider.training import Examples

    examples = Examples(options.training, ChatRenderer(options.model))
    total = 0.0
    for i in range(len(examples)):
        _, weights = examples[i]
        answer = int((weights > 0).sum())
        total += work.operations(options.model, len(weights), answer)["training"]
    return total / len(examples)


if __name__ == "__main__":
    main()
