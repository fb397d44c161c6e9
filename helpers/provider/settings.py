"""What the local provider can be told, and where its things lie on disk.

Purpose: one frozen object with every number and path the other modules use, so that
none of them reads the environment or the command line.
It must never know about HTTP, SQL or tensors, and it never holds the key.
"""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass, field
from pathlib import Path

BASE_MODEL_NAME = "kitchen-base"
ORGANIZATION = "local"
REPOSITORY = Path(__file__).resolve().parents[2]
BASE_MODEL_PATH = REPOSITORY / "data" / "base_model"
HOSTED_MODELS_PATH = REPOSITORY / "data" / "models.csv"
LOOPBACK_HOSTS = ("127.0.0.1", "localhost", "::1")
MEBIBYTE = 1024 * 1024


@dataclass(frozen=True)
class Limits:
    """Caps on what one caller may ask for; beyond each stands a clear 4xx answer.

    The larger ones are OpenAI's own (files guide, read 2026-11-22); those on `n`,
    messages and JSON bodies are ours, since one laptop serves everything.
    """

    file_bytes: int = 512 * MEBIBYTE
    free_disk_bytes: int = 200 * MEBIBYTE
    json_bytes: int = 8 * MEBIBYTE
    multipart_parts: int = 16
    multipart_field_bytes: int = 4096
    choices: int = 16
    stop_sequences: int = 4
    stop_characters: int = 500
    messages: int = 2048
    list_files: int = 10_000
    list_jobs: int = 1_000
    list_events: int = 10_000
    unfinished_jobs: int = 2_000
    idempotency_seconds: int = 24 * 3600
    # The client gives up on an answer after 600 s and then tries again.
    retry_window_seconds: int = 900
    worker_attempts: int = 3
    worker_silence_seconds: float = 60.0
    checkpoints_offered: int = 3
    # Uploads in parts: OpenAI's own sizes and lifetime (API reference, read
    # 2026-11-23). Their number, that of parts and of permissions are ours: rows would
    # pile up otherwise. 10,000 parts of 1 MiB still make the largest upload.
    upload_bytes: int = 8192 * MEBIBYTE
    upload_part_bytes: int = 64 * MEBIBYTE
    upload_parts: int = 10_000
    upload_seconds: int = 3600
    open_uploads: int = 1_000
    # How long an ended upload is known, so that a late call hears how it ended.
    ended_upload_seconds: int = 24 * 3600
    permissions: int = 1_000
    projects_in_a_request: int = 100
    # Of one request for text completions: each choice of each prompt is an answer of
    # its own in the queue of the engine.
    prompts: int = 256
    completions: int = 512
    # OpenAI's own for embeddings; a laptop reads so many tokens in half a minute.
    embedding_inputs: int = 2048
    request_tokens: int = 300_000
    # Stored chat completions: the oldest go when there are more, or when they are
    # larger together. A script that stores every answer would fill the disk otherwise.
    stored_completions: int = 10_000
    stored_completion_bytes: int = 256 * MEBIBYTE
    list_completions: int = 100
    # Stored responses, by the same rule. They are stored unless a request says no, and
    # a conversation is read again, turn by turn, with each further one: so the turns
    # before are held to what fits into one request (`json_bytes`, `messages`) too.
    stored_responses: int = 10_000
    stored_response_bytes: int = 256 * MEBIBYTE
    # Batches: lines, bytes and embedding inputs are OpenAI's own (batch guide, read
    # 2026-11-23). Open batches, because each keeps a file; those at once, because each
    # keeps two of them open and knows its lines; kept ones and told errors are rows.
    batch_lines: int = 50_000
    batch_file_bytes: int = 200 * MEBIBYTE
    batch_embedding_inputs: int = 50_000
    batch_custom_id: int = 512
    batch_errors: int = 50
    open_batches: int = 100
    batches_at_once: int = 8
    kept_batches: int = 10_000
    list_batches: int = 100
    # What answers can be made to obey: 128 functions, 120,000 characters and 1,000 enum
    # values are OpenAI's own. Of its 5,000 properties a laptop takes a thousand, which
    # are read in a third of a second; its ten levels of objects are some thirty of
    # JSON, all of which are counted here.
    functions: int = 128
    schema_characters: int = 120_000
    schema_depth: int = 64
    schema_properties: int = 1_000
    schema_enum_values: int = 1_000
    # Of one step of reinforcement, and of one evaluation for each prompt: answers are
    # drawn between two looks at the job, and kept until they are learned from.
    rollouts_in_a_step: int = 512
    eval_samples: int = 16
    # Live monitors: each holds a connection for as long as its job lives.
    open_event_streams: int = 100
    event_stream_heartbeat_seconds: float = 15.0
    # Connections, and how slow their clients may be. Half of the 1,024 open files that
    # Linux gives a process; a classroom with 30 learners uses a few dozen.
    connections: int = 512
    head_seconds: float = 20.0
    unread_body_seconds: float = 60.0
    body_silence_seconds: float = 30.0
    body_bytes_a_second: int = 16 * 1024
    # Answers asked for and not yet complete. At 16 tokens of 32 answers at a time, a
    # minute's work for the base model; who comes later is told so at once.
    unfinished_answers: int = 1_024
    logit_biases: int = 1_024
    idempotency_key_characters: int = 255
    # Nothing of these ever goes by itself, or only with time.
    jobs: int = 100_000
    files: int = 50_000
    training_steps: int = 1_000_000
    # How long a deleted file is known: as a cursor, and for a client that repeats
    # its request.
    deleted_file_seconds: int = 24 * 3600
    # Of Azure's dialect; a deployment is a row, the models stay as they are.
    deployments: int = 100


@dataclass(frozen=True)
class Settings:
    """Everything `serve` was told.

    Args:
        home: folder of the provider: database, blobs, jobs, key.
        host: address to listen on; anything but loopback has to be asked for.
        port: TCP port, 0 for a free one.
        allowed_hosts: further names accepted in the Host header, without a port.
        models: name → Hugging Face folder of each base model.
        hosted_models_path: table of hosted names that the base model stands in for.
        result_content: "base64" as OpenAI's API answers, or "plain" as Azure's does.
        training_threads: threads of the training process.
        fewer_for_small: small models are trained with one thread, which is faster.
        deployment_seconds: how long a deployment takes to be made or deleted.
        import_from: places that Azure's files/import may fetch from.
        tell_paused: a job that is asked for by its id may say `paused`, a state that
            the public document and typed clients do not know.
        worker_command: how the training process is started; `--home DIR` is added.
    """

    home: Path
    host: str = "127.0.0.1"
    port: int = 8000
    allowed_hosts: tuple[str, ...] = ()
    models: dict[str, Path] = field(
        default_factory=lambda: {BASE_MODEL_NAME: BASE_MODEL_PATH}
    )
    hosted_models_path: Path = HOSTED_MODELS_PATH
    result_content: str = "base64"
    training_threads: int = 1
    fewer_for_small: bool = False
    worker_command: tuple[str, ...] = (
        sys.executable,
        "-m",
        "helpers.provider.worker",
    )
    # Azure takes minutes; this is long enough to see the states go by.
    deployment_seconds: float = 10.0
    import_from: tuple[str, ...] = ()
    limits: Limits = field(default_factory=Limits)
    # A GET of a job that has not ended waits so long for its end; 0 answers at once.
    hold_retrieve_seconds: float = 0.0
    tell_paused: bool = False
    # What the training process may take; None leaves it to the machine.
    training_memory_bytes: int | None = None
    training_seconds: float | None = None

    @property
    def database(self) -> Path:
        """The SQLite file."""
        return self.home / "store.sqlite3"

    @property
    def blobs(self) -> Path:
        """Folder of uploaded and result files."""
        return self.home / "blobs"

    @property
    def jobs(self) -> Path:
        """Folder with one folder per fine-tuning job."""
        return self.home / "jobs"

    @property
    def batches(self) -> Path:
        """Folder with the answers of batches that have not ended."""
        return self.home / "batches"


def default_home() -> Path:
    """Return the provider's folder: $COMPANION_HOME, else the user's data folder."""
    told = os.environ.get("COMPANION_HOME")
    if told:
        return Path(told).expanduser().resolve()
    from platformdirs import user_data_path

    return user_data_path("fine-tuning-companion", appauthor=False)
