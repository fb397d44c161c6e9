"""What answers look like: rows of the store as the `openai` package's own types.

Purpose: one function per object of the API. A field that is set to None is sent as
null, one that is not set is left out; which is right is in the contract notes (§1.5).
It must never decide anything.
"""

from __future__ import annotations

from typing import Any

from openai.types import Batch as OpenAIBatch
from openai.types import FileDeleted, FileObject
from openai.types import Model as OpenAIModel
from openai.types import Upload as OpenAIUpload
from openai.types.fine_tuning import FineTuningJob, FineTuningJobEvent
from openai.types.fine_tuning.checkpoints import (
    PermissionCreateResponse,
    PermissionDeleteResponse,
)
from openai.types.fine_tuning.jobs import FineTuningJobCheckpoint
from openai.types.model_deleted import ModelDeleted
from openai.types.uploads import UploadPart as OpenAIUploadPart
from pydantic import BaseModel
from starlette.responses import JSONResponse, Response

from helpers.provider.batches import Batch
from helpers.provider.models import ModelEntry
from helpers.provider.permissions import Permission
from helpers.provider.settings import ORGANIZATION
from helpers.provider.store import Checkpoint, Event, File, Job, Page
from helpers.provider.uploads import Upload, UploadPart

# OpenAI's package knows six states. A job that is pausing still runs; one that is
# paused waits.
SIX_STATES = {"pausing": "running", "paused": "queued"}

_COMMON = ("n_epochs", "batch_size", "learning_rate_multiplier")


def answer(view: Any) -> Response:
    """Return a view as an HTTP answer, with the fields that were set and no others."""
    return JSONResponse(dump(view))


def dump(view: Any) -> Any:
    """Return a view, or a list or dict with views in it, as plain JSON values."""
    if isinstance(view, BaseModel):
        # Some fields of the package are called otherwise than on the wire.
        return view.model_dump(
            mode="json", exclude_unset=True, by_alias=True, warnings=False
        )
    if isinstance(view, dict):
        return {name: dump(value) for name, value in view.items()}
    if isinstance(view, list):
        return [dump(value) for value in view]
    return view


def page_view(page: Page, views: list[BaseModel], *, ids: bool) -> dict[str, Any]:
    """Return a page of a list.

    Args:
        page: the rows.
        views: the same rows as they are shown.
        ids: whether this list names its first and last id.
    """
    shown: dict[str, Any] = {
        "object": "list",
        "data": views,
        "has_more": page.has_more,
    }
    if ids:
        # Strings even when the list is empty: the specification allows no null.
        shown["first_id"] = page.rows[0].id if page.rows else ""
        shown["last_id"] = page.rows[-1].id if page.rows else ""
    return shown


def file_view(file: File) -> FileObject:
    """Show a file."""
    optional = {} if file.expires_at is None else {"expires_at": file.expires_at}
    return FileObject(
        id=file.id,
        object="file",
        bytes=file.bytes,
        created_at=file.created_at,
        filename=file.filename,
        purpose=file.purpose,
        status="processed",
        **optional,
    )


def file_deleted_view(file_id: str) -> FileDeleted:
    """Show that a file is gone."""
    return FileDeleted(id=file_id, object="file", deleted=True)


def upload_view(upload: Upload, file: File | None = None) -> OpenAIUpload:
    """Show an upload, with the file that it was completed to."""
    # Left out while there is no file: the specification allows no null.
    optional = {} if file is None else {"file": file_view(file)}
    return OpenAIUpload(
        id=upload.id,
        object="upload",
        bytes=upload.bytes,
        created_at=upload.created_at,
        expires_at=upload.expires_at,
        filename=upload.filename,
        purpose=upload.purpose,
        status=upload.state,
        **optional,
    )


def upload_part_view(part: UploadPart) -> OpenAIUploadPart:
    """Show a part of an upload."""
    return OpenAIUploadPart(
        id=part.id,
        object="upload.part",
        created_at=part.created_at,
        upload_id=part.upload_id,
    )


def job_view(job: Job, *, true_state: bool = False) -> FineTuningJob:
    """Show a job.

    Args:
        job: the job.
        true_state: show `paused` as such. A single job may, as the reference of
            November 2026 does; in lists and answers to actions a state outside the
            package's six would break typed clients, so there it is "queued".
    """
    status = "running" if job.state == "pausing" else job.state
    if not true_state:
        status = SIX_STATES.get(status, status)
    hyperparameters = job.resolved or job.asked
    view = FineTuningJob.model_validate(
        {
            "id": job.id,
            "object": "fine_tuning.job",
            "created_at": job.created_at,
            "error": job.error,
            "fine_tuned_model": job.fine_tuned_model,
            "finished_at": job.finished_at,
            "estimated_finish": job.estimated_finish,
            # These are of every method; the others stand in `method` only.
            "hyperparameters": {name: hyperparameters[name] for name in _COMMON},
            "model": job.model,
            "organization_id": f"org-{ORGANIZATION}",
            "result_files": [job.result_file] if job.result_file else [],
            "seed": job.seed,
            "status": SIX_STATES.get(status, status),
            "trained_tokens": job.trained_tokens,
            "training_file": job.training_file,
            "validation_file": job.validation_file,
            "integrations": job.integrations,
            "metadata": job.metadata,
            "method": {"type": job.method},
        }
    )
    method: dict[str, Any] = {"hyperparameters": hyperparameters}
    if job.grader is not None:
        method["grader"] = job.grader
    # The package's type of a multi grader knows one inner grader only, unlike OpenAI's
    # guide and the example in its document; so this part is not read as its type.
    shown = {"type": job.method, job.method: method}
    return view.model_copy(update={"status": status, "method": shown})


def event_view(event: Event) -> FineTuningJobEvent:
    """Show an event."""
    return FineTuningJobEvent(
        id=event.id,
        object="fine_tuning.job.event",
        created_at=event.created_at,
        level=event.level,
        message=event.message,
        type=event.type,
        data=event.data,
    )


def checkpoint_view(checkpoint: Checkpoint) -> FineTuningJobCheckpoint:
    """Show a checkpoint."""
    return FineTuningJobCheckpoint(
        id=checkpoint.id,
        object="fine_tuning.job.checkpoint",
        created_at=checkpoint.created_at,
        fine_tuned_model_checkpoint=checkpoint.model,
        fine_tuning_job_id=checkpoint.job_id,
        metrics=checkpoint.metrics,
        step_number=checkpoint.step,
    )


def permission_view(permission: Permission) -> PermissionCreateResponse:
    """Show a permission on a checkpoint."""
    return PermissionCreateResponse(
        id=permission.id,
        object="checkpoint.permission",
        created_at=permission.created_at,
        project_id=permission.project_id,
    )


def permission_deleted_view(permission_id: str) -> PermissionDeleteResponse:
    """Show that a permission is gone."""
    return PermissionDeleteResponse(
        id=permission_id, object="checkpoint.permission", deleted=True
    )


def model_view(entry: ModelEntry) -> OpenAIModel:
    """Show a model."""
    return OpenAIModel(
        id=entry.name,
        object="model",
        created=entry.created_at,
        owned_by=entry.owned_by,
    )


def model_deleted_view(name: str) -> ModelDeleted:
    """Show that a model is gone."""
    return ModelDeleted(id=name, object="model", deleted=True)


def batch_view(batch: Batch) -> OpenAIBatch:
    """Show a batch; what is not known (yet) is left out."""
    shown: dict[str, Any] = {
        "id": batch.id,
        "object": "batch",
        "completion_window": batch.completion_window,
        "created_at": batch.created_at,
        "endpoint": batch.endpoint,
        "input_file_id": batch.input_file,
        "status": batch.state,
        "metadata": batch.metadata,
        "request_counts": {
            "total": batch.total or 0,
            "completed": batch.completed,
            "failed": batch.failed,
        },
    }
    optional: dict[str, Any] = {
        "expires_at": batch.expires_at,
        "model": batch.model,
        "output_file_id": batch.output_file,
        "error_file_id": batch.error_file,
        "in_progress_at": batch.in_progress_at,
        "finalizing_at": batch.finalizing_at,
        "completed_at": batch.completed_at,
        "failed_at": batch.failed_at,
        "expired_at": batch.expired_at,
        "cancelling_at": batch.cancelling_at,
        "cancelled_at": batch.cancelled_at,
    }
    if batch.errors is not None:
        optional["errors"] = {"object": "list", "data": batch.errors}
    if batch.usage is not None:
        optional["usage"] = _batch_usage(batch.usage)
    shown |= {name: value for name, value in optional.items() if value is not None}
    return OpenAIBatch.model_validate(shown)


def _batch_usage(usage: dict[str, int]) -> dict[str, Any]:
    return {
        "input_tokens": usage["input_tokens"],
        "input_tokens_details": {"cached_tokens": usage["cached_tokens"]},
        "output_tokens": usage["output_tokens"],
        "output_tokens_details": {"reasoning_tokens": usage["reasoning_tokens"]},
        "total_tokens": usage["total_tokens"],
    }
