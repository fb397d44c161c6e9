"""Train the text-to-SQL model in one process or in many, here or on several machines.

    python scripts/train_sql.py
    torchrun --standalone --nproc-per-node 2 scripts/train_sql.py --processes 2
    torchrun --nnodes 2 --nproc-per-node 8 --rdzv-backend c10d \
        --rdzv-endpoint HOST:29500 scripts/train_sql.py --processes 16
    accelerate launch --config_file scripts/fsdp.yaml scripts/train_sql.py
    python scripts/train_sql.py --write-data   # only the rows, for trl sft

The training cell of notebook 22 as a program. The settings stand in `scripts/sft.yaml`;
every argument of `trl sft` can be given here as well and wins. A killed run is started
again with the same words and goes on from its last checkpoint.

batch: `per_device_train_batch_size` of the settings is shared among the processes, so
that a step sees the same rows however many there are. (`trl sft` does not do that.)

--processes N makes the program stop when it runs in another number of processes.
`accelerate launch --cpu --num_processes 2` starts one, without a word.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from helpers import sft_runs
from helpers.messages import say
from helpers.recipes import write_jsonl


def own_arguments() -> tuple[argparse.Namespace, list[str]]:
    """Return what is for this program, and what is for TRL."""
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("--config", type=Path, default=sft_runs.SETTINGS)
    parser.add_argument("--processes", type=int, help="stop where there are others")
    parser.add_argument(
        "--keep-checkpoints", action="store_true", help="leave them when it is done"
    )
    parser.add_argument(
        "--write-data",
        action="store_true",
        help="write data/sql as a data set, no more",
    )
    return parser.parse_known_args()


def write_data(folder: Path) -> Path:
    """Write the rows of data/sql as prompts and completions, where there are none.

    Args:
        folder: takes train.jsonl; the data set of the settings.
    """
    from helpers import sql_data

    file = folder / "train.jsonl"
    if not file.exists():
        rows = sql_data.load("train").to_dict("records")
        aside = folder / "train.tmp"  # whoever is killed here leaves no half of it
        write_jsonl([sql_data.as_prompt_completion(row) for row in rows], aside)
        aside.replace(file)
    return file


def check_processes(found: int, wanted: int | None) -> None:
    """Stop in all processes when there are not as many as wanted."""
    if wanted is not None and found != wanted:
        raise SystemExit(say("sft.processes", found=found, wanted=wanted))


def check_sharding(is_fsdp: bool) -> None:
    """Stop where FSDP is configured and every process would hold the whole model."""
    if os.environ.get("ACCELERATE_USE_FSDP", "false") == "true" and not is_fsdp:
        raise SystemExit(say("sft.not_sharded"))


def train(options: argparse.Namespace, words: list[str]) -> dict:
    """Train, save the model, and return what happened (the same in all processes)."""
    from datasets import load_dataset
    from transformers import AutoTokenizer, set_seed
    from trl import SFTTrainer, get_peft_config

    data, settings, source = sft_runs.read_settings(words, options.config)
    together = sft_runs.participants()
    check_processes(len(together), options.processes)
    folder = Path(settings.output_dir)
    with settings.main_process_first(desc="data"):  # one writes, the others wait
        file = write_data(Path(data.dataset_name))
    run = sft_runs.identity(settings, source, file)
    sft_runs.check_identity(folder, run)
    if (folder / sft_runs.RESULT).exists():
        if settings.process_index == 0:
            print(say("sft.already", model=folder))
        return json.loads((folder / sft_runs.RESULT).read_text("utf-8"))
    rows_a_step = sft_runs.share_batch(settings, len(together))
    # LoRA's matrices begin by chance, before the trainer sets its own seed.
    set_seed(settings.seed)
    rows = load_dataset(
        "json", data_files=str(file), split="train", cache_dir=str(folder / "cache")
    )
    trainer = SFTTrainer(
        model=sft_runs.load_model(source),
        args=settings,
        train_dataset=rows,
        processing_class=AutoTokenizer.from_pretrained(source.model_name_or_path),
        peft_config=get_peft_config(source),
    )
    check_sharding(trainer.accelerator.is_fsdp2)
    if trainer.is_world_process_zero():
        folder.mkdir(parents=True, exist_ok=True)
        sft_runs.write_json(folder / sft_runs.RUN, run)
    checkpoint = sft_runs.last_checkpoint(folder)
    began = time.perf_counter()
    trainer.train(resume_from_checkpoint=str(checkpoint) if checkpoint else None)
    seconds = time.perf_counter() - began
    kind = sft_runs.sharding(trainer)
    trainer.save_model(str(folder))
    logged = sft_runs.losses(trainer.state.log_history)
    return {
        "processes": len(together),
        "hosts": len({one["host"] for one in together}),
        "pids": [one["pid"] for one in together],
        "device": settings.device.type,
        "weights": kind,
        "bf16": settings.bf16,
        "rows": len(rows),
        "rows_a_step": rows_a_step,
        "steps": trainer.state.global_step,
        "resumed_at_step": int(checkpoint.name.rpartition("-")[2]) if checkpoint else 0,
        "seconds": round(seconds, 2),
        "losses": logged,
        "loss": logged[-1][1] if logged else None,
        "model": str(folder),
    }


def main() -> None:
    """Train; the first process writes and prints what happened."""
    import torch.distributed as group

    options, words = own_arguments()
    if options.write_data:
        data, _, _ = sft_runs.read_settings(words, options.config)
        return print(write_data(Path(data.dataset_name)))
    result = train(options, words)
    folder = Path(result["model"])
    if group.is_initialized():
        group.barrier()
    if int(os.environ.get("RANK", "0")) == 0:
        sft_runs.write_json(folder / sft_runs.RESULT, result)
        # Pickled, and nobody needs it: the settings stand in the YAML.
        (folder / "training_args.bin").unlink(missing_ok=True)
        if not options.keep_checkpoints:
            for path in [*folder.glob("checkpoint-*"), folder / "cache"]:
                shutil.rmtree(path, ignore_errors=True)
        print(say("sft.done", **result))
    if group.is_initialized():
        group.destroy_process_group()


if __name__ == "__main__":
    main()
