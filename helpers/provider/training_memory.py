"""How much memory training may take, and what happens beyond that.

Purpose: a job that is too large ends with words about it, instead of taking the machine
with it. Two fences. The training process limits its own data (RLIMIT_DATA, where there
is Linux): an allocation beyond it fails at once, and PyTorch says so. And the server
looks at its resident memory once a second, on every system, and ends it.
RLIMIT_AS would count what is only reserved: PyTorch, and CUDA above all, reserve many
times what they use. RLIMIT_RSS does nothing on Linux since 2.4.30 (setrlimit(2)).
It must never know what is being trained.
"""

from __future__ import annotations

import contextlib
import sys

import psutil

# Without a number of their own, learners leave a fifth of the machine to the rest.
_SHARE = 0.8


def default_memory() -> int:
    """Return the bytes that training may take on this machine."""
    return int(psutil.virtual_memory().total * _SHARE)


def limit_own_memory(most: int) -> None:
    """Let allocations of this process fail beyond `most` bytes, where Linux can.

    Args:
        most: bytes of data: the heap and private mappings that can be written.
    """
    torch = sys.modules.get("torch")
    if sys.platform != "linux" or (torch is not None and torch.cuda.is_available()):
        return  # what drivers map is not told apart from what training uses
    import resource

    _, hard = resource.getrlimit(resource.RLIMIT_DATA)
    if hard != resource.RLIM_INFINITY:
        most = min(most, hard)
    with contextlib.suppress(OSError, ValueError):
        resource.setrlimit(resource.RLIMIT_DATA, (most, hard))


def resident_bytes(pid: int) -> int:
    """Return the memory that a process holds; 0 if it is gone."""
    try:
        return psutil.Process(pid).memory_info().rss
    except psutil.Error:
        return 0
