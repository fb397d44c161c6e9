"""Files, jobs, events, checkpoints and models in SQLite.

Purpose: the one memory of the provider. What was committed survives a kill and a power
cut (WAL, synchronous=FULL); events are only ever appended and get a rising `seq`.
Use: `with store.read() as s:` for one consistent view, `with store.write() as s:` for a
change that happens whole or not at all.
It must never know about HTTP, processes or tensors; blobs lie in `blobs`.
"""

from __future__ import annotations

import contextlib
import json
import sqlite3
import threading
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from helpers.provider.azure.deployments import Deployment, DeploymentQueries
from helpers.provider.batches import Batch, BatchQueries
from helpers.provider.changes import Changes
from helpers.provider.migrations import migrate
from helpers.provider.permissions import Permission, PermissionQueries
from helpers.provider.responses import KeptResponse, ResponseQueries
from helpers.provider.uploads import Upload, UploadPart, UploadQueries

FINAL_STATES = ("succeeded", "failed", "cancelled")
# Besides OpenAI's six states: a job that is being paused still trains its last step.
STATES = ("validating_files", "queued", "running", "pausing", "paused", *FINAL_STATES)


@dataclass(frozen=True)
class File:
    """An uploaded or a result file."""

    seq: int
    id: str
    bytes: int
    created_at: int
    expires_at: int | None
    filename: str
    purpose: str
    blob: str
    deleted_at: int | None


@dataclass(frozen=True)
class Job:
    """A fine-tuning job; `state` is the true state, one of STATES.

    `model` is the name that was asked for, `trained_model` the one really trained;
    `asked` and `resolved` are the hyperparameters before and after validation.
    """

    seq: int
    id: str
    created_at: int
    model: str
    trained_model: str
    planned_name: str
    training_file: str
    validation_file: str | None
    method: str
    asked: dict[str, Any]
    resolved: dict[str, Any] | None
    seed: int
    integrations: list[dict[str, Any]]
    metadata: dict[str, str] | None
    state: str
    queue_position: int | None
    threads: int | None
    started_at: int | None
    finished_at: int | None
    estimated_finish: int | None
    last_step: int
    total_steps: int | None
    journal_offset: int
    failures: int
    trained_tokens: int | None
    final_checkpoint: dict[str, Any] | None
    fine_tuned_model: str | None
    result_file: str | None
    error: dict[str, Any] | None
    request_hash: str
    grader: dict[str, Any] | None
    trained_seconds: float
    deleted_at: int | None = None

    @property
    def is_final(self) -> bool:
        """Whether nothing will happen to this job any more."""
        return self.state in FINAL_STATES


@dataclass(frozen=True)
class Event:
    """A line in a job's log."""

    seq: int
    id: str
    job_id: str
    created_at: int
    level: str
    type: str
    message: str
    data: dict[str, Any]


@dataclass(frozen=True)
class Checkpoint:
    """A model as it was after an epoch."""

    seq: int
    id: str
    job_id: str
    created_at: int
    step: int
    model: str
    metrics: dict[str, float]


@dataclass(frozen=True)
class Model:
    """A model that a job made; `folder` is relative to the folder of all jobs."""

    seq: int
    name: str
    created_at: int
    job_id: str
    folder: str


@dataclass(frozen=True)
class StoredCompletion:
    """A chat completion that was asked for with `store: true`."""

    seq: int
    id: str
    created_at: int
    model: str
    size: int
    deleted_at: int | None
    metadata: dict[str, str] | None
    messages: list[dict[str, Any]]
    completion: dict[str, Any]


@dataclass(frozen=True)
class Page:
    """One page of a list."""

    rows: list[Any]
    has_more: bool


_JSON = {
    "asked",
    "resolved",
    "integrations",
    "metadata",
    "final_checkpoint",
    "error",
    "data",
    "metrics",
    "messages",
    "completion",
    "input_items",
    "response",
    "pieces",
    "usage",
    "errors",
    "grader",
    "properties",
    "tags",
}
_TABLES = {
    File: "files",
    Job: "jobs",
    Event: "events",
    Checkpoint: "checkpoints",
    Model: "models",
    Upload: "uploads",
    UploadPart: "upload_parts",
    Permission: "permissions",
    StoredCompletion: "chat_completions",
    KeptResponse: "responses",
    Batch: "batches",
    Deployment: "deployments",
}


def _encode(column: str, value: Any) -> Any:
    if column in _JSON and value is not None:
        return json.dumps(value, separators=(",", ":"))
    return value


def _decode(kind: type, row: sqlite3.Row) -> Any:
    values = {}
    for item in fields(kind):
        value = row[item.name]
        if item.name in _JSON and value is not None:
            value = json.loads(value)
        values[item.name] = value
    return kind(**values)


def _with_metadata(
    where: str, values: list[Any], wanted: dict[str, str], without: bool
) -> tuple[str, list[Any]]:
    """Narrow a condition to rows with these keys and values, or without any."""
    for key, value in wanted.items():
        where += (
            " AND EXISTS (SELECT 1 FROM json_each(metadata) AS pair "
            "WHERE pair.key = ? AND pair.value = ?)"
        )
        values = [*values, key, value]
    if without:
        where += " AND (metadata IS NULL OR metadata = '{}')"
    return where, values


class UnknownCursor(Exception):
    """`after` names nothing in this list."""


class Session(
    UploadQueries,
    PermissionQueries,
    ResponseQueries,
    BatchQueries,
    DeploymentQueries,
):
    """Queries within one transaction."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        # Jobs that this transaction changed; the store tells who waits for them.
        self.touched_jobs: set[str] = set()

    def _one(self, kind: type, where: str, *values: Any) -> Any:
        sql = f"SELECT * FROM {_TABLES[kind]} WHERE {where} LIMIT 1"
        row = self._connection.execute(sql, values).fetchone()
        return None if row is None else _decode(kind, row)

    def _many(self, kind: type, where: str, *values: Any) -> list[Any]:
        sql = f"SELECT * FROM {_TABLES[kind]} WHERE {where}"
        return [_decode(kind, row) for row in self._connection.execute(sql, values)]

    def _insert(self, kind: type, **columns: Any) -> int:
        names = ", ".join(columns)
        marks = ", ".join("?" * len(columns))
        values = [_encode(name, value) for name, value in columns.items()]
        sql = f"INSERT INTO {_TABLES[kind]} ({names}) VALUES ({marks})"
        return self._connection.execute(sql, values).lastrowid

    def _update(self, kind: type, row_id: str, **columns: Any) -> None:
        sets = ", ".join(f"{name} = ?" for name in columns)
        values = [_encode(name, value) for name, value in columns.items()]
        self._connection.execute(
            f"UPDATE {_TABLES[kind]} SET {sets} WHERE id = ?", [*values, row_id]
        )

    def _page(
        self,
        kind: type,
        where: str,
        values: list[Any],
        *,
        limit: int,
        after: str | None,
        ascending: bool = False,
    ) -> Page:
        table = _TABLES[kind]
        if after is not None:
            cursor = self._connection.execute(
                f"SELECT seq FROM {table} WHERE id = ?", (after,)
            ).fetchone()
            if cursor is None:
                raise UnknownCursor(after)
            where += " AND seq > ?" if ascending else " AND seq < ?"
            values = [*values, cursor["seq"]]
        order = "ASC" if ascending else "DESC"
        rows = self._many(
            kind, f"{where} ORDER BY seq {order} LIMIT ?", *values, limit + 1
        )
        return Page(rows[:limit], len(rows) > limit)

    # Files

    def add_file(self, **columns: Any) -> File:
        """Insert a file and return it."""
        self._insert(File, **columns)
        return self._one(File, "id = ?", columns["id"])

    def file(self, file_id: str, now: int) -> File | None:
        """Return a file that is neither deleted nor expired."""
        return self._one(
            File,
            "id = ? AND deleted_at IS NULL AND (expires_at IS NULL OR expires_at > ?)",
            file_id,
            now,
        )

    def file_of_job(self, file_id: str) -> File | None:
        """Return a file by id even if it has expired since its job or batch began."""
        return self._one(File, "id = ? AND deleted_at IS NULL", file_id)

    def list_files(
        self,
        now: int,
        *,
        purpose: str | None,
        limit: int,
        after: str | None,
        ascending: bool,
    ) -> Page:
        """Return a page of files, newest first unless `ascending`."""
        where = "deleted_at IS NULL AND (expires_at IS NULL OR expires_at > ?)"
        values: list[Any] = [now]
        if purpose is not None:
            where += " AND purpose = ?"
            values.append(purpose)
        return self._page(
            File, where, values, limit=limit, after=after, ascending=ascending
        )

    def mark_file_deleted(self, file_id: str, now: int) -> None:
        """Delete a file; its row stays, so that it can still serve as a cursor."""
        self._connection.execute(
            "UPDATE files SET deleted_at = ? WHERE id = ?", (now, file_id)
        )

    def was_file(self, file_id: str) -> bool:
        """Say whether there was such a file not long ago."""
        return self._one(File, "id = ? AND deleted_at IS NOT NULL", file_id) is not None

    def count_files(self) -> int:
        """Return the number of files that are not deleted."""
        row = self._connection.execute(
            "SELECT count(*) AS n FROM files WHERE deleted_at IS NULL"
        ).fetchone()
        return row["n"]

    def forget_files(self, before: int) -> None:
        """Forget files that were deleted before a time."""
        self._connection.execute(
            "DELETE FROM files WHERE deleted_at < ? AND id NOT IN ("
            "SELECT file_id FROM uploads WHERE file_id IS NOT NULL "
            "UNION SELECT input_file FROM batches "
            "UNION SELECT output_file FROM batches WHERE output_file IS NOT NULL "
            "UNION SELECT error_file FROM batches WHERE error_file IS NOT NULL)",
            (before,),
        )

    def expired_files(self, now: int) -> list[File]:
        """Return files whose time is over and that no job and no batch needs."""
        return [
            file
            for file in self._many(File, "deleted_at IS NULL AND expires_at <= ?", now)
            if self.job_using_file(file.id) is None
            and self.batch_using_file(file.id) is None
        ]

    def job_using_file(self, file_id: str) -> Job | None:
        """Return an unfinished job that trains or validates on this file."""
        return self._one(
            Job,
            "(training_file = ? OR validation_file = ?) "
            "AND state NOT IN ('succeeded', 'failed', 'cancelled')",
            file_id,
            file_id,
        )

    def blobs_in_use(self) -> list[str]:
        """Return the blob names of all files not deleted and of parts of uploads."""
        rows = self._connection.execute(
            "SELECT blob FROM files WHERE deleted_at IS NULL "
            "UNION ALL SELECT blob FROM upload_parts"
        )
        return [row["blob"] for row in rows]

    # Jobs

    def add_job(self, **columns: Any) -> Job:
        """Insert a job and return it."""
        self._insert(Job, **columns)
        return self._one(Job, "id = ?", columns["id"])

    def job(self, job_id: str) -> Job | None:
        """Return a job by id."""
        return self._one(Job, "id = ?", job_id)

    def list_jobs(
        self,
        *,
        limit: int,
        after: str | None,
        metadata: dict[str, str] | None = None,
        without_metadata: bool = False,
    ) -> Page:
        """Return a page of jobs, newest first.

        Args:
            limit: most jobs to return.
            after: id of the last job of the page before.
            metadata: keys and values that a job's metadata must all have.
            without_metadata: only jobs that have no metadata.
        """
        where, values = _with_metadata(
            "deleted_at IS NULL", [], metadata or {}, without_metadata
        )
        return self._page(Job, where, values, limit=limit, after=after)

    def shown_job(self, job_id: str) -> Job | None:
        """Return a job by id unless it was deleted."""
        return self._one(Job, "id = ? AND deleted_at IS NULL", job_id)

    def job_of_result(self, file_id: str) -> Job | None:
        """Return the job that made a result file."""
        return self._one(Job, "result_file = ?", file_id)

    def hide_job(self, job_id: str, now: int) -> None:
        """Delete a job that has ended.

        Its row stays for the models that it made, its log for its result file.
        """
        self._connection.execute(
            "UPDATE jobs SET deleted_at = ? WHERE id = ?", (now, job_id)
        )

    def jobs_in(self, *states: str) -> list[Job]:
        """Return the jobs in these states, oldest first."""
        marks = ", ".join("?" * len(states))
        return self._many(Job, f"state IN ({marks}) ORDER BY seq", *states)

    def all_jobs(self) -> int:
        """Return the number of rows of jobs, those that were deleted as well."""
        (number,) = self._connection.execute("SELECT count(*) FROM jobs").fetchone()
        return number

    def count_jobs(self) -> dict[str, int]:
        """Return the number of jobs in each state that has any."""
        rows = self._connection.execute(
            "SELECT state, count(*) AS n FROM jobs WHERE deleted_at IS NULL "
            "GROUP BY state"
        )
        return {row["state"]: row["n"] for row in rows}

    def next_in_queue(self) -> Job | None:
        """Return the job to train next: one that was interrupted, else the oldest."""
        return self._one(
            Job,
            "state IN ('running', 'queued') ORDER BY state = 'queued', queue_position",
        )

    def next_queue_position(self) -> int:
        """Return the position behind everything that waits or ever waited."""
        row = self._connection.execute(
            "SELECT coalesce(max(queue_position), 0) + 1 AS next FROM jobs"
        ).fetchone()
        return row["next"]

    def update_job(self, job_id: str, **columns: Any) -> Job:
        """Set columns of a job and return it."""
        self.touched_jobs.add(job_id)
        self._update(Job, job_id, **columns)
        return self._one(Job, "id = ?", job_id)

    def job_of_request(self, request_hash: str, since: int) -> Job | None:
        """Return the newest job that the very same request made since a time."""
        return self._one(
            Job,
            "request_hash = ? AND created_at >= ? AND deleted_at IS NULL "
            "ORDER BY seq DESC",
            request_hash,
            since,
        )

    def job_of_key(self, key: str, since: int) -> tuple[str, Job] | None:
        """Return the request hash and the job of an idempotency key."""
        row = self._connection.execute(
            "SELECT request_hash, job_id FROM idempotency "
            "WHERE key = ? AND created_at >= ?",
            (key, since),
        ).fetchone()
        job = None if row is None else self.shown_job(row["job_id"])
        return None if job is None else (row["request_hash"], job)

    def keep_key(self, key: str, request_hash: str, job_id: str, now: int) -> None:
        """Remember which job an idempotency key made."""
        self._connection.execute(
            "INSERT OR REPLACE INTO idempotency VALUES (?, ?, ?, ?)",
            (key, request_hash, job_id, now),
        )

    def forget_keys(self, before: int) -> None:
        """Forget idempotency keys older than a time."""
        self._connection.execute(
            "DELETE FROM idempotency WHERE created_at < ?", (before,)
        )

    # Events, checkpoints, models

    def add_event(self, **columns: Any) -> None:
        """Append an event to a job's log."""
        self.touched_jobs.add(columns["job_id"])
        self._insert(Event, **columns)

    def event_place(self, job_id: str, event_id: str) -> int | None:
        """Return where an event stands in its job's log, or None if it does not."""
        event = self._one(Event, "id = ? AND job_id = ?", event_id, job_id)
        return None if event is None else event.seq

    def events_behind(self, job_id: str, place: int, limit: int) -> list[Event]:
        """Return a job's events behind a place in its log, oldest first."""
        return self._many(
            Event, "job_id = ? AND seq > ? ORDER BY seq LIMIT ?", job_id, place, limit
        )

    def list_events(self, job_id: str, *, limit: int, after: str | None) -> Page:
        """Return a page of a job's events, newest first."""
        return self._page(Event, "job_id = ?", [job_id], limit=limit, after=after)

    def has_said(self, job_id: str, message: str) -> bool:
        """Say whether a job's log holds this very message."""
        return (
            self._one(Event, "job_id = ? AND message = ?", job_id, message) is not None
        )

    def metrics_of_job(self, job_id: str) -> Iterator[dict[str, Any]]:
        """Yield the data of all metrics events, oldest first."""
        rows = self._connection.execute(
            "SELECT data FROM events WHERE job_id = ? AND type = 'metrics' "
            "ORDER BY seq",
            (job_id,),
        )
        for row in rows:
            yield json.loads(row["data"])

    def add_checkpoint(self, **columns: Any) -> None:
        """Insert a checkpoint."""
        self._insert(Checkpoint, **columns)

    def add_metrics(self, checkpoint: Checkpoint, metrics: dict[str, float]) -> None:
        """Add what was measured about a checkpoint after it had been offered."""
        known = _encode("metrics", checkpoint.metrics | metrics)
        self._connection.execute(
            "UPDATE checkpoints SET metrics = ? WHERE id = ?", (known, checkpoint.id)
        )

    def checkpoint_at(self, job_id: str, step: int) -> Checkpoint | None:
        """Return a job's checkpoint of one step."""
        return self._one(Checkpoint, "job_id = ? AND step = ?", job_id, step)

    def list_checkpoints(self, job_id: str, *, limit: int, after: str | None) -> Page:
        """Return a page of the checkpoints whose models exist, newest first."""
        return self._page(
            Checkpoint,
            "job_id = ? AND model IN (SELECT name FROM models)",
            [job_id],
            limit=limit,
            after=after,
        )

    def add_model(self, **columns: Any) -> None:
        """Insert a model."""
        self._insert(Model, **columns)

    def model(self, name: str) -> Model | None:
        """Return a model by name."""
        return self._one(Model, "name = ?", name)

    def was_model(self, name: str) -> bool:
        """Say whether a job made a model of this name, though it may be deleted."""
        return self._one(Checkpoint, "model = ?", name) is not None

    def models(self) -> list[Model]:
        """Return all models, oldest first."""
        return self._many(Model, "1 ORDER BY seq")

    def models_of_job(self, job_id: str) -> list[Model]:
        """Return a job's models, oldest first."""
        return self._many(Model, "job_id = ? ORDER BY seq", job_id)

    def job_training(self, model: str) -> Job | None:
        """Return an unfinished job that starts from this model."""
        return self._one(
            Job,
            "trained_model = ? AND state NOT IN ('succeeded', 'failed', 'cancelled')",
            model,
        )

    def delete_models(self, names: Iterable[str]) -> None:
        """Delete models by name."""
        self._connection.executemany(
            "DELETE FROM models WHERE name = ?", [(name,) for name in names]
        )

    # Stored chat completions

    def add_completion(
        self,
        *,
        id: str,
        created_at: int,
        model: str,
        metadata: dict[str, str] | None,
        messages: list[dict[str, Any]],
        completion: dict[str, Any],
        most: int,
        most_bytes: int,
    ) -> None:
        """Keep a completion and let the oldest go that are too many.

        Args:
            id, created_at, model, metadata, messages, completion: its columns.
            most: how many are kept.
            most_bytes: how large they are together; the newest stays in any case.
        """
        columns = {"metadata": metadata, "messages": messages, "completion": completion}
        size = sum(len(_encode(name, value) or "") for name, value in columns.items())
        newest = self._insert(
            StoredCompletion,
            id=id,
            created_at=created_at,
            model=model,
            size=size,
            **columns,
        )
        self._delete_completions(
            "seq IN (SELECT seq FROM (SELECT seq, "
            "row_number() OVER (ORDER BY seq DESC) AS place, "
            "sum(size) OVER (ORDER BY seq DESC) AS bytes "
            "FROM chat_completions WHERE deleted_at IS NULL) "
            "WHERE place > ? OR (bytes > ? AND place > 1))",
            created_at,
            most,
            most_bytes,
        )
        # A deleted row is a cursor for who walks a list and deletes as he goes.
        self._connection.execute(
            "DELETE FROM chat_completions WHERE deleted_at IS NOT NULL AND seq <= ?",
            (newest - 2 * most,),
        )

    def _delete_completions(self, where: str, now: int, *values: Any) -> int:
        return self._connection.execute(
            "UPDATE chat_completions SET deleted_at = ?, size = 0, metadata = NULL, "
            "messages = '[]', completion = '{}' "
            f"WHERE deleted_at IS NULL AND {where}",
            (now, *values),
        ).rowcount

    def completion(self, completion_id: str) -> StoredCompletion | None:
        """Return a stored completion."""
        return self._one(
            StoredCompletion, "id = ? AND deleted_at IS NULL", completion_id
        )

    def list_completions(
        self,
        *,
        limit: int,
        after: str | None,
        ascending: bool,
        model: str | None = None,
        metadata: dict[str, str] | None = None,
        without_metadata: bool = False,
    ) -> Page:
        """Return a page of stored completions.

        Args:
            limit: most completions to return.
            after: id of the last one of the page before.
            ascending: oldest first.
            model: only those that this model answered.
            metadata: keys and values that their metadata must all have.
            without_metadata: only those that have no metadata.
        """
        where, values = _with_metadata(
            "deleted_at IS NULL", [], metadata or {}, without_metadata
        )
        if model is not None:
            where += " AND model = ?"
            values = [*values, model]
        return self._page(
            StoredCompletion,
            where,
            values,
            limit=limit,
            after=after,
            ascending=ascending,
        )

    def update_completion(
        self, completion_id: str, metadata: dict[str, str] | None
    ) -> StoredCompletion | None:
        """Put other metadata on a stored completion and return it."""
        self._connection.execute(
            "UPDATE chat_completions SET metadata = ? "
            "WHERE id = ? AND deleted_at IS NULL",
            (_encode("metadata", metadata), completion_id),
        )
        return self.completion(completion_id)

    def delete_completion(self, completion_id: str, now: int) -> bool:
        """Delete a stored completion; False if there is none."""
        return self._delete_completions("id = ?", now, completion_id) == 1


class Store:
    """The database: one connection that writes and one that reads.

    Args:
        path: the SQLite file; it is made, or brought up to date.
    """

    def __init__(self, path: Path) -> None:
        self._writer = self._connect(path)
        migrate(self._writer)
        self._reader = self._connect(path)
        self.changes = Changes()
        self._write_lock = threading.RLock()
        self._read_lock = threading.Lock()

    @staticmethod
    def _connect(path: Path) -> sqlite3.Connection:
        connection = sqlite3.connect(
            path, isolation_level=None, check_same_thread=False, timeout=30
        )
        connection.row_factory = sqlite3.Row
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("PRAGMA foreign_keys = ON")
        return connection

    @contextlib.contextmanager
    def write(self) -> Iterator[Session]:
        """Open a transaction that commits at the end and rolls back on any fault."""
        with self._write_lock:
            self._writer.execute("BEGIN IMMEDIATE")
            session = Session(self._writer)
            try:
                yield session
                self._writer.execute("COMMIT")
            except BaseException:
                # A full disk may have rolled it back already.
                if self._writer.in_transaction:
                    self._writer.execute("ROLLBACK")
                raise
        self.changes.tell(session.touched_jobs)

    @contextlib.contextmanager
    def read(self) -> Iterator[Session]:
        """Open a consistent view of what is committed."""
        with self._read_lock:
            self._reader.execute("BEGIN")
            try:
                yield Session(self._reader)
            finally:
                self._reader.execute("ROLLBACK")

    def close(self) -> None:
        """Close the database."""
        with self._write_lock, self._read_lock:
            self._reader.close()
            self._writer.close()
