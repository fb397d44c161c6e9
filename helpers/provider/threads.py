"""How many threads compute, how they wait, and how their memory is kept.

These things are read from the environment when PyTorch is imported, so a process has
to be started with them: `env={**os.environ, **thread_environment("worker")}`. This
module therefore imports nothing heavy, and it must never import torch.

What was measured on two cores (torch 2.13.0, libgomp; one training step of a model
with 5 million parameters on 500 tokens, 2026-11-22), while another process kept one
of the cores busy: 2 threads that spin at barriers 1,043 ms, 2 threads that spin for
20,000 rounds 470 ms, for 2,000 rounds 266 ms, 2 threads that sleep 157 ms. On an idle
machine sleeping costs up to a third. Training shares the machine with the server, the
notebook and the learner, so its threads sleep.

The base model that comes along has 2.4 million parameters. One row a step, on the same
two idle cores: one thread 33 ms, two that sleep 58 ms, two that spin 26 ms; four rows a
step: 98, 133 and 84 ms. So models of that size get one thread.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
from pathlib import Path
from typing import Literal

Role = Literal["worker", "server"]

# A training step allocates and frees the same few megabytes again and again. By
# default glibc hands freed memory back to the kernel, which has to clear each page
# again: a tenth of a step. 32 MiB is the largest threshold that glibc accepts.
KEEP_FREED_MEMORY = {
    "MALLOC_MMAP_THRESHOLD_": str(32 * 1024 * 1024),
    "MALLOC_TRIM_THRESHOLD_": str(4 * 1024 * 1024 * 1024),
    "MALLOC_TOP_PAD_": str(64 * 1024 * 1024),
}


# More than this help no model that is trained here.
MOST_THREADS = 8
# Weights of fewer bytes than this are trained with one thread, and many are kept.
SMALL_WEIGHTS = 32_000_000


def is_large(model: Path) -> bool:
    """True for a model folder with SMALL_WEIGHTS or more."""
    return sum(file.stat().st_size for file in model.glob("*.safetensors")) >= (
        SMALL_WEIGHTS
    )


def most_threads(model: Path) -> int:
    """Return how many threads are worth while for training a model folder."""
    return MOST_THREADS if is_large(model) else 1


def available_cores() -> int:
    """Return how many cores this process may use, at least one."""
    if hasattr(os, "sched_getaffinity"):
        return max(1, len(os.sched_getaffinity(0)))
    return os.cpu_count() or 1


def thread_environment(role: Role, threads: int | None = None) -> dict[str, str]:
    """Return the environment variables a process of this role is started with.

    Args:
        role: "worker" trains: all cores up to eight, asleep while they wait. "server"
            answers chats: one thread, which at this size is as fast as two and leaves
            the other core to the client and to training.
        threads: computing threads; None takes the role's own number, except that
            OMP_NUM_THREADS wins where somebody has set it.

    Returns:
        Variables to lay over `os.environ`; strings only.

    Raises:
        ValueError: there is no such role.
    """
    if role not in ("worker", "server"):
        raise ValueError(f'role {role!r}: expected "worker" or "server"')
    if threads is None:
        told = os.environ.get("OMP_NUM_THREADS", "")
        own = min(available_cores(), MOST_THREADS) if role == "worker" else 1
        threads = int(told) if told.isdigit() and int(told) > 0 else own
    return {
        "OMP_NUM_THREADS": str(threads),
        "MKL_NUM_THREADS": str(threads),
        "OMP_WAIT_POLICY": "PASSIVE",
        "TOKENIZERS_PARALLELISM": "false",
        # Kernels that oneDNN compiles for the shapes of a training's batches.
        "ONEDNN_PRIMITIVE_CACHE_CAPACITY": "4096",
        **KEEP_FREED_MEMORY,
    }


def give_back_memory() -> None:
    """Hand memory that was freed back to the system, where the C library can.

    Models come and go on several threads, and glibc keeps an area for each of them:
    without this a server that had loaded 340 models held 2.4 GB, for four that were
    loaded. malloc_trim is glibc's (man 3 malloc_trim); elsewhere nothing happens.
    """
    with contextlib.suppress(OSError, AttributeError, TypeError):
        ctypes.CDLL(None).malloc_trim(0)
