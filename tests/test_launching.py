"""Commands as people type them, and as programs run them."""

from __future__ import annotations

import sys

import pytest

from helpers import launching


def test_one_process_needs_no_launcher_and_two_need_torchrun():
    assert launching.torchrun(1) == ["python", "scripts/train_sql.py"]
    assert launching.torchrun(2)[0] == "torchrun"
    assert "2" in launching.torchrun(2)


def test_a_command_runs_in_this_python():
    words = launching.command(["torchrun", "--standalone", "a.py"])
    assert words == [
        sys.executable,
        "-m",
        "torch.distributed.run",
        "--standalone",
        "a.py",
    ]
    assert launching.command(["python", "a.py"]) == [sys.executable, "a.py"]


def test_what_another_launcher_left_behind_is_not_handed_on(tmp_path, monkeypatch):
    monkeypatch.setenv("WORLD_SIZE", "8")
    found = launching.environment(tmp_path, threads=2)
    assert "WORLD_SIZE" not in found
    assert found["OMP_NUM_THREADS"] == "2"
    assert found["HF_HOME"].startswith(str(tmp_path))


def test_a_command_that_fails_is_told_with_its_last_words(tmp_path):
    with pytest.raises(RuntimeError, match=r"python -c .*\n.*\n.*that is why"):
        launching.run(["python", "-c", "raise SystemExit('that is why')"], tmp_path)


def test_a_command_that_leaves_nothing_behind_has_no_result(tmp_path):
    assert launching.run(["python", "-c", "pass"], tmp_path) == {}
