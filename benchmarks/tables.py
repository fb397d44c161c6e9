"""Results as JSON files; the tables and the picture of benchmarks/README.md from them.

python -m benchmarks.tables     # writes the tables anew from results/*.json
"""

from __future__ import annotations

import json
import statistics
from pathlib import Path

HERE = Path(__file__).resolve().parent
RESULTS = HERE / "results"
SMOKE = HERE.parent / "out" / "benchmarks"
README = HERE / "README.md"
BEGIN, END = "<!-- {}: made by python -m benchmarks.tables -->", "<!-- end of {} -->"


def save(name: str, result: dict, *, smoke: bool) -> Path:
    """Write a result; that of a smoke run goes to out/ and never into the README."""
    folder = SMOKE if smoke else RESULTS
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}.json"
    path.write_text(json.dumps(result, indent=1) + "\n", "utf-8")
    if not smoke:
        write_readme()
    return path


def table(head: list[str], rows: list[list]) -> str:
    """Return a Markdown table."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(map(str, line)) + " |" for line in lines)


def machine_line(result: dict) -> str:
    """Say where and when a result was measured."""
    m = result["machine"]
    versions = ", ".join(f"{k} {v}" for k, v in m["versions"].items())
    return (
        f"{m['date']}, {m['processor']}, {m['cores']} cores, {m['memory_gib']} GiB, "
        f"Python {m['python']}, {versions}, load before {m['load_before']}."
    )


def training_table(result: dict) -> str:
    """Table of bench_training."""
    rows = []
    for case in result["cases"]:
        for side in ("ours", "trl"):
            best = case[side]
            rows.append(
                [
                    case["batch_size"],
                    {"ours": "this repository", "trl": "TRL SFTTrainer"}[side],
                    best["wait"],
                    f"{best['rows_per_second']:.1f}",
                    f"{best['share_of_bfloat16']:.0%}",
                    f"{best['share_of_float32']:.0%}",
                    f"{best['validation_loss']:.4f}",
                    f"{case['speedup']:.2f}×" if side == "ours" else "1",
                ]
            )
    head = ["batch", "trainer", "threads wait", "rows/s", "of bf16 rate"]
    head += ["of fp32 rate", "validation loss", "speed"]
    rates = result["matrix_rates"]
    return (
        table(head, rows) + f"\n\n{result['rows']} recipes, {result['epochs']} epochs, "
        f"{result['threads']} threads. The processor's own rate: "
        f"{rates['bfloat16']:.0f} GF/s bf16, {rates['float32']:.0f} GF/s fp32."
    )


def generation_table(result: dict) -> str:
    """Table of bench_generation."""
    rows = []
    base = result["sides"]["generate"]["requests_per_second"]
    for side, words in (
        ("ours", "this repository, 8 clients"),
        ("ours_alone", "this repository, 1 client"),
        ("serve", "`transformers serve`, 8 clients"),
        ("llama_cpp", "llama.cpp's Python API, one by one"),
        ("generate", "`generate`, one by one"),
    ):
        if side not in result["sides"]:
            continue
        found = result["sides"][side]
        rate = found["requests_per_second"]
        rows.append(
            [
                words,
                found["settings"],
                f"{rate:.1f}",
                f"{found['tokens_per_second']:.0f}",
                f"{found['p50_ms']:.0f} / {found['p95_ms']:.0f}",
                f"{found['share_of_bfloat16']:.1%}",
                f"{found['share_of_float32']:.1%}",
                f"{rate / base:.1f}×",
                f"{found['same_as_generate']:.0%}",
            ]
        )
    head = ["side", "at its best with", "requests/s", "tokens/s", "p50 / p95 ms"]
    head += ["of bf16 rate", "of fp32 rate", "speed", "answers equal"]
    return (
        table(head, rows)
        + f"\n\n{result['requests']} held-out recipes, greedy, model fine-tuned on "
        f"{result['trained_rows']}."
    )


def job_table(result: dict) -> str:
    """Table of bench_job."""
    rows = [
        [part, f"{seconds:.1f}"]
        for part, seconds in {
            "create to succeeded": result["wall"],
            "training": result["seconds"]["training"],
            "validation": result["seconds"]["validation"],
            "everything else": result["else"],
        }.items()
    ]
    return (
        table(["part", "seconds"], rows)
        + f"\n\n{result['rows']} + {result['validation_rows']} recipes, "
        f"{result['hyperparameters']['n_epochs']} epochs, batch "
        f"{result['hyperparameters']['batch_size']}, threads: {result['threads']}."
    )


def check_table(result: dict) -> str:
    """Table of bench_check: one line for each file and way to check it."""
    rows = [
        [
            f"{case['examples']:,}",
            f"{case['file_mb']:.0f}",
            "rules and personal data" if case["privacy"] else "rules",
            f"{case['seconds']:.1f}",
            f"{case['examples'] / case['seconds']:,.0f}",
            f"{case['grown_mb']:.0f}",
            f"{case['allowed_mb']:.0f}",
        ]
        for case in result["cases"]
    ]
    head = ["examples", "file, MB", "checked for", "seconds", "examples/s"]
    head += ["memory, MB", "allowed, MB"]
    return (
        table(head, rows) + "\n\nMemory is what the check took beyond the process "
        "before it. Every planted fault was found."
    )


def quality_table(result: dict) -> str:
    """Table of bench_quality: prompted systems, then rows of training by seed."""
    rows = [
        [
            f"base model, {found['examples'] or 'no'} examples in the prompt",
            f"{found['f1']:.3f}",
            "",
            f"{found['exact']:.2f}",
            "",
        ]
        for found in result["prompted"]
    ]
    known = result["known_words"]
    rows.append(
        [
            "base model, asked for a shopping list; code turns its bullets into JSON",
            f"{known['f1']:.3f}",
            "",
            f"{known['exact']:.2f}",
            "",
        ]
    )
    by_rows: dict[int, list[dict]] = {}
    for found in result["fine_tuned"]:
        by_rows.setdefault(found["rows"], []).append(found)
    for n, found in by_rows.items():
        f1 = [run["f1"] for run in found]
        seconds = [run["training_seconds"] for run in found]
        rows.append(
            [
                f"fine-tuned on {n} rows",
                f"{statistics.mean(f1):.3f}",
                " ".join(f"{value:.3f}" for value in f1),
                f"{statistics.mean(run['exact'] for run in found):.2f}",
                f"{statistics.mean(seconds):.0f}",
            ]
        )
    head = ["system", "F1", "F1 by seed", "exact lists", "seconds of training"]
    return (
        table(head, rows)
        + f"\n\n{result['test_recipes']} recipes of the frozen test set, greedy."
    )


def data_table(result: dict) -> str:
    """Table of bench_data: one line for each file, encoding and way."""
    words = {
        "ours": "this repository, all checks",
        "cookbook": "the cookbook's way",
        "raw": "tiktoken alone, texts in memory",
    }
    rows = []
    for case in result["cases"]:
        mine = case["sides"]["ours"]["seconds"]
        for side, name in words.items():
            found = case["sides"][side]
            rows.append(
                [
                    case["kind"],
                    case["model"],
                    name,
                    f"{found['seconds']:.2f}",
                    f"{result['examples'] / found['seconds']:,.0f}",
                    f"{found['tokens'] / found['seconds'] / 1e6:.1f}",
                    "" if side == "ours" else f"{found['seconds'] / mine:.1f}×",
                ]
            )
        alone = case["sides"]["raw"]["one_by_one"]
        rows.append(
            [
                case["kind"],
                case["model"],
                "tiktoken alone, no batch but a loop",
                f"{alone:.2f}",
                f"{result['examples'] / alone:,.0f}",
                f"{case['sides']['raw']['tokens'] / alone / 1e6:.1f}",
                f"{alone / mine:.1f}×",
            ]
        )
    head = ["file", "tokens of", "way", "seconds", "lines/s", "million tokens/s"]
    head += ["this repository is faster"]
    return table(head, rows) + f"\n\n{result['examples']:,} examples in each file."


def scaling_table(result: dict) -> str:
    """Table of bench_scaling: what grows, and LoRA beside TRL."""
    rows = []
    for found in result["cases"]:
        rows.append(
            [
                {"base": "base model", "lora": "135 million, LoRA"}[found["model"]],
                {"ours": "this repository", "trl": "TRL"}[found["side"]],
                found["grows"] or "",
                f"{found['length']:.0f}",
                found["batch_size"],
                found["rows"],
                f"{found['tokens_per_second']:,.0f}",
                f"{found['peak_mb']:,.0f}",
                f"{found['share_of_bfloat16']:.0%}",
                f"{found['share_of_float32']:.0%}",
            ]
        )
    head = ["model", "trainer", "grows", "tokens of a row", "batch", "rows", "tokens/s"]
    head += ["peak memory, MB", "of bf16 rate", "of fp32 rate"]
    rates = result["matrix_rates"]
    return (
        table(head, rows)
        + f"\n\n{result['threads']} threads. The processor's own rate: "
        f"{rates['bfloat16']:.0f} GF/s bf16, {rates['float32']:.0f} GF/s fp32."
    )


def latency_table(result: dict) -> str:
    """Table of bench_latency: idle and training, one client and several."""
    rows = [
        [
            "while a job trains" if found["training"] else "idle",
            found["clients"],
            f"{found['first_ms']['p50']:.0f} / {found['first_ms']['p95']:.0f}",
            f"{found['each_ms']['p50']:.1f} / {found['each_ms']['p95']:.1f}",
            f"{found['requests_per_second']:.1f}",
            f"{found['server_mb']:.0f}",
            f"{found['worker_mb']:.0f}",
        ]
        for found in result["cases"]
    ]
    head = ["provider", "clients", "first token, p50 / p95 ms"]
    head += ["each further token, p50 / p95 ms", "requests/s", "server, MB"]
    head += ["training process, MB"]
    return (
        table(head, rows)
        + f"\n\n{result['requests']} held-out recipes each time, streamed, greedy."
    )


def methods_table(result: dict) -> str:
    """Table of bench_methods: the start, and each way to train it further."""
    words = {
        "start": "start: fine-tuned on both ways of writing",
        "supervised": "supervised, on the right answers",
        "dpo": "DPO, on pairs of both ways of writing",
        "reinforcement": "reinforcement, one epoch, graded by likeness",
    }
    rows = [
        [
            words[found["system"]],
            f"{found['small']:.0%}",
            f"{found['reward']:.3f}",
            f"{found['f1']:.3f}",
            f"{found['greedy_f1']:.3f}",
            found["steps"],
            f"{found['seconds']:.0f}",
        ]
        for found in result["systems"]
    ]
    head = ["model", "small letters", "reward", "F1", "F1, greedy", "steps", "seconds"]
    return (
        table(head, rows)
        + f"\n\n{result['rows']} rows for each training, {result['test_recipes']} "
        "recipes of the frozen test set; one answer each, drawn at temperature 1, "
        "where it does not say greedy."
    )


def load_table(result: dict) -> str:
    """Table of bench_load: chats, then jobs, errors and memory in words."""

    def row(words: str, n: object, times: dict) -> list:
        shown = [f"{times[key]:.2f}" for key in ("p50", "p95", "p99", "max")]
        return [words, n, *shown]

    rows = []
    for kind, words in (("base", "base model"), ("own", "own model")):
        found = result["chats"].get(kind)
        if found is not None:
            n = found["requests"]
            rows.append(row(f"{words}: first token", n, found["first_token"]))
            rows.append(row(f"{words}: whole answer", n, found["whole"]))
    jobs = result["jobs"]
    rows.append(row("a job waits for its start", jobs["created"], jobs["wait"]))
    head = ["seconds", "requests", "p50", "p95", "p99", "most"]
    ends = ", ".join(f"{n} {status}" for status, n in jobs["by_status"].items())
    errors = ", ".join(f"{n} {kind}" for kind, n in result["errors"].items())
    low, high = jobs["per_learner"]
    memory = "; ".join(
        f"{name} {found['first'] >> 20} at first, {found['last'] >> 20} at the end, "
        f"{found['most'] >> 20} at most"
        for name, found in result["memory"].items()
    )
    return (
        table(head, rows) + f"\n\n{result['learners']} learners, "
        f"{result['minutes']:g} minutes, jobs of {result['rows']} recipes, answers of "
        f"up to {result['tokens']} tokens. Jobs: {ends}; {jobs['lost']} lost, "
        f"{jobs['overtaken']} overtaken by a later one, {low} to {high} for each "
        f"learner. Errors: {errors or 'none'}. Memory in MiB: {memory}."
    )


def limits_table(result: dict) -> str:
    """Tables of bench_limits: large files, then a long history."""
    rows = [
        [what, f"{note['seconds']:.1f}", f"{note['grown'] / 2**20:.0f}"]
        for what, note in result["files"].items()
    ]
    history = result["history"]
    lists = [
        [what, f"{note['p50_ms']:.1f}", f"{note['p95_ms']:.1f}"]
        for what, note in history["lists"].items()
    ]
    return (
        table(["file", "seconds", "server's memory grew by, MiB"], rows)
        + f"\n\nThe file has {result['bytes'] / 2**20:.0f} MiB.\n\n"
        + table([f"with {result['jobs']} jobs", "p50, ms", "p95, ms"], lists)
        + f"\n\nThe start takes {history['start']:.2f} s, that of an empty folder "
        f"{history['start_empty']:.2f} s."
    )


def distributed_table(result: dict) -> str:
    """Tables of bench_distributed: training, then data."""
    one = result["training"][0]["rows_per_second"]
    rows = [
        [
            found["processes"],
            found["threads"],
            f"{found['rows_per_second']:.1f}",
            f"{found['rows_per_second'] / one:.2f}×",
            f"{found['seconds']:.1f}",
            f"{found['with_start']:.1f}",
            f"{found['losses'][-1]:.4f}",
        ]
        for found in result["training"]
    ]
    head = ["processes", "threads of each", "rows/s", "speed", "seconds of training"]
    head += ["with start", "last loss"]
    words = {"list": "list in memory", "stream": "stream", "disk": "on disk"}
    data = [
        [
            f"{found['rows']:,}",
            words[found["way"]],
            found["processes"] or "this one",
            f"{found['seconds']:.1f}",
            f"{found['rows'] / found['seconds']:,.0f}",
            f"{found['grown_mb']:.0f}",
        ]
        for found in result["data"]
    ]
    data_head = ["rows", "way", "processes of map", "seconds", "rows/s", "memory, MB"]
    kind = "bfloat16" if result["training"][0]["bf16"] else "float32"
    return (
        table(head, rows)
        + f"\n\n{result['batch']} rows a step of all processes together, "
        f"{result['steps']} steps, {kind}.\n\n"
        + table(data_head, data)
        + "\n\nReading the file, tokenizing and going through all rows. Memory is what "
        "the first process took beyond its start."
    )


def sql_table(result: dict) -> str:
    """Table of bench_sql."""

    def share(test: dict) -> str:
        return f"{test['execution']:.0%}"

    rows = [
        [
            run["way"],
            f"{run['learned']:,}",
            f"{run['learning_rate']:g}",
            share(run["test_seen"]),
            share(run["test_unseen"]),
        ]
        for run in result["runs"]
    ]
    head = ["what learns", "numbers learned", "learning rate"]
    head += ["right, seen schemas", "right, unseen schemas"]
    first = result["runs"][0]
    return (
        table(head, rows)
        + f"\n\n{first['rows']:,} rows, one epoch, seed {first['seed']}, "
        f"{result['threads']} threads; right by execution on the first "
        f"{first['test_seen']['n']} rows of each test."
    )


TABLES = {
    "quality": quality_table,
    "training": training_table,
    "generation": generation_table,
    "job": job_table,
    "check": check_table,
    "data": data_table,
    "scaling": scaling_table,
    "latency": latency_table,
    "methods": methods_table,
    "load": load_table,
    "limits": limits_table,
    "distributed": distributed_table,
    "sql": sql_table,
}


def _between(text: str, name: str, words: str) -> str:
    """Return the text with these words between two marks; as it is without them."""
    begin, end = BEGIN.format(name), END.format(name)
    head, found, rest = text.partition(begin)
    if not found:
        return text
    return f"{head}{begin}\n\n{words}\n\n{end}{rest.partition(end)[2]}"


def _picture() -> str:
    """Draw the picture of all results; returns how the README shows it."""
    from benchmarks import chart

    drawn = chart.summary(RESULTS)
    if drawn is None:
        return ""
    path = drawn.save(RESULTS / "summary.png")
    return f"![{drawn.reading}]({path.relative_to(README.parent).as_posix()})"


def write_readme() -> None:
    """Replace the tables in the README by those of the results that are there."""
    text = README.read_text("utf-8")
    for name, make in TABLES.items():
        path = RESULTS / f"{name}.json"
        if not path.exists():
            continue
        result = json.loads(path.read_text("utf-8"))
        text = _between(text, name, f"{make(result)}\n\n{machine_line(result)}")
    picture = _picture()
    if picture:
        text = _between(text, "picture", picture)
    README.write_text(text, "utf-8")


if __name__ == "__main__":
    write_readme()
