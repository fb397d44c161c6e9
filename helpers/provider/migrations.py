"""The tables of the provider's database, as numbered steps that are never edited.

A change to the tables is a new step at the end. `PRAGMA user_version` holds the number
of the last step that was applied, so a folder of an older version is brought up to date
at its next start.
"""

from __future__ import annotations

import sqlite3

MIGRATIONS = (
    # 1: files, jobs with their events and checkpoints, models, idempotency keys.
    # seq gives every list its order; AUTOINCREMENT never hands a number out twice,
    # so a cursor stays valid after deletions.
    """
    CREATE TABLE files (
        seq INTEGER PRIMARY KEY AUTOINCREMENT,
        id TEXT NOT NULL UNIQUE,
        bytes INTEGER NOT NULL,
        created_at INTEGER NOT NULL,
        expires_at INTEGER,
        filename TEXT NOT NULL,
        purpose TEXT NOT NULL,
        blob TEXT NOT NULL,
        deleted_at INTEGER
    );
    CREATE TABLE jobs (
        seq INTEGER PRIMARY KEY AUTOINCREMENT,
        id TEXT NOT NULL UNIQUE,
        created_at INTEGER NOT NULL,
        model TEXT NOT NULL,
        trained_model TEXT NOT NULL,
        planned_name TEXT NOT NULL,
        training_file TEXT NOT NULL,
        validation_file TEXT,
        method TEXT NOT NULL,
        asked TEXT NOT NULL,
        resolved TEXT,
        seed INTEGER NOT NULL,
        integrations TEXT NOT NULL,
        metadata TEXT,
        state TEXT NOT NULL,
        queue_position INTEGER,
        threads INTEGER,
        started_at INTEGER,
        finished_at INTEGER,
        estimated_finish INTEGER,
        last_step INTEGER NOT NULL DEFAULT 0,
        total_steps INTEGER,
        journal_offset INTEGER NOT NULL DEFAULT 0,
        failures INTEGER NOT NULL DEFAULT 0,
        trained_tokens INTEGER,
        final_checkpoint TEXT,
        fine_tuned_model TEXT,
        result_file TEXT,
        error TEXT,
        request_hash TEXT NOT NULL
    );
    CREATE INDEX jobs_by_state ON jobs (state);
    CREATE INDEX jobs_by_request ON jobs (request_hash, created_at);
    CREATE TABLE events (
        seq INTEGER PRIMARY KEY AUTOINCREMENT,
        id TEXT NOT NULL UNIQUE,
        job_id TEXT NOT NULL REFERENCES jobs (id),
        created_at INTEGER NOT NULL,
        level TEXT NOT NULL,
        type TEXT NOT NULL,
        message TEXT NOT NULL,
        data TEXT NOT NULL
    );
    CREATE INDEX events_by_job ON events (job_id, seq);
    CREATE TABLE checkpoints (
        seq INTEGER PRIMARY KEY AUTOINCREMENT,
        id TEXT NOT NULL UNIQUE,
        job_id TEXT NOT NULL REFERENCES jobs (id),
        created_at INTEGER NOT NULL,
        step INTEGER NOT NULL,
        model TEXT NOT NULL,
        metrics TEXT NOT NULL,
        UNIQUE (job_id, step)
    );
    CREATE TABLE models (
        seq INTEGER PRIMARY KEY AUTOINCREMENT,
        name TEXT NOT NULL UNIQUE,
        created_at INTEGER NOT NULL,
        job_id TEXT NOT NULL REFERENCES jobs (id),
        folder TEXT NOT NULL
    );
    CREATE TABLE idempotency (
        key TEXT PRIMARY KEY,
        request_hash TEXT NOT NULL,
        job_id TEXT NOT NULL REFERENCES jobs (id),
        created_at INTEGER NOT NULL
    );
    """,
    # 2: uploads with their parts; permissions on checkpoints. A permission goes with
    # its model, whoever deletes that.
    """
    CREATE TABLE uploads (
        seq INTEGER PRIMARY KEY AUTOINCREMENT,
        id TEXT NOT NULL UNIQUE,
        created_at INTEGER NOT NULL,
        expires_at INTEGER NOT NULL,
        filename TEXT NOT NULL,
        purpose TEXT NOT NULL,
        bytes INTEGER NOT NULL,
        file_seconds INTEGER,
        state TEXT NOT NULL,
        ended_at INTEGER,
        file_id TEXT REFERENCES files (id)
    );
    CREATE INDEX uploads_by_state ON uploads (state, expires_at);
    CREATE TABLE upload_parts (
        seq INTEGER PRIMARY KEY AUTOINCREMENT,
        id TEXT NOT NULL UNIQUE,
        upload_id TEXT NOT NULL REFERENCES uploads (id),
        created_at INTEGER NOT NULL,
        bytes INTEGER NOT NULL,
        blob TEXT NOT NULL
    );
    CREATE INDEX upload_parts_by_upload ON upload_parts (upload_id, seq);
    CREATE TABLE permissions (
        seq INTEGER PRIMARY KEY AUTOINCREMENT,
        id TEXT NOT NULL UNIQUE,
        model TEXT NOT NULL REFERENCES models (name) ON DELETE CASCADE,
        project_id TEXT NOT NULL,
        created_at INTEGER NOT NULL,
        deleted_at INTEGER
    );
    CREATE INDEX permissions_by_model ON permissions (model, seq);
    CREATE UNIQUE INDEX one_permission_for_a_project
        ON permissions (model, project_id) WHERE deleted_at IS NULL;
    """,
    # 3: stored chat completions. A deleted row keeps its place as a cursor for a while
    # (see Session.add_completion), without content. `size` stands before the content,
    # and in an index, so that adding the sizes up reads no content.
    """
    CREATE TABLE chat_completions (
        seq INTEGER PRIMARY KEY AUTOINCREMENT,
        id TEXT NOT NULL UNIQUE,
        created_at INTEGER NOT NULL,
        model TEXT NOT NULL,
        size INTEGER NOT NULL,
        deleted_at INTEGER,
        metadata TEXT,
        messages TEXT NOT NULL,
        completion TEXT NOT NULL
    );
    CREATE INDEX chat_completions_kept ON chat_completions (seq, size)
        WHERE deleted_at IS NULL;
    """,
    # 4: stored responses. `previous` is no foreign key: the response before may go,
    # and a conversation that lacks it says so. The indexes hold what is looked up or
    # added up, so that neither reads content.
    """
    CREATE TABLE responses (
        seq INTEGER PRIMARY KEY AUTOINCREMENT,
        id TEXT NOT NULL UNIQUE,
        created_at INTEGER NOT NULL,
        size INTEGER NOT NULL,
        previous TEXT,
        input_items TEXT NOT NULL,
        response TEXT NOT NULL,
        pieces TEXT NOT NULL
    );
    CREATE INDEX responses_kept ON responses (seq, size);
    CREATE INDEX responses_before ON responses (id, size, previous);
    """,
    # 5: batches. Their answers lie in journals until they end (batch_answers).
    """
    CREATE TABLE batches (
        seq INTEGER PRIMARY KEY AUTOINCREMENT,
        id TEXT NOT NULL UNIQUE,
        created_at INTEGER NOT NULL,
        expires_at INTEGER NOT NULL,
        endpoint TEXT NOT NULL,
        input_file TEXT NOT NULL REFERENCES files (id),
        completion_window TEXT NOT NULL,
        metadata TEXT,
        output_seconds INTEGER,
        request_hash TEXT NOT NULL,
        state TEXT NOT NULL,
        model TEXT,
        total INTEGER,
        completed INTEGER NOT NULL DEFAULT 0,
        failed INTEGER NOT NULL DEFAULT 0,
        usage TEXT,
        errors TEXT,
        output_file TEXT REFERENCES files (id),
        error_file TEXT REFERENCES files (id),
        in_progress_at INTEGER,
        finalizing_at INTEGER,
        completed_at INTEGER,
        failed_at INTEGER,
        expired_at INTEGER,
        cancelling_at INTEGER,
        cancelled_at INTEGER
    );
    CREATE INDEX batches_by_state ON batches (state, seq);
    CREATE INDEX batches_by_request ON batches (request_hash, created_at);
    CREATE INDEX batches_by_file ON batches (input_file);
    """,
    # 6: the grader of a reinforcement job.
    """
    ALTER TABLE jobs ADD COLUMN grader TEXT;
    """,
    # 7: how long a job has trained: pauses and waiting in the queue do not count.
    """
    ALTER TABLE jobs ADD COLUMN trained_seconds REAL NOT NULL DEFAULT 0;
    """,
    # 8: Azure's dialect: deployments; what a job was created with that OpenAI's API has
    # no place for; jobs that were deleted, which only that dialect can do; and batches
    # whose lines name deployments.
    """
    CREATE TABLE deployments (
        seq INTEGER PRIMARY KEY AUTOINCREMENT,
        name TEXT NOT NULL UNIQUE COLLATE NOCASE,
        account TEXT NOT NULL,
        model TEXT NOT NULL,
        model_shown TEXT NOT NULL,
        version TEXT,
        sku TEXT NOT NULL,
        capacity INTEGER NOT NULL,
        properties TEXT NOT NULL,
        tags TEXT,
        etag TEXT NOT NULL,
        created_at REAL NOT NULL,
        changed_at REAL NOT NULL,
        deleting_at REAL
    );
    CREATE INDEX deployments_by_model ON deployments (model);
    CREATE TABLE azure_jobs (
        job_id TEXT PRIMARY KEY REFERENCES jobs (id),
        training_type TEXT NOT NULL
    );
    ALTER TABLE jobs ADD COLUMN deleted_at INTEGER;
    CREATE INDEX jobs_by_planned_name ON jobs (planned_name);
    ALTER TABLE batches ADD COLUMN of_azure INTEGER NOT NULL DEFAULT 0;
    """,
)


def migrate(connection: sqlite3.Connection) -> None:
    """Bring a database up to the newest step.

    Args:
        connection: an open connection in autocommit mode.

    Raises:
        RuntimeError: the database was written by a newer version of this program.
    """
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    if version > len(MIGRATIONS):
        raise RuntimeError(
            f"The provider's database has version {version}, this program knows "
            f"versions up to {len(MIGRATIONS)}. Use the newer program, or another "
            "folder with --home."
        )
    for number in range(version, len(MIGRATIONS)):
        step = MIGRATIONS[number]
        connection.executescript(
            f"BEGIN IMMEDIATE;{step};PRAGMA user_version = {number + 1};COMMIT;"
        )
