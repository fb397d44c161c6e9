"""What training costs as length, batch and rows grow; and LoRA beside TRL with peft.

On the base model one of the three grows while the others stay. On random weights in the
shape of a model with 135 million parameters (30 layers of 576, 9 heads, 3 for keys and
values, as SmolLM has it) LoRA of rank 16 on all matrices of the layers is trained by
this repository and by TRL's SFTTrainer with peft, both on the same rows in the same
order, each in a process of its own; TRL in bfloat16 and in float32, the better counts.

Tokens are all tokens of the rows, whether learned or only read. The share of the
processor's rate takes the operations that training all weights needs by the textbook
(three forward passes), with LoRA two and the small matrices: the gradients of frozen
weights are not computed (arXiv:2106.09685). Memory is the most that the process held.

    python benchmarks/bench_scaling.py [--smoke] [--repeat N]
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks import bench_training, machine, tables, work
from helpers.memory import MemoryMeter
from helpers.recipes import load_recipes, take, to_examples, write_jsonl

SHAPE = {
    "hidden_size": 576,
    "num_hidden_layers": 30,
    "num_attention_heads": 9,
    "num_key_value_heads": 3,
    "intermediate_size": 1536,
    "vocab_size": 49152,
    "max_position_embeddings": 2048,
    "tie_word_embeddings": True,
    "eos_token_id": 1,
    "pad_token_id": 0,
}
ROWS, BATCH, RECIPES = 64, 8, 1  # where they do not grow
LENGTHS = (1, 2, 4, 8)  # recipes in one row
BATCHES = (1, 2, 4, 8, 16)
ROW_COUNTS = (32, 64, 128, 256)
LORA_ROWS, LORA_BATCHES = 12, (1, 4)


def random_model(folder: Path) -> Path:
    """Write random weights in the shape above, with the base model's tokenizer."""
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

    torch.manual_seed(0)
    model = LlamaForCausalLM(LlamaConfig(**SHAPE)).to(torch.bfloat16)
    model.save_pretrained(folder)
    base = work.default_model()
    for name in ("tokenizer.json", "tokenizer_config.json", "chat_template.jinja"):
        shutil.copy(base / name, folder / name)
    return folder


def write_rows(path: Path, n: int, recipes: int) -> Path:
    """Write `n` rows, each a chat over so many recipes, one after the other."""
    found = to_examples(take(load_recipes(), "train", min(n * recipes, 4000)))
    rows = []
    for i in range(n):
        part = [found[(i * recipes + k) % len(found)] for k in range(recipes)]
        messages = part[0]["messages"][:1]
        for example in part:
            messages = messages + example["messages"][1:]
        rows.append({"messages": messages})
    return write_jsonl(rows, path)


def lengths(model: Path, file: Path) -> list[tuple[int, int]]:
    """Return (tokens, learned tokens) of each row."""
    from helpers.provider.rendering import ChatRenderer
    from helpers.provider.training import Examples

    examples = Examples(file, ChatRenderer(model))
    weights = [examples[i][1] for i in range(len(examples))]
    return [(len(w), int((w > 0).sum())) for w in weights]


def operations(model: Path, sizes: list[tuple[int, int]], lora: bool) -> float:
    """Count what training on these rows needs, by the textbook."""
    forward = sum(work.operations(model, n, a)["forward"] for n, a in sizes)
    return (2 if lora else 3) * forward


def child(options) -> None:
    """One side, once; prints the result as JSON."""
    side = {"ours": bench_training.train_ours, "trl": bench_training.train_trl}
    with tempfile.TemporaryDirectory() as folder, MemoryMeter() as memory:
        times, _ = side[options.child](options, Path(folder))
    rate = bench_training.rate(times, options.batch_size)
    print(json.dumps({"rows_per_second": rate, "peak_mb": memory.peak_mb}))


def measure(options, rates: dict, case: dict, folder: Path) -> dict:
    """Run one side on one file, so often as asked; the best counts.

    Args:
        options: of the command line.
        rates: as machine.matrix_rates gives them.
        case: model, side, grows, recipes, batch_size, rows.
        folder: where files and the random model lie.
    """
    lora = case["model"] == "lora"
    model = folder / "random" if lora else options.model
    file = write_rows(folder / "rows.jsonl", case["rows"], case["recipes"])
    sizes = lengths(model, file)
    length = sum(n for n, _ in sizes) / len(sizes)
    precisions = ["auto"]
    if case["side"] == "trl":
        precisions = ["bfloat16"] if options.smoke else ["bfloat16", "float32"]
    best: dict = {"rows_per_second": 0.0}
    for precision in precisions * options.repeat:
        words = [
            f"--child={case['side']}",
            f"--precision={precision}",
            f"--model={model}",
            f"--training={file}",
            f"--batch-size={case['batch_size']}",
            f"--threads={options.threads}",
            f"--epochs={1 if lora else 2}",
            *(["--lora"] if lora else []),
        ]
        env = machine.environment(options.threads, "passive")
        found = work.run_child(__file__, env, *words) | {"precision": precision}
        best = max(best, found, key=lambda run: run["rows_per_second"])
    speed = best["rows_per_second"] * operations(model, sizes, lora) / len(sizes) / 1e9
    best |= {f"share_of_{kind}": speed / peak for kind, peak in rates.items()}
    best |= {"length": length, "tokens_per_second": best["rows_per_second"] * length}
    return case | best


def cases(smoke: bool) -> list[dict]:
    """Return what is measured, in the order of the table."""

    def one(model, side, grows, recipes=RECIPES, batch_size=BATCH, rows=ROWS) -> dict:
        return {
            "model": model,
            "side": side,
            "grows": grows,
            "recipes": recipes,
            "batch_size": batch_size,
            "rows": rows,
        }

    if smoke:
        return [
            one("base", "ours", "length", recipes=2, batch_size=2, rows=6),
            *(one("lora", s, "", batch_size=1, rows=3) for s in ("ours", "trl")),
        ]
    found = [one("base", "ours", "length", recipes=n) for n in LENGTHS]
    found += [one("base", "ours", "batch", batch_size=n) for n in BATCHES]
    found += [one("base", "ours", "rows", rows=n) for n in ROW_COUNTS]
    for size in LORA_BATCHES:
        for side in ("ours", "trl"):
            found.append(
                one("lora", side, "", batch_size=size, rows=LORA_ROWS * size // 2)
            )
    return found


def main() -> None:
    """Measure and print a table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--smoke", action="store_true", help="small, to see it run")
    parser.add_argument("--model", type=Path, default=work.default_model())
    parser.add_argument("--threads", type=int, default=machine.available_cores())
    parser.add_argument("--repeat", type=int, default=1)
    for name in ("--child", "--precision"):
        parser.add_argument(name, help=argparse.SUPPRESS)
    parser.add_argument("--training", type=Path, help=argparse.SUPPRESS)
    for name in ("--batch-size", "--epochs"):
        parser.add_argument(name, type=int, help=argparse.SUPPRESS)
    parser.add_argument("--lora", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    options.clock = time.perf_counter
    if options.child:
        return child(options)
    if options.smoke:
        options.threads = 1
    result = {"machine": machine.describe("trl", "peft"), "cases": []}
    rates = machine.matrix_rates(options.threads)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        random_model(folder / "random")
        for case in cases(options.smoke):
            result["cases"].append(measure(options, rates, case, folder))
            print(json.dumps(result["cases"][-1]), flush=True)
    result |= {"threads": options.threads, "matrix_rates": rates}
    tables.save("scaling", result, smoke=options.smoke)
    print(tables.scaling_table(result))


if __name__ == "__main__":
    main()
