"""Small random models in Hugging Face format, made on the spot for tests.

`make_llama` has the base model's template and a byte-level tokenizer of its own;
`make_other` is any other architecture, with or without a chat template.
"""

from __future__ import annotations

import json
from pathlib import Path

ROLES = ["<|system|>", "<|user|>", "<|assistant|>", "<|tool|>"]
SPECIAL = ["<|pad|>", "<|end|>", *ROLES]

OUR_TEMPLATE = (
    "{%- for message in messages -%}"
    "{{- '<|' + message['role'] + '|>' -}}"
    "{%- if message['role'] == 'assistant' -%}"
    "{%- generation -%}{{- message['content'] + '<|end|>' -}}{%- endgeneration -%}"
    "{%- else -%}{{- message['content'] + '<|end|>' -}}{%- endif -%}"
    "{%- endfor -%}"
    "{%- if add_generation_prompt -%}{{- '<|assistant|>' -}}{%- endif -%}"
)
CHATML_TEMPLATE = (
    "{% for message in messages %}{{ '<|im_start|>' + message['role'] + '\n' "
    "+ message['content'] + '<|im_end|>' + '\n' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"
)
# Refuses a system message and roles that do not take turns, as some models' do.
STRICT_TEMPLATE = (
    "{% for message in messages %}"
    "{% if (message['role'] == 'user') != (loop.index0 % 2 == 0) %}"
    "{{ raise_exception('roles must alternate user/assistant') }}{% endif %}"
    "{{ '[' + message['role'] + ']' + message['content'] + '<|im_end|>' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '[assistant]' }}{% endif %}"
)

TEXTS = [
    "You are a helpful recipe assistant.",
    "Title: Apple Pie Ingredients: 2 c. brown sugar, 1 tsp. salt, 3 eggs",
    '["brown sugar", "salt", "eggs", "butter", "flour", "milk"]',
    "Stir the butter into the flour, add the milk and bake for 30 minutes.",
]


def make_tokenizer(special: list[str] = SPECIAL, vocab_size: int = 360):
    """Train a byte-level BPE tokenizer on a few sentences; returns `Tokenizer`."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=vocab_size,
        special_tokens=special,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(TEXTS * 4, trainer)
    return tokenizer


def pieces_tokenizer(kind: str, special: list[str]):
    """Make a tokenizer that marks spaces with U+2581 and spells the rest in bytes.

    Args:
        kind: "unigram" and "llama2" put a space before every text and take it off
            again; "gemma" does not.
        special: special tokens.

    Returns:
        Tokenizer.
    """
    from tokenizers import (
        Tokenizer,
        decoders,
        models,
        normalizers,
        pre_tokenizers,
        trainers,
    )

    in_bytes = [f"<0x{byte:02X}>" for byte in range(256)]
    common = {
        "vocab_size": 500,
        "special_tokens": [*special, "<unk>", *in_bytes],
        "show_progress": False,
    }
    if kind == "unigram":
        tokenizer = Tokenizer(models.Unigram())
        tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
        tokenizer.decoder = decoders.Sequence(
            [decoders.ByteFallback(), decoders.Metaspace()]
        )
        trainer = trainers.UnigramTrainer(unk_token="<unk>", **common)
    else:
        tokenizer = Tokenizer(models.BPE(unk_token="<unk>", fuse_unk=True))
        replace = normalizers.Replace(" ", "\u2581")
        ends = [decoders.Replace("\u2581", " "), decoders.ByteFallback()]
        ends.append(decoders.Fuse())
        tokenizer.normalizer = replace
        if kind == "llama2":
            prepend = normalizers.Prepend("\u2581")
            tokenizer.normalizer = normalizers.Sequence([prepend, replace])
            ends.append(decoders.Strip(" ", 1, 0))
        tokenizer.decoder = decoders.Sequence(ends)
        trainer = trainers.BpeTrainer(max_token_length=6, **common)
    tokenizer.train_from_iterator(TEXTS * 4, trainer)
    described = json.loads(tokenizer.to_str())
    described["model"]["byte_fallback"] = True
    # In the vocabulary, but ordinary tokens, as SentencePiece has them.
    described["added_tokens"] = [
        token for token in described["added_tokens"] if token["content"] not in in_bytes
    ]
    return Tokenizer.from_str(json.dumps(described))


def _save_tokenizer(
    folder: Path, template: str | None, eos: str, special, kind: str = "bytes"
) -> int:
    if kind == "bytes":
        tokenizer = make_tokenizer(special)
    else:
        tokenizer = pieces_tokenizer(kind, special)
    tokenizer.save(str(folder / "tokenizer.json"))
    settings = {"tokenizer_class": "PreTrainedTokenizerFast", "eos_token": eos}
    (folder / "tokenizer_config.json").write_text(json.dumps(settings))
    if template is not None:
        (folder / "chat_template.jinja").write_text(template)
    return tokenizer.get_vocab_size()


def _save_model(model, folder: Path, spread: float) -> None:
    """Save with weights large enough for answers that differ from prompt to prompt."""
    import torch

    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.ndim > 1:
                parameter.mul_(spread)
    model.save_pretrained(folder)


def make_llama(
    folder: Path,
    *,
    seed: int = 0,
    hidden: int = 32,
    layers: int = 2,
    heads: int = 4,
    kv_heads: int = 2,
    tied: bool = True,
    context: int = 256,
    dtype: str = "float32",
    spread: float = 4.0,
) -> Path:
    """Write a random Llama chat model and return its folder."""
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

    folder.mkdir(parents=True, exist_ok=True)
    vocab = _save_tokenizer(folder, OUR_TEMPLATE, "<|end|>", SPECIAL)
    torch.manual_seed(seed)
    config = LlamaConfig(
        vocab_size=vocab,
        hidden_size=hidden,
        intermediate_size=2 * hidden,
        num_hidden_layers=layers,
        num_attention_heads=heads,
        num_key_value_heads=kv_heads,
        max_position_embeddings=context,
        tie_word_embeddings=tied,
        pad_token_id=0,
        bos_token_id=None,
        eos_token_id=1,
    )
    _save_model(LlamaForCausalLM(config).to(getattr(torch, dtype)), folder, spread)
    return folder


# Sizes of the smallest model of each architecture that still has all of its parts:
# grouped queries, biases, norms of queries and keys, a window, experts, states.
_ATTENTION = {
    "hidden_size": 32,
    "intermediate_size": 64,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
}
_GEMMA = {**_ATTENTION, "head_dim": 8, "sliding_window": 16}
_EXPERTS = {**_ATTENTION, "num_experts": 4, "num_experts_per_tok": 2}
ARCHITECTURES: dict[str, dict] = {
    "qwen2": {**_ATTENTION, "tie_word_embeddings": True},
    "qwen3": {**_ATTENTION, "head_dim": 8, "tie_word_embeddings": True},
    "gpt2": {"n_embd": 32, "n_layer": 2, "n_head": 4},
    "gpt_neox": {
        "hidden_size": 32,
        "intermediate_size": 64,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
    },
    "phi3": dict(_ATTENTION),
    "gemma2": {
        **_GEMMA,
        "query_pre_attn_scalar": 8,
        "layer_types": ["sliding_attention", "full_attention"],
    },
    "gemma3_text": {
        **_GEMMA,
        "query_pre_attn_scalar": 8,
        "layer_types": ["sliding_attention", "full_attention"],
    },
    "qwen3_moe": {**_EXPERTS, "head_dim": 8, "moe_intermediate_size": 32},
    "olmoe": dict(_EXPERTS),
    "mixtral": {**_ATTENTION, "num_local_experts": 4, "num_experts_per_tok": 2},
    "mamba": {"hidden_size": 32, "num_hidden_layers": 2, "state_size": 8},
}


def make_other(
    folder: Path,
    architecture: str = "qwen2",
    *,
    template: str | None = CHATML_TEMPLATE,
    context: int = 256,
    seed: int = 0,
    spread: float = 4.0,
    tokenizer: str = "bytes",
    **changes,
) -> Path:
    """Write a random model of another architecture, one of ARCHITECTURES.

    Args:
        folder: where to.
        architecture: its `model_type`.
        template: chat template, or None.
        context: the most tokens it reads.
        seed: of the weights.
        spread: factor on the matrices.
        tokenizer: "bytes", or one of `pieces_tokenizer`.
        changes: of the configuration.
    """
    import torch
    from transformers import AutoConfig, AutoModelForCausalLM

    folder.mkdir(parents=True, exist_ok=True)
    special = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]
    eos = "<|im_end|>" if template is not None else "<|endoftext|>"
    vocab = _save_tokenizer(folder, template, eos, special, tokenizer)
    sizes = {"max_position_embeddings": context, **ARCHITECTURES[architecture]}
    if architecture == "mamba":
        del sizes["max_position_embeddings"]
    if architecture == "gpt2":
        sizes["n_positions"] = sizes.pop("max_position_embeddings")
    config = AutoConfig.for_model(
        architecture,
        vocab_size=vocab,
        bos_token_id=None,
        pad_token_id=None,
        eos_token_id=special.index(eos),
        **sizes | changes,
    )
    torch.manual_seed(seed)
    _save_model(AutoModelForCausalLM.from_config(config), folder, spread)
    return folder


def recipe_examples(n: int, *, first: int = 0) -> list[dict]:
    """Make chat examples whose answers can be learned: copy a few of the words."""
    foods = ["salt", "flour", "brown sugar", "eggs", "milk", "butter", "rice", "leeks"]
    rows = []
    for i in range(first, first + n):
        chosen = [foods[(i * 3 + k * 5) % 8] for k in range(2 + i % 3)]
        lines = ", ".join(f"{k + 1} c. {food}" for k, food in enumerate(chosen))
        rows.append(
            {
                "messages": [
                    {"role": "system", "content": "Extract the ingredients."},
                    {"role": "user", "content": f"Pie {i}: {lines}"},
                    {"role": "assistant", "content": json.dumps(chosen)},
                ]
            }
        )
    return rows


def write_jsonl(path: Path, rows: list[dict]) -> Path:
    """Write rows as JSON Lines and return the path."""
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    return path
