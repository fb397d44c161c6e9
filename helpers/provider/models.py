"""Which model a name means: base models, hosted names, fine-tuned models, checkpoints.

Purpose: names are looked up, never turned into paths. Hosted models of the tutorials
cannot run here, so the base model stands in for them, and their `owned_by` says so.
It must never load a model or know about HTTP.
"""

from __future__ import annotations

import csv
import shutil
import time
from dataclasses import dataclass
from pathlib import Path

from helpers.provider.settings import BASE_MODEL_NAME, ORGANIZATION, Settings
from helpers.provider.store import Session, Store

BASE, HOSTED, TUNED = "base", "hosted", "fine-tuned"


class ModelInUse(Exception):
    """The model cannot go: a job that has not ended starts from it."""


class ModelDeployed(Exception):
    """The model cannot go: a deployment lets it answer."""


class ModelProtected(Exception):
    """The model was not made by a job, so it is not the API's to delete."""


@dataclass(frozen=True)
class ModelEntry:
    """A model that can be asked and trained.

    Args:
        name: as clients call it.
        kind: "base", "hosted" (the base model stands in) or "fine-tuned".
        created_at: Unix time.
        owned_by: whom /v1/models names; a stand-in says what it stands for.
        really: name of the model that answers.
        path: its Hugging Face folder.
    """

    name: str
    kind: str
    created_at: int
    owned_by: str
    really: str
    path: Path


def read_hosted_names(path: Path) -> list[str]:
    """Return the hosted model names of the dated table, in its order.

    Args:
        path: CSV file with a column `model`; a missing file has no names.
    """
    try:
        with open(path, newline="", encoding="utf-8") as file:
            return [row["model"] for row in csv.DictReader(file)]
    except FileNotFoundError:
        return []


class Registry:
    """All models of this provider.

    Args:
        store: knows the models that jobs made.
        settings: base models and the table of hosted names.
    """

    def __init__(self, store: Store, settings: Settings) -> None:
        self._store = store
        self._jobs = settings.jobs
        self._bases = dict(settings.models)
        self._deployment_seconds = settings.deployment_seconds
        hosted = read_hosted_names(settings.hosted_models_path)
        self._hosted = [name for name in hosted if name not in self._bases]

    def _base(self, name: str) -> ModelEntry | None:
        path = self._bases.get(name)
        if path is None or not (path / "config.json").is_file():
            return None
        created = int((path / "config.json").stat().st_mtime)
        return ModelEntry(name, BASE, created, ORGANIZATION, name, path)

    def _stand_in(self, name: str) -> ModelEntry | None:
        base = self._base(BASE_MODEL_NAME)
        if base is None:
            return None
        owner = f"{ORGANIZATION} ({BASE_MODEL_NAME} stands in for the hosted model)"
        return ModelEntry(name, HOSTED, base.created_at, owner, base.name, base.path)

    def _tuned(self, session: Session, name: str) -> ModelEntry | None:
        model = session.model(name)
        if model is None:
            return None
        path = self._jobs / model.folder
        return ModelEntry(name, TUNED, model.created_at, ORGANIZATION, name, path)

    def is_given(self, name: str) -> bool:
        """Say whether this is a base model or a hosted name, made by no job."""
        return name in self._bases or name in self._hosted

    def find(self, name: str) -> ModelEntry | None:
        """Return the model of this name, or None."""
        if name in self._bases:
            return self._base(name)
        if name in self._hosted:
            return self._stand_in(name)
        with self._store.read() as session:
            return self._tuned(session, name)

    def all(self) -> list[ModelEntry]:
        """Return every model: base models, hosted names, then what jobs made."""
        with self._store.read() as session:
            names = [model.name for model in session.models()]
            tuned = [self._tuned(session, name) for name in names]
        entries = [self._base(name) for name in self._bases]
        entries += [self._stand_in(name) for name in self._hosted]
        return [entry for entry in [*entries, *tuned] if entry is not None]

    def delete(self, name: str) -> Path | None:
        """Delete a model that a job made, weights and all.

        Returns:
            The folder that was removed, or None if there is no such model.

        Raises:
            ModelProtected: a base model or a hosted name.
            ModelInUse: an unfinished job starts from it.
            ModelDeployed: a deployment lets it answer.
        """
        entry = self.find(name)
        if entry is None:
            return None
        if entry.kind != TUNED:
            raise ModelProtected(name)
        with self._store.write() as session:
            job = session.job_training(name)
            if job is not None:
                raise ModelInUse(job.id)
            deployed = self._deployed(session, name)
            if deployed is not None:
                raise ModelDeployed(deployed)
            session.delete_models([name])
        shutil.rmtree(entry.path, ignore_errors=True)
        return entry.path

    def _deployed(self, session: Session, name: str) -> str | None:
        """Return the name of a deployment of a model that is not gone."""
        now, seconds = time.time(), self._deployment_seconds
        for row in session.deployments_of(name):
            if row.state(now, seconds) is not None:
                return row.name
        return None
