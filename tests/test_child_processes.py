"""Programs and all that they start are ended, and nobody else's."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import pytest

from helpers.child_processes import end, marked, running, start

# Starts a child in a session of its own that takes no hint to end, and goes.
STUBBORN = """
import subprocess, sys
child = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); "
child += "print('up', flush=True); time.sleep(60)"
process = subprocess.Popen(
    [sys.executable, "-c", child], start_new_session=True, stdout=subprocess.PIPE
)
process.stdout.readline()
print("started", flush=True)
"""


@pytest.fixture
def stranger() -> subprocess.Popen[bytes]:
    """A process that somebody else has started."""
    with subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"]) as one:
        yield one
        one.kill()


def test_a_child_that_has_lost_its_starter_and_ignores_hints_is_ended(
    tmp_path: Path, stranger: subprocess.Popen[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("helpers.child_processes.PATIENCE_S", 0.5)
    command = [sys.executable, "-c", STUBBORN]
    started = start(command, folder=tmp_path, log=tmp_path / "log")
    started.process.wait(timeout=30)
    assert started.last_lines() == "started"
    assert len(started.alive()) == 1
    assert end(started) == 1
    assert started.alive() == []
    assert stranger.poll() is None


def test_a_program_is_ended_when_the_block_fails(tmp_path: Path) -> None:
    command = [sys.executable, "-c", "import time; time.sleep(60)"]
    begin = time.monotonic()
    with (
        pytest.raises(KeyboardInterrupt),
        running(command, folder=tmp_path, log=tmp_path / "log") as started,
    ):
        raise KeyboardInterrupt
    assert marked(started.mark) == []
    assert time.monotonic() - begin < 20
    assert started.process.returncode is not None


def test_variables_of_the_caller_reach_the_program(tmp_path: Path) -> None:
    command = [sys.executable, "-c", "import os; print(os.environ['WORD'])"]
    log = tmp_path / "log"
    with running(
        command, folder=tmp_path, log=log, variables={"WORD": "soup"}
    ) as child:
        child.process.wait(timeout=30)
    assert child.last_lines() == "soup"
