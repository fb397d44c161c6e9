"""Pre-training: Muon for the matrices, AdamW for the rest, copying first.

Goes on where it stopped: the state after each shard is kept, and a shard depends on its
number alone. Warm-up, a flat stretch, then a linear decay to a thirtieth.

`torchrun --nproc-per-node 2 -m tools.base_model.pretrain --threads 1` shares each batch
out among processes of one thread each. Models this small gain more from that than from
threads, which wait for each other after every small operation.
"""

import argparse
import json
import os
import subprocess
import sys
import time
from pathlib import Path

import torch
import torch.distributed as dist
from safetensors.torch import load_file, save_file
from tokenizers import Tokenizer
from torch import nn
from transformers import LlamaConfig, LlamaForCausalLM

from tools.base_model import shards
from tools.base_model.forward import logits, rotation
from tools.base_model.tokenizer import END, PAD

CONTEXT = 2048
BATCH_TOKENS = 4608
MUON_RATE, ADAM_RATE = 0.02, 3e-3
WARM_UP_STEPS = 60
FLOOR = 1 / 30


def new_model(vocab_size: int, hidden: int, layers: int, seed: int) -> LlamaForCausalLM:
    """Return an untrained model.

    hidden: width in units, a multiple of 32 (the width of a head).
    """
    torch.manual_seed(seed)
    config = LlamaConfig(
        vocab_size=vocab_size,
        hidden_size=hidden,
        intermediate_size=(hidden * 8 // 3 + 63) // 64 * 64,
        num_hidden_layers=layers,
        num_attention_heads=hidden // 32,
        num_key_value_heads=hidden // 32,
        max_position_embeddings=CONTEXT,
        tie_word_embeddings=True,
        rope_theta=10000.0,
        pad_token_id=PAD,
        bos_token_id=None,
        eos_token_id=END,
    )
    return LlamaForCausalLM(config)


def optimisers(model: nn.Module) -> list[torch.optim.Optimizer]:
    """Return Muon over the hidden matrices and AdamW over all else."""
    matrices, rest = [], []
    for name, weight in model.named_parameters():
        (matrices if weight.ndim == 2 and "embed" not in name else rest).append(weight)
    muon = torch.optim.Muon(matrices, lr=MUON_RATE, momentum=0.95, weight_decay=0.01)
    adam = torch.optim.AdamW(
        rest, lr=ADAM_RATE, betas=(0.9, 0.98), weight_decay=0.01, fused=True
    )
    for optimiser in (muon, adam):
        for group in optimiser.param_groups:
            group["peak"] = group["lr"]
    return [muon, adam]


def rate(step: int, tokens: int, total: int, decay: float) -> float:
    """Return the share of the peak rate.

    tokens, total: tokens seen and planned; decay: the share of the run that decays.
    """
    left = (total - tokens) / (decay * total)
    return min(1.0, (step + 1) / WARM_UP_STEPS, max(FLOOR, left))


def _save(folder: Path, model: nn.Module, found: list, progress: dict) -> None:
    """Keep weights, moments and progress; the newest complete state wins."""
    tensors = {f"model.{k}": v for k, v in model.state_dict().items()}
    tensors.pop("model.lm_head.weight", None)  # tied to the embedding
    for i, optimiser in enumerate(found):
        for j, state in optimiser.state_dict()["state"].items():
            for key, value in state.items():
                tensors[f"optimiser.{i}.{j}.{key}"] = torch.as_tensor(value)
    folder.mkdir(parents=True, exist_ok=True)
    temporary = folder / "state.tmp"
    tensors = {k: v.contiguous() for k, v in tensors.items()}
    save_file(tensors, temporary, metadata={"progress": json.dumps(progress)})
    os.replace(temporary, folder / "state.safetensors")


def _load(folder: Path, model: nn.Module, found: list) -> dict | None:
    from safetensors import safe_open

    file = folder / "state.safetensors"
    if not file.exists():
        return None
    tensors = load_file(file)
    with safe_open(file, "pt") as opened:
        progress = json.loads(opened.metadata()["progress"])
    weights = {
        k.removeprefix("model."): v for k, v in tensors.items() if k[:6] == "model."
    }
    model.load_state_dict(weights, strict=False)
    for i, optimiser in enumerate(found):
        plain = optimiser.state_dict()
        for key, value in tensors.items():
            parts = key.split(".", 3)
            if parts[0] == "optimiser" and int(parts[1]) == i:
                plain["state"].setdefault(int(parts[2]), {})[parts[3]] = value
        optimiser.load_state_dict(plain)
    return progress


def _ahead(tokenizer_file: Path, folder: Path, first: int, copying: int, last: int):
    """Start the process that makes the next shards beside the training."""
    return subprocess.Popen(
        [sys.executable, "-m", "tools.base_model.pretrain", "shards"]
        + [str(v) for v in (tokenizer_file, folder, first, copying, last)],
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )


def _together() -> tuple[int, int]:
    """Return this process's number and how many there are; join them under torchrun."""
    processes = int(os.environ.get("WORLD_SIZE", "1"))
    if processes == 1:
        return 0, 1
    dist.init_process_group("gloo")
    rank = dist.get_rank()
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {rank % (os.cpu_count() or 1)})
    return rank, processes


def _add_up(model: nn.Module, processes: int) -> None:
    """Replace each process's gradients by their sum."""
    if processes == 1:
        return
    weights = [weight for weight in model.parameters() if weight.grad is not None]
    flat = torch.cat([weight.grad.flatten() for weight in weights])
    dist.all_reduce(flat)
    parts = flat.split([weight.numel() for weight in weights])
    for weight, part in zip(weights, parts, strict=True):
        weight.grad.copy_(part.view_as(weight))


def run(options: argparse.Namespace) -> None:
    """Train until the planned tokens are seen."""
    torch.set_num_threads(options.threads)
    rank, processes = _together()
    work = Path(options.work)
    tokenizer = Tokenizer.from_file(str(work / "tokenizer" / "tokenizer.json"))
    model = new_model(
        tokenizer.get_vocab_size(), options.hidden, options.layers, options.seed
    )
    found = optimisers(model)
    progress = _load(work, model, found) or {
        "shard": 0,
        "step": 0,
        "tokens": 0,
        "seconds": 0.0,
    }
    total = int(options.tokens * 1e6)
    copying = round(options.copying * total / shards.SHARD_TOKENS)
    folder = work / "shards"
    last = total // shards.SHARD_TOKENS + 1
    tokenizer_file = work / "tokenizer" / "tokenizer.json"
    maker = (
        _ahead(tokenizer_file, folder, progress["shard"], copying, last)
        if rank == 0
        else None
    )

    turn = rotation(CONTEXT, 32, 10000.0)

    def loss_of(ids: torch.Tensor, weights: torch.Tensor) -> torch.Tensor:
        found = logits(model, ids[:, :-1], turn)
        losses = nn.functional.cross_entropy(
            found.flatten(0, 1).float(), ids[:, 1:].flatten(), reduction="none"
        )
        weights = weights[:, 1:].flatten()
        return (losses * weights).sum() / weights.sum()

    # Two widths, two compiled versions: one for any width would be slower.
    step_loss = torch.compile(loss_of, dynamic=False) if options.compile else loss_of
    try:
        while progress["tokens"] < total:
            file = shards.path(folder, progress["shard"])
            while not file.exists():
                time.sleep(0.5)
            rows_of_shard = shards.load(file)
            ids = torch.from_numpy(rows_of_shard.astype("int64"))
            weights = torch.from_numpy(shards.weights(rows_of_shard))
            order = torch.randperm(
                len(ids), generator=torch.Generator().manual_seed(progress["shard"])
            )
            # As many rows for each process, so that none waits for the others.
            rows = -(-(BATCH_TOKENS // ids.shape[1]) // processes) * processes
            start, seen, losses = time.perf_counter(), 0, []
            for first in range(0, len(ids) - rows + 1, rows):
                part = order[first : first + rows]
                batch, counts = ids[part], weights[part]
                share = rate(progress["step"], progress["tokens"], total, options.decay)
                for optimiser in found:
                    for group in optimiser.param_groups:
                        group["lr"] = group["peak"] * share
                mine = batch[rank::processes]
                loss = step_loss(mine, counts[rank::processes]) * (
                    len(mine) / len(batch)
                )
                loss.backward()
                _add_up(model, processes)
                nn.utils.clip_grad_norm_(model.parameters(), 1.0)
                for optimiser in found:
                    optimiser.step()
                    optimiser.zero_grad()
                losses.append(loss.item() * len(batch) / len(mine))
                seen += batch.numel()
                progress["step"] += 1
                progress["tokens"] += batch.numel()
                if progress["step"] % 20 == 0 and rank == 0:
                    pace = seen / (time.perf_counter() - start)
                    print(
                        f"  step {progress['step']} loss {losses[-1]:.3f} "
                        f"{pace:.0f} tokens/s",
                        flush=True,
                    )
            took = time.perf_counter() - start
            progress["seconds"] += took
            progress["shard"] += 1
            if rank:
                continue
            _save(work, model, found, progress)
            stage = shards.stage_of(progress["shard"] - 1, copying)
            print(
                f"shard {progress['shard']:3d} {stage:7s} step {progress['step']:5d} "
                f"{progress['tokens'] / 1e6:5.1f}M "
                f"loss {sum(losses) / len(losses):.3f} "
                f"rate {share:.2f} {seen / took:.0f} tokens/s "
                f"{progress['seconds'] / 60:.1f} min",
                flush=True,
            )
    finally:
        if maker:
            maker.terminate()


def make_shards(arguments: list[str]) -> None:
    """Make the shards from one number to another, unless they are there."""
    tokenizer = Tokenizer.from_file(arguments[0])
    first, copying, last = map(int, arguments[2:])
    for number in range(first, last + 1):
        shards.ensure(tokenizer, Path(arguments[1]), number, copying)


def main() -> None:
    """Read the command line and train."""
    if sys.argv[1:2] == ["shards"]:
        make_shards(sys.argv[2:])
        return
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--work", default="build/base_model", help="folder of the run")
    parser.add_argument("--tokens", type=float, default=54, help="millions of tokens")
    parser.add_argument("--copying", type=float, default=0.065, help="share of copying")
    parser.add_argument("--decay", type=float, default=0.4, help="share that decays")
    parser.add_argument("--hidden", type=int, default=192)
    parser.add_argument("--layers", type=int, default=4)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=int, default=max(1, os.cpu_count() or 1))
    parser.add_argument(
        "--compile", action=argparse.BooleanOptionalAction, default=True
    )
    run(parser.parse_args())


if __name__ == "__main__":
    main()
