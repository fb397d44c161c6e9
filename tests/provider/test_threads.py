"""Which environment the provider's processes are started with."""

from __future__ import annotations

import ctypes
import subprocess
import sys

import pytest

from helpers.provider.settings import BASE_MODEL_PATH
from helpers.provider.threads import (
    available_cores,
    give_back_memory,
    most_threads,
    thread_environment,
)


def test_training_takes_the_cores_and_sleeps_while_it_waits(monkeypatch):
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    found = thread_environment("worker")
    assert found["OMP_NUM_THREADS"] == str(min(8, available_cores()))
    assert found["OMP_WAIT_POLICY"] == "PASSIVE"
    assert all(isinstance(value, str) for value in found.values())


def test_the_server_takes_one_thread(monkeypatch):
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    assert thread_environment("server")["OMP_NUM_THREADS"] == "1"


def test_what_somebody_set_wins_and_what_is_asked_for_wins_over_it(monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    assert thread_environment("worker")["OMP_NUM_THREADS"] == "3"
    assert thread_environment("worker", threads=2)["OMP_NUM_THREADS"] == "2"
    monkeypatch.setenv("OMP_NUM_THREADS", "many")
    assert thread_environment("server")["OMP_NUM_THREADS"] == "1"


def test_another_role_is_refused():
    with pytest.raises(ValueError, match="expected"):
        thread_environment("client")


def test_it_does_not_import_torch():
    """It decides what torch reads when it is imported, so it has to come first."""
    code = "import sys, helpers.provider.threads; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0


def test_a_small_model_is_trained_with_one_thread(tmp_path):
    assert most_threads(BASE_MODEL_PATH) == 1
    with open(tmp_path / "model.safetensors", "wb") as file:
        file.truncate(100_000_000)
    assert most_threads(tmp_path) == 8


def test_giving_memory_back_does_no_harm_where_the_c_library_cannot(monkeypatch):
    give_back_memory()
    monkeypatch.setattr(ctypes, "CDLL", lambda name: object())
    give_back_memory()
