"""TRL's command line: a training from a file, run and watched.

Purpose: `trl sft --config FILE` is what a maintained successor of AutoTrain's
configuration file looks like: the same job, in the words of the library that both of
them use. Unlike AutoTrain it ends with another exit status when something fails, and
refuses keys that it does not know. It must never know what is trained.
"""

from __future__ import annotations

import ast
import re
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd
import yaml

from helpers.autotrain import WEIGHTS, Run, TrainingFailed, show_progress
from helpers.child_processes import running
from helpers.messages import say
from helpers.progress import Progress

POLL_S = 0.2
LOSS = re.compile(r"\{'loss':[^\r\n]*?\}")


def write_sft(settings: Mapping[str, Any], path: str | Path) -> Path:
    """Write the settings of a supervised fine-tuning as YAML, and return the path."""
    path = Path(path)
    text = yaml.safe_dump(dict(settings), sort_keys=False, allow_unicode=True)
    path.write_text(text, encoding="utf-8", newline="\n")
    return path


def run_sft(path: str | Path, label: str = "trl sft") -> Run:
    """Train as a file says: `trl sft --config FILE`.

    Args:
        path: the file; paths in it start from its folder.
        label: name at the progress bar.

    Returns:
        What it left.

    Raises:
        TrainingFailed: it failed; the message has its last words and the log's place.
    """
    path = Path(path).resolve()
    settings = yaml.safe_load(path.read_text(encoding="utf-8"))
    log = path.with_suffix(".log")
    # The command is beside the Python that runs this, not the first one in PATH.
    command = [sys.executable, "-m", "trl.cli.main", "sft", "--config", path.name]
    begin, epochs = time.monotonic(), float(settings["num_train_epochs"])
    more = {"HF_HUB_OFFLINE": "1", "PYTHONUNBUFFERED": "1"}
    with (
        running(command, folder=path.parent, log=log, variables=more) as child,
        Progress(100, label) as progress,
    ):
        while child.process.poll() is None:
            time.sleep(POLL_S)
            show_progress(read_losses(log), epochs, progress)
    status = child.process.returncode
    project = path.parent / settings["output_dir"]
    if status or not (project / WEIGHTS).is_file():
        raise TrainingFailed(
            say("trl.failed", status=status, log=log, error=child.last_lines(3))
        )
    seconds = time.monotonic() - begin
    return Run(project, log, seconds, read_losses(log), status)


def read_losses(log: str | Path) -> pd.DataFrame:
    """Return the losses that TRL has logged so far: DataFrame with epoch and loss."""
    text = Path(log).read_text(encoding="utf-8", errors="replace")
    told = [ast.literal_eval(match[0]) for match in LOSS.finditer(text)]
    rows = [(float(one["epoch"]), float(one["loss"])) for one in told]
    return pd.DataFrame(rows, columns=["epoch", "loss"])
