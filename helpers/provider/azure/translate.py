"""The words of the dialect: JSON answers of the OpenAI API as Azure's API gives them.

Purpose: one function per object, from dict to dict. Azure has two data planes: the one
with an api-version in the query (DATED: 2024-10-21 and its previews), and the one at
/openai/v1 (V1), which has taken OpenAI's error bodies. ARM is all that is no data
plane: Resource Manager, and projects' own paths.
It must never look anything up; what a function needs is handed to it.
"""

from __future__ import annotations

import re
from typing import Any

from helpers.provider.errors import invalid
from helpers.provider.store import Job

DATED, V1, ARM = "dated", "v1", "arm"
DEFAULT_TRAINING_TYPE = "Standard"
# As documents and SDKs write them; they are compared without case.
TRAINING_TYPES = ("Standard", "GlobalStandard", "DeveloperTier", "Developer")

STATES = {"validating_files": "pending", "queued": "pending"}
# OpenAI's line in a job's log → Azure's (tutorial and REST reference, read 2026-11-22).
_MESSAGES = {
    "Files validated, moving job to queued state": (
        "Job enqueued. Waiting for jobs ahead to complete."
    ),
    "Fine-tuning job started": "Job started.",
    "Fine-tuning job cancelled": "Job canceled.",
    "The job has successfully completed": "Job succeeded.",
}
_STEP = re.compile(r"Step (\d+)/\d+(?:: | , )")
_DATA_FAULTS = frozenset(
    {"invalid_training_file", "invalid_file_format", "invalid_n_examples"}
)
# What Azure's services say to a wrong key: github.com/SciSharp/BotSharp/issues/386.
_WRONG_KEY = (
    "Access denied due to invalid subscription key or wrong API endpoint. Make sure to "
    "provide a valid key for an active subscription and use a correct regional API "
    "endpoint for your resource."
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
    401: "401",
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
# Of Resource Manager, whose codes are written with capitals.
_ARM_CODES = {
    400: "BadRequest",
    401: "AuthenticationFailed",
    403: "AuthorizationFailed",
    404: "NotFound",
    405: "MethodNotAllowed",
    409: "Conflict",
    413: "RequestEntityTooLarge",
    415: "UnsupportedMediaType",
    429: "TooManyRequests",
}
_AZURES_OWN = frozenset(
    {*_CODES.values(), *_CODES_BY_STATUS.values(), "fileImportFailed", "404"}
)
RESULT_COLUMNS = (
    ("step", "step"),
    ("train_loss", "train_loss"),
    ("train_mean_token_accuracy", "train_mean_token_accuracy"),
    ("valid_loss", "valid_loss"),
    ("validation_mean_token_accuracy", "valid_mean_token_accuracy"),
    ("full_valid_loss", "full_valid_loss"),
    ("full_valid_mean_token_accuracy", "full_valid_mean_token_accuracy"),
)
# Azure's documents name no columns for rewards (unverified): those of OpenAI's events.
REWARD_COLUMNS = (
    ("step", "step"),
    ("train_mean_reward", "train_mean_reward"),
    ("full_valid_mean_reward", "full_valid_mean_reward"),
    ("completion_tokens_mean", "completion_tokens_mean"),
)


def state(job: Job) -> str:
    """Return a job's state in Azure's words."""
    if job.state == "queued" and job.last_step:
        return "resuming"
    return STATES.get(job.state, job.state)


def _numbers(hyperparameters: dict[str, Any] | None) -> dict[str, Any] | None:
    """Say -1 where OpenAI says "auto"."""
    if hyperparameters is None:
        return None
    return {k: -1 if v == "auto" else v for k, v in hyperparameters.items()}


def job(
    shown: dict[str, Any],
    status: str,
    *,
    name: str | None,
    training_type: str,
    dated: bool,
) -> dict[str, Any]:
    """Translate a fine-tuning job.

    Args:
        shown: as OpenAI's API shows it.
        status: Azure's word for its state.
        name: Azure's name of its fine-tuned model, if it has one.
        training_type: what the job was created with.
        dated: an api-version was given.
    """
    translated = shown | {
        "status": status,
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


def training_type(body: dict[str, Any]) -> str | None:
    """Return what a request says about the tier of its training, or None.

    Raises:
        ApiError: it is no tier that Azure has.
    """
    given = body.get("trainingType")
    if given is None:
        return None
    known = [one.lower() for one in TRAINING_TYPES]
    if not isinstance(given, str) or given.lower() not in known:
        raise invalid(
            f"Invalid value for 'trainingType': expected one of "
            f"{', '.join(TRAINING_TYPES)}.",
            "trainingType",
            "invalidPayload",
        )
    return given


def autos(hyperparameters: Any) -> Any:
    """Say "auto" where Azure's requests say -1; anything else stays as it is."""
    if not isinstance(hyperparameters, dict):
        return hyperparameters
    return {
        name: "auto" if value == -1 and not isinstance(value, bool) else value
        for name, value in hyperparameters.items()
    }


def event(shown: dict[str, Any]) -> dict[str, Any]:
    """Translate a line of a job's log, whose names are Azure's already."""
    message = _MESSAGES.get(shown["message"], shown["message"])
    message = _STEP.sub(r"Step \1: ", message)
    level = "warning" if shown["level"] == "warn" else shown["level"]
    return shown | {"message": message, "level": level}


def checkpoint(shown: dict[str, Any], *, id: str, name: str) -> dict[str, Any]:
    """Translate a checkpoint, with Azure's id and name of it."""
    return shown | {"id": id, "fine_tuned_model_checkpoint": name}


def model(
    shown: dict[str, Any],
    *,
    name: str,
    job_id: str | None,
    tuned_from: str | None,
    dated: bool,
) -> dict[str, Any]:
    """Translate a model; only the dated data plane tells what it can do.

    Args:
        shown: as OpenAI's API shows it.
        name: Azure's name of it.
        job_id: of the job that made it; None for a base model.
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
        translated |= {"model": tuned_from, "fine_tune": job_id}
    return translated


def error(body: dict[str, Any], status: int, plane: str) -> dict[str, Any]:
    """Translate an error body; /openai/v1 keeps OpenAI's four fields.

    Args:
        body: as OpenAI's API has it.
        status: HTTP status.
        plane: DATED, V1 or ARM.
    """
    fault = body.get("error") if isinstance(body, dict) else None
    if not isinstance(fault, dict):
        return body
    code, message = error_code(fault.get("code"), status, plane), fault["message"]
    if fault.get("code") == "unknown_url" and plane != ARM:
        code = "404"
    if status == 401 and plane != ARM:
        message = f"{_WRONG_KEY} {message}"
    if plane == V1:
        return {"error": fault | {"code": code, "message": message}}
    translated = {"code": code, "message": message}
    inner = {
        name: fault[name] for name in ("code", "param") if fault.get(name) is not None
    }
    if plane == DATED and inner and inner != {"code": code}:
        translated["innererror"] = inner
    return {"error": translated}


def error_code(code: str | None, status: int, plane: str) -> str:
    """Return Azure's code of an error.

    Args:
        code: OpenAI's; one that is Azure's own already stays.
        status: HTTP status.
        plane: DATED, V1 or ARM.
    """
    if code is not None and code[:1].isupper():
        return code
    if plane == ARM:
        return _ARM_CODES.get(status, "InternalServerError")
    if code in _AZURES_OWN:
        return code
    return _CODES.get(code) or _CODES_BY_STATUS.get(status, "internalFailure")
