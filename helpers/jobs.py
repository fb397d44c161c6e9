"""Fine-tuning jobs: submit once, follow, read the results, tidy up.

Purpose: cells can be run again, kernels can die, and still there is one upload and one
job. What was sent is remembered by its content (in `.companion/` beside the notebook),
and every job carries a mark by which it is found again even when that folder is lost.

    job = submit(here, "train.jsonl", "validation.jsonl")
    job = follow(here, job)
    loss_curves(metrics(here, job))

It knows the API of fine-tuning jobs, and no provider in particular.
"""

from __future__ import annotations

import base64
import binascii
import contextlib
import hashlib
import io
import json
import os
import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import openai
import pandas as pd
from filelock import FileLock
from openai.types.fine_tuning import FineTuningJob, FineTuningJobEvent

from helpers.charts import loss_curves
from helpers.chat_format import Example, check_files, read_examples
from helpers.connect import Connection
from helpers.costs import training_cost
from helpers.messages import say
from helpers.prices import training_price
from helpers.progress import Progress, in_notebook
from helpers.tokens import estimate

FINAL = ("succeeded", "failed", "cancelled")
LOCAL_POLL_S, HOSTED_POLL_S = 0.5, 10.0
REDRAW_S = 1.5  # drawing takes a core that the training could use
MARK = "companion"  # key in a job's metadata
LOST_PATIENCE = 8  # polls without an answer before following gives up

METRICS = (
    "train_loss",
    "train_mean_token_accuracy",
    "valid_loss",
    "valid_mean_token_accuracy",
    "full_valid_loss",
    "full_valid_mean_token_accuracy",
)
# Names of the same columns in the files of OpenAI (accuracy) and Azure (validation_).
ALIASES = {
    "train_accuracy": "train_mean_token_accuracy",
    "validation_loss": "valid_loss",
    "validation_mean_token_accuracy": "valid_mean_token_accuracy",
    "valid_accuracy": "valid_mean_token_accuracy",
    "full_validation_loss": "full_valid_loss",
    "full_validation_mean_token_accuracy": "full_valid_mean_token_accuracy",
}
STEP_MESSAGE = re.compile(
    r"Step (?P<step>\d+)(?:/(?P<total_steps>\d+))?"
    r": training loss=(?P<train_loss>[\d.]+)"
    r"(?:, validation loss=(?P<valid_loss>[\d.]+))?"
    r"(?:, full validation loss=(?P<full_valid_loss>[\d.]+))?"
)


class TrainingFileError(ValueError):
    """A training file has errors, so no job was created."""


class JobFailed(RuntimeError):
    """A job ended as failed.

    Attributes:
        job: the job, with its error.
    """

    def __init__(self, job: FineTuningJob) -> None:
        self.job = job
        error = job.error
        code = (error.code if error else None) or "unknown"
        message = (error.message if error else None) or say("job.no_reason")
        param = (error.param if error else None) or "-"
        super().__init__(
            say("job.failed", id=job.id, code=code, message=message, param=param)
        )


# --- what was sent ----------------------------------------------------------------


class _Sent:
    """What was sent to one provider, kept in a file, one writer at a time."""

    def __init__(self, connection: Connection) -> None:
        folder = Path(os.environ.get("COMPANION_STATE") or ".companion")
        folder.mkdir(parents=True, exist_ok=True)
        self.path = folder / "sent.json"
        self.lock = FileLock(folder / "sent.lock")
        # The local provider's port changes from start to start, its folder does not.
        self.name = str(connection.home or connection.url)

    def _all(self) -> dict[str, Any]:
        try:
            return json.loads(self.path.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return {}

    def find(self, kind: str, key: str) -> str | None:
        """Return the id under which something was sent, if it was."""
        return self.all_of(kind).get(key)

    def all_of(self, kind: str) -> dict[str, str]:
        """Return everything of a kind that was sent."""
        return self._all().get(self.name, {}).get(kind, {})

    def note(self, kind: str, key: str, identifier: str | None) -> None:
        """Remember the id of something that was sent; None strikes it out."""
        everything = self._all()
        ids = everything.setdefault(self.name, {}).setdefault(kind, {})
        if identifier is None:
            ids.pop(key, None)
        else:
            ids[key] = identifier
        aside = self.path.with_suffix(".tmp")
        aside.write_text(json.dumps(everything, indent=1), encoding="utf-8")
        os.replace(aside, self.path)


def remembered(
    connection: Connection, kind: str, new: dict[str, str | None] | None = None
) -> dict[str, str]:
    """Return what else was sent to a provider, and write down what is new.

    Args:
        connection: where to.
        kind: of what was sent, such as "deployments".
        new: name -> what to know about it; None strikes it out.

    Returns:
        name -> what is known about it.
    """
    sent = _Sent(connection)
    with sent.lock:
        for key, identifier in (new or {}).items():
            sent.note(kind, key, identifier)
        return sent.all_of(kind)


def upload(connection: Connection, path: str | Path) -> str:
    """Upload a training file once; the same bytes are not sent again.

    Args:
        connection: where to.
        path: a JSON Lines file.

    Returns:
        The id of the file at the provider.

    Raises:
        openai.OpenAIError: the provider refused it.
    """
    sent = _Sent(connection)
    with sent.lock:
        return _upload(connection, Path(path), sent)


def _upload(connection: Connection, path: Path, sent: _Sent) -> str:
    digest = _sha256(path)
    known = sent.find("files", digest)
    if known:
        with contextlib.suppress(openai.NotFoundError):
            return connection.client.files.retrieve(known).id
    with open(path, "rb") as file:
        created = connection.client.files.create(file=file, purpose="fine-tune")
    sent.note("files", digest, created.id)
    # OpenAI and Azure read a file before a job may use it; here it is ready at once.
    if created.status not in ("processed", "uploaded") or connection.billed:
        connection.client.files.wait_for_processing(created.id, poll_interval=2)
    return created.id


def _sha256(path: Path) -> str:
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def submit(
    connection: Connection,
    training: str | Path,
    validation: str | Path | None = None,
    *,
    model: str | None = None,
    suffix: str | None = None,
    n_epochs: int | str = "auto",
    batch_size: int | str = "auto",
    learning_rate_multiplier: float | str = "auto",
    seed: int | None = None,
    training_type: str | None = None,
    again: bool = False,
) -> FineTuningJob:
    """Create a fine-tuning job, once: the same call again returns the same job.

    The files are checked first. A job that failed, was cancelled, or whose model was
    deleted does not count as submitted.

    Args:
        connection: where to.
        training: training file.
        validation: file for the validation loss.
        model: base model; the connection's own without it.
        suffix: part of the new model's name.
        n_epochs: passes over the training file, or "auto".
        batch_size: examples per step, or "auto".
        learning_rate_multiplier: factor of the automatic learning rate, or "auto".
        seed: makes a job repeatable.
        training_type: of Azure alone: "Standard", "GlobalStandard" or "developerTier".
        again: create another job although there is one.

    Returns:
        The job, as the openai package returns it.

    Raises:
        TrainingFileError: a file has errors; the message lists them.
        SpendingRefused: the provider bills, and nobody said yes.
        openai.OpenAIError: the provider refused the job.
    """
    files = {"training_file": Path(training)}
    if validation is not None:
        files["validation_file"] = Path(validation)
    settings = {
        "n_epochs": n_epochs,
        "batch_size": batch_size,
        "learning_rate_multiplier": learning_rate_multiplier,
    }
    model = model or connection.base_model
    asked = {
        "files": {param: _sha256(path) for param, path in files.items()},
        "model": [model, _made(connection, model)],
        "suffix": suffix,
        "seed": seed,
        "hyperparameters": settings,
    }
    if training_type is not None:
        asked["training_type"] = training_type
    text = json.dumps(asked, sort_keys=True)
    key = hashlib.sha256(text.encode()).hexdigest()[:32]
    sent = _Sent(connection)
    with sent.lock:
        if not again:
            known = _find_job(connection, sent, key)
            if known is not None:
                print(say("job.known", id=known.id, status=known.status))
                return known
        report = check_files(training, validation)
        if not report.ok:
            raise TrainingFileError(say("job.files", report=report))
        if connection.billed:
            connection.confirm(_what(connection, Path(training), model, n_epochs))
        ids = {param: _upload(connection, path, sent) for param, path in files.items()}
        more: dict[str, Any] = {**ids, "suffix": suffix, "seed": seed}
        if connection.provider in ("local", "openai"):
            more["metadata"] = {MARK: key}
        if training_type is not None:
            more["extra_body"] = {"trainingType": training_type}
        job = connection.client.fine_tuning.jobs.create(
            model=model,
            method={
                "type": "supervised",
                "supervised": {"hyperparameters": settings},  # type: ignore[typeddict-item]
            },
            **{name: value for name, value in more.items() if value is not None},
        )
        sent.note("jobs", key, job.id)
    print(say("job.created", id=job.id, model=model))
    return job


def _made(connection: Connection, model: str) -> int | None:
    """Return when a local model was made: a new base keeps the name of the old one."""
    if connection.provider != "local":
        return None
    try:
        return connection.client.models.retrieve(model).created
    except openai.NotFoundError:
        return None


def _find_job(connection: Connection, sent: _Sent, key: str) -> FineTuningJob | None:
    """Return the job that this call made before, if it is still worth something."""
    jobs = connection.client.fine_tuning.jobs
    known = sent.find("jobs", key)
    found: list[FineTuningJob] = []
    if known:
        with contextlib.suppress(openai.NotFoundError):
            found.append(jobs.retrieve(known))
    elif connection.provider in ("local", "openai"):
        recent = jobs.list(limit=100).data
        found = [job for job in recent if (job.metadata or {}).get(MARK) == key]
    for job in found:
        if job.status in ("failed", "cancelled"):
            continue
        if job.status == "succeeded" and not _model_exists(connection, job):
            continue
        sent.note("jobs", key, job.id)
        return job
    return None


def _model_exists(connection: Connection, job: FineTuningJob) -> bool:
    if connection.provider == "azure" or not job.fine_tuned_model:
        return True  # Azure lists deployments elsewhere
    try:
        connection.client.models.retrieve(job.fine_tuned_model)
    except openai.NotFoundError:
        return False
    return True


def _what(
    connection: Connection, training: Path, model: str, n_epochs: int | str
) -> str:
    """Say what a job will read, and what that costs by the table of prices."""
    counter = connection.counter()
    examples = (x.data for x in read_examples(training) if isinstance(x, Example))
    found = estimate(map(counter, examples), n_epochs)
    text = say(
        "job.estimate",
        n=found.n_examples, epochs=found.n_epochs, model=model,
        tokens=f"{found.billed:,}",
    )  # fmt: skip
    price = training_price(model)
    if price is None:
        return text + " " + say("job.no_price")
    cost = training_cost(found.billed, price.amount)
    return (
        text
        + " "
        + say("job.price", cost=f"{cost:.2f}", currency=price.currency, date=price.date)
    )


# --- following --------------------------------------------------------------------


def follow(
    connection: Connection,
    job: FineTuningJob | str,
    *,
    show: bool = True,
    chart: bool = True,
    poll_s: float | None = None,
) -> FineTuningJob:
    """Follow a job to its end, with a chart in a notebook and a bar in a terminal.

    It can be stopped and called again at any time, also after the kernel was restarted:
    the job goes on at the provider, and its past is read again.

    Args:
        connection: where the job is.
        job: the job or its id.
        show: show how it goes.
        chart: draw the losses in a notebook; False leaves the bar alone.
        poll_s: seconds between two looks; short for this machine, 10 for a service.

    Returns:
        The job, succeeded or cancelled.

    Raises:
        JobFailed: it failed; the message says why.
        openai.APIConnectionError: the provider did not answer any more.
    """
    identifier = job if isinstance(job, str) else job.id
    if poll_s is None:
        poll_s = HOSTED_POLL_S if connection.billed else LOCAL_POLL_S
    history = History(connection, identifier)
    lost = 0
    with (
        Progress(0, say("job.bar"), show) as bar,
        _LiveChart(show and chart) as live,
    ):
        while True:
            try:
                now = connection.client.fine_tuning.jobs.retrieve(identifier)
                new = history.read()
            except openai.APIConnectionError:
                lost += 1
                if lost > LOST_PATIENCE:
                    raise
                # A local provider that died is started again and takes the job up.
                connection.reconnect()
                time.sleep(poll_s)
                continue
            lost = 0
            ended = now.status in FINAL
            bar.to(history.step, history.note(now.status), history.total_steps or None)
            if history.points and (new or ended):
                live.draw(history.frame(), history.total_steps, ended)
            if ended:
                break
            time.sleep(poll_s)
    if now.status == "failed":
        raise JobFailed(now)
    if show:
        model = now.fine_tuned_model or "-"
        print(say(f"job.{now.status}", id=now.id, model=model))
    return now


class History:
    """The events of a job, read on from where the last look ended.

    Args:
        connection: where the job is.
        job_id: its id.

    Attributes:
        events: oldest first.
        points: step -> its metrics, by the names of METRICS.
        step, total_steps: how far the job is; 0 while that is not known.
    """

    def __init__(self, connection: Connection, job_id: str) -> None:
        self.connection = connection
        self.job_id = job_id
        self.seen: set[str] = set()
        self.events: list[FineTuningJobEvent] = []
        self.points: dict[int, dict[str, float]] = {}
        self.step = 0
        self.total_steps = 0

    def read(self) -> bool:
        """Read what is new; True when there were metrics."""
        new = []
        for event in self.connection.client.fine_tuning.jobs.list_events(
            self.job_id, limit=100
        ):
            if event.id in self.seen:
                break
            new.append(event)
        metrics = False
        for event in reversed(new):
            self.seen.add(event.id)
            self.events.append(event)
            metrics = self._take(event) or metrics
        return metrics

    def _take(self, event: FineTuningJobEvent) -> bool:
        data = event.data if isinstance(event.data, dict) else {}
        if "step" not in data:
            # Some services tell the numbers in words alone.
            words = STEP_MESSAGE.match(event.message or "")
            data = {k: v for k, v in words.groupdict().items() if v} if words else {}
        if "step" not in data:
            return False
        step = int(data["step"])
        point = self.points.setdefault(step, {})
        for name, value in data.items():
            name = ALIASES.get(name, name)
            if name in METRICS and value is not None:
                point[name] = float(value)
        self.step = max(self.step, step)
        self.total_steps = max(self.total_steps, int(data.get("total_steps") or 0))
        return True

    def frame(self) -> pd.DataFrame:
        """Return the metrics, one row per step."""
        rows = [{"step": step, **self.points[step]} for step in sorted(self.points)]
        frame = pd.DataFrame(rows, columns=["step", *METRICS])
        return frame.astype({"step": int, **dict.fromkeys(METRICS, float)})

    def note(self, status: str) -> str:
        """Say in a few words how it goes."""
        if status != "running" or not self.points:
            return status
        loss = self.points[self.step].get("train_loss")
        return "" if loss is None else say("job.loss", loss=loss)


class _LiveChart:
    """A chart in a notebook that is drawn anew now and then; nothing elsewhere."""

    def __init__(self, show: bool) -> None:
        self.active = show and not os.environ.get("COMPANION_QUIET") and in_notebook()
        self.handle: Any = None
        self.drawn = 0.0
        self.pause = REDRAW_S
        self.last: Any = None

    def __enter__(self) -> _LiveChart:
        return self

    def __exit__(self, *error: object) -> None:
        if self.last is not None:
            print(self.last.wrapped())

    def draw(self, frame: pd.DataFrame, total_steps: int, last: bool) -> None:
        """Draw the metrics, unless it was done a moment ago."""
        now = time.monotonic()
        if not self.active or (not last and now - self.drawn < self.pause):
            return
        self.last = loss_curves(frame, total_steps=total_steps)
        image = self.last.image()
        if self.handle is None:
            from IPython.display import display

            self.handle = display(image, display_id=True)
        else:
            self.handle.update(image)
        self.drawn = time.monotonic()
        # Never more than a tenth of the time for drawing.
        self.pause = max(REDRAW_S, 10 * (self.drawn - now))


# --- results ----------------------------------------------------------------------


def events(connection: Connection, job: FineTuningJob | str) -> pd.DataFrame:
    """Return the events of a job, oldest first.

    Returns:
        DataFrame with created_at (UTC), level and message.
    """
    history = History(connection, _id(job))
    history.read()
    rows = [
        {
            "created_at": pd.Timestamp(event.created_at, unit="s", tz="UTC"),
            "level": event.level,
            "message": event.message,
        }
        for event in history.events
    ]
    return pd.DataFrame(rows, columns=["created_at", "level", "message"])


def metrics(connection: Connection, job: FineTuningJob | str) -> pd.DataFrame:
    """Return the metrics of a job from its events, also while it runs.

    Returns:
        DataFrame with step and METRICS; empty cells are NaN.
    """
    history = History(connection, _id(job))
    history.read()
    return history.frame()


def results(connection: Connection, job: FineTuningJob | str) -> pd.DataFrame:
    """Return the metrics of a job that has ended, from its result file.

    OpenAI sends the file as base64, Azure as plain CSV, and their columns have
    different names; both are read.

    Returns:
        DataFrame with step and those of METRICS that the file has.

    Raises:
        ValueError: the job has no result file yet.
    """
    ended = connection.client.fine_tuning.jobs.retrieve(_id(job))
    if not ended.result_files:
        raise ValueError(say("job.no_results", id=ended.id, status=ended.status))
    frames = []
    for file_id in ended.result_files:
        content = connection.client.files.content(file_id).read()
        frame = pd.read_csv(io.BytesIO(plain_csv(content))).rename(columns=ALIASES)
        frames.append(frame[[c for c in ("step", *METRICS) if c in frame.columns]])
    return pd.concat(frames, ignore_index=True)


def plain_csv(content: bytes) -> bytes:
    """Return a result file as CSV, whether it came as such or as base64."""
    if content.lstrip(b"\xef\xbb\xbf").startswith(b"step"):
        return content
    with contextlib.suppress(binascii.Error):
        decoded = base64.b64decode(content, validate=True)
        if decoded.lstrip(b"\xef\xbb\xbf").startswith(b"step"):
            return decoded
    return content


def checkpoints(connection: Connection, job: FineTuningJob | str) -> pd.DataFrame:
    """Return the checkpoints of a job, each of which is a model that can be asked.

    Returns:
        DataFrame with step, model and METRICS, in the order of steps.
    """
    rows = [
        {
            "step": checkpoint.step_number,
            "model": checkpoint.fine_tuned_model_checkpoint,
            **{name: getattr(checkpoint.metrics, name, None) for name in METRICS},
        }
        for checkpoint in connection.client.fine_tuning.jobs.checkpoints.list(_id(job))
    ]
    frame = pd.DataFrame(rows, columns=["step", "model", *METRICS])
    return frame.sort_values("step", ignore_index=True)


def _id(job: FineTuningJob | str) -> str:
    return job if isinstance(job, str) else job.id


# --- tidying up -------------------------------------------------------------------


def cancel(connection: Connection, job: FineTuningJob | str) -> FineTuningJob:
    """Cancel a job; one that has ended already stays as it is."""
    jobs = connection.client.fine_tuning.jobs
    try:
        return jobs.cancel(_id(job))
    except openai.BadRequestError:
        ended = jobs.retrieve(_id(job))
        if ended.status in FINAL:
            return ended
        raise


def left_over(connection: Connection) -> pd.DataFrame:
    """List what lies at the provider: files and fine-tuned models.

    Returns:
        DataFrame with kind, id, name, bytes and created_at (UTC).
    """
    rows = [
        {
            "kind": "file",
            "id": file.id,
            "name": file.filename,
            "bytes": file.bytes,
            "created_at": pd.Timestamp(file.created_at, unit="s", tz="UTC"),
        }
        for file in connection.client.files.list()
        if file.purpose in ("fine-tune", "fine-tune-results")
    ]
    rows += [
        {
            "kind": "model",
            "id": model.id,
            "name": model.id,
            "bytes": None,
            "created_at": pd.Timestamp(model.created, unit="s", tz="UTC"),
        }
        for model in connection.client.models.list()
        if model.id.startswith("ft:") or ".ft-" in model.id
    ]
    return pd.DataFrame(rows, columns=["kind", "id", "name", "bytes", "created_at"])


def clean_up(
    connection: Connection, job: FineTuningJob | str, *, models: bool = True
) -> pd.DataFrame:
    """Delete the files of a job that has ended and, unless told otherwise, its models.

    Args:
        connection: where the job is.
        job: the job or its id.
        models: delete the fine-tuned model and its checkpoints as well.

    Returns:
        DataFrame with kind, id and outcome: "deleted", "gone already" or the reason why
        it is still there.
    """
    client = connection.client
    ended = client.fine_tuning.jobs.retrieve(_id(job))
    todo = [("file", name) for name in _files_of(ended)]
    if models:
        names = list(checkpoints(connection, ended)["model"])
        names.append(ended.fine_tuned_model)
        # A checkpoint of the last step may carry the model's own name.
        todo += [("model", name) for name in dict.fromkeys(filter(None, names))]
    rows = []
    for kind, name in todo:
        delete = client.files.delete if kind == "file" else client.models.delete
        try:
            delete(name)
            outcome = "deleted"
        except openai.NotFoundError:
            outcome = "gone already"
        except openai.APIStatusError as error:
            outcome = str(error)
        rows.append({"kind": kind, "id": name, "outcome": outcome})
    return pd.DataFrame(rows, columns=["kind", "id", "outcome"])


def _files_of(job: FineTuningJob) -> Iterator[str]:
    yield job.training_file
    if job.validation_file:
        yield job.validation_file
    yield from job.result_files
