"""Try `scripts/fsdp.yaml` on two processors instead of two GPUs, to check it.

    accelerate launch --config_file scripts/fsdp.yaml --mixed_precision no \
        scripts/fsdp_on_cpu.py --processes 2 --bf16 False

accelerate 1.15 shards weights on GPUs only: with `use_cpu` it leaves FSDP out without a
word (`AcceleratorState.__init__`), and each process holds the whole model. Here that
one decision is turned round, and train_sql.py runs unchanged. So the YAML, the
launcher's reading of it, accelerate's FSDP2 (which layers are wrapped, the optimiser's
switch to shards, gathering and saving) and PyTorch's `fully_shard` are the ones that
GPUs use. What this does not check: NCCL, memory, speed.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent))

import train_sql


def shard_on_processors() -> None:
    """Let accelerate use the FSDP that it was configured for on processors as well."""
    from accelerate import state
    from accelerate.utils import DistributedType

    original = state.AcceleratorState.__init__

    def init(self: Any, *args: Any, fsdp_plugin: Any = None, **more: Any) -> None:
        original(self, *args, fsdp_plugin=fsdp_plugin, **more)
        if fsdp_plugin and self.distributed_type == DistributedType.MULTI_CPU:
            self.distributed_type = DistributedType.FSDP
            self.fsdp_plugin = fsdp_plugin
            if self._mixed_precision != "no":
                fsdp_plugin.set_mixed_precision(self._mixed_precision)
            state.PartialState._shared_state["distributed_type"] = DistributedType.FSDP

    state.AcceleratorState.__init__ = init


if __name__ == "__main__":
    shard_on_processors()
    train_sql.main()
