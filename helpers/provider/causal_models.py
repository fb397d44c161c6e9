"""Model folders opened for training: one interface, two ways to compute.

Purpose: `open_for_training` gives an object that knows its trainable tensors, computes
logits where they are wanted, and writes itself as a Hugging Face folder.
`LlamaModel` is the fast path for the architecture that `llama.py` understands;
`HuggingFaceModel` serves every other causal model of transformers, and LoRA.
It must never know examples, optimisers or jobs.
"""

from __future__ import annotations

import json
import platform
import shutil
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

import torch
import torch.nn.functional as F
from safetensors.torch import load_file, save_file
from torch import Tensor

from helpers.provider import llama
from helpers.provider.hyperparameters import (
    LORA_ALPHA,
    LORA_FROM_PARAMETERS,
    LORA_RANK,
)
from helpers.provider.model_folders import count_parameters

# Files of a model folder that fine-tuning does not change.
COMPANION_FILES = (
    "config.json",
    "generation_config.json",
    "tokenizer.json",
    "tokenizer_config.json",
    "special_tokens_map.json",
    "added_tokens.json",
    "chat_template.jinja",
    "vocab.json",
    "merges.txt",
    "tokenizer.model",
)

# State-space layers hand the weights of these to a kernel and never call the modules,
# so an addition to them would have no effect in training (peft 0.21 refuses two).
NOT_ADAPTED = ("out_proj", "conv1d", "x_proj", "dt_proj")

# Types of half the size; what LoRA makes of such a model is stored in the same one.
HALF = {"bfloat16": torch.bfloat16, "float16": torch.float16}
# With these many tokens at once, what a model of 135 million parameters remembers for
# its way back takes about a gigabyte.
TOKENS_AT_ONCE = 1024


class TrainableModel(Protocol):
    """What training asks of a model."""

    n_parameters: int
    lora: bool
    # A batch of more tokens is computed in pieces, to save memory; None never is.
    most_tokens: int | None

    def parameters(self) -> dict[str, Tensor]:
        """Return the float32 tensors that are trained, by name."""

    def matrices(self) -> set[str]:
        """Return the names of those that are matrices of the layers."""

    def logits(self, rows: Sequence[Tensor], wanted: Sequence[Tensor]) -> Tensor:
        """Return float32 logits [m, vocab] for what follows the wanted tokens.

        Args:
            rows: token ids of each text, 1-D.
            wanted: ascending positions within each text, one or more for each.
        """

    def backward(self, loss: Tensor, *, add: bool = False) -> None:
        """Put the gradients of a loss into `.grad` of the tensors that are trained.

        Args:
            loss: of the logits that were computed last.
            add: add to what stands there, which is replaced otherwise. Only a model
                that has `most_tokens` needs to know this.
        """

    def save(self, folder: Path) -> None:
        """Write a Hugging Face folder into an empty folder."""


def fast_bfloat16() -> bool:
    """Whether this processor multiplies bfloat16 matrices faster than float32 ones.

    Decided by what the processor says it can, not by a stopwatch: the same machine
    must always decide the same, or a resumed job would end with other weights.
    """
    if torch.cuda.is_available():
        return torch.cuda.is_bf16_supported()
    capable = torch.cpu.get_capabilities()
    if capable.get("avx512_bf16") or capable.get("amx_bf16"):
        return True
    # The matrix products that PyTorch uses on Apple's processors have no bfloat16.
    return platform.system() == "Linux" and bool(capable.get("bf16"))


def read_config(folder: Path) -> dict:
    """Return the parsed config.json of a model folder."""
    return json.loads((folder / "config.json").read_text("utf-8"))


def write_config(folder: Path, config: dict) -> None:
    """Write the config.json of a model folder; `dtype` goes by its new name only."""
    config.pop("torch_dtype", None)
    text = json.dumps(config, indent=2, sort_keys=True)
    (folder / "config.json").write_text(text + "\n", "utf-8")


def config_dtype(config: dict) -> str | None:
    """Return the type in which a model's weights are stored, as config.json says."""
    return config.get("dtype") or config.get("torch_dtype")


def weight_files(folder: Path) -> list[Path]:
    """Return the safetensors files of a model folder.

    Raises:
        FileNotFoundError: there are none (pickled weights are not read).
    """
    files = sorted(folder.glob("model*.safetensors"))
    if not files:
        raise FileNotFoundError(
            f"{folder.name}: no model*.safetensors found; expected weights as "
            "model.save_pretrained writes them (pickled .bin files are not read)"
        )
    return files


def read_weights(folder: Path) -> dict[str, Tensor]:
    """Read all tensors of a model folder, as they are stored."""
    tensors: dict[str, Tensor] = {}
    for file in weight_files(folder):
        tensors |= load_file(file)
    return tensors


def open_for_training(
    folder: Path,
    *,
    lora: bool | None,
    seed: int,
    fast: bool = True,
    dtype: torch.dtype | None = None,
) -> TrainableModel:
    """Open a model folder for training.

    Args:
        folder: a Hugging Face causal model.
        lora: train low-rank additions only; None decides by the size of the model.
        seed: for the first values of the additions.
        fast: False never takes the fast path (to compare).
        dtype: bfloat16 or float32, in which matrices are multiplied; None takes what
            is faster here.

    Raises:
        FileNotFoundError: there are no safetensors in the folder.
    """
    weight_files(folder)
    n_parameters = count_parameters(folder)
    if lora is None:
        lora = n_parameters >= LORA_FROM_PARAMETERS
    if dtype is None:
        dtype = torch.bfloat16 if fast_bfloat16() else torch.float32
    shape = llama.LlamaShape.from_config(read_config(folder))
    device = "cuda" if torch.cuda.is_available() else "cpu"
    if shape is not None and fast and not lora and device == "cpu":
        return LlamaModel(folder, shape, dtype)
    return HuggingFaceModel(folder, lora=lora, seed=seed, device=device, dtype=dtype)


class LlamaModel:
    """A Llama model whose weights are all trained, computed by `llama.py`.

    The optimiser changes float32 weights; the matrices are multiplied in `dtype`. Both
    copies, and the gradients, keep their memory from step to step: the pages that an
    allocation of this size has to ask for took a tenth of a step.
    """

    lora = False
    most_tokens = None

    def __init__(
        self, folder: Path, shape: llama.LlamaShape, dtype: torch.dtype
    ) -> None:
        self._folder, self._shape, self._dtype = folder, shape, dtype
        self._tables = llama.rope_tables(shape)
        state = read_weights(folder)
        self._weights = {
            # A copy of its own for each: the optimiser writes into them.
            name: tensor.to(torch.float32, copy=True).requires_grad_()
            for name, tensor in llama.from_hf_names(state, shape).items()
        }
        self.n_parameters = sum(t.numel() for t in self._weights.values())
        self._used = {}
        for name, tensor in self._weights.items():
            tensor.grad = torch.zeros_like(tensor)
            # The very same memory where nothing is to be converted.
            used = tensor.detach().to(torch.float32 if tensor.ndim == 1 else dtype)
            self._used[name] = used.requires_grad_()
        self._start: tuple[Tensor, Tensor] | None = None

    @property
    def shape(self) -> llama.LlamaShape:
        """The sizes of the model."""
        return self._shape

    def parameters(self) -> dict[str, Tensor]:
        """See TrainableModel."""
        return self._weights

    def matrices(self) -> set[str]:
        """See TrainableModel."""
        outside = ("embed", "head")
        return {n for n, t in self._weights.items() if t.ndim == 2 and n not in outside}

    def logits(self, rows: Sequence[Tensor], wanted: Sequence[Tensor]) -> Tensor:
        """See TrainableModel."""
        grain = llama.GRAIN if self._dtype == torch.bfloat16 else 1
        packed = llama.PackedRows.pack(rows, wanted, grain)
        with torch.no_grad():
            for name, tensor in self._weights.items():
                if self._used[name].dtype != tensor.dtype:
                    self._used[name].copy_(tensor)
            embedded = F.embedding(packed.ids, self._used["embed"]).float()
        # The gradient of the embeddings is one row for each token of the batch;
        # autograd would make a table of the whole vocabulary from it.
        embedded.requires_grad_(torch.is_grad_enabled())
        self._start = packed.ids, embedded
        return llama.wanted_logits(
            self._used, self._shape, self._tables, packed, embedded
        )

    def backward(self, loss: Tensor, *, add: bool = False) -> None:
        """See TrainableModel; batches are never computed in pieces here."""
        if add:
            raise NotImplementedError("gradients are replaced here, never added to")
        loss.backward()
        for name, tensor in self._weights.items():
            used = self._used[name]
            if used.grad is None:  # an embedding that is not the head as well
                tensor.grad.zero_()
            else:
                tensor.grad.copy_(used.grad)
                used.grad = None
        ids, embedded = self._start
        self._weights["embed"].grad.index_add_(0, ids, embedded.grad)
        self._start = None

    def save(self, folder: Path) -> None:
        """See TrainableModel; the weights are written as they were trained, float32."""
        weights = {name: t.detach() for name, t in self._weights.items()}
        state = llama.to_hf_names(weights, self._shape)
        save_file(state, folder / "model.safetensors", metadata={"format": "pt"})
        copy_companions(self._folder, folder)
        write_config(folder, read_config(folder) | {"dtype": "float32"})


class HuggingFaceModel:
    """Any causal model of transformers; whole, or LoRA with peft."""

    def __init__(
        self, folder: Path, *, lora: bool, seed: int, device: str, dtype: torch.dtype
    ) -> None:
        import inspect

        from transformers import AutoModelForCausalLM

        self._folder, self.lora = folder, lora
        self.most_tokens = TOKENS_AT_ONCE if lora else None
        torch.manual_seed(seed)
        # Weights that are only read stay as they are stored, where matrices are
        # multiplied in that type anyway. The additions are float32 (peft sees to it).
        stored = config_dtype(read_config(folder))
        as_stored = lora and dtype == torch.bfloat16 and stored == "bfloat16"
        self._stored = stored if lora and stored in HALF else None
        model = AutoModelForCausalLM.from_pretrained(
            folder,
            dtype=torch.bfloat16 if as_stored else torch.float32,
            local_files_only=True,
            trust_remote_code=False,
        )
        self.n_parameters = sum(p.numel() for p in model.parameters())
        arguments = inspect.signature(model.forward).parameters
        self._keeps = "logits_to_keep" in arguments
        self._base = model
        if lora:
            from peft import LoraConfig, get_peft_model

            states = any(n.endswith(".conv1d") for n, _ in model.named_modules())

            config = LoraConfig(
                r=LORA_RANK,
                lora_alpha=LORA_ALPHA,
                lora_dropout=0.0,
                target_modules="all-linear",
                exclude_modules=list(NOT_ADAPTED) if states else None,
                task_type="CAUSAL_LM",
            )
            with warnings.catch_warnings():
                # peft tells which settings it corrects itself: that transposed layers
                # are transposed, how often nested experts are wrapped.
                warnings.simplefilter("ignore", UserWarning)
                warnings.simplefilter("ignore", RuntimeWarning)
                model = get_peft_model(model, config)
        self._model = model.to(device).train()
        self._device = torch.device(device)
        self._autocast = dtype == torch.bfloat16

    @property
    def folder(self) -> Path:
        """The folder that it was opened from."""
        return self._folder

    @property
    def module(self) -> torch.nn.Module:
        """The model itself, low-rank additions included."""
        return self._model

    def parameters(self) -> dict[str, Tensor]:
        """See TrainableModel."""
        return {n: p for n, p in self._model.named_parameters() if p.requires_grad}

    def matrices(self) -> set[str]:
        """See TrainableModel."""
        outside = {
            id(module.weight)
            for module in (
                self._base.get_input_embeddings(),
                self._base.get_output_embeddings(),
            )
            if module is not None
        }
        return {
            n
            for n, p in self.parameters().items()
            if p.ndim == 2 and id(p) not in outside
        }

    def logits(self, rows: Sequence[Tensor], wanted: Sequence[Tensor]) -> Tensor:
        """See TrainableModel; rows are padded to the longest."""
        # Dropout belongs to training; without gradients somebody is measuring.
        self._model.train(torch.is_grad_enabled())
        longest = max(len(row) for row in rows)
        ids = torch.zeros(len(rows), longest, dtype=torch.long)
        mask = torch.zeros(len(rows), longest, dtype=torch.long)
        for i, row in enumerate(rows):
            ids[i, : len(row)] = row
            mask[i, : len(row)] = 1
        row_of = torch.cat([torch.full_like(w, i) for i, w in enumerate(wanted)])
        at = torch.cat(list(wanted))
        extra = {}
        if self._keeps:
            # The same positions are kept in all rows: those that any row wants.
            kept, at = torch.unique(at, return_inverse=True)
            extra["logits_to_keep"] = kept.to(self._device)
        with torch.autocast(self._device.type, torch.bfloat16, self._autocast):
            logits = self._model(
                input_ids=ids.to(self._device),
                attention_mask=mask.to(self._device),
                use_cache=False,
                **extra,
            ).logits
        return logits[row_of.to(self._device), at.to(self._device)].float()

    def backward(self, loss: Tensor, *, add: bool = False) -> None:
        """See TrainableModel."""
        if not add:
            for parameter in self.parameters().values():
                parameter.grad = None
        loss.backward()

    def save(self, folder: Path) -> None:
        """See TrainableModel; low-rank additions are added to what they adapt."""
        state = self._merged() if self.lora else self._base.state_dict()
        self._base.save_pretrained(folder, state_dict=state)
        if self._stored is not None:
            write_config(folder, read_config(folder) | {"dtype": self._stored})
        # The base's own files win, as far as save_pretrained did not have to write.
        copy_companions(self._folder, folder, only_missing=True)

    def _merged(self) -> dict[str, Tensor]:
        """Weights with the additions added in copies: training may go on.

        peft wraps what it adapts: the wrapped layer is called `base_layer`, and where
        several parameters of one module are adapted (experts), wrappers are nested.
        """
        from peft.tuners.lora import LoraLayer

        adapted = {}
        for name, module in self._base.named_modules():
            if isinstance(module, LoraLayer):
                leaf = getattr(module, "parameter_name", "weight")
                adapted[f"{_unwrapped(name)}.{leaf}"] = module
        merged = {}
        for name, tensor in self._base.state_dict().items():
            if ".lora_" in name:
                continue
            own = _unwrapped(name)
            if own in adapted:
                delta = adapted[own].get_delta_weight("default").detach()
                # Rounded once, where weights are stored in half precision.
                tensor = tensor.float() + delta.float()
            half = HALF.get(self._stored)
            if half is not None and tensor.is_floating_point():
                tensor = tensor.to(half)
            merged[own] = tensor.detach()
        return merged


def _unwrapped(name: str) -> str:
    """Return the name that a module or tensor had before peft wrapped it."""
    return ".".join(part for part in name.split(".") if part != "base_layer")


def copy_companions(source: Path, target: Path, *, only_missing: bool = False) -> None:
    """Copy configuration, tokenizer and chat template of a model folder."""
    for name in COMPANION_FILES:
        if only_missing and (target / name).exists():
            continue
        if (source / name).is_file():
            shutil.copyfile(source / name, target / name)
