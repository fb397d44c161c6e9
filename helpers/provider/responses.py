"""Stored responses, as the database knows them: turns that can be gone on from.

Purpose: each row has what was new in its turn (the items that came in, the response
that went out) and the id of the response before it, so a conversation is stored once,
however long it gets. It must never know HTTP or how a response was generated.
"""

from __future__ import annotations

import json
import sqlite3
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from helpers.provider.settings import Limits

if TYPE_CHECKING:
    from helpers.provider.store import Store


class ConversationTooLarge(Exception):
    """The turns of a conversation are more, or larger, than are read at once."""


@dataclass(frozen=True)
class KeptResponse:
    """A response with what it answers.

    `pieces` has, for each item of the output, each piece of its text or arguments as it
    was streamed (or would have been): its length, and how many log probabilities came
    with it. So the same events can be told again.
    """

    seq: int
    id: str
    created_at: int
    size: int
    previous: str | None
    input_items: list[dict[str, Any]]
    response: dict[str, Any]
    pieces: list[list[list[int]]]

    @property
    def items(self) -> list[dict[str, Any]]:
        """The items that this turn added to the conversation."""
        return [*self.input_items, *self.response["output"]]


class ResponseQueries:
    """What `store.Session` can ask and change about responses."""

    _connection: sqlite3.Connection

    def add_response(self, *, most: int, most_bytes: int, **columns: Any) -> None:
        """Keep a response and let the oldest go that are too many.

        Args:
            most: how many are kept.
            most_bytes: how large they are together; the newest stays in any case.
            columns: of the row.
        """
        self._insert(KeptResponse, **columns)
        self._connection.execute(
            "DELETE FROM responses WHERE seq IN (SELECT seq FROM (SELECT seq, "
            "row_number() OVER (ORDER BY seq DESC) AS place, "
            "sum(size) OVER (ORDER BY seq DESC) AS bytes FROM responses) "
            "WHERE place > ? OR (bytes > ? AND place > 1))",
            (most, most_bytes),
        )

    def response(self, response_id: str) -> KeptResponse | None:
        """Return a stored response."""
        return self._one(KeptResponse, "id = ?", response_id)

    def conversation(
        self, response_id: str, *, most: int, most_bytes: int
    ) -> list[KeptResponse]:
        """Return a response and those before it that are still there, oldest first.

        Args:
            response_id: the last turn.
            most: how many turns are read.
            most_bytes: how large they are together.

        Raises:
            ConversationTooLarge: it has more.
        """
        # Sizes first, from an index: no content is read that will not be used.
        turns = self._connection.execute(
            "WITH RECURSIVE turns (seq, size, previous, place) AS ("
            "SELECT seq, size, previous, 1 FROM responses WHERE id = ? "
            "UNION ALL SELECT before.seq, before.size, before.previous, place + 1 "
            "FROM responses AS before JOIN turns ON before.id = turns.previous "
            "WHERE place <= ?) SELECT seq, size FROM turns",
            (response_id, most),
        ).fetchall()
        if len(turns) > most or sum(turn["size"] for turn in turns) > most_bytes:
            raise ConversationTooLarge
        rows = [self._one(KeptResponse, "seq = ?", turn["seq"]) for turn in turns]
        return rows[::-1]

    def delete_response(self, response_id: str) -> bool:
        """Delete a response; False if there is none."""
        gone = self._connection.execute(
            "DELETE FROM responses WHERE id = ?", (response_id,)
        )
        return gone.rowcount == 1


def keep(
    store: Store,
    limits: Limits,
    response: dict[str, Any],
    pieces: list[list[list[int]]],
    input_items: list[dict[str, Any]],
) -> None:
    """Store a response; the oldest go when there are too many.

    Args:
        store: where to.
        limits: how many, and how large together.
        response: as it was answered.
        pieces: how the text of each item came.
        input_items: what was new in the request.
    """
    with store.write() as session:
        session.add_response(
            id=response["id"],
            created_at=response["created_at"],
            size=len(json.dumps([response, pieces, input_items])),
            previous=response["previous_response_id"],
            input_items=input_items,
            response=response,
            pieces=pieces,
            most=limits.stored_responses,
            most_bytes=limits.stored_response_bytes,
        )
