"""Deployments: names under which models answer, made in some time, perhaps for a day.

Purpose: rows in the database, and what state a row is in at a given moment. The state
is computed from the time, as Azure's goes by itself: Accepted, Creating, Succeeded;
Deleting, gone. So nothing has to run in the background, and a restart changes nothing.

There is one resource here: subscription, group and account of a path are kept to be
shown again, and do not divide deployments.
It must never know HTTP.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

ACCEPTED_SHARE = 0.2
# Key of the ASGI scope under which a request brings its trainingType to the job route.
TRAINING_TYPE = "helpers.provider.training_type"
# The same for a request that came in Azure's dialect, where that has to be remembered.
OF_AZURE = "helpers.provider.of_azure"
# The tier for tries: no price for hosting, and an end after a day (Microsoft's pages on
# fine-tuning deployments, read 2026-11-22). The SDK, the docs and the portal spell it
# in different ways.
DEVELOPER_TIERS = frozenset({"developer", "developertier"})
DEVELOPER_SECONDS = 24 * 3600
SKUS = (
    "Standard",
    "GlobalStandard",
    "DataZoneStandard",
    "DeveloperTier",
    "ProvisionedManaged",
    "GlobalProvisionedManaged",
    "DataZoneProvisionedManaged",
)


@dataclass(frozen=True)
class Deployment:
    """A name under which a model answers.

    `model` is the model's name here, `model_shown` as the request gave it; `account` is
    the path of the account that the request named. Times are Unix seconds.
    """

    seq: int
    name: str
    account: str
    model: str
    model_shown: str
    version: str | None
    sku: str
    capacity: int
    properties: dict[str, Any]
    tags: dict[str, str] | None
    etag: str
    created_at: float
    changed_at: float
    deleting_at: float | None

    def ends_at(self) -> float | None:
        """Return when the deployment ends by itself, or None."""
        if self.sku.lower() not in DEVELOPER_TIERS:
            return None
        return self.created_at + DEVELOPER_SECONDS

    def state(self, now: float, seconds: float) -> str | None:
        """Return the provisioning state, None for a deployment that is gone.

        Args:
            now: Unix time.
            seconds: how long creating and deleting take.
        """
        end = self.ends_at()
        if end is not None and now >= end:
            return None
        if self.deleting_at is not None:
            return "Deleting" if now < self.deleting_at + seconds else None
        # A clock that was set back must not make an old deployment young for long.
        age = abs(now - self.changed_at)
        if age >= seconds:
            return "Succeeded"
        return "Accepted" if age < seconds * ACCEPTED_SHARE else "Creating"


class DeploymentQueries:
    """What `store.Session` can ask and change about deployments."""

    def deployments(self) -> list[Deployment]:
        """Return all rows, oldest first; some may be gone by now."""
        return self._many(Deployment, "1 ORDER BY seq")

    def deployment(self, name: str) -> Deployment | None:
        """Return the row of this name; Azure's names know no case."""
        return self._one(Deployment, "name = ? COLLATE NOCASE", name)

    def deployments_of(self, model: str) -> list[Deployment]:
        """Return the rows that let this model answer."""
        return self._many(Deployment, "model = ? ORDER BY seq", model)

    def is_deployed(self, model: str, now: float) -> bool:
        """Say whether a deployment that nobody deletes lets this model answer."""
        return any(
            row.deleting_at is None and (row.ends_at() or math.inf) > now
            for row in self.deployments_of(model)
        )

    def put_deployment(self, **columns: Any) -> Deployment:
        """Insert a deployment, or replace the one of the same name."""
        self.drop_deployment(columns["name"])
        self._insert(Deployment, **columns)
        return self.deployment(columns["name"])

    def mark_deployment_deleting(self, name: str, now: float) -> None:
        """Begin to delete."""
        self._connection.execute(
            "UPDATE deployments SET deleting_at = ? "
            "WHERE name = ? COLLATE NOCASE AND deleting_at IS NULL",
            (now, name),
        )

    def drop_deployment(self, name: str) -> None:
        """Remove a row."""
        self._connection.execute(
            "DELETE FROM deployments WHERE name = ? COLLATE NOCASE", (name,)
        )

    # Jobs, as only this dialect sees them

    def checkpoint_ids(self, job_id: str | None = None) -> list[tuple[str, str]]:
        """Return id and model name of all checkpoints, or of one job's."""
        rows = self._connection.execute(
            "SELECT id, model FROM checkpoints WHERE ?1 IS NULL OR job_id = ?1",
            (job_id,),
        )
        return [(row["id"], row["model"]) for row in rows]

    def planned_names(self) -> list[tuple[str, str]]:
        """Return id and model name of every job, newest first."""
        rows = self._connection.execute(
            "SELECT id, planned_name FROM jobs ORDER BY seq DESC"
        )
        return [(row["id"], row["planned_name"]) for row in rows]

    def job_id_of(self, planned_name: str) -> str | None:
        """Return the job that makes, or made, the model of this name."""
        row = self._connection.execute(
            "SELECT id FROM jobs WHERE planned_name = ?", (planned_name,)
        ).fetchone()
        return None if row is None else row["id"]

    def training_type(self, job_id: str) -> str | None:
        """Return the trainingType a job was created with."""
        row = self._connection.execute(
            "SELECT training_type FROM azure_jobs WHERE job_id = ?", (job_id,)
        ).fetchone()
        return None if row is None else row["training_type"]

    def keep_training_type(self, job_id: str, training_type: str | None) -> None:
        """Remember the trainingType of a new job, if it was given one."""
        if training_type is not None:
            self._connection.execute(
                "INSERT INTO azure_jobs VALUES (?, ?)", (job_id, training_type)
            )
