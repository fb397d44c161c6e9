"""Chat messages to token ids and back, the same for training and for answering.

Purpose: one place that decides which tokens a model sees. Training and serving both
render here, so a prompt at test time has the very tokens it had in training. Three
ways, tried in this order (`ChatRenderer.way` says which one a model folder gets):

1. "roles": `<|system|>text<|end|><|user|>text<|end|><|assistant|>text<|end|>`, the
   template of the base model that comes with this repository. Tokens are put together
   without transformers or a template engine.
2. "template": any other Hugging Face tokenizer with a chat template.
3. "plain": `User: text` lines, for tokenizers without a template.

Invariants: text that a user typed never becomes a special token, even when it spells
one; answers of the assistant, their end token included, carry the loss and nothing
else does.

How tools are written where the template has no words of its own for them (ways 1, 3):
the definitions follow the system text after a line `Tools:`, one JSON object a line;
a call by the assistant is one JSON object a line, {"name": ..., "arguments": ...};
what a tool answers is a message of the role `tool`. A template that leaves calls or
definitions out is given them in the same words, as text.

It knows text and tokens; it must never know tensors, requests or jobs.
"""

from __future__ import annotations

import functools
import itertools
import json
import re
import secrets
import threading
import weakref
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tokenizers import Tokenizer

from helpers.provider.decoding import ByteTable, pieces_of
from helpers.provider.tool_calls import CallForm, Probe, form_from_texts

Message = dict[str, Any]

ROLE_TOKENS = {
    "system": "<|system|>",
    "user": "<|user|>",
    "assistant": "<|assistant|>",
    "tool": "<|tool|>",
}
END_TOKEN = "<|end|>"
PLAIN_NAMES = {
    "system": "System",
    "user": "User",
    "assistant": "Assistant",
    "tool": "Tool",
}
_PROBE = Probe()
_ASKED = {"role": "user", "content": "x"}
# Unlike any text: private-use characters, around the number of a piece of user text.
_MARK = "\uf8ff\ue0b0"


@dataclass(frozen=True)
class _Piece:
    """Text that is read in one way: `special` says whether special tokens count."""

    text: str
    special: bool
    weight: float = 0.0


_IN_USE: weakref.WeakValueDictionary[Path, ChatRenderer]
_IN_USE = weakref.WeakValueDictionary()
_IN_USE_LOCK = threading.Lock()


def renderer_of(folder: Path) -> ChatRenderer:
    """Return the renderer of a model folder: the one in use, or a new one.

    Who answers and who reads requests need the same; it takes a few megabytes.

    Raises:
        ValueError: the folder has no tokenizer that can be used.
    """
    with _IN_USE_LOCK:
        renderer = _IN_USE.get(folder)
    if renderer is None:
        renderer = ChatRenderer(folder)
        with _IN_USE_LOCK:
            renderer = _IN_USE.setdefault(folder, renderer)
    return renderer


class ChatRenderer:
    """Turns the chats of one model into tokens, and its tokens into text.

    Args:
        model_path: a Hugging Face folder with tokenizer.json; config.json and
            generation_config.json are read for the context and the end tokens.

    Attributes:
        way: "roles", "template" or "plain" (see the module).
        context: the most tokens that the model reads, prompt and answer together.
        end_ids: ids that end an answer.

    Raises:
        ValueError: the folder has no tokenizer that can be used.
    """

    def __init__(self, model_path: Path) -> None:
        self.model_path = Path(model_path)
        file = self.model_path / "tokenizer.json"
        if not file.is_file():
            raise ValueError(
                f"{self.model_path.name}: no tokenizer.json found; expected a Hugging "
                "Face folder as tokenizer.save_pretrained of a fast tokenizer writes it"
            )
        self._tokenizer = Tokenizer.from_file(str(file))
        self._tokenizer.no_padding()
        self._tokenizer.no_truncation()
        self._literal = _literal_reader(json.loads(self._tokenizer.to_str()))
        added = self._tokenizer.get_added_tokens_decoder()
        self._special = {t.content: i for i, t in added.items() if t.special}
        self._settings = _read_json(self.model_path / "tokenizer_config.json")
        config = _read_json(self.model_path / "config.json")
        self.context = context_of(config)
        self._places = config.get("vocab_size")
        self.way = self._choose_way()
        self.end_ids = self._find_end_ids(config)
        self.byte_table = ByteTable.of(self._tokenizer)

    # ------------------------------------------------------------------ to tokens

    def prompt_ids(self, messages: list[Message], tools: list | None = None):
        """Render a chat up to the point where the assistant begins to answer.

        Args:
            messages: chat messages as OpenAI's API has them.
            tools: tool definitions, or None.

        Returns:
            list[int]: token ids, ending with the generation prompt.

        Raises:
            ValueError: the model's chat template refuses these messages.
        """
        if self.way == "roles":
            ids, _ = self._role_ids(messages, tools)
            return [*ids, self._special[ROLE_TOKENS["assistant"]]]
        ids, _ = self._encode(self._pieces(messages, tools, prompt=True))
        return ids

    def training_ids(self, example: dict[str, Any]) -> tuple[list[int], list[float]]:
        """Render a training example with the weight of each token in the loss.

        Args:
            example: one line of a training file: `messages` and perhaps `tools`.

        Returns:
            Token ids, and for each 1.0 if it belongs to an answer of the assistant
            (the token that ends it included), 0.0 elsewhere and in answers with
            `weight: 0`. A weight in between is taken as it is.

        Raises:
            ValueError: the model's chat template refuses these messages.
        """
        messages, tools = example["messages"], _tools_of(example)
        if self.way == "roles":
            return self._role_ids(messages, tools)
        return self._encode(self._pieces(messages, tools, prompt=False))

    def _role_ids(self, messages, tools) -> tuple[list[int], list[float]]:
        """Way 1: a role token, the text, the end token, for every message."""
        ids: list[int] = []
        weights: list[float] = []
        end = self._special[END_TOKEN]
        for role, text, weight in plain_messages(messages, tools):
            inner = self.text_ids(text)
            ids += [self._special[ROLE_TOKENS[role]], *inner, end]
            weights += [0.0, *[weight] * (len(inner) + 1)]
        return ids, weights

    def _encode(self, pieces: Iterable[_Piece]) -> tuple[list[int], list[float]]:
        ids: list[int] = []
        weights: list[float] = []
        for piece in pieces:
            found = self._read(piece, ids[-1] if ids else None)
            ids += found
            weights += [piece.weight] * len(found)
        return ids, weights

    def _read(self, piece: _Piece, previous: int | None) -> list[int]:
        """Return the tokens of a piece that stands behind a token, or begins a text.

        Some tokenizers put a space before every text that they are given, and some
        behind every special token. A piece that goes on a sentence must not get one.
        """
        reader = self._tokenizer if piece.special else self._literal
        going_on = self._going_on
        if going_on is None or previous is None:
            return reader.encode(piece.text, add_special_tokens=False).ids
        inner = going_on[0 if piece.special else 1]
        cut = len(piece.text)
        if not self._once:
            if previous in self._special_names:
                cut = 0
            elif piece.special and self._special:
                found = self._special_pattern.search(piece.text)
                cut = found.start() if found else cut
        parts = ((inner, piece.text[:cut]), (reader, piece.text[cut:]))
        return [
            token
            for by, text in parts
            if text
            for token in by.encode(text, add_special_tokens=False).ids
        ]

    @functools.cached_property
    def _going_on(self) -> tuple[Tokenizer, Tokenizer] | None:
        """The two readers for text that goes on another; None if they are the same."""
        described = json.loads(self._tokenizer.to_str())
        changed = _without_first_space(described)
        if not changed:
            return None
        inner = Tokenizer.from_str(json.dumps(described))
        return inner, _literal_reader(described)

    @functools.cached_property
    def _once(self) -> bool:
        """Whether the space stands before the first word of all only."""
        told = json.loads(self._tokenizer.to_str())["pre_tokenizer"] or {}
        steps = told.get("pretokenizers", [told])
        return any(step.get("prepend_scheme") == "first" for step in steps)

    @functools.cached_property
    def _special_pattern(self) -> re.Pattern:
        spelled = sorted(self._special, key=len, reverse=True)
        return re.compile("|".join(map(re.escape, spelled)))

    def _pieces(self, messages, tools, *, prompt: bool) -> list[_Piece]:
        if self.way == "plain":
            return self._plain_pieces(messages, tools, prompt)
        return self._template_pieces(messages, tools, prompt)

    def _plain_pieces(self, messages, tools, prompt: bool) -> list[_Piece]:
        """Way 3: `User: text`, then the end token where the tokenizer has one."""
        end = self._settings_token("eos_token") or ""
        pieces = []
        for role, text, weight in plain_messages(messages, tools):
            pieces.append(_Piece(f"{PLAIN_NAMES[role]}:", special=False))
            pieces.append(_Piece(f" {text}", special=False, weight=weight))
            pieces.append(_Piece(end or "\n", special=True, weight=weight))
            pieces.append(_Piece("\n", special=False))
        if prompt:
            pieces.append(_Piece(f"{PLAIN_NAMES['assistant']}:", special=False))
        return [piece for piece in pieces if piece.text]

    def _template_pieces(self, messages, tools, prompt: bool) -> list[_Piece]:
        """Way 2: what the template writes, cut where the loss begins and ends.

        An answer is what the text gains when its message is added to the prompt
        before it. Where a template rewrites earlier turns once others follow, only
        those answers are trained that still stand in the whole text as they were
        given.
        """
        messages, tools = self._what_is_left_out(messages, tools)
        messages, hidden = self._hide_special(messages)
        whole = self._render(messages, tools, prompt=prompt)
        cuts: list[tuple[int, int, float]] = []
        for i, message in enumerate(messages):
            if message["role"] != "assistant":
                continue
            # Cut in prompts too: an earlier answer is then read as the tokens that it
            # had when it was given, and in training.
            weight = 0.0 if prompt else _weight(message)
            before = self._render(messages[:i], tools, prompt=True) if i else ""
            after = self._render(messages[: i + 1], tools, prompt=False)
            if not (after.startswith(before) and whole.startswith(after)):
                # Some templates add nothing to the end of the prompt but something
                # to the beginning of the answer, or the other way round.
                before = self._render(messages[:i], tools, prompt=False) if i else ""
                if not (after.startswith(before) and whole.startswith(after)):
                    continue
            cuts.append((len(before), len(before) + _end_of(after, before), weight))
        pieces, at = [], 0
        for start, stop, weight in cuts:
            pieces.append(_Piece(whole[at:start], special=True))
            pieces.append(_Piece(whole[start:stop], special=True, weight=weight))
            at = stop
        pieces.append(_Piece(whole[at:], special=True))
        return _show_special(pieces, hidden)

    def _what_is_left_out(self, messages, tools) -> tuple[list[Message], list | None]:
        """Write as text what the template would leave out of calls and tools."""
        template = _chat_template(self.model_path, self._settings) or ""
        if tools and not re.search(r"\btools\b", template):
            if messages and messages[0]["role"] in ("system", "developer"):
                before, messages = content_text(messages[0]), messages[1:]
                described = tools_text(tools, before)
            else:
                described = tools_text(tools)
            messages = [{"role": "system", "content": described}, *messages]
            tools = None
        if "tool_calls" not in template:
            messages = [_calls_as_text(message) for message in messages]
        return messages, tools

    @functools.cached_property
    def _written_calls(self) -> tuple[str, str | None] | None:
        """What the template makes of an answer that is one call, and two.

        None if it leaves calls out. Special tokens behind a call are cut off.
        """
        before = self._tried([_ASKED], prompt=True)
        found = []
        for count in (1, 2):
            calls = [_PROBE.call()] * count
            answer = {"role": "assistant", "content": "", "tool_calls": calls}
            text = self._tried([_ASKED, answer])
            begins = before is not None and (text or "").startswith(before)
            if not begins or _PROBE.name not in text:
                found.append(None)
                continue
            text = text.removeprefix(before)
            at = text.rindex(_PROBE.name)
            ends = [i for s in self._special if (i := text.find(s, at)) >= 0]
            found.append(text[: min(ends, default=len(text))].rstrip())
        return None if found[0] is None else (found[0], found[1])

    def _tried(self, messages: list[Message], *, prompt: bool = False) -> str | None:
        """Return what the template makes of messages, None if it cannot."""
        try:
            return self._hf_tokenizer.apply_chat_template(
                messages, tokenize=False, add_generation_prompt=prompt
            )
        except Exception:  # whatever a template makes of what it does not expect
            return None

    @functools.cached_property
    def call_form(self) -> CallForm:
        """How this model writes calls of functions.

        That of its chat template, where a call is text with a JSON object of a name and
        arguments in it; else the form that this module describes. A call that begins
        with a special token is not such text, since special tokens say nothing.
        """
        if self.way != "template" or self._written_calls is None:
            return CallForm()
        form = form_from_texts(*self._written_calls, _PROBE)
        if form is None or any(name in form.begin for name in self._special):
            return CallForm()
        return form

    def _hide_special(self, messages) -> tuple[list[Message], list[str]]:
        """Replace what spells a special token in user text by a mark.

        The template is rendered to text and only then read as tokens, so this is
        where the two kinds of text can be told apart.
        """
        hidden: list[str] = []
        spelled = sorted(self._special, key=len, reverse=True)
        if not spelled:
            return _for_template(messages), hidden
        pattern = re.compile("|".join(map(re.escape, [_MARK, *spelled])))

        def hide(match: re.Match) -> str:
            hidden.append(match.group())
            return f"{_MARK}{len(hidden) - 1}{_MARK[::-1]}"

        def walk(value):
            if isinstance(value, str):
                return pattern.sub(hide, value)
            if isinstance(value, list):
                return [walk(item) for item in value]
            if isinstance(value, dict):
                return {k: v if k == "role" else walk(v) for k, v in value.items()}
            return value

        return [walk(message) for message in _for_template(messages)], hidden

    def _render(self, messages, tools, *, prompt: bool) -> str:
        from jinja2.exceptions import TemplateError

        tokenizer = self._hf_tokenizer
        arguments = {"tokenize": False, "add_generation_prompt": prompt}
        if tools:
            arguments["tools"] = tools
        try:
            return tokenizer.apply_chat_template(messages, **arguments)
        except TemplateError:
            # No system role, or roles that must take turns: say the same in turns.
            try:
                return tokenizer.apply_chat_template(_in_turns(messages), **arguments)
            except TemplateError as fault:
                raise ValueError(
                    f"the chat template of {self.model_path.name} refuses these "
                    f"messages: {fault}"
                ) from fault

    @functools.cached_property
    def _hf_tokenizer(self):
        from transformers import AutoTokenizer

        return AutoTokenizer.from_pretrained(
            self.model_path, local_files_only=True, trust_remote_code=False
        )

    def text_ids(self, text: str) -> list[int]:
        """Return the tokens of a text by itself; none of them is special."""
        return self._literal.encode(text, add_special_tokens=False).ids

    # ------------------------------------------------------------------ plain texts

    @property
    def vocab_size(self) -> int:
        """How many tokens there are that the model reads, special ones included."""
        named = self._tokenizer.get_vocab_size(with_added_tokens=True)
        # Some tokenizers name more (pictures, for instance) than their model has.
        return min(named, self._places or named)

    def goes_on(self, ids: Sequence[int]) -> bool:
        """Say whether what follows a prompt goes on its text, or begins another."""
        return bool(ids) and ids[-1] not in self._special_names

    @property
    def tokenizer_json(self) -> str:
        """The tokenizer as the `tokenizers` library writes it."""
        return self._tokenizer.to_str()

    @functools.cached_property
    def opening_ids(self) -> list[int]:
        """What this tokenizer puts before every text: a begin token, often nothing."""
        read = self._literal.encode("a", add_special_tokens=True)
        special = zip(read.ids, read.special_tokens_mask, strict=True)
        return [i for i, _ in itertools.takewhile(lambda pair: pair[1], special)]

    @functools.cached_property
    def start_ids(self) -> list[int]:
        """What stands before a new text: its begin token, else the end of another.

        Empty for a tokenizer that has neither.
        """
        if self.opening_ids:
            return self.opening_ids
        end = self._special.get(self._settings_token("eos_token"))
        if end is None:
            config = _read_json(self.model_path / "config.json").get("eos_token_id")
            end = config[0] if isinstance(config, list) and config else config
        return [] if not isinstance(end, int) else [end]

    # ---------------------------------------------------------------- from tokens

    def decode(self, ids: Sequence[int]) -> str:
        """Turn ids into text; special tokens say nothing."""
        if self.byte_table is not None and not self.byte_table.exact:
            return "".join(pieces_of(self, ids))
        return self._tokenizer.decode(list(ids), skip_special_tokens=True)

    def token_bytes(self, token_id: int, previous: int | None = None) -> bytes:
        """Return the bytes that one token stands for (a special token: its name).

        Several tokens may make up one character, so these bytes need not be UTF-8 by
        themselves.

        Args:
            token_id: the token.
            previous: the token before it, which may decide on a space.
        """
        if token_id in self._special_names:
            return self._special_names[token_id].encode()
        if self.byte_table is None:
            return self._tokenizer.decode([token_id]).encode()
        return self.byte_table.one(token_id, previous)

    @functools.cached_property
    def _special_names(self) -> dict[int, str]:
        return {i: text for text, i in self._special.items()}

    # -------------------------------------------------------------------- folders

    def _choose_way(self) -> str:
        template = _chat_template(self.model_path, self._settings)
        if template is None:
            return "plain"
        needed = [END_TOKEN, *ROLE_TOKENS.values()]
        if all(token in self._special for token in needed) and _is_ours(template):
            return "roles"
        return "template"

    def _settings_token(self, name: str) -> str | None:
        token = self._settings.get(name)
        return token.get("content") if isinstance(token, dict) else token

    def _find_end_ids(self, config: dict) -> frozenset[int]:
        generation = _read_json(self.model_path / "generation_config.json")
        found: set[int] = set()
        for value in (config.get("eos_token_id"), generation.get("eos_token_id")):
            if value is not None:
                found.update(value if isinstance(value, list) else [value])
        if self.way == "roles":
            # A model that begins another message has ended its own.
            found.update(self._special.values())
        elif self._settings_token("eos_token") in self._special:
            found.add(self._special[self._settings_token("eos_token")])
        return frozenset(found)


# ------------------------------------------------------------------- messages as text


def plain_messages(
    messages: Iterable[Message], tools: list | None = None
) -> list[tuple[str, str, float]]:
    """Write messages as (role, text, weight in the loss), tools as this module says.

    Args:
        messages: chat messages as OpenAI's API has them.
        tools: tool definitions, or None.

    Returns:
        Roles are system, user, assistant and tool; the weight is 0 except for answers.
    """
    result = []
    for message in messages:
        role = {"developer": "system", "function": "tool"}.get(
            message["role"], message["role"]
        )
        text = _calls_as_text(message)["content"]
        result.append((role, text, _weight(message) if role == "assistant" else 0.0))
    if tools:
        if result and result[0][0] == "system":
            result[0] = ("system", tools_text(tools, result[0][1]), 0.0)
        else:
            result.insert(0, ("system", tools_text(tools), 0.0))
    return result


def tools_text(tools: list, before: str = "") -> str:
    """Write definitions of tools, one JSON object a line, behind another text."""
    lines = [json.dumps(t.get("function", t), ensure_ascii=False) for t in tools]
    described = "\n".join(["Tools:", *lines])
    return f"{before}\n\n{described}".lstrip()


def _calls_as_text(message: Message) -> Message:
    """Return a message with its text and its calls as one text."""
    text = content_text(message)
    if calls := _tool_calls(message):
        lines = [json.dumps(call, ensure_ascii=False) for call in calls]
        text = "\n".join([*([text] if text else []), *lines])
    left = ("tool_calls", "function_call", "refusal")
    return {**{k: v for k, v in message.items() if k not in left}, "content": text}


def content_text(message: Message) -> str:
    """Return a message's content as one string: parts joined, a refusal as it reads."""
    content = message.get("content")
    if content is None:
        return message.get("refusal") or ""
    if isinstance(content, str):
        return content
    words = []
    for part in content:
        if part.get("type") in ("text", "input_text", "output_text"):
            words.append(part.get("text", ""))
        elif part.get("type") == "refusal":
            words.append(part.get("refusal", ""))
        else:
            # This repository's models read no pictures; say that there was one.
            words.append(f"[{part.get('type', 'part')}]")
    return "".join(words)


def _tool_calls(message: Message) -> list[dict[str, Any]]:
    """Return the calls of an assistant's message as {"name", "arguments"} objects."""
    functions = [c["function"] for c in message.get("tool_calls") or []]
    if message.get("function_call"):
        functions.append(message["function_call"])
    return [
        {"name": f["name"], "arguments": _parsed(f.get("arguments"))} for f in functions
    ]


def _parsed(arguments: Any) -> Any:
    try:
        return json.loads(arguments)
    except (TypeError, ValueError):
        return arguments


def _tools_of(example: dict[str, Any]) -> list | None:
    if example.get("tools"):
        return example["tools"]
    functions = example.get("functions") or []
    return [{"type": "function", "function": f} for f in functions] or None


def _weight(message: Message) -> float:
    weight = message.get("weight")
    return 1.0 if weight is None else float(weight)


def _for_template(messages: Iterable[Message]) -> list[Message]:
    """Write messages as Hugging Face templates expect them."""
    result = []
    for message in messages:
        role = {"developer": "system", "function": "tool"}.get(
            message["role"], message["role"]
        )
        new = {"role": role, "content": content_text(message)}
        calls = _tool_calls(message)
        if calls:
            new["tool_calls"] = [{"type": "function", "function": c} for c in calls]
        for name in ("name", "tool_call_id", "weight"):
            if message.get(name) is not None:
                new[name] = message[name]
        result.append(new)
    return result


def _in_turns(messages: list[Message]) -> list[Message]:
    """Fold system, tool and repeated messages into turns of user and assistant."""
    result: list[Message] = []
    for message in messages:
        role = "assistant" if message["role"] == "assistant" else "user"
        text = content_text(message)
        calls = [json.dumps(c["function"]) for c in message.get("tool_calls") or []]
        text = "\n".join([*([text] if text else []), *calls])
        if result and result[-1]["role"] == role:
            result[-1]["content"] += "\n\n" + text
        else:
            result.append({"role": role, "content": text})
    return result


def _end_of(after: str, before: str) -> int:
    """Length of the answer in what was added, white space behind its end left out."""
    return len(after[len(before) :].rstrip())


def _show_special(pieces: list[_Piece], hidden: list[str]) -> list[_Piece]:
    """Put back what `_hide_special` took out, as text that is no special token."""
    if not hidden:
        return [piece for piece in pieces if piece.text]
    pattern = re.compile(f"{_MARK}([0-9]+){_MARK[::-1]}")
    result = []
    for piece in pieces:
        for i, text in enumerate(pattern.split(piece.text)):
            spelled = hidden[int(text)] if i % 2 else text
            if spelled:
                result.append(_Piece(spelled, not i % 2, piece.weight))
    return result


# --------------------------------------------------------------------- reading folders


def _literal_reader(described: dict[str, Any]) -> Tokenizer:
    """Return a reader to which no text is a special token.

    `encode_special_tokens` keeps special tokens from being looked for, but some kinds
    of vocabulary hold them among the ordinary pieces, and find them there. They get
    names that nobody can type.

    Args:
        described: a parsed tokenizer.json; it is changed.
    """
    model = described["model"]
    if model["type"] != "BPE" or model.get("ignore_merges"):
        special = [t for t in described["added_tokens"] if t["special"]]
        new = {t["content"]: f"\uf8ff{secrets.token_hex(16)}" for t in special}
        for token in special:
            token["content"] = new[token["content"]]
        vocab = model["vocab"]
        if isinstance(vocab, dict):
            model["vocab"] = {new.get(piece, piece): i for piece, i in vocab.items()}
        else:
            model["vocab"] = [[new.get(piece, piece), score] for piece, score in vocab]
        unknown = model.get("unk_token")
        if unknown in new:
            model["unk_token"] = new[unknown]
    reader = Tokenizer.from_str(json.dumps(described))
    reader.encode_special_tokens = True
    return reader


def _without_first_space(described: dict[str, Any]) -> bool:
    """Take what puts a space before every text out of a tokenizer.json.

    Returns:
        Whether there was anything of the kind.
    """
    changed = False
    normalizer = described.get("normalizer") or {}
    steps = normalizer.get("normalizers", [normalizer])
    for step in steps:
        if step.get("type") == "Prepend":
            step["prepend"], changed = "", True
    splitter = described.get("pre_tokenizer") or {}
    for step in splitter.get("pretokenizers", [splitter]):
        if step.get("type") == "Metaspace" and step["prepend_scheme"] != "never":
            step["prepend_scheme"], changed = "never", True
        if step.get("type") == "ByteLevel" and step["add_prefix_space"]:
            step["add_prefix_space"], changed = False, True
    return changed


def context_of(config: dict[str, Any]) -> int:
    """Return the most tokens that a model reads, by its config.json.

    State-space models have no limit of their own; 2,048 keeps requests short for them.
    """
    return int(
        config.get("max_position_embeddings") or config.get("n_positions") or 2048
    )


def _read_json(path: Path) -> dict[str, Any]:
    return json.loads(path.read_text("utf-8")) if path.is_file() else {}


def _chat_template(folder: Path, settings: dict[str, Any]) -> str | None:
    file = folder / "chat_template.jinja"
    if file.is_file():
        return file.read_text("utf-8")
    template = settings.get("chat_template")
    if isinstance(template, list):  # several named ones
        template = next((t["template"] for t in template if t["name"] == "default"), "")
    return template or None


def _is_ours(template: str) -> bool:
    """Whether a template writes what way 1 writes; seen by trying it."""
    from jinja2.exceptions import TemplateError
    from jinja2.sandbox import ImmutableSandboxedEnvironment

    chat = [
        {"role": "system", "content": " a\n"},
        {"role": "user", "content": "b"},
        {"role": "assistant", "content": "c "},
        {"role": "user", "content": "d"},
        {"role": "assistant", "content": "e"},
    ]
    environment = ImmutableSandboxedEnvironment(trim_blocks=True, lstrip_blocks=True)
    plain = re.sub(r"\{%-?\s*(end)?generation\s*-?%\}", "", template)
    try:
        compiled = environment.from_string(plain)
        for count in (1, 2, 3, 5):
            for prompt in (False, True):
                expected = "".join(
                    f"{ROLE_TOKENS[m['role']]}{m['content']}{END_TOKEN}"
                    for m in chat[:count]
                ) + (ROLE_TOKENS["assistant"] if prompt else "")
                found = compiled.render(
                    messages=chat[:count],
                    add_generation_prompt=prompt,
                    tools=None,
                    bos_token="",
                    eos_token=END_TOKEN,
                )
                if found != expected:
                    return False
    except TemplateError:
        return False
    return True
