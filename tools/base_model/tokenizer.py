"""A byte-level BPE in which a word is the same tokens wherever it stands.

Usual tokenizers give ` sugar` (after a space) and `sugar` (after a quote) different
pieces. A small model then has to learn to copy every word twice. Here a mark (U+0001)
and a space are put before each word that does not follow a space, before the pieces are
cut, and taken out again after decoding: `["sugar"` is cut as `["` + mark, ` sugar`,
`"`. Text that itself holds U+0001 or U+0002 loses it; nothing else is changed, in any
language.
"""

from collections.abc import Iterable
from pathlib import Path

from tokenizers import (
    AddedToken,
    Regex,
    Tokenizer,
    decoders,
    models,
    normalizers,
    pre_tokenizers,
    trainers,
)
from transformers import PreTrainedTokenizerFast

MARK = "\x01"
SPECIAL = ("<|pad|>", "<|end|>", "<|system|>", "<|user|>", "<|assistant|>", "<|tool|>")
PAD, END, SYSTEM, USER, ASSISTANT, TOOL = range(6)
# Words with their space; amounts; digits; marks with theirs; white space.
PIECES = (
    r" ?\p{L}[\p{L}\p{M}]*| ?\d{1,2}/\d{1,2}| ?\d{1,2}"
    r"| ?[^\s\p{L}\d]+|[\r\n]+\x01?|[^\S\n]+\x01?"
)
CHAT_TEMPLATE = (
    "{%- for message in messages -%}"
    "{{- '<|' + message['role'] + '|>' -}}"
    "{%- if message['role'] == 'assistant' -%}"
    "{%- generation -%}{{- message['content'] + '<|end|>' -}}{%- endgeneration -%}"
    "{%- else -%}{{- message['content'] + '<|end|>' -}}{%- endif -%}"
    "{%- endfor -%}"
    "{%- if add_generation_prompt -%}{{- '<|assistant|>' -}}{%- endif -%}"
)


def untrained() -> Tokenizer:
    """Return the tokenizer's rules with an empty vocabulary."""
    tokenizer = Tokenizer(models.BPE())
    # An insertion at the very start of a text breaks the library's alignments (seen in
    # tokenizers 0.23.3), so a guard stands there while the marks are put in.
    tokenizer.normalizer = normalizers.Sequence(
        [
            normalizers.Prepend("\x02"),
            normalizers.Replace(Regex(r"(?<=[^\p{L}\p{M} ])(?=\p{L})"), MARK + " "),
            normalizers.Replace("\x02", ""),
        ]
    )
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(PIECES), "isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    tokenizer.decoder = decoders.Sequence(
        [
            decoders.ByteLevel(),
            decoders.Replace(MARK + " ", ""),
            decoders.Replace(MARK, ""),
        ]
    )
    return tokenizer


def train(texts: Iterable[str], vocab_size: int) -> Tokenizer:
    """Return a tokenizer trained on the texts.

    vocab_size: number of tokens, the special ones and all 256 bytes included.
    """
    tokenizer = untrained()
    trainer = trainers.BpeTrainer(
        vocab_size=vocab_size,
        special_tokens=[AddedToken(t, special=True, normalized=False) for t in SPECIAL],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts, trainer)
    return tokenizer


def save(tokenizer: Tokenizer, folder: Path, context: int) -> None:
    """Write the tokenizer as a Hugging Face folder.

    context: the longest input of the model in tokens.
    """
    PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        pad_token="<|pad|>",
        eos_token="<|end|>",
        additional_special_tokens=list(SPECIAL[2:]),
        chat_template=CHAT_TEMPLATE,
        clean_up_tokenization_spaces=False,
        model_max_length=context,
    ).save_pretrained(folder)
