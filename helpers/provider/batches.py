"""Batches, as the database knows them, and every step of a batch's life.

Purpose: a batch is a file of requests that are answered when there is time. Its row
says how far it is; the answers so far stand in a journal (batch_answers), and the files
that it ends with appear in the same transaction as its end.
It must never know about HTTP, or how a request is answered.
"""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass
from typing import Any

VALIDATING, IN_PROGRESS, FINALIZING = "validating", "in_progress", "finalizing"
COMPLETED, FAILED, EXPIRED = "completed", "failed", "expired"
CANCELLING, CANCELLED = "cancelling", "cancelled"
OPEN = (VALIDATING, IN_PROGRESS, FINALIZING, CANCELLING)


class BatchConflict(Exception):
    """The batch's state does not allow what was asked."""


@dataclass(frozen=True)
class Batch:
    """A file of requests and what has become of it.

    `total` is None until the file was checked; `completed` and `failed` count answers
    while the batch is open with a second's delay, and are exact when it has ended.
    `output_seconds` is the lifetime of the files that it ends with.
    """

    seq: int
    id: str
    created_at: int
    expires_at: int
    endpoint: str
    input_file: str
    completion_window: str
    metadata: dict[str, str] | None
    output_seconds: int | None
    request_hash: str
    state: str
    model: str | None
    total: int | None
    completed: int
    failed: int
    usage: dict[str, int] | None
    errors: list[dict[str, Any]] | None
    output_file: str | None
    error_file: str | None
    in_progress_at: int | None
    finalizing_at: int | None
    completed_at: int | None
    failed_at: int | None
    expired_at: int | None
    cancelling_at: int | None
    cancelled_at: int | None
    # Its lines are in Azure's dialect: their models are deployments.
    of_azure: int = 0

    @property
    def is_open(self) -> bool:
        """Whether something will still happen to this batch."""
        return self.state in OPEN


class BatchQueries:
    """What `store.Session` can ask and change about batches."""

    _connection: sqlite3.Connection

    def add_batch(self, *, most: int, **columns: Any) -> Batch:
        """Insert a batch that waits for its file to be checked, and return it.

        Args:
            most: how many rows are kept; the oldest that have ended go.
            columns: of the batch.
        """
        newest = self._insert(Batch, state=VALIDATING, **columns)
        marks = ", ".join("?" * len(OPEN))
        self._connection.execute(
            f"DELETE FROM batches WHERE seq <= ? AND state NOT IN ({marks})",
            (newest - most, *OPEN),
        )
        return self.batch(columns["id"])

    def batch(self, batch_id: str) -> Batch | None:
        """Return a batch by id."""
        return self._one(Batch, "id = ?", batch_id)

    def list_batches(self, *, limit: int, after: str | None) -> Any:
        """Return a page of batches, newest first."""
        return self._page(Batch, "1", [], limit=limit, after=after)

    def open_batches(self) -> list[Batch]:
        """Return the batches that have not ended, oldest first."""
        marks = ", ".join("?" * len(OPEN))
        return self._many(Batch, f"state IN ({marks}) ORDER BY seq", *OPEN)

    def batch_using_file(self, file_id: str) -> Batch | None:
        """Return an open batch whose requests stand in this file."""
        marks = ", ".join("?" * len(OPEN))
        return self._one(
            Batch, f"input_file = ? AND state IN ({marks})", file_id, *OPEN
        )

    def batch_of_request(self, request_hash: str, since: int) -> Batch | None:
        """Return the newest batch that the very same request made since a time."""
        return self._one(
            Batch,
            "request_hash = ? AND created_at >= ? ORDER BY seq DESC",
            request_hash,
            since,
        )

    def update_batch(self, batch_id: str, **columns: Any) -> Batch:
        """Set columns of a batch and return it."""
        self._update(Batch, batch_id, **columns)
        return self.batch(batch_id)


# Steps of a batch's life, each within the caller's transaction.


def checked(
    session: BatchQueries, batch: Batch, now: int, total: int, model: str | None
) -> None:
    """Begin to answer, now that every line of the file is known to be a request."""
    if batch.state == VALIDATING:
        session.update_batch(
            batch.id, state=IN_PROGRESS, in_progress_at=now, total=total, model=model
        )


def failed(
    session: BatchQueries, batch: Batch, now: int, errors: list[dict[str, Any]]
) -> None:
    """End a batch whose requests cannot be run; one being cancelled is cancelled."""
    if batch.state == CANCELLING:
        session.update_batch(batch.id, state=CANCELLED, cancelled_at=now)
    elif batch.is_open:
        session.update_batch(batch.id, state=FAILED, failed_at=now, errors=errors)


def finalizing(session: BatchQueries, batch: Batch, now: int) -> Batch:
    """Note that no further request will be answered; one being cancelled stays so."""
    if batch.state == IN_PROGRESS:
        return session.update_batch(batch.id, state=FINALIZING, finalizing_at=now)
    return batch


def ended(
    session: BatchQueries, batch: Batch, now: int, *, whole: bool, **columns: Any
) -> None:
    """End a batch that ran.

    Args:
        session: the transaction.
        batch: the batch.
        now: Unix time.
        whole: whether every request was answered.
        columns: counts and files.
    """
    state = COMPLETED if whole else EXPIRED
    if batch.state == CANCELLING:
        state = CANCELLED
    columns |= {"state": state, f"{state}_at": now}
    session.update_batch(batch.id, **columns)


def cancel(session: BatchQueries, batch: Batch, now: int) -> Batch:
    """Stop a batch because its owner says so; what is answered is kept.

    Cancelling twice changes nothing, since clients repeat requests.

    Raises:
        BatchConflict: the batch has ended, or has nothing left to stop.
    """
    if batch.state == CANCELLING:
        return batch
    if batch.state not in (VALIDATING, IN_PROGRESS):
        raise BatchConflict(f"Cannot cancel a batch with status '{batch.state}'.")
    return session.update_batch(batch.id, state=CANCELLING, cancelling_at=now)
