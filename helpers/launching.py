"""How the training script is started: by python, by torchrun, by accelerate, by trl.

Purpose: the command lines of `scripts/train_sql.py`, as people type them and as
programs run them. What happens in the processes is `sft_runs`'s concern; this module
only knows commands, and the result file that the script leaves behind.
"""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from helpers.messages import say
from helpers.sft_runs import RESULT, ROOT, SETTINGS

SCRIPT = ROOT / "scripts" / "train_sql.py"
FSDP_SETTINGS = ROOT / "scripts" / "fsdp.yaml"
# As modules, so that a kernel finds them whose environment is not on the PATH.
MODULES = {
    "torchrun": "torch.distributed.run",
    "accelerate": "accelerate.commands.accelerate_cli",
    "trl": "trl.cli.main",
}
# What a launcher above this process may have left in its environment.
LEFT_OVER = ("RANK", "LOCAL_RANK", "WORLD_SIZE", "ACCELERATE_USE_FSDP")


def command(words: Sequence[str]) -> list[str]:
    """Turn a command as people type it into one that runs in this Python.

    Args:
        words: begins with python, torchrun, accelerate or trl. Paths are seen from the
            root of the repository.
    """
    first, *rest = words
    module = ["-m", MODULES[first]] if first in MODULES else []
    return [sys.executable, *module, *rest]


def torchrun(processes: int, script: Path = SCRIPT) -> list[str]:
    """Return the words that start the script in this many processes on one machine.

    One process needs no launcher. `--standalone` looks for a free port, so that two
    such commands do not meet.
    """
    name = str(script.relative_to(ROOT))
    if processes == 1:
        return ["python", name]
    return ["torchrun", "--standalone", "--nproc-per-node", str(processes), name]


def environment(folder: Path, threads: int = 1) -> dict[str, str]:
    """Return the environment of a run: offline, few words, few threads.

    Args:
        folder: takes the caches of Hugging Face's libraries.
        threads: of each process; the processes times the threads should not be more
            than there are cores.
    """
    kept = {k: v for k, v in os.environ.items() if k not in LEFT_OVER}
    return kept | {
        "PYTHONPATH": str(ROOT),
        "OMP_NUM_THREADS": str(threads),
        "HF_HUB_OFFLINE": "1",
        "HF_HOME": str(folder / "home"),
        "HF_DATASETS_DISABLE_PROGRESS_BARS": "1",
        "TRANSFORMERS_VERBOSITY": "error",
        "TOKENIZERS_PARALLELISM": "false",
    }


def run(
    words: Sequence[str], folder: Path, environ: Mapping[str, str] | None = None
) -> dict[str, Any]:
    """Run a command that trains into `folder`, and return its result.

    Args:
        words: as `command` takes them, without --output_dir.
        folder: where the model goes.
        environ: of the process; `environment` without it.

    Returns:
        What the script wrote: processes, rows_a_step, steps, seconds, losses ...;
        of `trl sft`, which writes none, steps and losses from its last checkpoint.

    Raises:
        RuntimeError: the command failed; the end of what it said is in the message.
    """
    done = subprocess.run(
        [*command(words), f"--output_dir={folder}"],
        env=dict(environ or environment(folder)),
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    if done.returncode:
        what, end = shlex.join(words), done.stdout[-3000:]
        raise RuntimeError(say("launching.failed", command=what, end=end))
    if (folder / RESULT).exists():
        return json.loads((folder / RESULT).read_text("utf-8"))
    return _from_checkpoint(folder)


def _from_checkpoint(folder: Path) -> dict[str, Any]:
    from helpers.sft_runs import last_checkpoint, losses

    last = last_checkpoint(folder)
    if last is None:
        return {}
    state = json.loads((last / "trainer_state.json").read_text("utf-8"))
    return {"steps": state["global_step"], "losses": losses(state["log_history"])}


def trl_sft() -> list[str]:
    """Return the words that run the settings by TRL's own command."""
    return ["trl", "sft", "--config", str(SETTINGS.relative_to(ROOT))]


def sharded(processes: int, script: Path) -> list[str]:
    """Return the words that start a script with weights in shards (FSDP2).

    Args:
        processes: one for each GPU.
        script: train_sql.py; without GPUs fsdp_on_cpu.py, which checks the file only.
    """
    name, file = (str(path.relative_to(ROOT)) for path in (script, FSDP_SETTINGS))
    launch = ["accelerate", "launch", "--config_file", file]
    return [*launch, "--num_processes", str(processes), name]
