"""The machine that a measurement was made on, and how fast it multiplies matrices."""

from __future__ import annotations

import datetime
import importlib.metadata
import os
import platform
import time
from pathlib import Path

from helpers.provider.threads import KEEP_FREED_MEMORY, available_cores

# Shapes like those of a small model's layers, and larger ones that suit the processor
# best: the fastest counts.
SHAPES = ((1024, 256, 768), (1024, 704, 256), (2048, 1024, 1024))


def describe(*packages: str) -> dict:
    """Return processor, cores, memory, versions, load and date.

    Args:
        packages: further packages whose version matters.
    """
    memory = None
    if hasattr(os, "sysconf"):
        pages, size = os.sysconf("SC_PHYS_PAGES"), os.sysconf("SC_PAGE_SIZE")
        memory = round(pages * size / 2**30, 1)
    versions = {
        name: importlib.metadata.version(name)
        for name in ("torch", "transformers", *packages)
    }
    return {
        "date": datetime.date.today().isoformat(),
        "processor": _processor(),
        "cores": available_cores(),
        "memory_gib": memory,
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        "versions": versions,
        # Above about 0.2, something else was running: figures are then too low.
        "load_before": round(os.getloadavg()[0], 2) if hasattr(os, "getloadavg") else 0,
    }


def _processor() -> str:
    info = Path("/proc/cpuinfo")
    if info.exists():
        lines = info.read_text().splitlines()
        name = next((x.split(":")[1].strip() for x in lines if "model name" in x), "")
        flags = next((x for x in lines if x.startswith("flags")), "")
        if " avx512_bf16" in flags:
            name += " (avx512_bf16)"
        return name
    return platform.processor()


def matrix_rates(threads: int) -> dict[str, float]:
    """Measure how many 10^9 floating point operations a second a product reaches.

    Args:
        threads: computing threads.

    Returns:
        {"bfloat16": GF/s, "float32": GF/s}.
    """
    import torch

    torch.set_num_threads(threads)
    rates = {}
    for dtype in (torch.bfloat16, torch.float32):
        best = 0.0
        for m, k, n in SHAPES:
            a, b = torch.randn(m, k).to(dtype), torch.randn(k, n).to(dtype)
            for _ in range(3):
                a @ b
            for _ in range(5):
                began = time.perf_counter()
                for _ in range(10):
                    a @ b
                took = time.perf_counter() - began
                best = max(best, 10 * 2 * m * k * n / took / 1e9)
        rates[str(dtype).removeprefix("torch.")] = round(best, 1)
    return rates


def environment(threads: int, wait: str) -> dict[str, str]:
    """Return the environment of a measured process; both sides get the same.

    Args:
        threads: computing threads.
        wait: "passive" lets threads sleep at barriers, "active" lets them spin.
    """
    return {
        **os.environ,
        **KEEP_FREED_MEMORY,
        "OMP_NUM_THREADS": str(threads),
        "MKL_NUM_THREADS": str(threads),
        "OMP_WAIT_POLICY": wait.upper(),
        "ONEDNN_PRIMITIVE_CACHE_CAPACITY": "4096",
        "TOKENIZERS_PARALLELISM": "false",
        "HF_HUB_OFFLINE": "1",
        "TRANSFORMERS_VERBOSITY": "error",
        "TQDM_DISABLE": "1",
    }
