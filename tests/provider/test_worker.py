"""The training process by itself: what it does when nobody listens any more."""

from __future__ import annotations

import json
import subprocess
import sys

# Says something to a server that has gone away, as if `listen` had not heard it yet.
ALONE = """
import os
from helpers.provider.worker import Worker

reading, writing = os.pipe()
os.close(reading)
Worker(os.fdopen(writing, "wb")).say(type="report")
print("training went on")
"""


def test_without_a_server_it_ends_at_once_and_reports_no_fault():
    ended = subprocess.run(
        [sys.executable, "-c", ALONE], capture_output=True, text=True, check=False
    )
    assert (ended.returncode, ended.stdout) == (0, ""), ended.stderr


def test_with_a_server_it_says_one_line(tmp_path):
    from helpers.provider.worker import Worker

    with open(tmp_path / "output", "wb") as output:
        Worker(output).say(type="idle", job="ftjob-1")
    said = (tmp_path / "output").read_text("utf-8")
    assert json.loads(said) == {"type": "idle", "job": "ftjob-1"}
