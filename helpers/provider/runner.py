"""The queue and the life of jobs, from validation to the fine-tuned model.

Purpose: one thread validates files, one thread looks after the training process; both
only ever move jobs along as the database has them, so that a killed server takes up
where it stood. A job is trained by one process at a time, and jobs in order.
Supervision: the folder's lock (home) makes this the only server, a second lock makes
its worker the only one; a worker that is silent for a minute is killed, one that ends
is started again, and a job that gets no further in three attempts fails.
It must never know about HTTP, and tensors stay in the training process.
"""

from __future__ import annotations

import csv
import io
import logging
import math
import queue
import shutil
import sqlite3
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from helpers.provider import lifecycle
from helpers.provider.blobs import BlobStore, DiskFull
from helpers.provider.grading_files import grader_error
from helpers.provider.hyperparameters import resolve
from helpers.provider.ids import new_id
from helpers.provider.journal import JOURNAL_FILE, end_of_lines, read_from
from helpers.provider.lifecycle import JobConflict
from helpers.provider.model_folders import job_bytes, room_for_job
from helpers.provider.models import Registry
from helpers.provider.settings import Limits, Settings
from helpers.provider.store import Job, Session, Store
from helpers.provider.supervisor import WorkerProcess
from helpers.provider.threads import most_threads
from helpers.provider.training_memory import resident_bytes
from helpers.provider.worker import out_of_memory

log = logging.getLogger(__name__)

RESULT_COLUMNS = (
    "step",
    "train_loss",
    "train_accuracy",
    "valid_loss",
    "valid_mean_token_accuracy",
)
# The names of the reward metrics in OpenAI's events (reinforcement guide).
REWARD_COLUMNS = (
    "step",
    "train_mean_reward",
    "full_valid_mean_reward",
    "completion_tokens_mean",
)
_TICK_SECONDS = 1.0
_RETRY_SECONDS = 2.0
_SWEEP_SECONDS = 60.0
_PAUSE_BEFORE_STOP_SECONDS = 10.0


class _Unwanted(Exception):
    """Nobody waits for this validation any more."""


class NoSuchJob(Exception):
    """No job has this id."""


def count_examples(path: Path) -> int:
    """Return the number of lines that are not blank, in flat memory."""
    with open(path, "rb") as file:
        return sum(1 for line in file if line.strip())


class Runner:
    """Moves jobs along.

    Args:
        store: the database.
        blobs: contents of files.
        registry: finds base models.
        settings: folders, limits, threads.
        on_model: called with the folder of each new fine-tuned model.
    """

    def __init__(
        self,
        store: Store,
        blobs: BlobStore,
        registry: Registry,
        settings: Settings,
        *,
        on_model: Callable[[Path], None] = lambda path: None,
    ) -> None:
        self._store = store
        self._blobs = blobs
        self._registry = registry
        self._settings = settings
        self._on_model = on_model
        self._to_validate: queue.SimpleQueue[str | None] = queue.SimpleQueue()
        self._inbox: queue.SimpleQueue[tuple[str, Any, Any]] = queue.SimpleQueue()
        self._threads: list[threading.Thread] = []
        self._stopping = False
        # What follows belongs to the supervising thread alone.
        self._worker: WorkerProcess | None = None
        self._ready = False
        self._false_starts = 0
        self._start_at = 0.0
        self._current: str | None = None
        self._wish = "run"
        self._unread = False
        self._idle: dict[str, Any] | None = None
        self._exit_code: int | None = None
        self._cancelled: list[str] = []
        self._pace: tuple[float, int] | None = None
        self._clock: float | None = None
        self._swept_at = time.monotonic()

    # What routes call

    def submit(self, job: Job) -> None:
        """Take up a job that was just committed."""
        self._to_validate.put(job.id)

    def cancel(self, job_id: str) -> Job:
        """End a job; see `lifecycle.cancel`."""
        job = self._change(job_id, lifecycle.cancel)
        self._inbox.put(("cancelled", None, job.id))
        return job

    def pause(self, job_id: str) -> Job:
        """Hold a job; see `lifecycle.pause`."""
        return self._change(job_id, lifecycle.pause)

    def resume(self, job_id: str) -> Job:
        """Let a paused job go on; see `lifecycle.resume`."""
        job = self._change(job_id, lifecycle.resume)
        if job.state == "validating_files":
            self._to_validate.put(job.id)
        return job

    def _change(
        self, job_id: str, transition: Callable[[Session, Job, int], Job]
    ) -> Job:
        with self._store.write() as session:
            job = session.shown_job(job_id)
            if job is None:
                raise NoSuchJob(job_id)
            job = transition(session, job, _now())
        self._wake()
        return job

    def worker_state(self) -> str:
        """Return "starting", "ready" or "training", for the health answer."""
        if self._current is not None:
            return "training"
        return "ready" if self._ready else "starting"

    # Start and stop

    def start(self) -> None:
        """Take up what an earlier server left, and start both threads."""
        self._recover()
        self._start_worker()
        for target in (self._validate_forever, self._supervise_forever):
            thread = threading.Thread(target=target, daemon=True)
            thread.start()
            self._threads.append(thread)

    def stop(self) -> None:
        """Stop the worker after its current step; its job goes on at the next start."""
        self._stopping = True
        self._to_validate.put(None)
        self._wake()
        validating, supervising = self._threads
        supervising.join()
        # A large file takes minutes; it is validated again at the next start.
        validating.join(_PAUSE_BEFORE_STOP_SECONDS)
        if self._worker is not None:
            if self._current is not None:
                self._worker.send(type="control", job=self._current, wish="stop")
                self._await_idle(_PAUSE_BEFORE_STOP_SECONDS)
            self._worker.close()
        # What was cancelled a moment ago must not lie there until the next start.
        for kind, _, content in self._messages():
            self._note(kind, content)
        for job_id in {self._current, *self._cancelled} - {None}:
            self._tidy(job_id)

    def _await_idle(self, seconds: float) -> None:
        deadline = time.monotonic() + seconds
        while (left := deadline - time.monotonic()) > 0:
            try:
                kind, _, content = self._inbox.get(timeout=left)
            except queue.Empty:
                return
            if kind in ("idle", "exit"):
                return
            self._note(kind, content)

    def _recover(self) -> None:
        with self._store.read() as session:
            interrupted = session.jobs_in("running", "pausing")
            unvalidated = session.jobs_in("validating_files")
            known = session.blobs_in_use()
        self._blobs.sweep(known)
        for job in interrupted:
            try:
                self._take_reports(job.id)
            except (ValueError, KeyError):
                log.exception("the reports of %s cannot be read", job.id)
                self._current = job.id
                self._give_up_current()
                continue
            with self._store.write() as session:
                job = session.job(job.id)
                if job.state == "pausing":
                    lifecycle.paused(session, job, _now())
        for job in unvalidated:
            self._to_validate.put(job.id)
        self._remove_strays()

    def _remove_strays(self) -> None:
        """Remove what a kill kept from being removed: states, models of nobody."""
        strays = []
        with self._store.read() as session:
            for folder in self._settings.jobs.iterdir():
                job = session.job(folder.name)
                if job is None:
                    strays.append(folder.name)
                elif job.is_final:
                    strays += self._strays_of(session, job)
        self._remove(strays)

    def _tidy(self, job_id: str) -> None:
        """Remove what a job leaves, if it has ended; nobody may work on it any more."""
        with self._store.read() as session:
            job = session.job(job_id)
            strays = self._strays_of(session, job) if job.is_final else []
        self._remove(strays)

    def _strays_of(self, session: Session, job: Job) -> list[str]:
        """Return what a job that has ended leaves: its state, models nobody offers."""
        kept = {model.folder for model in session.models_of_job(job.id)}
        models = self._folder(job.id).glob("checkpoints/*")
        names = [f"{job.id}/checkpoints/{path.name}" for path in models]
        return [f"{job.id}/state", *(name for name in names if name not in kept)]

    # Validation

    def _validate_forever(self) -> None:
        while (job_id := self._to_validate.get()) is not None and not self._stopping:
            try:
                self._validate(job_id)
            except _Unwanted:
                continue
            except (sqlite3.Error, OSError):
                if self._stopping:
                    return
                log.exception("validation of %s is tried again", job_id)
                time.sleep(_RETRY_SECONDS)
                self._to_validate.put(job_id)
            except Exception as fault:
                if self._stopping:
                    return
                log.exception("validation of %s failed", job_id)
                self._fail_validation(job_id, fault)
            self._wake()

    def _validate(self, job_id: str) -> None:
        from helpers.chat_format import job_error

        with self._store.read() as session:
            job = session.job(job_id)
            files = {
                param: session.file_of_job(file_id)
                for param, file_id in (
                    ("training_file", job.training_file),
                    ("validation_file", job.validation_file),
                )
                if file_id is not None
            }
        if job.is_final or job.resolved is not None:
            return

        def progress(_: int) -> None:
            # A large file takes a minute, and the jobs behind it wait.
            with self._store.read() as session:
                cancelled = session.job(job_id).is_final
            if cancelled or self._stopping:
                raise _Unwanted

        error, resolved = None, {}
        for param, file in files.items():
            path = self._blobs.path(file.blob)
            error = job_error(
                path, param, job.method, file_id=file.id, progress=progress
            )
            if error is None and job.grader is not None:
                error = grader_error(path, param, job.grader)
            if error is not None:
                break
        else:
            path = self._blobs.path(files["training_file"].blob)
            examples = count_examples(path)
            resolved = resolve(job.method, examples, job.asked)
            error = _too_many_steps(examples, resolved, self._settings.limits)
        with self._store.write() as session:
            job = session.job(job_id)
            if job.is_final:
                return
            if error is not None:
                lifecycle.failed(session, job, _now(), **error)
            else:
                lifecycle.validated(session, job, _now(), resolved)

    def _fail_validation(self, job_id: str, fault: Exception) -> None:
        with self._store.write() as session:
            job = session.job(job_id)
            if not job.is_final:
                message = (
                    "The job failed because its files could not be validated "
                    f"({type(fault).__name__}). The provider's server.log says more."
                )
                lifecycle.failed(
                    session, job, _now(), "validation_failed", message, None
                )

    # Supervision

    def _wake(self) -> None:
        self._inbox.put(("wake", None, None))

    def _on_message(self, worker: WorkerProcess, message: dict[str, Any]) -> None:
        self._inbox.put((message["type"], worker, message))

    def _on_exit(self, worker: WorkerProcess, code: int) -> None:
        self._inbox.put(("exit", worker, code))

    def _supervise_forever(self) -> None:
        while not self._stopping:
            for kind, worker, content in self._messages():
                if worker is None or worker is self._worker:
                    self._note(kind, content)
            try:
                self._advance()
            except (sqlite3.Error, OSError):
                # Nothing was lost: all of it is in the journal and the database.
                log.exception("the provider's disk refused; trying again")
                time.sleep(_RETRY_SECONDS)
            except Exception:
                # One job that cannot be understood must not stop all others.
                log.exception("the supervision of %s failed", self._current)
                self._give_up_current()

    def _messages(self) -> list[tuple[str, Any, Any]]:
        """Wait for a message, and take all that are there."""
        messages: list[tuple[str, Any, Any]] = []
        try:
            messages.append(self._inbox.get(timeout=_TICK_SECONDS))
            while True:
                messages.append(self._inbox.get_nowait())
        except queue.Empty:
            return messages

    def _note(self, kind: str, content: Any) -> None:
        if kind == "ready":
            self._ready, self._false_starts = True, 0
        elif kind == "report":
            self._unread = True
        elif kind == "idle":
            self._unread, self._idle = True, content
        elif kind == "exit":
            self._unread, self._exit_code = True, content
        elif kind == "cancelled":
            self._cancelled.append(content)

    def _advance(self) -> None:
        """Do whatever has become possible; what fails is done again the next time."""
        if self._unread and self._current is not None:
            self._take_reports(self._current)
        self._unread = False
        if self._idle is not None:
            if self._idle.get("unwritten"):
                self._conclude(self._current, self._idle["unwritten"], None)
            self._idle = self._current = None
        if self._exit_code is not None:
            self._after_exit(self._exit_code)
            self._exit_code = None
        if self._worker is None:
            if time.monotonic() >= self._start_at:
                self._start_worker()
        elif self._is_silent():
            log.error("the training process is silent; it is killed")
            self._worker.kill()
        if self._current is not None:
            self._check_limits()
            self._send_wish()
        else:
            self._start_next()
        for job_id in self._cancelled:
            # The current one is tidied up when the worker has let go of it.
            if job_id != self._current:
                self._tidy(job_id)
        self._cancelled.clear()
        self._sweep()

    def _give_up_current(self) -> None:
        job_id, self._current, self._idle = self._current, None, None
        if self._worker is not None:
            self._worker.kill()
        if job_id is None:
            time.sleep(_RETRY_SECONDS)
            return
        with self._store.write() as session:
            job = session.job(job_id)
            if not job.is_final:
                message = (
                    "The job failed because its training reports could not be read. "
                    "The provider's server.log says more."
                )
                lifecycle.failed(session, job, _now(), "server_error", message, None)

    def _is_silent(self) -> bool:
        silence = time.monotonic() - self._worker.heard_at
        return silence > self._settings.limits.worker_silence_seconds

    def _check_limits(self) -> None:
        """End a job that takes more time or memory than it may."""
        settings, job_id = self._settings, self._current
        most = settings.training_memory_bytes
        held = resident_bytes(self._worker.pid) if most is not None else 0
        with self._store.read() as session:
            job = session.job(job_id)
        if job.is_final:
            return
        if most is not None and held > most:
            log.error("%s: training holds %d bytes; it is killed", job_id, held)
            self._fail(job_id, "out_of_memory", out_of_memory())
            self._worker.kill()
        elif settings.training_seconds is not None:
            trained = job.trained_seconds + self._since_last_look()
            if trained > settings.training_seconds:
                self._fail(job_id, "time_limit_exceeded", _too_long(settings))

    def _since_last_look(self) -> float:
        """Return the seconds of training that the database does not know yet."""
        return 0.0 if self._clock is None else time.monotonic() - self._clock

    def _count_time(self, session: Session, job: Job) -> Job:
        """Add what was trained since the last look to a job's clock."""
        if self._clock is None or job.id != self._current:
            return job
        seconds = job.trained_seconds + self._since_last_look()
        self._clock = time.monotonic()
        return session.update_job(job.id, trained_seconds=seconds)

    def _fail(self, job_id: str, code: str, message: str) -> None:
        with self._store.write() as session:
            job = session.job(job_id)
            if not job.is_final:
                lifecycle.failed(session, job, _now(), code, message, None)

    def _start_worker(self) -> None:
        self._ready = False
        self._worker = WorkerProcess(self._settings, self._on_message, self._on_exit)

    def _after_exit(self, code: int) -> None:
        if self._worker is not None:
            self._worker.close()
            self._worker = None
            if not self._ready:
                self._false_starts += 1
                pause = min(0.2 * 2**self._false_starts, 10.0)
                self._start_at = time.monotonic() + pause
            self._ready = False
        if self._current is not None:
            self._note_failure(self._current, code)
            self._tidy(self._current)
            self._current = None
        elif self._false_starts >= self._settings.limits.worker_attempts:
            self._fail_waiting()

    def _note_failure(self, job_id: str, code: int) -> None:
        with self._store.write() as session:
            job = session.job(job_id)
            if job.is_final:
                self._remove([f"{job_id}/state"])
                return
            failures = job.failures + 1
            job = session.update_job(job.id, failures=failures)
            if job.state == "pausing":
                lifecycle.paused(session, job, _now())
            elif failures >= self._settings.limits.worker_attempts:
                lifecycle.failed(
                    session,
                    job,
                    _now(),
                    "training_process_ended",
                    f"The training process ended unexpectedly {failures} times in a "
                    f"row without getting further ({_how(code)}). {out_of_memory()}",
                    None,
                )
            else:
                message = (
                    f"The training process ended unexpectedly ({_how(code)}); "
                    "training goes on in a new one"
                )
                lifecycle.say(session, job, _now(), message, level="warn")

    def _fail_waiting(self) -> None:
        with self._store.write() as session:
            for job in session.jobs_in("running", "queued"):
                message = (
                    "The job failed because the training process does not start. The "
                    "provider's worker.log says more."
                )
                lifecycle.failed(
                    session, job, _now(), "training_process_missing", message, None
                )

    def _send_wish(self) -> None:
        with self._store.read() as session:
            state = session.job(self._current).state
        wishes = {
            "running": "run",
            "pausing": "pause",
            "cancelled": "cancel",
            "failed": "cancel",
        }
        wish = wishes.get(state, self._wish)
        if wish != self._wish:
            self._wish = wish
            self._worker.send(type="control", job=self._current, wish=wish)

    def _start_next(self) -> None:
        if not self._ready or self._stopping:
            return
        with self._store.read() as session:
            job = session.next_in_queue()
        if job is None:
            return
        model = self._registry.find(job.trained_model)
        with self._store.write() as session:
            job = session.job(job.id)
            if job.state not in ("running", "queued"):
                self._wake()
                return
            if model is None:
                message = f"The model {job.trained_model} does not exist any more."
                lifecycle.failed(
                    session, job, _now(), "model_not_found", message, "model"
                )
                self._wake()
                return
            if (words := self._lacks_room(job, model.path)) is not None:
                lifecycle.failed(
                    session, job, _now(), "insufficient_storage", words, None
                )
                self._wake()
                return
            threads = self._settings.training_threads
            if self._settings.fewer_for_small:
                threads = min(threads, most_threads(model.path))
            job = lifecycle.started(session, job, _now(), threads)
            # A power cut may take more of the journal than of the database, which
            # flushes more often. The worker writes on where the journal ends now.
            end = end_of_lines(self._folder(job.id) / JOURNAL_FILE)
            if end < job.journal_offset:
                session.update_job(job.id, journal_offset=end)
            files = [
                session.file_of_job(file_id) if file_id else None
                for file_id in (job.training_file, job.validation_file)
            ]
        training, validation = (
            str(self._blobs.path(file.blob)) if file else None for file in files
        )
        self._current, self._wish, self._pace = job.id, "run", None
        self._clock = time.monotonic()
        self._worker.send(
            type="job",
            job=job.id,
            spec={
                "model_path": str(model.path),
                "training_path": training,
                "validation_path": validation,
                "work_dir": str(self._folder(job.id)),
                "method": job.method,
                "seed": job.seed,
                "threads": job.threads,
                "grader": job.grader,
                # The store knows which models are offered or deployed. Withdrawn
                # first, removed then: a model that is listed is there.
                "checkpoints_kept": None,
                **job.resolved,
            },
        )

    def _lacks_room(self, job: Job, model: Path) -> str | None:
        """Say what is wrong if a job that has not begun would not fit on the disk."""
        if self._folder(job.id).exists():
            return None
        needed = job_bytes(model, job.resolved["n_epochs"])
        try:
            self._blobs.check_space(needed)
        except DiskFull:
            return room_for_job(job.model, needed)
        return None

    def _folder(self, job_id: str) -> Path:
        """Return a job's folder; the id is the database's, not a request's."""
        return self._settings.jobs / job_id

    # Reports of the worker

    def _take_reports(self, job_id: str) -> None:
        """Read the journal on: the database moves with its offset, or not at all."""
        journal = self._folder(job_id) / JOURNAL_FILE
        with self._store.read() as session:
            offset = session.job(job_id).journal_offset
        reports = read_from(journal, offset)
        while reports:
            withdrawn: list[str] = []
            with self._store.write() as session:
                job = self._count_time(session, session.job(job_id))
                while reports and reports[0][0]["type"] not in ("result", "error"):
                    report, offset = reports.pop(0)
                    if not job.is_final:
                        job = self._apply(session, job, report, withdrawn)
                session.update_job(job_id, journal_offset=offset)
            self._remove(withdrawn)
            if reports:
                outcome, offset = reports.pop(0)
                self._conclude(job_id, outcome, offset)

    def _apply(
        self, session: Session, job: Job, report: dict[str, Any], withdrawn: list[str]
    ) -> Job:
        kind, now = report["type"], _now()
        if kind == "step":
            finish = self._estimate(now, report["step"], report["total_steps"])
            return lifecycle.stepped(session, job, now, report, finish)
        if kind == "checkpoint":
            folder = Path(report["model_path"]).relative_to(self._settings.jobs)
            job, old = lifecycle.checkpointed(
                session,
                job,
                now,
                report,
                folder.as_posix(),
                self._settings.limits.checkpoints_offered,
            )
            withdrawn += old
        elif kind == "resumed":
            lifecycle.resumed(session, job, now, report["step"])
        elif kind == "message":
            lifecycle.noted(session, job, now, report)
        return job

    def _estimate(self, now: int, step: int, total: int) -> int | None:
        """Guess the end from the pace since training was last started."""
        clock = time.monotonic()
        if self._pace is None:
            self._pace = (clock, step)
            return None
        began, first = self._pace
        if step <= first:
            return None
        return now + round((total - step) * (clock - began) / (step - first))

    def _conclude(
        self, job_id: str, outcome: dict[str, Any], offset: int | None
    ) -> None:
        """Take the worker's last word on a job."""
        with self._store.read() as session:
            job = session.job(job_id)
            metrics = list(session.metrics_of_job(job_id))
        blob, content = None, b""
        succeeded = outcome.get("status") == "succeeded"
        if succeeded and not job.is_final:
            content = result_csv(metrics, job.method)
            blob = self._blobs.write(content)
        try:
            job, withdrawn = self._commit_outcome(
                job_id, outcome, offset, blob, len(content)
            )
        except BaseException:
            # It is concluded again later, with another blob.
            if blob is not None:
                self._blobs.delete(blob)
            raise
        if blob is not None and job.state != "succeeded":
            self._blobs.delete(blob)  # cancelled just before
        self._remove(withdrawn)
        self._tidy(job_id)
        if job.state == "succeeded":
            self._on_model(self._settings.jobs / job.final_checkpoint["folder"])

    def _commit_outcome(
        self,
        job_id: str,
        outcome: dict[str, Any],
        offset: int | None,
        blob: str | None,
        size: int,
    ) -> tuple[Job, list[str]]:
        """Change the job as its outcome says; returns it and folders to remove."""
        succeeded = outcome.get("status") == "succeeded"
        now, withdrawn = _now(), []
        with self._store.write() as session:
            job = session.job(job_id)
            if offset is not None:
                job = session.update_job(job_id, journal_offset=offset)
            if job.is_final:
                pass
            elif outcome["type"] == "error":
                lifecycle.failed(
                    session, job, now, outcome["code"], outcome["message"], None
                )
            elif succeeded:
                file = session.add_file(
                    id=new_id("file-"),
                    bytes=size,
                    created_at=now,
                    filename="step_metrics.csv",
                    purpose="fine-tune-results",
                    blob=blob,
                )
                withdrawn = lifecycle.succeeded(
                    session,
                    job,
                    now,
                    trained_tokens=outcome["trained_tokens"],
                    result_file=file.id,
                    offered=self._settings.limits.checkpoints_offered,
                )
            elif job.state == "pausing":
                lifecycle.paused(session, job, now)
            # Paused while resumed meanwhile, or for a stop of the server: it is still
            # "running" and is taken up again.
            return session.job(job_id), withdrawn

    def _remove(self, folders: list[str]) -> None:
        for folder in folders:
            shutil.rmtree(self._settings.jobs / folder, ignore_errors=True)

    # Housekeeping

    def _sweep(self) -> None:
        if time.monotonic() - self._swept_at < _SWEEP_SECONDS:
            return
        self._swept_at = time.monotonic()
        now = _now()
        limits = self._settings.limits
        with self._store.write() as session:
            session.forget_keys(now - limits.idempotency_seconds)
            session.forget_files(now - limits.deleted_file_seconds)
            session.forget_uploads(now - limits.ended_upload_seconds)
            blobs = session.end_expired_uploads(now)
            expired = session.expired_files(now)
            for file in expired:
                session.mark_file_deleted(file.id, now)
        for blob in [*blobs, *(file.blob for file in expired)]:
            self._blobs.delete(blob)


def result_csv(metrics: list[dict[str, Any]], method: str = "supervised") -> bytes:
    """Write the result file of a job.

    Args:
        metrics: data of its metrics events, oldest first.
        method: of the job; rewards have columns of their own.

    Returns:
        CSV with the columns of OpenAI's result files (cookbook, read 2026-11-22).
    """
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    columns = REWARD_COLUMNS if method == "reinforcement" else RESULT_COLUMNS
    writer.writerow(columns)
    for data in metrics:
        row = {**data, "train_accuracy": data.get("train_mean_token_accuracy")}
        writer.writerow([row.get(column, "") for column in columns])
    return text.getvalue().encode()


def _too_many_steps(
    examples: int, resolved: dict[str, Any], limits: Limits
) -> dict[str, Any] | None:
    """Return the error of a job with more steps than are kept, or None.

    Each step is an event; their number is what fills the database.
    """
    steps = math.ceil(examples / resolved["batch_size"]) * resolved["n_epochs"]
    if steps <= limits.training_steps:
        return None
    return {
        "code": "too_many_steps",
        "message": f"The job would take {steps} training steps, more than the "
        f"{limits.training_steps} of this provider. Use a larger batch_size, fewer "
        "n_epochs or fewer examples.",
        "param": "training_file",
    }


def _too_long(settings: Settings) -> str:
    hours = settings.training_seconds / 3600
    return (
        f"The job failed because it trained for more than {hours:g} hours, the most "
        "that this provider allows. Its checkpoints stay. Use fewer n_epochs or fewer "
        "examples, or start the provider with a higher --training-hours."
    )


def _how(code: int) -> str:
    return f"signal {-code}" if code < 0 else f"exit code {code}"


def _now() -> int:
    return int(time.time())


__all__ = ["JobConflict", "NoSuchJob", "Runner", "count_examples", "result_csv"]
