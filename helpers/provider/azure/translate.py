"""The words of the dialect: JSON answers of the OpenAI API as Azure's API gives them.

Purpose: one function per object, from dict to dict. `dated` says which of Azure's two
data planes asks: the one with an api-version (2024-10-21 and its previews), or the one
at /openai/v1, which has taken OpenAI's error bodies.
It must never look anything up; what a function needs is handed to it.
"""

from __future__ import annotations

import re
from typing import Any

from helpers.provider.store import Job

DEFAULT_TRAINING_TYPE = "Standard"

_STATES = {"validating_files": "pending", "queued": "pending"}
# OpenAI's line in a job's log → Azure's (tutorial and REST reference, read 2026-11-22).
_MESSAGES = {
    "Files validated, moving job to queued state": (
        "Job enqueued. Waiting for jobs ahead to complete."
    ),
    "Fine-tuning job started": "Job started.",
    "Fine-tuning job cancelled": "Job cancelled.",
    "The job has successfully completed": "Job succeeded.",
}
_STEP = re.compile(r"Step (\d+)/\d+: ")
_DATA_FAULTS = frozenset(
    {"invalid_training_file", "invalid_file_format", "invalid_n_examples"}
)
# By OpenAI's code where it says more than the status does.
_CODES = {
    "invalid_job_state": "unexpectedEntityState",
    "file_in_use": "conflict",
    "model_in_use": "conflict",
    "insufficient_storage": "quotaExceeded",
    "invalid_file_format": "jsonlValidationFailed",
}
_CODES_BY_STATUS = {
    400: "invalidPayload",
    401: "unauthorized",
    403: "forbidden",
    404: "notFound",
    405: "invalidPayload",
    409: "conflict",
    413: "quotaExceeded",
    415: "invalidPayload",
    422: "invalidPayload",
    429: "tooManyRequests",
    503: "serviceUnavailable",
}
RESULT_COLUMNS = (
    ("step", "step"),
    ("train_loss", "train_loss"),
    ("train_mean_token_accuracy", "train_mean_token_accuracy"),
    ("valid_loss", "valid_loss"),
    ("validation_mean_token_accuracy", "valid_mean_token_accuracy"),
    ("full_valid_loss", "full_valid_loss"),
    ("full_valid_mean_token_accuracy", "full_valid_mean_token_accuracy"),
)


def state(job: Job) -> str:
    """Return a job's state in Azure's words."""
    if job.state == "queued" and job.last_step:
        return "resuming"
    return _STATES.get(job.state, job.state)


def _numbers(hyperparameters: dict[str, Any] | None) -> dict[str, Any] | None:
    """Say -1 where OpenAI says "auto"."""
    if hyperparameters is None:
        return None
    return {k: -1 if v == "auto" else v for k, v in hyperparameters.items()}


def job(
    shown: dict[str, Any],
    row: Job,
    *,
    name: str | None,
    training_type: str,
    dated: bool,
) -> dict[str, Any]:
    """Translate a fine-tuning job.

    Args:
        shown: as OpenAI's API shows it.
        row: the job.
        name: Azure's name of its fine-tuned model, if it has one.
        training_type: what the job was created with.
        dated: an api-version was given.
    """
    translated = shown | {
        "status": state(row),
        "fine_tuned_model": name,
        "hyperparameters": _numbers(shown.get("hyperparameters")),
        "trainingType": training_type,
    }
    method = shown.get("method")
    if method is not None:
        own = method.get(method["type"]) or {}
        numbers = own | {"hyperparameters": _numbers(own.get("hyperparameters"))}
        translated["method"] = method | {method["type"]: numbers}
    fault = shown.get("error")
    if fault is not None and fault.get("code") in _DATA_FAULTS:
        translated["error"] = fault | {"code": "jsonlValidationFailed"}
    if dated:
        translated["organisation_id"] = shown.get("organization_id")
    return translated


def event(shown: dict[str, Any], names: dict[str, str]) -> dict[str, Any]:
    """Translate a line of a job's log.

    Args:
        shown: as OpenAI's API shows it.
        names: Azure's names of the models that the line may name.
    """
    message = _MESSAGES.get(shown["message"], shown["message"])
    message = _STEP.sub(r"Step \1: ", message)
    # The longest first: a checkpoint's name begins with its model's.
    for own in sorted(names, key=len, reverse=True):
        message = message.replace(own, names[own])
    level = "warning" if shown["level"] == "warn" else shown["level"]
    return shown | {"message": message, "level": level}


def checkpoint(shown: dict[str, Any], *, id: str, name: str) -> dict[str, Any]:
    """Translate a checkpoint, with Azure's id and name of it."""
    return shown | {"id": id, "fine_tuned_model_checkpoint": name}


def model(
    shown: dict[str, Any], *, name: str, tuned_from: str | None, dated: bool
) -> dict[str, Any]:
    """Translate a model; only the dated data plane tells what it can do.

    Args:
        shown: as OpenAI's API shows it.
        name: Azure's name of it.
        tuned_from: name of the model that it was made from; None for a base model.
        dated: an api-version was given.
    """
    translated = shown | {"id": name}
    if not dated:
        return translated
    translated |= {
        "created_at": shown["created"],
        "status": "succeeded",
        "lifecycle_status": "generally-available",
        "capabilities": {
            "fine_tune": True,
            "inference": True,
            "completion": True,
            "chat_completion": True,
            "embeddings": True,
        },
    }
    if tuned_from is not None:
        translated["model"] = tuned_from
    return translated


def error(body: dict[str, Any], status: int, *, dated: bool) -> dict[str, Any]:
    """Translate an error body; /openai/v1 keeps OpenAI's four fields."""
    fault = body.get("error")
    if not isinstance(fault, dict):
        return body
    code = error_code(fault.get("code"), status)
    if not dated:
        return {"error": fault | {"code": code}}
    translated = {"code": code, "message": fault.get("message", "")}
    inner = {
        name: fault[name] for name in ("code", "param") if fault.get(name) is not None
    }
    if inner and inner != {"code": code}:
        translated["innererror"] = inner
    return {"error": translated}


def error_code(code: str | None, status: int) -> str:
    """Return Azure's code of an error.

    Args:
        code: OpenAI's; one that is Azure's own already stays.
        status: HTTP status.
    """
    if code is not None and (code in _CODES or code[:1].isupper()):
        return _CODES.get(code, code)
    return _CODES_BY_STATUS.get(status, "internalFailure")
