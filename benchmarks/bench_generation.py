"""Answers: this provider, `transformers serve`, llama.cpp, one-by-one `generate`.

Held-out recipes, greedy, on a model that is first fine-tuned here on a hundred others,
so that answers are as long as they are in the lesson. Three sides: the provider through
its real server and the openai client, with eight clients at once and with one;
`transformers serve` with the same eight clients; `generate` without any server. The
others are tried in float32 and in bfloat16, with one thread and with all cores, and
`serve` with and without continuous batching; the best of each counts. llama.cpp is a
side where it is installed (benchmarks/llama_side.py says how); `--llama-cpp` insists.

    python benchmarks/bench_generation.py [--smoke] [--requests N] [--llama-cpp]
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks import llama_side, machine, servers, tables, work

CLIENTS = 8
MAX_TOKENS = 300
NAME = "bench-recipes"


def fine_tune(options, folder: Path) -> Path:
    """Train the model that is asked; returns its folder."""
    from helpers.provider import training
    from helpers.provider.hyperparameters import resolve_hyperparameters

    file = work.write_recipes(folder / "train.jsonl", "train", options.trained_rows)
    numbers = resolve_hyperparameters(options.trained_rows)
    result = training.train(
        training.TrainingSpec(
            model_path=options.model,
            training_path=file,
            validation_path=None,
            work_dir=folder / "job",
            n_epochs=1 if options.smoke else numbers.n_epochs,
            batch_size=numbers.batch_size,
            threads=options.threads,
            checkpoint_every_s=1e9,
        ),
        lambda report: None,
        lambda: "run",
    )
    return Path(result.checkpoints[-1]["model_path"])


def generate_child(options) -> None:
    """`generate`, one prompt after the other; prints the result as JSON."""
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    torch.set_num_threads(options.threads)
    dtype = getattr(torch, options.precision)
    model = AutoModelForCausalLM.from_pretrained(options.model, dtype=dtype).eval()
    model.generation_config.max_length = None
    tokenizer = AutoTokenizer.from_pretrained(options.model)
    prompts = [e["messages"][:-1] for e in work.test_recipes(options.requests)]

    def answer(messages: list[dict]) -> str:
        encoded = tokenizer.apply_chat_template(
            messages, add_generation_prompt=True, return_dict=True, return_tensors="pt"
        )
        with torch.inference_mode():
            found = model.generate(
                **encoded, max_new_tokens=MAX_TOKENS, do_sample=False, pad_token_id=0
            )
        ids = found[0, encoded["input_ids"].shape[1] :]
        return tokenizer.decode(ids, skip_special_tokens=True)

    answer(prompts[0])
    texts, latencies = [], []
    began = time.perf_counter()
    for messages in prompts:
        start = time.perf_counter()
        texts.append(answer(messages))
        latencies.append(time.perf_counter() - start)
    seconds = time.perf_counter() - began
    print(json.dumps({"seconds": seconds, "latencies": latencies, "texts": texts}))


def llama_cpp_child(options) -> None:
    """llama.cpp, one prompt after the other; prints the result as JSON."""
    prompts = [e["messages"][:-1] for e in work.test_recipes(options.requests)]
    print(json.dumps(llama_side.child(options, prompts, MAX_TOKENS)))


def summary(found: dict, settings: str, cost: dict, rates: dict) -> dict:
    """Turn times and texts into figures.

    Args:
        found: seconds, latencies, texts.
        settings: under which they were reached, in words.
        cost: {"operations", "tokens"} of all requests together.
        rates: as machine.matrix_rates gives them.
    """
    n = len(found["texts"])
    ordered = sorted(found["latencies"])
    result = {
        "settings": settings,
        "seconds": found["seconds"],
        "requests_per_second": n / found["seconds"],
        "tokens_per_second": cost["tokens"] / found["seconds"],
        "p50_ms": 1000 * statistics.median(ordered),
        "p95_ms": 1000 * ordered[min(n - 1, int(0.95 * n))],
        "texts": found["texts"],
    }
    speed = cost["operations"] / found["seconds"] / 1e9
    return result | {f"share_of_{kind}": speed / peak for kind, peak in rates.items()}


def cost_of(texts: list[str], model: Path) -> dict:
    """Operations and answer tokens of all requests, by the textbook."""
    from helpers.provider.rendering import ChatRenderer

    renderer = ChatRenderer(model)
    operations = tokens = 0
    for text, example in zip(texts, work.test_recipes(len(texts)), strict=True):
        prompt = len(renderer.prompt_ids(example["messages"][:-1]))
        answer = len(renderer.text_ids(text)) + 1
        tokens += answer
        operations += work.operations(model, prompt + answer, answer)["forward"]
    return {"operations": operations, "tokens": tokens}


def measure(options, model: Path, folder: Path) -> dict[str, list[tuple[str, dict]]]:
    """Run all sides under all settings; returns (settings, found) of each."""
    prompts = [e["messages"][:-1] for e in work.test_recipes(options.requests)]
    runs: dict[str, list[tuple[str, dict]]] = {
        "ours": [],
        "ours_alone": [],
        "serve": [],
        "generate": [],
    }
    if options.llama_cpp:
        runs["llama_cpp"] = []

    def note(side: str, settings: str, found: dict) -> None:
        runs[side].append((settings, found))
        rate = len(prompts) / found["seconds"]
        print(f"{side:10} {settings:36} {rate:7.2f} requests/s", flush=True)

    few = options.smoke
    thread_counts = [1] if few else sorted({1, options.threads})
    precisions = ["float32"] if few else ["float32", "bfloat16"]
    for repeat in range(options.repeat):
        home = folder / f"home-{repeat}"
        with servers.provider(home, "--model", f"{NAME}={model}") as client:
            for side, clients in (("ours", CLIENTS), ("ours_alone", 1)):
                found = servers.ask_all(client, NAME, prompts, MAX_TOKENS, clients)
                note(side, "1 thread", found)
        for threads in thread_counts:
            for precision in precisions:
                settings = f"{threads} thread(s), {precision}"
                words = child_words(options, model, threads, precision)
                env = machine.environment(threads, "active")
                found = work.run_child(__file__, env, "--child=generate", *words)
                note("generate", settings, found)
                for batching in [] if few else ["", "--continuous-batching"]:
                    found = serve(model, threads, precision, batching, prompts)
                    if found is not None:
                        note("serve", f"{settings} {batching}".strip(), found)
            for precision in llama_side.PRECISIONS if options.llama_cpp else ():
                words = child_words(options, model, threads, precision)
                env = machine.environment(threads, "active")
                found = work.run_child(__file__, env, "--child=llama_cpp", *words)
                note("llama_cpp", f"{threads} thread(s), {precision}", found)
        if few:
            found = serve(model, 1, "float32", "", prompts)
            if found is None:
                raise RuntimeError("transformers serve does not run here")
            note("serve", "1 thread(s), float32", found)
    return runs


def child_words(options, model: Path, threads: int, precision: str) -> list[str]:
    """Return the command line of a side that runs without a server."""
    return [
        f"--model={model}",
        f"--precision={precision}",
        f"--threads={threads}",
        f"--requests={options.requests}",
    ]


def serve(model: Path, threads: int, precision: str, batching: str, prompts):
    """Ask `transformers serve`; None where it cannot run with these settings."""
    options = ["--dtype", precision, *([batching] if batching else [])]
    try:
        with servers.transformers_serve(model, threads, *options) as client:
            # 300 is more than what an answer needs; the server's own default is not.
            return servers.ask_all(client, str(model), prompts, MAX_TOKENS, CLIENTS)
    except Exception as fault:
        print(f"serve {threads} {precision} {batching}: {fault!r}", flush=True)
        return None


def main() -> None:
    """Measure and print a table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--smoke", action="store_true", help="small, to see it run")
    parser.add_argument("--model", type=Path, default=work.default_model())
    parser.add_argument("--requests", type=int, default=100)
    parser.add_argument("--trained-rows", type=int, default=100)
    parser.add_argument("--threads", type=int, default=machine.available_cores())
    parser.add_argument("--repeat", type=int, default=2)
    parser.add_argument(
        "--llama-cpp",
        action="store_true",
        default=llama_side.is_installed(),
        help="compare with llama.cpp, or say how to install it",
    )
    for name in ("--child", "--precision"):
        parser.add_argument(name, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        run = {"generate": generate_child, "llama_cpp": llama_cpp_child}
        return run[options.child](options)
    if options.llama_cpp and not llama_side.is_installed():
        parser.error(llama_side.HOW)
    if options.smoke:
        options.requests, options.trained_rows, options.repeat = 10, 12, 1
        options.threads = 1
    packages = ["llama-cpp-python"] if options.llama_cpp else []
    result = {"machine": machine.describe("openai", *packages)}
    rates = machine.matrix_rates(options.threads)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        model = fine_tune(options, folder)
        runs = measure(options, model, folder)
        sides = {}
        for side, found in runs.items():
            settings, best = min(found, key=lambda run: run[1]["seconds"])
            cost = cost_of(best["texts"], model)
            sides[side] = summary(best, settings, cost, rates)
            sides[side]["runs"] = {s: f["seconds"] for s, f in found}
    exact = next(f["texts"] for s, f in runs["generate"] if "float32" in s)
    for found in sides.values():
        texts = found.pop("texts")
        same = sum(a == b for a, b in zip(texts, exact, strict=True))
        found["same_as_generate"] = same / len(exact)
    result |= {
        "requests": options.requests,
        "trained_rows": options.trained_rows,
        "clients": CLIENTS,
        "threads": options.threads,
        "matrix_rates": rates,
        "sides": sides,
    }
    tables.save("generation", result, smoke=options.smoke)
    print(tables.generation_table(result))


if __name__ == "__main__":
    main()
