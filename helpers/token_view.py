"""Which tokens a model learns from: a text in tokens, those with a loss marked.

Purpose: to show the difference between supervised fine-tuning (learn the answer, given
the question) and continued pre-training (learn every next token) without any training.
Tokens come from the model's own tokenizer; the marks of a chat are those of the base
model of this repository: a token for the role, the text, a token for the end. A test
holds them against what the local provider trains on.
It must never know a provider, and it needs no torch.
"""

from __future__ import annotations

import html
import textwrap
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from helpers.messages import say
from helpers.recipes import DATA_DIR

BASE_MODEL = DATA_DIR / "base_model"
END = "<|end|>"
LINE = 88
# For JupyterLab; GitHub takes styles out, and bold letters stay.
LEARNED = 'style="background: #CFE3F3; font-weight: bold"'


@dataclass(frozen=True, slots=True)
class Piece:
    """One token: its text, and whether the model learns to write it."""

    text: str
    learned: bool


class TokenView:
    """Tokens for the last line of a cell; those that are learned stand out.

    Attributes:
        pieces: the tokens.
        n: how many there are.
        n_learned: how many of them have a loss.
    """

    def __init__(self, pieces: Iterable[Piece]) -> None:
        self.pieces = list(pieces)
        self.n = len(self.pieces)
        self.n_learned = sum(piece.learned for piece in self.pieces)

    @property
    def summary(self) -> str:
        """Say how many of the tokens are learned."""
        share = self.n_learned / self.n if self.n else 0.0
        return say("tokens.learned", n=self.n, learned=self.n_learned, share=share)

    def _runs(self) -> list[tuple[bool, str]]:
        """Return the text in runs of the same kind."""
        runs: list[tuple[bool, str]] = []
        for piece in self.pieces:
            if runs and runs[-1][0] == piece.learned:
                runs[-1] = (piece.learned, runs[-1][1] + piece.text)
            else:
                runs.append((piece.learned, piece.text))
        return runs

    def _repr_html_(self) -> str:
        shown = []
        for learned, text in self._runs():
            inner = html.escape(text).replace("\n", "⏎<br>")
            shown.append(f"<b {LEARNED}>{inner}</b>" if learned else inner)
        return f"<p>{''.join(shown)}</p><p><i>{html.escape(self.summary)}</i></p>"

    def __repr__(self) -> str:
        text = "".join(f"⟦{t}⟧" if learned else t for learned, t in self._runs())
        lines = [
            textwrap.fill(line, LINE, break_on_hyphens=False) if line else ""
            for line in text.split("\n")
        ]
        return "\n".join([*lines, "", self.summary])


def show_supervised(
    messages: Sequence[Mapping[str, Any]], folder: str | Path = BASE_MODEL
) -> TokenView:
    """Show which tokens of a chat supervised fine-tuning learns: the answers.

    Args:
        messages: role and content of each message.
        folder: the model, for its tokenizer.json.

    Raises:
        FileNotFoundError: the folder has no tokenizer.
    """
    tokenizer = _tokenizer(folder)
    pieces = []
    for message in messages:
        # The role is given to the model; the end of an answer is its own decision.
        answer = message["role"] == "assistant" and message.get("weight", 1) != 0
        pieces.append(Piece(f"<|{message['role']}|>", False))
        pieces += [Piece(t, answer) for t in _texts(tokenizer, message["content"])]
        pieces.append(Piece(END, answer))
    return TokenView(pieces)


def show_continued(text: str, folder: str | Path = BASE_MODEL) -> TokenView:
    """Show which tokens of a text continued pre-training learns: all but the first.

    Nothing stands before the first token, so nothing foretells it.

    Args:
        text: any text.
        folder: the model, for its tokenizer.json.

    Raises:
        FileNotFoundError: the folder has no tokenizer.
    """
    texts = _texts(_tokenizer(folder), text)
    return TokenView(Piece(t, i > 0) for i, t in enumerate(texts))


def _tokenizer(folder: str | Path) -> Any:
    from tokenizers import Tokenizer

    path = Path(folder) / "tokenizer.json"
    if not path.is_file():
        raise FileNotFoundError(say("tokens.none", folder=Path(folder).name))
    tokenizer = Tokenizer.from_file(str(path))
    # What people type is text, even where it looks like a mark of the chat.
    tokenizer.encode_special_tokens = True
    return tokenizer


def _texts(tokenizer: Any, text: str) -> list[str]:
    """Return the part of the text that each token stands for.

    Ends alone are used: some tokens hold a mark of their own beside their letters, and
    begin where the one before them did.
    """
    offsets = tokenizer.encode(text, add_special_tokens=False).offsets
    texts, at = [], 0
    for _, end in offsets:
        texts.append(text[at:end] if end > at else "")
        at = max(at, end)
    if texts and at < len(text):
        texts[-1] += text[at:]
    return texts
