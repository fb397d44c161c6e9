"""What the benchmarks count and write; the measurements themselves are not tests."""

from __future__ import annotations

import json

import pytest

from benchmarks import bench_check, bench_training, tables, work

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
