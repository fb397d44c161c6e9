"""Graders: check one, or run it on one answer."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter
from openai.types.fine_tuning.alpha import GraderRunResponse
from pydantic import Field
from starlette.responses import Response

from helpers.provider import graders, views
from helpers.provider.errors import ApiError, from_validation, invalid, path_of
from helpers.provider.schemas import Request

router = APIRouter(prefix="/fine_tuning/alpha/graders")


class ValidateGrader(Request):
    """Body of POST /fine_tuning/alpha/graders/validate."""

    grader: dict[str, Any]


class RunGrader(Request):
    """Body of POST /fine_tuning/alpha/graders/run."""

    grader: dict[str, Any]
    model_sample: Annotated[str, Field(max_length=1_000_000)]
    item: dict[str, Any] = {}


def _parse(raw: dict[str, Any]) -> graders.Grader:
    try:
        return graders.parse(raw)
    except graders.InvalidGrader as fault:
        problem = fault.problem
        raise from_validation({**problem, "loc": ("body", *problem["loc"])}) from fault


@router.post("/validate")
def validate_grader(payload: ValidateGrader) -> Response:
    """Check a grader and show it as it was understood."""
    return views.answer({"grader": graders.shown(_parse(payload.grader))})


@router.post("/run")
def run_grader(payload: RunGrader) -> Response:
    """Grade one answer."""
    grader = _parse(payload.grader)
    try:
        result = graders.grade(grader, payload.model_sample, payload.item)
    except graders.NotServed as fault:
        place = path_of(("body", *fault.place))
        raise ApiError(
            400, str(fault), param=place, code="unsupported_grader"
        ) from fault
    except graders.MissingField as fault:
        raise invalid(
            f"Invalid 'item': the grader names {fault}. Add the field to 'item', or "
            "change the template.",
            "item",
            "missing_field",
        ) from fault
    return views.answer(run_view(grader, result))


def run_view(grader: graders.Grader, result: graders.Grade) -> GraderRunResponse:
    """Show a grade."""
    errors = {
        "formula_parse_error": result.formula_parse_error,
        "sample_parse_error": result.sample_parse_error,
        "truncated_observation_error": result.truncated_observation_error,
        "unresponsive_reward_error": False,
        "invalid_variable_error": result.invalid_variable_error,
        "other_error": False,
        "python_grader_server_error": False,
        "python_grader_server_error_type": None,
        "python_grader_runtime_error": False,
        "python_grader_runtime_error_details": None,
        "model_grader_server_error": False,
        "model_grader_refusal_error": False,
        "model_grader_parse_error": False,
        "model_grader_server_error_details": None,
    }
    if result.details:
        # Beyond OpenAI's fields: which template or formula it was.
        errors["details"] = result.details
    return GraderRunResponse.model_validate(
        {
            "reward": result.reward,
            "metadata": {
                "name": grader.name,
                "type": grader.type,
                "errors": errors,
                "execution_time": result.seconds,
                "scores": result.scores,
                "token_usage": None,
                "sampled_model_name": None,
            },
            "sub_rewards": result.sub_rewards,
            "model_grader_token_usage_per_model": {},
        }
    )
