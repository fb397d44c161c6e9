"""The output of a response: its items as they grow, and how they came to be.

Purpose: `Output` makes items of tokens, a message or calls of functions, and says each
`Change`; `changes_of` says the same of a response that was stored. Whoever tells events
need not know which of both it is.
It must never know events, HTTP, or how tokens are generated.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from helpers.provider.ids import new_id
from helpers.provider.tool_calls import Called, CallReader, Piece, Said

if TYPE_CHECKING:
    from helpers.provider.generation import TokenOut

Item = dict[str, Any]
# For each item its pieces: how long each is, and how many tokens are told with it.
Pieces = list[list[list[int]]]
Logprob = Callable[["TokenOut", int | None], dict[str, Any]]


@dataclass(frozen=True)
class Change:
    """One step of an item: it begins, a piece of text or arguments comes, it is done.

    Args:
        kind: which.
        number: of the item in the output.
        item: as it is: empty at the beginning, whole when it is done.
        text: of a piece.
        logprobs: of the tokens that are told with a piece.
    """

    kind: Literal["added", "delta", "done"]
    number: int
    item: Item
    text: str = ""
    logprobs: list[dict[str, Any]] = field(default_factory=list)


def part_of(text: str, logprobs: list[dict[str, Any]] | None = None) -> dict[str, Any]:
    """Return the one part of a message's content."""
    return {
        "type": "output_text",
        "text": text,
        "annotations": [],
        "logprobs": logprobs or [],
    }


def _message(item_id: str, content: list[dict[str, Any]]) -> Item:
    return {
        "id": item_id,
        "type": "message",
        "status": "in_progress",
        "role": "assistant",
        "content": content,
    }


def _begun(item: Item) -> Item:
    """Return an item as it was at its beginning."""
    empty = {"content": []} if item["type"] == "message" else {"arguments": ""}
    return {**item, "status": "in_progress", **empty}


class Output:
    """The items of one answer.

    Args:
        reader: takes the answer apart; None if all of it is one message.
        logprob: names a token in log probabilities; None to tell none.

    Attributes:
        items: as they are by now.
        pieces: how the text of each came.
    """

    def __init__(self, reader: CallReader | None, logprob: Logprob | None) -> None:
        self._reader, self._logprob = reader, logprob
        self._previous: int | None = None
        # Tokens whose text is held back by the reader, with the place it begins at.
        self._held: list[tuple[int, dict[str, Any]]] = []
        self._read = self._said = 0
        self.items: list[Item] = []
        self.pieces: Pieces = []

    def begin(self) -> list[Change]:
        """Begin the one message of an answer that can be nothing else."""
        return [self._add_message()] if self._reader is None else []

    def take(self, token: TokenOut) -> list[Change]:
        """Take the next token."""
        logprobs = []
        if self._logprob is not None:
            logprobs = [self._logprob(token, self._previous)]
        self._previous = token.id
        if self._reader is None:
            return [self._say(token.text, logprobs)] if token.text or logprobs else []
        self._held += [(self._read, each) for each in logprobs]
        self._read += len(token.text)
        return self._grow(self._reader.feed(token.text))

    def finish(self, *, complete: bool) -> list[Change]:
        """End the answer.

        Args:
            complete: it came to its own end, and was not cut.
        """
        changes = [] if self._reader is None else self._grow(self._reader.finish())
        if not self.items:
            changes.append(self._add_message())
        whole = self._reader is not None and (
            self._calls() and self._calls() == self._reader.finished_calls
        )
        return [*changes, self._end("completed" if complete or whole else "incomplete")]

    def _calls(self) -> int:
        return sum(item["type"] == "function_call" for item in self.items)

    def _grow(self, pieces: list[Piece]) -> list[Change]:
        changes = []
        for piece in pieces:
            if isinstance(piece, Said):
                if not self.items:
                    changes.append(self._add_message())
                self._said += len(piece.text)
                changes.append(self._say(piece.text, self._told()))
            elif isinstance(piece, Called):
                if self.items:
                    changes.append(self._end("completed"))
                changes.append(self._add_call(piece.name))
            else:
                self.items[-1]["arguments"] += piece.text
                changes.append(self._piece(piece.text, []))
        return changes

    def _told(self) -> list[dict[str, Any]]:
        """Return the log probabilities of tokens whose text is said by now."""
        told = [each for start, each in self._held if start < self._said]
        self._held = self._held[len(told) :]
        return told

    def _say(self, text: str, logprobs: list[dict[str, Any]]) -> Change:
        (part,) = self.items[-1]["content"]
        part["text"] += text
        part["logprobs"] += logprobs
        return self._piece(text, logprobs)

    def _piece(self, text: str, logprobs: list[dict[str, Any]]) -> Change:
        self.pieces[-1].append([len(text), len(logprobs)])
        number = len(self.items) - 1
        return Change("delta", number, self.items[-1], text, logprobs)

    def _add_message(self) -> Change:
        return self._add(_message(new_id("msg_"), [part_of("")]))

    def _add_call(self, name: str) -> Change:
        return self._add(
            {
                "id": new_id("fc_"),
                "type": "function_call",
                "status": "in_progress",
                "call_id": new_id("call_"),
                "name": name,
                "arguments": "",
            }
        )

    def _add(self, item: Item) -> Change:
        self.items.append(item)
        self.pieces.append([])
        return Change("added", len(self.items) - 1, _begun(item))

    def _end(self, status: str) -> Change:
        self.items[-1]["status"] = status
        return Change("done", len(self.items) - 1, self.items[-1])


def changes_of(items: list[Item], pieces: Pieces) -> Iterator[Change]:
    """Yield the changes that led to the items of a stored response.

    Args:
        items: its output.
        pieces: how the text of each came.
    """
    for number, (item, lengths) in enumerate(zip(items, pieces, strict=True)):
        yield Change("added", number, _begun(item))
        text, logprobs = item.get("arguments", ""), []
        if item["type"] == "message":
            (part,) = item["content"]
            text, logprobs = part["text"], part["logprobs"]
        at = token = 0
        for length, tokens in lengths:
            told = logprobs[token : token + tokens]
            yield Change("delta", number, item, text[at : at + length], told)
            at, token = at + length, token + tokens
        yield Change("done", number, item)
