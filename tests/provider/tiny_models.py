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


def _save_tokenizer(folder: Path, template: str | None, eos: str, special) -> int:
    tokenizer = make_tokenizer(special)
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


def make_other(
    folder: Path,
    architecture: str = "qwen2",
    *,
    template: str | None = CHATML_TEMPLATE,
    context: int = 256,
    seed: int = 0,
    spread: float = 4.0,
) -> Path:
    """Write a random model of another architecture: "qwen2", "gpt2" or "gpt_neox"."""
    import torch
    from transformers import (
        AutoModelForCausalLM,
        GPT2Config,
        GPTNeoXConfig,
        Qwen2Config,
    )

    folder.mkdir(parents=True, exist_ok=True)
    special = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]
    eos = "<|im_end|>" if template is not None else "<|endoftext|>"
    vocab = _save_tokenizer(folder, template, eos, special)
    common = {
        "vocab_size": vocab,
        "bos_token_id": None,
        "eos_token_id": special.index(eos),
    }
    config = {
        "qwen2": lambda: Qwen2Config(
            hidden_size=32,
            intermediate_size=64,
            num_hidden_layers=2,
            num_attention_heads=4,
            num_key_value_heads=2,
            max_position_embeddings=context,
            tie_word_embeddings=True,
            **common,
        ),
        "gpt2": lambda: GPT2Config(
            n_embd=32, n_layer=2, n_head=4, n_positions=context, **common
        ),
        "gpt_neox": lambda: GPTNeoXConfig(
            hidden_size=32,
            intermediate_size=64,
            num_hidden_layers=2,
            num_attention_heads=4,
            max_position_embeddings=context,
            **common,
        ),
    }[architecture]()
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
