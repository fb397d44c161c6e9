"""The forward pass of a small Llama in plain functions that torch.compile can fuse.

Pre-training wants the logits of every token of rows of equal length, compiled once.
(The provider's own forward pass, helpers/provider/llama.py, wants the opposite: few
logits, rows of any length, no compiler.) The weights are those of the transformers
model; a test compares the two.
"""

import torch
from torch import Tensor, nn
from torch.nn.functional import (
    embedding,
    linear,
    rms_norm,
    silu,
)
from transformers import LlamaForCausalLM

QUERY_BLOCK = 192


def rotation(length: int, width: int, theta: float) -> tuple[Tensor, Tensor]:
    """Return the cosines and sines of rotary positions, each (length, width).

    width: units of one head. Su et al. 2021, RoFormer, section 3.2.2.
    """
    steps = torch.arange(0, width, 2, dtype=torch.float32) / width
    angles = torch.outer(torch.arange(length, dtype=torch.float32), theta**-steps)
    angles = torch.cat((angles, angles), dim=-1)
    return angles.cos(), angles.sin()


def causal_attention(query: Tensor, key: Tensor, value: Tensor) -> Tensor:
    """Return the attention of each token to its past, in blocks of queries.

    All of shape (batch, heads, length, width). Plain products, because the backward
    pass of `scaled_dot_product_attention` is slow on a CPU: with it, a compiled step
    of 12 rows of 384 tokens was a quarter slower (one thread, torch 2.13.0).
    """
    length, found = query.shape[-2], []
    query = query * query.shape[-1] ** -0.5
    for first in range(0, length, QUERY_BLOCK):
        last = min(first + QUERY_BLOCK, length)
        scores = query[..., first:last, :] @ key[..., :last, :].transpose(-1, -2)
        later = torch.full((last - first, last), float("-inf"), dtype=scores.dtype)
        chances = torch.softmax(scores + later.triu_(1 + first), dim=-1)
        found.append(chances @ value[..., :last, :])
    return torch.cat(found, dim=-2)


def logits(model: LlamaForCausalLM, ids: Tensor, turn: tuple[Tensor, Tensor]) -> Tensor:
    """Return the logits, shape (batch, length, vocabulary), in bfloat16.

    ids: token ids, shape (batch, length); turn: `rotation` for at least that length.
    """
    config = model.config
    eps, heads = config.rms_norm_eps, config.num_attention_heads
    batch, length = ids.shape
    half = config.hidden_size // heads // 2
    cos, sin = (t[:length].bfloat16() for t in turn)
    table = model.model.embed_tokens.weight
    hidden = embedding(ids, table)

    def turned(x: Tensor) -> Tensor:
        return x * cos + torch.cat((-x[..., half:], x[..., :half]), dim=-1) * sin

    def normed(x: Tensor, norm: nn.Module) -> Tensor:
        return rms_norm(x, norm.weight.shape, norm.weight, eps).bfloat16()

    def split(x: Tensor) -> Tensor:
        return x.view(batch, length, heads, 2 * half).transpose(1, 2)

    for layer in model.model.layers:
        attention, feed = layer.self_attn, layer.mlp
        x = normed(hidden, layer.input_layernorm)
        query, key, value = (
            split(linear(x, part.weight.bfloat16()))
            for part in (attention.q_proj, attention.k_proj, attention.v_proj)
        )
        mixed = causal_attention(turned(query), turned(key), value)
        mixed = mixed.transpose(1, 2).reshape(batch, length, -1)
        hidden = hidden + linear(mixed, attention.o_proj.weight.bfloat16())
        x = normed(hidden, layer.post_attention_layernorm)
        gate = silu(linear(x, feed.gate_proj.weight.bfloat16()))
        up = linear(x, feed.up_proj.weight.bfloat16())
        hidden = hidden + linear(gate * up, feed.down_proj.weight.bfloat16())
    return linear(normed(hidden, model.model.norm), table.bfloat16())
