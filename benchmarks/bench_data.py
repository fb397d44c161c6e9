"""Data checking: `check_files` and token counts beside other ways to do the same.

The other ways: what OpenAI's cookbook teaches (Chat_finetuning_data_prep: the file as a
list of dicts, loops that count format faults, every value of every message encoded by
itself, the answers once more). It is written here anew from what it does; none of its
code is used. And tiktoken's own rate when it is handed all texts, with one thread and
with its default of eight, all at once and a thousand at a time; the best counts. It
neither reads a file nor checks anything.

Two kinds of file: recipes with one system prompt (`helpers.many_examples`), and talks
of several turns, without a system prompt and with words drawn by how often they occur
in data/recipes.csv. Every way counts the same tokens, or the benchmark fails.

    python benchmarks/bench_data.py [--smoke] [--examples N] [--repeat N]
"""

from __future__ import annotations

import argparse
import json
import os
import random
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks import machine, tables, work
from helpers.chat_format import check_files
from helpers.many_examples import many_examples
from helpers.recipes import DATA_DIR, load_recipes, write_jsonl
from helpers.tokens import counter_for

MODELS = ("gpt-4o-mini", "gpt-3.5-turbo")  # o200k_base, and the cookbook's cl100k_base
SIDES = ("ours", "cookbook", "raw")
ROLES = ("system", "user", "assistant", "function")
KEYS = ("role", "content", "name", "function_call", "weight")
CHUNK = 1000
CPU_TIME = "--cpu-time"  # asked of a child as of its parent
CLOCK = time.process_time if CPU_TIME in sys.argv else time.perf_counter


def talks(n: int) -> Iterator[dict]:
    """Yield chats of two to four turns, the same ones every time."""
    draw = random.Random(0)
    rows = load_recipes(DATA_DIR / "recipes.csv").to_dict("records")
    words = " ".join(f"{row['title']} {row['ingredients']}" for row in rows).split()

    def text() -> str:
        return " ".join(draw.choices(words, k=draw.randint(5, 60))) + "."

    for _ in range(n):
        messages = []
        for _ in range(draw.randint(2, 4)):
            messages.append({"role": "user", "content": text()})
            messages.append({"role": "assistant", "content": text()})
        yield {"messages": messages}


def encoding_of(model: str):
    """Return tiktoken's encoding, with its tables in place."""
    import tiktoken

    counter_for(model)
    return tiktoken.encoding_for_model(model)


def ours(path: Path, model: str) -> dict:
    """Check a file and count its tokens with this repository."""
    count = counter_for(model)
    began = CLOCK()
    report = check_files(path, count_tokens=count)
    seconds = CLOCK() - began
    (summary,) = report.tokens.values()
    return {"seconds": seconds, "tokens": summary.total, "settings": "check_files"}


def cookbook(path: Path, model: str) -> dict:
    """Do what the cookbook teaches: load, count format faults, count tokens."""
    encoding = encoding_of(model)
    began = CLOCK()
    with path.open(encoding="utf-8") as file:
        examples = [json.loads(line) for line in file]
    _format_faults(examples)
    lengths, answers, turns = [], [], []
    without = defaultdict(int)
    for example in examples:
        messages = example["messages"]
        for role in ("system", "user"):
            without[role] += not any(m["role"] == role for m in messages)
        turns.append(len(messages))
        total = 3
        for message in messages:
            total += 3
            for key, value in message.items():
                total += len(encoding.encode(value))
                total += key == "name"
        lengths.append(total)
        told = [m["content"] for m in messages if m["role"] == "assistant"]
        answers.append(sum(len(encoding.encode(content)) for content in told))
    seconds = CLOCK() - began
    return {"seconds": seconds, "tokens": sum(lengths), "settings": "for loops"}


def _format_faults(examples: list) -> dict[str, int]:
    """Count the faults that the cookbook looks for."""
    faults: dict[str, int] = defaultdict(int)
    for example in examples:
        if not isinstance(example, dict):
            faults["data_type"] += 1
            continue
        messages = example.get("messages")
        if not messages:
            faults["no_messages"] += 1
            continue
        for message in messages:
            if "role" not in message or "content" not in message:
                faults["missing_key"] += 1
            if any(key not in KEYS for key in message):
                faults["unknown_key"] += 1
            if message.get("role") not in ROLES:
                faults["unknown_role"] += 1
            content, call = message.get("content"), message.get("function_call")
            if (not content and not call) or not isinstance(content, str):
                faults["missing_content"] += 1
        if not any(m.get("role") == "assistant" for m in messages):
            faults["no_answer"] += 1
    return faults


def raw(path: Path, model: str) -> dict:
    """Let tiktoken encode all texts; the best of its ways counts."""
    encoding = encoding_of(model)
    texts, around = [], 0
    with path.open(encoding="utf-8") as file:
        for line in file:
            messages = json.loads(line)["messages"]
            texts += [value for m in messages for value in m.values()]
            around += 3 + 3 * len(messages)
    ways = {}
    for threads in (1, 8):
        for size in (CHUNK, len(texts)):
            began = CLOCK()
            tokens = around
            for at in range(0, len(texts), size):
                part = texts[at : at + size]
                found = encoding.encode_ordinary_batch(part, num_threads=threads)
                tokens += sum(map(len, found))
                del found
            at_once = f"{CHUNK:,} texts at a time" if size == CHUNK else "all at once"
            ways[f"{threads} thread(s), {at_once}"] = CLOCK() - began
    began = CLOCK()
    for text in texts:
        encoding.encode_ordinary(text)
    # No batch, so it is told beside the others and does not count as one.
    one_by_one = CLOCK() - began
    best = min(ways, key=ways.__getitem__)
    return {
        "seconds": ways[best],
        "tokens": tokens,
        "settings": best,
        "ways": ways,
        "one_by_one": one_by_one,
    }


def case(kind: str, model: str, path: Path, options) -> dict:
    """All sides on one file, each in processes of its own; the best time counts.

    Raises:
        RuntimeError: two sides do not count the same tokens.
    """
    best: dict[str, dict] = {}
    for _ in range(options.repeat):
        for side in SIDES:
            words = [f"--child={side}", f"--model={model}", f"--file={path}"]
            words += [CPU_TIME] if options.cpu_time else []
            found = work.run_child(__file__, dict(os.environ), *words)
            if side not in best or found["seconds"] < best[side]["seconds"]:
                best[side] = found
            print(f"{kind} {model} {side:9} {found['seconds']:6.2f} s", flush=True)
    tokens = {found["tokens"] for found in best.values()}
    if len(tokens) > 1:
        raise RuntimeError(f"the sides count different tokens: {best}")
    mine = best["ours"]["seconds"]
    return {
        "kind": kind,
        "model": model,
        "sides": best,
        "to_cookbook": best["cookbook"]["seconds"] / mine,
        "to_raw": best["raw"]["seconds"] / mine,
        "to_one_by_one": best["raw"]["one_by_one"] / mine,
    }


def main() -> None:
    """Measure and print a table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--smoke", action="store_true", help="small, to see it run")
    parser.add_argument("--examples", type=int, default=100_000)
    parser.add_argument("--repeat", type=int, default=2)
    parser.add_argument(
        CPU_TIME,
        action="store_true",
        help="count processor time: for a look on a busy machine",
    )
    for name in ("--child", "--model"):
        parser.add_argument(name, help=argparse.SUPPRESS)
    parser.add_argument("--file", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        run = {"ours": ours, "cookbook": cookbook, "raw": raw}[options.child]
        print(json.dumps(run(options.file, options.model)))
        return
    if options.smoke:
        options.examples, options.repeat = 1000, 1
    result = {"machine": machine.describe("tiktoken", "pydantic"), "cases": []}
    rows = load_recipes(DATA_DIR / "recipes.csv").to_dict("records")
    with tempfile.TemporaryDirectory() as name:
        for kind, made in (
            ("recipes", many_examples(rows, options.examples)),
            ("talks", talks(options.examples)),
        ):
            path = write_jsonl(made, Path(name, f"{kind}.jsonl"))
            for model in MODELS:
                result["cases"].append(case(kind, model, path, options))
    result |= {"examples": options.examples}
    tables.save("data", result, smoke=options.smoke or options.cpu_time)
    print(tables.data_table(result))


if __name__ == "__main__":
    main()
