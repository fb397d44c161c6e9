"""Training with TRL in one process or in many: settings, shares, checkpoints, losses.

Purpose: what notebook 22 and `scripts/train_sql.py` have in common. The settings stand
in `scripts/sft.yaml` and are read by TRL's own parser, so `trl sft --config` runs the
same job. It must never know what the rows are about, and it starts no processes: that
is the work of `torchrun` or `accelerate launch`.
"""

from __future__ import annotations

import hashlib
import json
import os
import socket
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from helpers.messages import say

if TYPE_CHECKING:
    from transformers import PreTrainedModel
    from trl import ModelConfig, ScriptArguments, SFTConfig, SFTTrainer

ROOT = Path(__file__).resolve().parent.parent
SETTINGS = ROOT / "scripts" / "sft.yaml"
RUN, RESULT = "run.json", "result.json"
# What may differ between two runs of the same training: it does not change what is
# learned, or it is the share of a process, which follows from the batch of all.
FREE = {
    "output_dir",
    "per_device_train_batch_size",
    "gradient_accumulation_steps",
    "resume_from_checkpoint",
    "logging_dir",
    "logging_steps",
    "save_steps",
    "save_total_limit",
    "disable_tqdm",
    "accelerator_config",
    "activation_checkpointing",
    "use_cpu",
    "run_name",
    "dataloader_num_workers",
    "dataset_num_proc",
    "local_rank",
}


def of_this_machine() -> list[str]:
    """Return the settings that follow from the machine, as words of a command line.

    On a machine without a GPU TRL's own defaults stop with an error ("Your setup
    doesn't support bf16/gpu"); there the processor is asked whether bfloat16 is fast.
    """
    import torch

    from helpers.provider.causal_models import fast_bfloat16

    on_gpu = torch.cuda.is_available()
    return [
        f"--use_cpu={not on_gpu}",
        f"--bf16={fast_bfloat16()}",
        f"--activation_checkpointing={on_gpu}",
    ]


def read_settings(
    arguments: Sequence[str] = (), config: Path = SETTINGS
) -> tuple[ScriptArguments, SFTConfig, ModelConfig]:
    """Read a file of settings as `trl sft --config` does, then the machine's, then
    yours.

    Args:
        arguments: words of a command line, such as "--learning_rate=1e-3"; they win.
        config: YAML file; each key is an argument of TRL.

    Returns:
        Which data; how to train; which model, with or without LoRA.

    Raises:
        ValueError: a key of the file is no argument of TRL.
    """
    from trl import ModelConfig, ScriptArguments, SFTConfig, TrlParser

    parser = TrlParser((ScriptArguments, SFTConfig, ModelConfig))
    words = ["--config", str(config), *of_this_machine(), *arguments]
    return parser.parse_args_and_config(words)


def processes_started() -> int:
    """Return how many processes the launcher says it started (WORLD_SIZE), else 1."""
    return int(os.environ.get("WORLD_SIZE", "1"))


def share_batch(settings: SFTConfig, processes: int) -> int:
    """Give each process its share of the batch, so that a step sees the same rows.

    TRL's batch size is that of one process: with two, a step would see twice the rows,
    and there would be half as many steps. Here the settings mean all processes
    together.

    Args:
        settings: changed in place: `per_device_train_batch_size`.
        processes: how many there are.

    Returns:
        Rows in a step, of all processes together.

    Raises:
        ValueError: the batch cannot be shared evenly.
    """
    rows = settings.per_device_train_batch_size
    if rows % processes:
        raise ValueError(say("sft.batch", rows=rows, processes=processes))
    settings.per_device_train_batch_size = rows // processes
    return rows * settings.gradient_accumulation_steps


def participants() -> list[dict[str, Any]]:
    """Ask every process of the group who it is; what a launcher was told does not
    count.

    Returns:
        For each process: rank, host, pid. One entry where there is no group.
    """
    import torch.distributed as group

    me = {"rank": 0, "host": socket.gethostname(), "pid": os.getpid()}
    if not (group.is_available() and group.is_initialized()):
        return [me]
    found: list[Any] = [None] * group.get_world_size()
    group.all_gather_object(found, me | {"rank": group.get_rank()})
    return found


def load_model(source: ModelConfig) -> PreTrainedModel:
    """Load the model that the settings name, with weights in their `dtype`."""
    import torch
    from transformers import AutoModelForCausalLM

    return AutoModelForCausalLM.from_pretrained(
        source.model_name_or_path,
        dtype=getattr(torch, source.dtype),
        attn_implementation=source.attn_implementation,
    )


def last_checkpoint(folder: Path) -> Path | None:
    """Return the newest checkpoint that is whole; None without one.

    transformers' own `get_last_checkpoint` takes the one with the largest number, also
    when its process was killed while it wrote. `trainer_state.json` is written last.
    """
    found = []
    for path in folder.glob("checkpoint-*"):
        number = path.name.rpartition("-")[2]
        if number.isdigit() and _is_whole(path):
            found.append((int(number), path))
    return max(found)[1] if found else None


def _is_whole(checkpoint: Path) -> bool:
    try:
        json.loads((checkpoint / "trainer_state.json").read_text("utf-8"))
    except (OSError, ValueError):
        return False
    return True


def identity(settings: SFTConfig, source: ModelConfig, data: Path) -> dict[str, str]:
    """Return what decides the result of a training, as a hash for each part.

    Args:
        settings: before the batch is shared.
        source: which model, with or without LoRA.
        data: the training file.
    """
    told = {k: v for k, v in settings.to_dict().items() if k not in FREE}
    rows = settings.per_device_train_batch_size * settings.gradient_accumulation_steps
    parts = {
        "settings": json.dumps(told | {"rows": rows}, sort_keys=True, default=str),
        "model": json.dumps(vars(source), sort_keys=True, default=str),
    }
    found = {k: hashlib.sha256(v.encode()).hexdigest() for k, v in parts.items()}
    with data.open("rb") as file:
        return found | {"data": hashlib.file_digest(file, "sha256").hexdigest()}


def differences(
    settings: SFTConfig, config: Path = SETTINGS
) -> dict[str, tuple[Any, Any]]:
    """Return in what a notebook's settings and the file of settings differ.

    Args:
        settings: as a cell made them.
        config: what the script reads.

    Returns:
        Argument -> (in the cell, in the file); empty when both train the same.
    """
    _, told, _ = read_settings([f"--output_dir={settings.output_dir}"], config)
    here, there = settings.to_dict(), told.to_dict()
    left_out = FREE - {"per_device_train_batch_size", "gradient_accumulation_steps"}
    names = sorted(here.keys() - left_out)
    return {x: (here[x], there[x]) for x in names if here[x] != there[x]}


def check_identity(folder: Path, run: Mapping[str, str]) -> None:
    """Refuse to go on in the folder of another training.

    Raises:
        ValueError: the folder holds a training with other settings, model or data.
    """
    path = folder / RUN
    if not path.exists():
        return
    before = json.loads(path.read_text("utf-8"))
    changed = [part for part in run if before.get(part) != run[part]]
    if changed:
        raise ValueError(
            say("sft.other_run", folder=folder, changed=", ".join(changed))
        )


def losses(history: Sequence[Mapping[str, Any]]) -> list[tuple[int, float]]:
    """Return (step, training loss) of each logged step.

    The `train_loss` that `train()` returns divides by all steps what it added up since
    the last start: after a resumption it is too low. The log goes on over restarts.
    """
    return [(int(x["step"]), float(x["loss"])) for x in history if "loss" in x]


def sharding(trainer: SFTTrainer) -> str:
    """Return how the weights lie on the processes: "FSDP2" in shards, else "whole"."""
    from torch.distributed.fsdp import FSDPModule

    return "FSDP2" if isinstance(trainer.model_wrapped, FSDPModule) else "whole"


def write_json(path: Path, content: Mapping[str, Any]) -> None:
    """Write a JSON file whole or not at all."""
    aside = path.with_suffix(".tmp")
    aside.write_text(json.dumps(content, indent=1) + "\n", "utf-8")
    aside.replace(path)
