"""Uploads in parts, as the database knows them.

Purpose: an upload collects parts until it is completed to a file, cancelled or expired.
Whatever ends it takes its parts out of the database in the same transaction and names
their blobs; the caller then removes those from the disk. After a crash in between, the
sweep at the next start does.
It must never know about HTTP or how blobs are written.
"""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass
from typing import Any

PENDING, COMPLETED, CANCELLED, EXPIRED = "pending", "completed", "cancelled", "expired"


@dataclass(frozen=True)
class Upload:
    """A file on its way in parts.

    `bytes` is the size that was declared, `file_seconds` the lifetime of the file to
    be; `state` is the stored one, which says `pending` until an expiry is swept up.
    """

    seq: int
    id: str
    created_at: int
    expires_at: int
    filename: str
    purpose: str
    bytes: int
    file_seconds: int | None
    state: str
    ended_at: int | None
    file_id: str | None

    def state_at(self, now: int) -> str:
        """Return the true state: time passes whether or not somebody sweeps."""
        if self.state == PENDING and self.expires_at <= now:
            return EXPIRED
        return self.state


@dataclass(frozen=True)
class UploadPart:
    """A part that has arrived as a whole."""

    seq: int
    id: str
    upload_id: str
    created_at: int
    bytes: int
    blob: str


class UploadQueries:
    """What `store.Session` can ask and change about uploads."""

    _connection: sqlite3.Connection

    def add_upload(self, **columns: Any) -> Upload:
        """Insert an upload that waits for its parts, and return it."""
        self._insert(Upload, state=PENDING, **columns)
        return self.upload(columns["id"])

    def upload(self, upload_id: str) -> Upload | None:
        """Return an upload by id."""
        return self._one(Upload, "id = ?", upload_id)

    def count_pending_uploads(self, now: int) -> int:
        """Return how many uploads wait for parts."""
        row = self._connection.execute(
            "SELECT count(*) AS n FROM uploads WHERE state = ? AND expires_at > ?",
            (PENDING, now),
        ).fetchone()
        return row["n"]

    def add_upload_part(self, **columns: Any) -> UploadPart:
        """Insert a part and return it."""
        self._insert(UploadPart, **columns)
        return self._one(UploadPart, "id = ?", columns["id"])

    def upload_parts(self, upload_id: str) -> dict[str, UploadPart]:
        """Return the parts of an upload by their ids, in the order they came."""
        rows = self._many(UploadPart, "upload_id = ? ORDER BY seq", upload_id)
        return {part.id: part for part in rows}

    def weigh_upload(self, upload_id: str) -> tuple[int, int]:
        """Return the number of an upload's parts and of their bytes."""
        row = self._connection.execute(
            "SELECT count(*) AS parts, coalesce(sum(bytes), 0) AS bytes "
            "FROM upload_parts WHERE upload_id = ?",
            (upload_id,),
        ).fetchone()
        return row["parts"], row["bytes"]

    def end_upload(
        self, upload_id: str, state: str, now: int, file_id: str | None = None
    ) -> list[str]:
        """End an upload and forget its parts.

        Args:
            upload_id: a pending upload.
            state: "completed", "cancelled" or "expired".
            now: Unix time.
            file_id: what it was completed to.

        Returns:
            The blobs of its parts, for the caller to remove after the commit.
        """
        self._connection.execute(
            "UPDATE uploads SET state = ?, ended_at = ?, file_id = ? WHERE id = ?",
            (state, now, file_id, upload_id),
        )
        rows = self._connection.execute(
            "DELETE FROM upload_parts WHERE upload_id = ? RETURNING blob", (upload_id,)
        )
        return [row["blob"] for row in rows]

    def end_expired_uploads(self, now: int) -> list[str]:
        """End the uploads whose time is over; returns the blobs of their parts."""
        expired = self._many(Upload, "state = ? AND expires_at <= ?", PENDING, now)
        blobs: list[str] = []
        for upload in expired:
            blobs += self.end_upload(upload.id, EXPIRED, now)
        return blobs

    def forget_uploads(self, before: int) -> None:
        """Forget uploads that ended before a time; their files stay."""
        self._connection.execute("DELETE FROM uploads WHERE ended_at < ?", (before,))
