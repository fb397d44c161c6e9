"""A Llama-shaped model as plain PyTorch functions: the fast path of both engines.

Training and generation of a model of a few million parameters are bound by overhead:
padding, logits that nobody reads, Python between small operations. So this module
computes only what is asked for. A batch is one long row of tokens without padding;
the last layer and the vocabulary are computed only where a loss or a next token is
wanted; attention has a backward pass of its own, because that of
`scaled_dot_product_attention` is several times slower on a CPU (measured with torch
2.13.0, see benchmarks/README.md).

The weights are those of `transformers.LlamaForCausalLM`: they are read from and
written to its folders (config.json, model.safetensors), and a test holds the logits
of both against each other. A configuration that this module does not fully
understand is refused by `LlamaShape.from_config`, and the Hugging Face class does
the work instead (causal_models.py).

It knows tensors and folders; it must never know jobs, requests or chat formats.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

Weights = dict[str, Tensor]

# Queries per block of causal attention. A block looks only at the keys up to its own
# end, which leaves out most of the upper triangle of a long text.
QUERY_BLOCK = 256
# Lengths are multiples of this in bfloat16 (see PackedRows).
GRAIN = 16


@dataclass(frozen=True)
class LlamaShape:
    """The sizes of a Llama model, as its config.json gives them."""

    vocab_size: int
    hidden_size: int
    intermediate_size: int
    n_layers: int
    n_heads: int
    n_kv_heads: int
    head_dim: int
    rope_theta: float
    norm_eps: float
    context: int
    tied: bool

    @classmethod
    def from_config(cls, config: dict) -> LlamaShape | None:
        """Read the sizes from config.json; None where this module cannot serve.

        Args:
            config: the parsed config.json of a model folder.

        Returns:
            The shape, or None for another architecture, for biases, dropout,
            quantised weights, another activation or another kind of rotary
            position than the original one.
        """
        rope = config.get("rope_parameters") or config.get("rope_scaling") or {}
        rope_type = rope.get("rope_type", rope.get("type", "default"))
        understood = (
            config.get("model_type") == "llama"
            and config.get("architectures", ["LlamaForCausalLM"])
            == ["LlamaForCausalLM"]
            and config.get("hidden_act", "silu") == "silu"
            and not config.get("attention_bias", False)
            and not config.get("mlp_bias", False)
            and not config.get("attention_dropout", 0.0)
            and config.get("pretraining_tp", 1) == 1
            and config.get("quantization_config") is None
            and rope_type == "default"
            and rope.get("partial_rotary_factor", 1.0) == 1.0
        )
        if not understood:
            return None
        n_heads = config["num_attention_heads"]
        head_dim = config.get("head_dim") or config["hidden_size"] // n_heads
        theta = rope.get("rope_theta", config.get("rope_theta", 10000.0))
        return cls(
            vocab_size=config["vocab_size"],
            hidden_size=config["hidden_size"],
            intermediate_size=config["intermediate_size"],
            n_layers=config["num_hidden_layers"],
            n_heads=n_heads,
            n_kv_heads=config.get("num_key_value_heads") or n_heads,
            head_dim=head_dim,
            rope_theta=float(theta),
            norm_eps=config.get("rms_norm_eps", 1e-6),
            context=config.get("max_position_embeddings", 2048),
            tied=config.get("tie_word_embeddings", False),
        )

    @property
    def q_rows(self) -> int:
        """Rows of the query part of a layer's fused query-key-value matrix."""
        return self.n_heads * self.head_dim

    @property
    def kv_rows(self) -> int:
        """Rows of the key part (and of the value part) of the fused matrix."""
        return self.n_kv_heads * self.head_dim


# ---------------------------------------------------------------- folders and names


def from_hf_names(state: dict[str, Tensor], shape: LlamaShape) -> Weights:
    """Fuse the matrices that are always applied together.

    Args:
        state: tensors under the names of `LlamaForCausalLM.state_dict()`.
        shape: the sizes of the model.

    Returns:
        `embed` [vocab, hidden], `norm` [hidden], `head` [vocab, hidden] if not tied,
        and for layer i `i.norm1`, `i.qkv`, `i.out`, `i.norm2`, `i.gate_up`, `i.down`.
    """
    weights = {"embed": state["model.embed_tokens.weight"]}
    for i in range(shape.n_layers):
        old = f"model.layers.{i}."
        attention = [state[f"{old}self_attn.{x}_proj.weight"] for x in "qkv"]
        weights[f"{i}.norm1"] = state[old + "input_layernorm.weight"]
        weights[f"{i}.qkv"] = torch.cat(attention)
        weights[f"{i}.out"] = state[old + "self_attn.o_proj.weight"]
        weights[f"{i}.norm2"] = state[old + "post_attention_layernorm.weight"]
        gate, up = (state[f"{old}mlp.{x}_proj.weight"] for x in ("gate", "up"))
        weights[f"{i}.gate_up"] = torch.cat([gate, up])
        weights[f"{i}.down"] = state[old + "mlp.down_proj.weight"]
    weights["norm"] = state["model.norm.weight"]
    if not shape.tied:
        weights["head"] = state["lm_head.weight"]
    return weights


def to_hf_names(weights: Weights, shape: LlamaShape) -> dict[str, Tensor]:
    """The way back from `from_hf_names`: a state that Hugging Face can load."""
    state = {"model.embed_tokens.weight": weights["embed"]}
    for i in range(shape.n_layers):
        new = f"model.layers.{i}."
        rows = [shape.q_rows, shape.kv_rows, shape.kv_rows]
        for x, part in zip("qkv", weights[f"{i}.qkv"].split(rows), strict=True):
            state[f"{new}self_attn.{x}_proj.weight"] = part
        gate, up = weights[f"{i}.gate_up"].split(shape.intermediate_size)
        state[new + "self_attn.o_proj.weight"] = weights[f"{i}.out"]
        state[new + "mlp.gate_proj.weight"] = gate
        state[new + "mlp.up_proj.weight"] = up
        state[new + "mlp.down_proj.weight"] = weights[f"{i}.down"]
        state[new + "input_layernorm.weight"] = weights[f"{i}.norm1"]
        state[new + "post_attention_layernorm.weight"] = weights[f"{i}.norm2"]
    state["model.norm.weight"] = weights["norm"]
    if not shape.tied:
        state["lm_head.weight"] = weights["head"]
    return {name: tensor.contiguous() for name, tensor in state.items()}


# ------------------------------------------------------------------------ the pieces


def rope_tables(shape: LlamaShape) -> tuple[Tensor, Tensor]:
    """Cosines and sines of the rotary positions (Su et al., 2021, arXiv:2104.09864).

    Returns:
        Two float32 tensors [context, head_dim], laid out for `rotate`: the first half
        of the sines is negative.
    """
    half = torch.arange(0, shape.head_dim, 2, dtype=torch.int64).float()
    frequency = 1.0 / (shape.rope_theta ** (half / shape.head_dim))
    angle = torch.outer(torch.arange(shape.context).float(), frequency)
    cos, sin = angle.cos(), angle.sin()
    return torch.cat([cos, cos], 1), torch.cat([-sin, sin], 1)


def rotate(x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    """Turn queries or keys by their positions; negative sines turn them back.

    Args:
        x: [..., n, head_dim].
        cos: [n, head_dim], and `sin` likewise, of `rope_tables`.

    Returns:
        A new contiguous tensor like `x`, computed in float32.
    """
    wide = x.float()
    turned = torch.roll(wide, x.shape[-1] // 2, -1).mul_(sin).addcmul_(wide, cos)
    return turned.to(x.dtype)


class RmsNorm(torch.autograd.Function):
    """Root-mean-square norm (Zhang and Sennrich, 2019, arXiv:1910.07467).

    Takes the float32 residual stream [n, hidden] and gives `dtype`, in which the
    matrices are multiplied.
    """

    @staticmethod
    def forward(ctx, x: Tensor, weight: Tensor, eps: float, dtype: torch.dtype):
        norm = torch.linalg.vector_norm(x, dim=-1, keepdim=True)
        scale = norm.square_().div_(x.shape[-1]).add_(eps).rsqrt_()
        ctx.save_for_backward(x, weight, scale)
        return (x * scale).mul_(weight).to(dtype)

    @staticmethod
    def backward(ctx, grad: Tensor):
        x, weight, scale = ctx.saved_tensors
        unit = x * scale
        grad = grad.float()
        grad_weight = (grad * unit).sum(0)
        grad = grad * weight
        along = torch.linalg.vecdot(grad, unit).unsqueeze(-1).div_(-x.shape[-1])
        return grad.addcmul_(unit, along).mul_(scale), grad_weight, None, None


class SwiGlu(torch.autograd.Function):
    """silu(gate) * up on [n, 2 * width] (Shazeer, 2020, arXiv:2002.05202)."""

    @staticmethod
    def forward(ctx, gate_up: Tensor):
        gate, up = gate_up.chunk(2, -1)
        ctx.save_for_backward(gate_up)
        return F.silu(gate).mul_(up)

    @staticmethod
    def backward(ctx, grad: Tensor):
        (gate_up,) = ctx.saved_tensors
        gate, up = gate_up.chunk(2, -1)
        result = torch.empty_like(gate_up)
        grad_gate, grad_up = result.chunk(2, -1)
        torch.mul(grad, F.silu(gate), out=grad_up)
        grad_gate.copy_(torch.ops.aten.silu_backward(grad * up, gate))
        return result


class CausalAttention(torch.autograd.Function):
    """Softmax attention of packed sequences, each token seeing its own past.

    Args (of `apply`):
        q: [n_q, heads * head_dim], k and v: [n, kv_heads * head_dim].
        q_at: positions of the queries within `q`'s sequences [n_q].
        turns: rows of `rope_tables` at the positions of the queries (cos, sin) and of
            the keys (cos, sin).
        spans: for every sequence (q_start, q_end, k_start, k_end, every): `every`
            says that the queries are all tokens of the sequence, in order.
        shape: the sizes of the model.

    Returns:
        [n_q, heads * head_dim].
    """

    @staticmethod
    def forward(ctx, q, k, v, q_at, turns, spans, shape):
        kv, group = shape.n_kv_heads, shape.n_heads // shape.n_kv_heads
        dim = shape.head_dim
        cos_q, sin_q, cos_k, sin_k = turns
        scale = dim**-0.5
        by_head = q.view(-1, kv, group, dim).permute(1, 2, 0, 3)
        q = rotate(by_head, cos_q * scale, sin_q * scale)
        k = rotate(k.view(-1, kv, dim).transpose(0, 1), cos_k, sin_k)
        v = v.view(-1, kv, dim).transpose(0, 1).contiguous()
        out = torch.empty(q.shape, dtype=q.dtype)
        blocks, chances = _blocks(spans, q_at, q.dtype), []
        for a, b, start, end, _, mask in blocks:
            part = q[:, :, a:b].reshape(kv, -1, dim)
            scores = torch.bmm(part, k[:, start:end].transpose(1, 2))
            scores = scores.view(kv, group, b - a, end - start)
            scores[..., end - start - mask.shape[1] :].add_(mask)
            p = torch.softmax(scores, -1).view(kv, -1, end - start)
            out[:, :, a:b] = torch.bmm(p, v[:, start:end]).view(kv, group, b - a, dim)
            chances.append(p)
        ctx.save_for_backward(q, k, v, cos_q, sin_q, cos_k, sin_k, *chances)
        ctx.blocks, ctx.sizes = blocks, (kv, group, dim, scale)
        return out.permute(2, 0, 1, 3).reshape(-1, kv * group * dim)

    @staticmethod
    def backward(ctx, grad):
        q, k, v, cos_q, sin_q, cos_k, sin_k, *chances = ctx.saved_tensors
        kv, group, dim, scale = ctx.sizes
        grad = grad.view(-1, kv, group, dim).permute(1, 2, 0, 3).contiguous()
        grad_q = torch.empty_like(q)
        grad_k = torch.empty_like(k)
        grad_v = torch.empty_like(v)
        for (a, b, start, end, first, _), p in zip(ctx.blocks, chances, strict=True):
            part = q[:, :, a:b].reshape(kv, -1, dim)
            up = grad[:, :, a:b].reshape(kv, -1, dim)
            slope = torch.bmm(up, v[:, start:end].transpose(1, 2))
            slope = torch._softmax_backward_data(slope, p, -1, p.dtype)
            slope_q = torch.bmm(slope, k[:, start:end])
            grad_q[:, :, a:b] = slope_q.view(kv, group, b - a, dim)
            slope_k = torch.bmm(slope.transpose(1, 2), part)
            slope_v = torch.bmm(p.transpose(1, 2), up)
            if first:
                grad_k[:, start:end], grad_v[:, start:end] = slope_k, slope_v
            else:
                grad_k[:, start:end] += slope_k
                grad_v[:, start:end] += slope_v
        # The way back through a turn is the turn the other way round.
        grad_q = rotate(grad_q, cos_q * scale, sin_q * -scale)
        grad_k = rotate(grad_k, cos_k, -sin_k)
        rows = grad_q.permute(2, 0, 1, 3).reshape(-1, kv * group * dim)
        return (
            rows,
            grad_k.transpose(0, 1).reshape(-1, kv * dim),
            grad_v.transpose(0, 1).reshape(-1, kv * dim),
            *[None] * 4,
        )


def _blocks(spans, q_at: Tensor, dtype: torch.dtype) -> list[tuple]:
    """Cut sequences into blocks of queries and the keys that they may look at.

    Returns:
        (q_start, q_end, k_start, k_end, first, mask): `mask` is added to the last
        columns of the scores, all that come before them may be looked at. `first`
        marks the block of a sequence that comes first and sees all of its keys.
    """
    blocks = []
    for q_start, q_end, k_start, k_end, every in spans:
        if not every:
            keys = torch.arange(k_end - k_start)
            hidden = keys[None] > q_at[q_start:q_end, None]
            mask = torch.zeros(hidden.shape, dtype=dtype)
            mask.masked_fill_(hidden, float("-inf"))
            blocks.append((q_start, q_end, k_start, k_end, True, mask))
            continue
        for a in reversed(range(q_start, q_end, QUERY_BLOCK)):
            b = min(a + QUERY_BLOCK, q_end)
            first, size = b == q_end, b - a
            end = k_start + b - q_start
            blocks.append((a, b, k_start, end, first, _future(dtype)[:size, :size]))
    return blocks


@functools.cache
def _future(dtype: torch.dtype) -> Tensor:
    """What to add to scores so that no token of a block sees a later one."""
    full = torch.full((QUERY_BLOCK, QUERY_BLOCK), float("-inf"), dtype=dtype)
    return full.triu_(1)


# ----------------------------------------------------------------------- the forward


@dataclass(frozen=True)
class PackedRows:
    """Sequences laid end to end, and the tokens whose successors are wanted.

    Lengths are rounded up. oneDNN compiles a kernel for each new shape of a bfloat16
    product, which takes longer than the product itself; with few different shapes,
    they are soon all there. What fills up stands behind the last token of a sequence,
    where no token of it looks.

    Attributes:
        ids: [n] token ids of all sequences, one after the other.
        positions: [n] the position of each token within its own sequence.
        wanted: [m] ascending indices into `ids`: where to predict the next token.
        asked: [k] which of `wanted` were asked for, or as a slice.
        lengths: the tokens of each sequence.
        wanted_per_row: how many of `wanted` lie in each sequence (at least one).
    """

    ids: Tensor
    positions: Tensor
    wanted: Tensor
    asked: Tensor | slice
    lengths: tuple[int, ...]
    wanted_per_row: tuple[int, ...]

    @classmethod
    def pack(
        cls, rows: Sequence[Tensor], wanted: Sequence[Tensor], grain: int = 1
    ) -> PackedRows:
        """Lay rows end to end.

        Args:
            rows: token ids of each sequence, 1-D.
            wanted: for each sequence the ascending positions within it.
            grain: lengths and numbers of wanted tokens become multiples of it, the
                length of all together a multiple of four times as much.
        """
        lengths = [_up(len(row), grain) for row in rows]
        lengths[-1] += _up(sum(lengths), 4 * grain) - sum(lengths)
        counts = [_up(len(places), grain) for places in wanted]
        ids = torch.zeros(sum(lengths), dtype=torch.int64)
        positions = torch.empty_like(ids)
        padded = torch.empty(sum(counts), dtype=torch.int64)
        asked, start, first = [], 0, 0
        for row, places, length, count in zip(
            rows, wanted, lengths, counts, strict=True
        ):
            ids[start : start + len(row)] = row
            torch.arange(length, out=positions[start : start + length])
            padded[first : first + len(places)] = places + start
            padded[first + len(places) : first + count] = int(places[-1]) + start
            asked.append(torch.arange(first, first + len(places)))
            start, first = start + length, first + count
        return cls(
            ids=ids,
            positions=positions,
            wanted=padded,
            # The way back through a slice is much faster than through indices.
            asked=slice(len(asked[0])) if len(asked) == 1 else torch.cat(asked),
            lengths=tuple(lengths),
            wanted_per_row=tuple(counts),
        )


def _up(n: int, grain: int) -> int:
    """Round up to a multiple."""
    return -(-n // grain) * grain


def wanted_logits(
    weights: Weights,
    shape: LlamaShape,
    tables: tuple[Tensor, Tensor],
    rows: PackedRows,
    embedded: Tensor,
) -> Tensor:
    """Logits at the wanted tokens, differentiable in the weights and in `embedded`.

    Args:
        weights: as `from_hf_names` names them. Matrices are multiplied in the type
            that they have here; the residual stream and the norms are float32.
        shape: the sizes of the model.
        tables: as `rope_tables` gives them.
        rows: the sequences.
        embedded: float32 [n, hidden], the rows of "embed" for `rows.ids`.

    Returns:
        float32 [k, vocab], one row for each token that was asked for.
    """
    y = wanted_states(weights, shape, tables, rows, embedded)
    head = weights["embed" if shape.tied else "head"]
    return F.linear(y, head)[rows.asked].float()


def wanted_states(
    weights: Weights,
    shape: LlamaShape,
    tables: tuple[Tensor, Tensor],
    rows: PackedRows,
    embedded: Tensor,
) -> Tensor:
    """What the model knows at the wanted tokens, before it names the next token.

    Args:
        weights: see `wanted_logits`, as for all arguments.
        shape: the sizes of the model.
        tables: of the rotary positions.
        rows: the sequences.
        embedded: the first states.

    Returns:
        [m, hidden] in the type of the matrices: the last states, normed, one row for
        each of `rows.wanted`.
    """
    w, x, dtype = weights, embedded, weights["embed"].dtype
    q_rows, kv_rows = shape.q_rows, shape.kv_rows
    all_spans, wanted_spans, q, k = [], [], 0, 0
    for length, wanted in zip(rows.lengths, rows.wanted_per_row, strict=True):
        all_spans.append((k, k + length, k, k + length, True))
        wanted_spans.append((q, q + wanted, k, k + length, False))
        q, k = q + wanted, k + length
    # Filling may stand beyond the context, and so beyond the tables.
    at = rows.positions.clamp(max=shape.context - 1)
    cos, sin = (table[at] for table in tables)
    for i in range(shape.n_layers):
        last = i == shape.n_layers - 1
        y = RmsNorm.apply(x, w[f"{i}.norm1"], shape.norm_eps, dtype)
        if last:
            # Keys and values of every token, all the rest only where it is wanted.
            x = x[rows.wanted]
            w_q, w_kv = w[f"{i}.qkv"].split([q_rows, 2 * kv_rows])
            query = F.linear(y[rows.wanted], w_q)
            key, value = F.linear(y, w_kv).split(kv_rows, -1)
            q_at, spans = at[rows.wanted], wanted_spans
            turns = cos[rows.wanted], sin[rows.wanted], cos, sin
        else:
            mixed = F.linear(y, w[f"{i}.qkv"])
            query, key, value = mixed.split([q_rows, kv_rows, kv_rows], -1)
            q_at, spans, turns = at, all_spans, (cos, sin, cos, sin)
        y = CausalAttention.apply(query, key, value, q_at, turns, spans, shape)
        x = x + F.linear(y, w[f"{i}.out"])
        y = RmsNorm.apply(x, w[f"{i}.norm2"], shape.norm_eps, dtype)
        y = SwiGlu.apply(F.linear(y, w[f"{i}.gate_up"]))
        x = x + F.linear(y, w[f"{i}.down"])
    return RmsNorm.apply(x, w["norm"], shape.norm_eps, dtype)
