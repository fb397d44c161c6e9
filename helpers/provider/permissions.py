"""Permissions on checkpoints, as the database knows them.

Purpose: which projects a fine-tuned model or checkpoint is shared with. They go when
their model goes (a foreign key sees to that). The last ones that were deleted leave
their rows, so that a list which is being read page by page goes on behind them.
It must never know about HTTP, and it grants nothing: a local server has one key and no
projects, so that permissions are kept and shown, but never consulted.
"""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from helpers.provider.store import Page


@dataclass(frozen=True)
class Permission:
    """A project that a model is shared with."""

    seq: int
    id: str
    model: str
    project_id: str
    created_at: int
    deleted_at: int | None


class PermissionQueries:
    """What `store.Session` can ask and change about permissions."""

    _connection: sqlite3.Connection

    def add_permission(self, **columns: Any) -> Permission:
        """Insert a permission and return it."""
        self._insert(Permission, **columns)
        return self._one(Permission, "id = ?", columns["id"])

    def permission(self, model: str, permission_id: str) -> Permission | None:
        """Return a permission on a model by id."""
        return self._one(
            Permission,
            "id = ? AND model = ? AND deleted_at IS NULL",
            permission_id,
            model,
        )

    def permission_of_project(self, model: str, project_id: str) -> Permission | None:
        """Return the permission that a project has on a model."""
        return self._one(
            Permission,
            "model = ? AND project_id = ? AND deleted_at IS NULL",
            model,
            project_id,
        )

    def count_permissions(self, model: str) -> int:
        """Return how many permissions a model has."""
        row = self._connection.execute(
            "SELECT count(*) AS n FROM permissions "
            "WHERE model = ? AND deleted_at IS NULL",
            (model,),
        ).fetchone()
        return row["n"]

    def list_permissions(
        self,
        model: str,
        *,
        project_id: str | None,
        limit: int,
        after: str | None,
        ascending: bool,
    ) -> Page:
        """Return a page of a model's permissions, newest first unless `ascending`."""
        where, values = "model = ? AND deleted_at IS NULL", [model]
        if project_id is not None:
            where += " AND project_id = ?"
            values.append(project_id)
        return self._page(
            Permission, where, values, limit=limit, after=after, ascending=ascending
        )

    def delete_permission(self, permission: Permission, now: int, keep: int) -> None:
        """Delete a permission; its row can still serve as a cursor.

        Args:
            permission: one that is not deleted.
            now: Unix time.
            keep: how many rows of deleted permissions this model may leave.
        """
        self._connection.execute(
            "UPDATE permissions SET deleted_at = ? WHERE seq = ?",
            (now, permission.seq),
        )
        self._connection.execute(
            "DELETE FROM permissions WHERE seq IN ("
            "SELECT seq FROM permissions WHERE model = ? AND deleted_at IS NOT NULL "
            "ORDER BY deleted_at DESC, seq DESC LIMIT -1 OFFSET ?)",
            (permission.model, keep),
        )
