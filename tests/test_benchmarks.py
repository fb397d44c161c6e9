"""What the benchmarks count and write; the measurements themselves are not tests."""

from __future__ import annotations

import json

import numpy as np
import pytest

from benchmarks import (
    bench_check,
    bench_data,
    bench_distributed,
    bench_latency,
    bench_scaling,
    bench_training,
    chart,
    llama_side,
    tables,
    work,
)
from helpers.many_examples import many_examples
from helpers.recipes import DATA_DIR, load_recipes, write_jsonl

CONFIG = {
    "hidden_size": 8,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "num_key_value_heads": 1,
    "head_dim": 4,
    "intermediate_size": 16,
    "vocab_size": 100,
}
MACHINE = {
    "date": "2026-01-01",
    "processor": "P",
    "cores": 2,
    "memory_gib": 8.0,
    "python": "3.11",
    "versions": {"torch": "2"},
    "load_before": 0.0,
}
JOB = {
    "machine": MACHINE,
    "wall": 10.0,
    "seconds": {"training": 6.0, "validation": 3.0},
    "else": 1.0,
    "rows": 5,
    "validation_rows": 4,
    "hyperparameters": {"n_epochs": 3, "batch_size": 1},
    "threads": 2,
}


def test_operations_are_counted_by_the_textbook(tmp_path):
    (tmp_path / "config.json").write_text(json.dumps(CONFIG))
    layer = 8 * 8 + 8 * 4 * 2 + 8 * 8 + 3 * 8 * 16  # q, k and v, out, the three of MLP
    expected = 2 * 2 * layer * 10 + 2 * 2 * 8 * 10 * 10 + 2 * 100 * 8 * 3
    found = work.operations(tmp_path, length=10, answer=3)
    assert found == {"forward": expected, "training": 3 * expected}


def test_the_first_steps_do_not_count():
    slow = [10.0 * i for i in range(bench_training.WARMUP_STEPS)]
    even = [slow[-1] + 10.0 + i for i in range(30)]
    assert bench_training.rate(slow + even, 4) == pytest.approx(4.0)


def test_results_become_tables_between_their_marks(tmp_path, monkeypatch):
    monkeypatch.setattr(tables, "RESULTS", tmp_path)
    monkeypatch.setattr(tables, "SMOKE", tmp_path / "smoke")
    monkeypatch.setattr(tables, "README", tmp_path / "README.md")
    begin, end = tables.BEGIN.format("job"), tables.END.format("job")
    tables.README.write_text(f"before\n\n{begin}\nold\n{end}\n\nafter\n")
    tables.save("job", JOB, smoke=False)
    tables.save("job", JOB | {"wall": 99.0}, smoke=True)
    text = tables.README.read_text()
    assert text.startswith("before\n")
    assert text.endswith(f"{end}\n\nafter\n")
    assert "| create to succeeded | 10.0 |" in text
    assert "99.0" not in text
    assert "old" not in text
    assert "2026-01-01, P, 2 cores" in text


CASE = {
    "examples": 10_000,
    "file_mb": 7.0,
    "privacy": True,
    "seconds": 2.0,
    "grown_mb": 5.0,
    "allowed_mb": bench_check.allowed_mb(10_000),
    "errors": 0,
    "found": {"duplicate_example": 2, "contradicting_answers": 2, "personal_data": 2},
}


def test_a_check_that_found_everything_in_little_memory_passes():
    bench_check.verify(CASE, 10_000)
    found = {"duplicate_example": 2, "contradicting_answers": 2}
    bench_check.verify(CASE | {"privacy": False, "found": found}, 10_000)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"found": {"duplicate_example": 2}}, "not"),
        ({"errors": 1}, "found"),
        ({"examples": 9_999}, "found"),
        ({"grown_mb": 1000.0}, "allowed"),
    ],
)
def test_a_check_that_missed_a_fault_or_took_much_memory_fails(change, words):
    with pytest.raises(RuntimeError, match=words):
        bench_check.verify(CASE | change, 10_000)


def test_a_million_examples_may_take_less_than_a_tenth_of_their_file():
    assert bench_check.allowed_mb(1_000_000) < 70


def test_the_check_becomes_a_table():
    text = tables.check_table({"machine": MACHINE, "cases": [CASE]})
    assert "| 10,000 | 7 | rules and personal data | 2.0 | 5,000 | 5 |" in text


def test_the_readme_shows_the_results_that_are_there():
    text = tables.README.read_text("utf-8")
    for name, make in tables.TABLES.items():
        assert tables.BEGIN.format(name) in text
        path = tables.RESULTS / f"{name}.json"
        if path.exists():
            assert make(json.loads(path.read_text("utf-8"))) in text


# --- data, growth, latency, llama.cpp, the picture --------------------------------


@pytest.mark.parametrize("kind", ["recipes", "talks"])
def test_all_ways_to_count_tokens_agree(kind, tmp_path):
    rows = load_recipes(DATA_DIR / "recipes.csv").to_dict("records")
    made = many_examples(rows, 30) if kind == "recipes" else bench_data.talks(30)
    path = write_jsonl(made, tmp_path / "rows.jsonl")
    found = [
        side(path, "gpt-4o-mini")["tokens"]
        for side in (bench_data.ours, bench_data.cookbook, bench_data.raw)
    ]
    assert found[0] > 30 * 10
    assert found == found[:1] * 3


def test_the_cookbooks_way_counts_faults_of_format():
    good = {"messages": [{"role": "user", "content": "a"}]}
    bad = {"messages": [{"role": "robot", "content": "", "mood": 1}]}
    faults = bench_data._format_faults([good, bad, [], {"messages": []}])
    assert faults == {
        "data_type": 1,
        "no_messages": 1,
        "no_answer": 2,
        "unknown_key": 1,
        "unknown_role": 1,
        "missing_content": 1,
    }


DATA = {
    "machine": MACHINE,
    "examples": 1000,
    "cases": [
        {
            "kind": "recipes",
            "model": "gpt-4o-mini",
            "sides": {
                "ours": {"seconds": 0.5, "tokens": 10**6},
                "cookbook": {"seconds": 5.0, "tokens": 10**6},
                "raw": {"seconds": 1.0, "tokens": 10**6, "one_by_one": 0.25},
            },
        }
    ],
}


def test_data_checking_becomes_a_table():
    text = tables.data_table(DATA)
    assert "| this repository, all checks | 0.50 | 2,000 | 2.0 |  |" in text
    assert "| the cookbook's way | 5.00 | 200 | 0.2 | 10.0× |" in text
    assert "| tiktoken alone, no batch but a loop | 0.25 | 4,000 | 4.0 | 0.5× |" in text


def scaling() -> dict:
    """Return a result of bench_scaling as large as a real one."""
    cases = [
        case
        | {
            "length": 150.0 * case["recipes"],
            "tokens_per_second": 3000.0 + i,
            "peak_mb": 500.0,
            "share_of_bfloat16": 0.5,
            "share_of_float32": 0.9,
        }
        for i, case in enumerate(bench_scaling.cases(smoke=False))
    ]
    rates = {"bfloat16": 200.0, "float32": 100.0}
    return {"machine": MACHINE, "threads": 2, "matrix_rates": rates, "cases": cases}


def test_growth_becomes_a_table_with_trl_beside_us():
    text = tables.scaling_table(scaling())
    assert "| base model | this repository | length | 1200 | 8 | 64 | 3,003 |" in text
    assert "| 135 million, LoRA | TRL |  | 150 |" in text


def test_longer_rows_cost_more_operations(tmp_path):
    model = work.default_model()
    sizes = [
        bench_scaling.lengths(
            model, bench_scaling.write_rows(tmp_path / "rows.jsonl", 3, recipes)
        )
        for recipes in (1, 2)
    ]
    assert [len(rows) for rows in sizes] == [3, 3]
    one, two = (bench_scaling.operations(model, rows, lora=False) for rows in sizes)
    assert two > 1.5 * one
    lora = bench_scaling.operations(model, sizes[0], lora=True)
    assert lora == pytest.approx(one * 2 / 3)


def test_latencies_are_told_as_median_and_95_percent():
    found = bench_latency.shares([i / 1000 for i in range(100)])
    assert found == {"p50": pytest.approx(50), "p95": pytest.approx(95)}


def test_latency_becomes_a_table():
    case = {
        "training": True,
        "clients": 8,
        "first_ms": {"p50": 100.0, "p95": 200.0},
        "each_ms": {"p50": 5.0, "p95": 9.0},
        "requests_per_second": 7.0,
        "server_mb": 300.0,
        "worker_mb": 400.0,
    }
    text = tables.latency_table({"machine": MACHINE, "requests": 9, "cases": [case]})
    line = "| while a job trains | 8 | 100 / 200 | 5.0 / 9.0 | 7.0 | 300 | 400 |"
    assert line in text


def test_llama_cpp_gets_the_rows_that_turn_together_side_by_side():
    rows = np.arange(8.0)[:, None] * np.ones((1, 3))  # two heads of four
    turned = llama_side._turned(rows, heads=2)
    assert turned[:, 0].tolist() == [0, 2, 1, 3, 4, 6, 5, 7]
    assert turned.shape == (8, 3)


def test_the_picture_shows_the_results_that_are_there(tmp_path):
    assert chart.summary(tmp_path) is None
    (tmp_path / "scaling.json").write_text(json.dumps(scaling()))
    one = chart.summary(tmp_path)
    assert "length 3.0 to 3.0" in one.reading
    for name in ("training", "generation"):
        text = (tables.RESULTS / f"{name}.json").read_text("utf-8")
        (tmp_path / f"{name}.json").write_text(text)
    drawn = chart.summary(tmp_path)
    assert "TRL" in drawn.reading
    assert len(drawn.figure.axes) == 3
    assert 5_000 < len(drawn.png()) < 100_000


DISTRIBUTED = {
    "machine": MACHINE,
    "batch": 16,
    "steps": 60,
    "training": [
        {
            "processes": processes,
            "threads": 1,
            "rows_per_second": 40.0 * processes,
            "seconds": 10.0,
            "with_start": 18.0,
            "bf16": True,
            "losses": [3.0, 0.5],
        }
        for processes in (1, 2)
    ],
    "data": [
        {
            "way": "disk",
            "processes": processes,
            "rows": 1000,
            "tokens": 5000,
            "seconds": 2.0,
            "grown_mb": 30.0,
        }
        for processes in (None, 2)
    ],
}


def test_processes_become_tables_of_training_and_of_data():
    text = tables.distributed_table(DISTRIBUTED)
    assert "| 2 | 1 | 80.0 | 2.00× | 10.0 | 18.0 | 0.5000 |" in text
    assert "| 1,000 | on disk | this one | 2.0 | 500 | 30 |" in text
    assert "| 1,000 | on disk | 2 | 2.0 | 500 | 30 |" in text


SQL = {
    "machine": MACHINE,
    "threads": 2,
    "runs": [
        {
            "way": "all weights",
            "learned": 2_361_024,
            "learning_rate": 2e-3,
            "rows": 12_000,
            "seed": 7,
            "seconds": 300.0,
            "test_seen": {"n": 500, "exact": 0.8, "execution": 0.81},
            "test_unseen": {"n": 500, "exact": 0.3, "execution": 0.32},
        }
    ],
}


def test_ways_to_learn_sql_become_a_table():
    text = tables.sql_table(SQL)
    assert "| all weights | 2,361,024 | 0.002 | 81% | 32% |" in text
    assert "first 500 rows" in text


def test_rows_for_many_processes_are_repeated_when_there_are_too_few(tmp_path):
    path = bench_distributed.write_rows(tmp_path, 12_100)
    lines = path.read_text("utf-8").splitlines()
    assert len(lines) == 12_100
    assert lines[0] == lines[12_000]
    assert set(json.loads(lines[0])) == {"messages"}
