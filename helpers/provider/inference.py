"""Model folders opened for answering: prompts in, next-token logits out, with a cache.

Purpose: `open_for_answers` gives an object that holds the keys and values of several
answers at once, one to a row; the rows in use are always 0 .. n-1. `LlamaAnswers`
computes all rows together in few operations; `HuggingFaceAnswers` serves every other
causal model of transformers.

Numbers are float32. On x86 the matrices are kept in half precision, packed for
products with few rows: two to ten times faster than float32 products there, exact for
weights that were stored as bfloat16, and every row comes out bit by bit the same
whatever the other rows are.
It must never know requests, sampling or text.
"""

from __future__ import annotations

import inspect
from pathlib import Path
from typing import Protocol

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from helpers.provider import llama
from helpers.provider.causal_models import (
    HuggingFaceModel,
    LlamaModel,
    TrainableModel,
    read_config,
    read_weights,
    weight_files,
)
from helpers.provider.hyperparameters import LORA_FROM_PARAMETERS
from helpers.provider.model_folders import count_parameters
from helpers.provider.rendering import context_of

# A shorter common beginning of two prompts is computed again: copying has a price too.
SHORTEST_SHARED = 16
# The cache grows by these amounts.
ROWS_AT_ONCE = 8
TOKENS_AT_ONCE = 256
# What the cache is called: keys and values, or the states of a state-space model.
MEMORIES = ("past_key_values", "cache_params")


class AnsweringModel(Protocol):
    """What the scheduler asks of a model."""

    context: int
    vocab_size: int

    def start(self, row: int, ids: list[int]) -> Tensor:
        """Read a prompt into a row; return the logits [vocab] that follow it."""

    def step(self, tokens: list[int]) -> Tensor:
        """Append one token to each of the rows 0 .. n-1; return logits [n, vocab]."""

    def move(self, source: int, target: int) -> None:
        """Put what is in one row into another, which is over."""


def open_for_answers(folder: Path, *, fast: bool = True) -> AnsweringModel:
    """Open a model folder for answering.

    Args:
        folder: a Hugging Face causal model.
        fast: False never takes the fast path (to compare).

    Raises:
        FileNotFoundError: there are no safetensors in the folder.
    """
    weight_files(folder)
    shape = llama.LlamaShape.from_config(read_config(folder))
    large = count_parameters(folder) >= LORA_FROM_PARAMETERS
    device = "cuda" if large and torch.cuda.is_available() else "cpu"
    if shape is not None and fast and device == "cpu":
        return LlamaAnswers(folder, shape)
    return HuggingFaceAnswers(folder, device)


def answers_of_trained(model: TrainableModel) -> AnsweringModel:
    """Let a model that is being trained answer with the weights that it has now.

    `LlamaModel` gives copies, so its answers stay those of this moment; other models
    answer with whatever weights they have at that time.

    Args:
        model: of `open_for_training`.
    """
    if isinstance(model, LlamaModel):
        weights = {name: t.detach() for name, t in model.parameters().items()}
        return LlamaAnswers.of_weights(weights, model.shape)
    assert isinstance(model, HuggingFaceModel)
    return HuggingFaceAnswers.of_module(model.module.eval(), model.folder)


class Matrix:
    """A weight matrix [out, in] ready to be multiplied with rows.

    Args:
        weight: any floating type.
    """

    def __init__(self, weight: Tensor) -> None:
        weight = weight.float()
        self._packed = self._weight = None
        # Half precision ends at 65504; no trained model comes near.
        if weight.abs().max() < 6e4:
            self._packed = _packed(weight)
        if self._packed is None:
            self._weight = weight.contiguous()

    def __call__(self, x: Tensor) -> Tensor:
        """Return x @ weight.T for x [n, in], float32."""
        if self._packed is not None:
            return _multiply(x, self._packed)
        return F.linear(x, self._weight)


def _multiply(x: Tensor, packed) -> Tensor:
    return torch.ops.quantized.linear_dynamic_fp16(x, packed)


def _packed(weight: Tensor):
    """Pack a matrix in half precision; None where this build of PyTorch cannot."""
    try:
        packed = torch.ops.quantized.linear_prepack_fp16(weight, None)
        probe = torch.ones(1, weight.shape[1])
        expected = F.linear(probe, weight.half().float())
        close = torch.allclose(_multiply(probe, packed), expected, rtol=1e-2, atol=1e-2)
    except (RuntimeError, AttributeError, NotImplementedError):
        return None
    return packed if close else None


class LlamaAnswers:
    """A Llama model on the CPU, all rows in one product."""

    def __init__(self, folder: Path, shape: llama.LlamaShape) -> None:
        self._take(llama.from_hf_names(read_weights(folder), shape), shape)

    @classmethod
    def of_weights(cls, weights: llama.Weights, shape: llama.LlamaShape):
        """Answer with weights that are in memory already."""
        made = cls.__new__(cls)
        made._take(weights, shape)
        return made

    def _take(self, weights: llama.Weights, shape: llama.LlamaShape) -> None:
        self.context, self.vocab_size = shape.context, shape.vocab_size
        self._shape = shape
        self._embed = weights["embed"].float()
        self._vectors = {n: t.float() for n, t in weights.items() if t.ndim == 1}
        self._matrices = {
            name: Matrix(tensor)
            for name, tensor in weights.items()
            if tensor.ndim == 2 and name != "embed"
        }
        self._head = Matrix(weights["embed"]) if shape.tied else self._matrices["head"]
        self._cos, self._sin = llama.rope_tables(shape)
        self._rows = self._capacity = 0
        self._keys: list[Tensor] = []
        self._values: list[Tensor] = []
        # What the cache holds, row by row; rows that are over stay until overwritten.
        self._ids: list[np.ndarray] = []
        self._lengths: list[int] = []

    def _reserve(self, rows: int, tokens: int) -> None:
        """Make room for so many rows of so many tokens."""
        if rows <= self._rows and tokens <= self._capacity:
            return
        rows = max(self._rows, -(-rows // ROWS_AT_ONCE) * ROWS_AT_ONCE)
        wanted = -(-tokens // TOKENS_AT_ONCE) * TOKENS_AT_ONCE
        capacity = max(self._capacity, min(wanted, self.context))
        shape = self._shape
        size = (rows, shape.n_kv_heads, capacity, shape.head_dim)
        old_rows, old = self._rows, self._capacity
        for store in (self._keys, self._values):
            for i in range(shape.n_layers):
                # Zeros: masked places are multiplied too, and 0 * inf is not 0.
                new = torch.zeros(size)
                if old_rows:
                    new[:old_rows, :, :old] = store[i]
                    store[i] = new
                else:
                    store.append(new)
        extra = rows - old_rows
        self._ids += [np.zeros(self.context, np.int64) for _ in range(extra)]
        self._lengths += [0] * extra
        self._rows, self._capacity = rows, capacity

    @torch.inference_mode()
    def start(self, row: int, ids: list[int]) -> Tensor:
        """See AnsweringModel; what another row has read already is taken from there."""
        n = len(ids)
        self._reserve(row + 1, n + 1)
        prompt = np.asarray(ids, np.int64)
        known, source = self._longest_shared(prompt)
        if known and source != row:
            for store in (self._keys, self._values):
                for layer in store:
                    layer[row, :, :known] = layer[source, :, :known]
        self._ids[row][:n] = prompt
        self._lengths[row] = n
        logits = self._read(row, torch.from_numpy(prompt[known:]), known)
        return logits[0]

    def _longest_shared(self, prompt: np.ndarray) -> tuple[int, int]:
        """Return how much of a prompt some row holds already, and which."""
        best, source = 0, 0
        for row, length in enumerate(self._lengths):
            # The last token is computed in any case: its logits are wanted.
            most = min(length, len(prompt) - 1)
            if most <= best:
                continue
            differ = np.flatnonzero(self._ids[row][:most] != prompt[:most])
            shared = int(differ[0]) if len(differ) else most
            if shared > best:
                best, source = shared, row
        return (best, source) if best >= SHORTEST_SHARED else (0, 0)

    def _read(self, row: int, ids: Tensor, first: int) -> Tensor:
        """Read tokens at positions `first` and on into a row; logits of the last."""
        shape, n, end = self._shape, len(ids), first + len(ids)
        cos, sin = self._cos[first:end, None], self._sin[first:end, None]
        mask = None
        if first and n > 1:
            later = torch.arange(end)[None] > torch.arange(first, end)[:, None]
            mask = torch.zeros(n, end).masked_fill_(later, float("-inf"))
        heads, kv = shape.n_heads, shape.n_kv_heads
        x = self._embed[ids]
        for i in range(shape.n_layers):
            y = self._norm(x, f"{i}.norm1")
            mixed = self._matrices[f"{i}.qkv"](y).view(n, heads + 2 * kv, -1)
            turned = llama.rotate(mixed[:, : heads + kv], cos, sin)
            keys, values = self._keys[i][row, :, :end], self._values[i][row, :, :end]
            keys[:, first:] = turned[:, heads:].transpose(0, 1)
            values[:, first:] = mixed[:, heads + kv :].transpose(0, 1)
            q = turned[:, :heads]
            if i == shape.n_layers - 1:
                # Nobody asks what the tokens before the last one lead to.
                q, x = q[-1:], x[-1:]
            y = F.scaled_dot_product_attention(
                q.transpose(0, 1)[None],
                keys[None],
                values[None],
                attn_mask=None if len(q) == 1 else mask,
                is_causal=len(q) > 1 and mask is None,
                enable_gqa=heads != kv,
            )
            y = y[0].transpose(0, 1).reshape(len(q), -1)
            x = self._rest(i, x, y)
        return self._head(self._norm(x, "norm"))

    @torch.inference_mode()
    def step(self, tokens: list[int]) -> Tensor:
        """See AnsweringModel."""
        shape, n = self._shape, len(tokens)
        heads, kv, dim = shape.n_heads, shape.n_kv_heads, shape.head_dim
        at = self._lengths[:n]
        longest = max(at) + 1
        self._reserve(n, longest)
        for row, token in enumerate(tokens):
            self._ids[row][at[row]] = token
            self._lengths[row] += 1
        places = torch.tensor(at)
        cos, sin = self._cos[places][:, None], self._sin[places][:, None]
        later = torch.arange(longest)[None] > places[:, None]
        mask = torch.zeros(n, longest).masked_fill_(later, float("-inf"))
        mask = mask.repeat_interleave(kv, 0)[:, None]
        # Where the new keys and values go, with the cache seen as a list of vectors.
        rows = torch.arange(n * kv).view(n, kv) * self._capacity
        slots = (rows + places[:, None]).flatten()
        scale = dim**-0.5
        x = self._embed[torch.tensor(tokens)]
        for i in range(shape.n_layers):
            y = self._norm(x, f"{i}.norm1")
            mixed = self._matrices[f"{i}.qkv"](y).view(n, heads + 2 * kv, dim)
            turned = llama.rotate(mixed[:, : heads + kv], cos, sin)
            keys, values = self._keys[i], self._values[i]
            keys.view(-1, dim).index_copy_(0, slots, turned[:, heads:].reshape(-1, dim))
            values.view(-1, dim).index_copy_(
                0, slots, mixed[:, heads + kv :].reshape(-1, dim)
            )
            keys = keys.view(-1, self._capacity, dim)[: n * kv, :longest]
            values = values.view(-1, self._capacity, dim)[: n * kv, :longest]
            q = turned[:, :heads].reshape(n * kv, heads // kv, dim)
            scores = torch.baddbmm(mask, q, keys.transpose(1, 2), alpha=scale)
            y = torch.bmm(torch.softmax(scores, -1), values)
            x = self._rest(i, x, y.view(n, heads * dim))
        return self._head(self._norm(x, "norm"))

    def _rest(self, i: int, x: Tensor, attended: Tensor) -> Tensor:
        """A layer from the attention's output on."""
        x = x + self._matrices[f"{i}.out"](attended)
        y = self._matrices[f"{i}.gate_up"](self._norm(x, f"{i}.norm2"))
        gate, up = y.chunk(2, -1)
        return x + self._matrices[f"{i}.down"](F.silu(gate).mul_(up))

    def _norm(self, x: Tensor, name: str) -> Tensor:
        norm = torch.linalg.vector_norm(x, dim=-1, keepdim=True)
        scale = norm.square_().div_(x.shape[-1]).add_(self._shape.norm_eps).rsqrt_()
        return (x * scale).mul_(self._vectors[name])

    @torch.inference_mode()
    def move(self, source: int, target: int) -> None:
        """See AnsweringModel."""
        n = self._lengths[source]
        for store in (self._keys, self._values):
            for layer in store:
                layer[target, :, :n] = layer[source, :, :n]
        self._ids[target][:n] = self._ids[source][:n]
        self._lengths[target] = n


class HuggingFaceAnswers:
    """Any causal model of transformers: a cache of its own for each row.

    Architectures differ in what they keep (windows, states, several kinds of layers),
    so rows are computed one after the other: slower than together, but right for all.

    Raises:
        ValueError: the architecture remembers nothing from token to token.
    """

    def __init__(self, folder: Path, device: str) -> None:
        from transformers import AutoModelForCausalLM

        config = read_config(folder)
        # Large models stay as they are stored: float32 would double their memory.
        large = count_parameters(folder) >= LORA_FROM_PARAMETERS
        dtype = "auto" if large else torch.float32
        model = AutoModelForCausalLM.from_pretrained(
            folder, dtype=dtype, local_files_only=True, trust_remote_code=False
        )
        self._take(model.to(device).eval(), config)

    @classmethod
    def of_module(cls, module: torch.nn.Module, folder: Path):
        """Answer with a model that is in memory already."""
        made = cls.__new__(cls)
        made._take(module, read_config(folder))
        return made

    def _take(self, module: torch.nn.Module, config: dict) -> None:
        self.model = module
        self.device = next(module.parameters()).device
        self.context = context_of(config)
        self.vocab_size = int(config["vocab_size"])
        # With additions around it, a model's own forward takes whatever comes.
        own = module.get_base_model() if hasattr(module, "get_base_model") else module
        arguments = inspect.signature(own.forward).parameters
        self._memory = next((name for name in MEMORIES if name in arguments), None)
        if self._memory is None:
            raise ValueError(
                f"{config.get('model_type')}: this architecture keeps no cache; "
                f"expected one whose forward takes {' or '.join(MEMORIES)}"
            )
        # The logits of a long prompt for a large vocabulary would be gigabytes.
        self._fewer = {"logits_to_keep": 1} if "logits_to_keep" in arguments else {}
        self._caches: dict[int, object] = {}

    @torch.inference_mode()
    def start(self, row: int, ids: list[int]) -> Tensor:
        """See AnsweringModel."""
        self._caches.pop(row, None)
        return self._append(row, ids)

    @torch.inference_mode()
    def step(self, tokens: list[int]) -> Tensor:
        """See AnsweringModel."""
        return torch.stack([self._append(row, [t]) for row, t in enumerate(tokens)])

    def _append(self, row: int, ids: list[int]) -> Tensor:
        output = self.model(
            input_ids=torch.tensor([ids], device=self.device),
            use_cache=True,
            **{self._memory: self._caches.get(row)},
            **self._fewer,
        )
        self._caches[row] = getattr(output, self._memory)
        return output.logits[0, -1].float().cpu()

    def move(self, source: int, target: int) -> None:
        """See AnsweringModel."""
        self._caches[target] = self._caches.pop(source)
