"""Kept results: read with machine and date, and never without the command."""

import json

import pytest

from helpers.kept_results import RESULTS, fingerprint, kept_quality

RESULT = {
    "machine": {
        "date": "2026-01-02",
        "processor": "P",
        "cores": 2,
        "versions": {"torch": "2.13"},
    },
    "base_model": "0123456789abcdef",
    "test_recipes": 300,
    "prompted": [{"examples": 3, "f1": 0.3}, {"examples": 0, "f1": 0.1}],
    "known_words": {"f1": 0.4},
    "fine_tuned": [
        {
            "rows": rows,
            "seed": seed,
            "f1": f1,
            "exact": f1 / 2,
            "readable": 1.0,
            "training_seconds": 3.0,
        }
        for rows, seed, f1 in ((10, 0, 0.5), (10, 1, 0.7), (100, 0, 0.9))
    ],
}


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "quality.json"
    path.write_text(json.dumps(RESULT))
    return path


def test_a_kept_result_says_when_and_where_it_was_made(file):
    kept = kept_quality(file)
    assert kept.where == "2026-01-02, P, 2 cores, torch 2.13"
    assert kept.test_recipes == 300
    assert (kept.untrained, kept.known_words) == (0.1, 0.4)
    assert kept.base_model == "0123456789abcdef"
    assert "bench_quality.py" in kept.command
    assert len(kept.runs) == 3


def test_seeds_are_summed_up_by_the_number_of_rows(file):
    table = kept_quality(file).by_rows()
    assert list(table.index) == [10, 100]
    assert table.loc[10, "seeds"] == 2
    assert table.loc[10, "mean"] == pytest.approx(0.6)
    assert table.loc[10, "spread"] == pytest.approx(0.2)
    assert table.loc[100, "low"] == table.loc[100, "high"] == 0.9
    assert kept_quality(file).by_rows("exact").loc[10, "high"] == pytest.approx(0.35)


def test_a_result_that_was_never_made_is_answered_with_the_command(tmp_path):
    with pytest.raises(FileNotFoundError, match="bench_quality.py"):
        kept_quality(tmp_path / "quality.json")


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"machine": 1}'])
def test_a_broken_file_is_answered_with_the_command(tmp_path, text):
    path = tmp_path / "quality.json"
    path.write_text(text)
    with pytest.raises(ValueError, match="writes it anew"):
        kept_quality(path)


def test_weights_are_told_apart_by_their_bytes(tmp_path):
    one, other = tmp_path / "one", tmp_path / "other"
    one.write_bytes(b"1")
    other.write_bytes(b"2")
    assert len(fingerprint(one)) == 16
    assert fingerprint(one) != fingerprint(other)
    assert fingerprint(tmp_path / "none") == ""


def test_the_kept_result_belongs_to_the_base_model_that_is_here():
    if not (RESULTS / "quality.json").is_file():
        pytest.fail("run: python benchmarks/bench_quality.py")
    assert kept_quality().base_model == fingerprint()


def test_the_kept_result_of_the_repository_has_all_sizes_and_seeds():
    if not (RESULTS / "quality.json").is_file():
        pytest.fail("run: python benchmarks/bench_quality.py")
    kept = kept_quality()
    assert list(kept.by_rows().index) == [10, 30, 100, 300, 1000]
    assert (kept.by_rows()["seeds"] == 3).all()
    assert kept.test_recipes == 300
