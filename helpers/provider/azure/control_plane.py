"""Azure's control plane: deployments put, listed, changed and deleted.

Purpose: the part of Azure Resource Manager that the tutorial needs, so that
azure-mgmt-cognitiveservices works on it: accounts to be read, deployments to be
managed, long operations to be polled. Names of subscriptions, groups and accounts are
free, and all mean this provider.
Paths and shapes: azure-mgmt-cognitiveservices 14.1.0 (api-version 2025-09-01).
It must never know how a model answers.
"""

from __future__ import annotations

import re
import secrets
import time
from dataclasses import dataclass, fields
from datetime import UTC, datetime
from typing import Annotated, Any
from urllib.parse import quote

from fastapi import APIRouter, Depends, Path, Request
from pydantic import AfterValidator, Field
from starlette.responses import JSONResponse, Response

from helpers.provider import views
from helpers.provider.azure import names
from helpers.provider.azure.deployments import DEVELOPER_TIERS, SKUS, Deployment
from helpers.provider.context import Provider, provider_of
from helpers.provider.errors import ApiError, invalid
from helpers.provider.schemas import Request as Body
from helpers.provider.store import Session

_ACCOUNTS = (
    "/subscriptions/{subscription}/resourceGroups/{group}/providers"
    "/Microsoft.CognitiveServices/accounts"
)
_ACCOUNT = _ACCOUNTS + "/{account}"
_DEPLOYMENT = _ACCOUNT + "/deployments/{name}"
_OPERATION = (
    "/subscriptions/{subscription}/providers/Microsoft.CognitiveServices"
    "/locations/local/operationResults/{operation}"
)
_TYPE = "Microsoft.CognitiveServices/accounts"
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
# States in which nothing is under way.
_TERMINAL = (None, "Succeeded")
# Limits of Resource Manager on tags (Microsoft's page on tags, not verified here).
_MOST_TAGS, _LONGEST_TAG_NAME, _LONGEST_TAG = 50, 512, 256
_POLL_SECONDS = "1"
_VERSION = "1"

router = APIRouter()
Here = Annotated[Provider, Depends(provider_of)]


@dataclass(frozen=True)
class Account:
    """What a path says about the resource; nothing of it decides anything."""

    subscription: str
    group: str
    account: str

    @property
    def id(self) -> str:
        """The resource id of the account."""
        return (
            f"/subscriptions/{self.subscription}/resourceGroups/{self.group}"
            f"/providers/{_TYPE}/{self.account}"
        )


# Kept and shown again, so a bound on them: Azure's own names are shorter.
Segment = Annotated[str, Path(max_length=128)]


def _account(subscription: Segment, group: Segment, account: Segment) -> Account:
    return Account(subscription, group, account)


Where = Annotated[Account, Depends(_account)]


def _storable(text: str) -> str:
    """Refuse half a character: JSON can hold it, a database cannot."""
    text.encode()
    return text


Text = Annotated[str, Field(max_length=256), AfterValidator(_storable)]


def _check_tags(tags: dict[str, str]) -> dict[str, str]:
    if len(tags) > _MOST_TAGS:
        raise ValueError(f"expected at most {_MOST_TAGS} tags")
    for name, text in tags.items():
        _storable(name + text)
        if len(name) > _LONGEST_TAG_NAME or len(text) > _LONGEST_TAG:
            raise ValueError(
                f"names of tags have at most {_LONGEST_TAG_NAME} and their texts at "
                f"most {_LONGEST_TAG} characters"
            )
    return tags


Tags = Annotated[dict[str, str], AfterValidator(_check_tags)]


class Sku(Body):
    """How a deployment is billed, and how much of it there is."""

    name: Text
    capacity: Annotated[int | None, Field(ge=1, le=1_000_000)] = None


class DeployedModel(Body):
    """The model that a deployment lets answer."""

    format: Text | None = None
    name: Annotated[Text, Field(min_length=1)]
    version: Text | None = None
    source: Text | None = None
    sourceAccount: Text | None = None


class DeploymentProperties(Body):
    """What a deployment is made of."""

    model: DeployedModel
    versionUpgradeOption: Text | None = None
    raiPolicyName: Text | None = None


class PutDeployment(Body):
    """Body of PUT (and, as some pages have it, POST) of a deployment."""

    sku: Sku
    properties: DeploymentProperties
    tags: Tags | None = None


class PatchDeployment(Body):
    """Body of PATCH: the capacity or the tags."""

    sku: Sku | None = None
    tags: Tags | None = None


def _when(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="microseconds")


def _view(here: Provider, row: Deployment, now: float) -> dict[str, Any]:
    """Show a deployment as Resource Manager does."""
    who = {
        "createdBy": "local",
        "createdByType": "Key",
        "createdAt": _when(row.created_at),
        "lastModifiedBy": "local",
        "lastModifiedByType": "Key",
        "lastModifiedAt": _when(row.changed_at),
    }
    shown: dict[str, Any] = {
        "id": f"{row.account}/deployments/{row.name}",
        "type": f"{_TYPE}/deployments",
        "name": row.name,
        "etag": f'"{row.etag}"',
        "sku": {"name": row.sku, "capacity": row.capacity},
        "systemData": who,
        "properties": {
            **row.properties,
            "model": {
                "format": "OpenAI",
                "name": row.model_shown,
                "version": row.version or _VERSION,
            },
            "capabilities": {"chatCompletion": "true"},
            "provisioningState": row.state(now, here.settings.deployment_seconds),
            "currentCapacity": row.capacity,
        },
    }
    if row.tags is not None:
        shown["tags"] = row.tags
    return shown


def living(here: Provider, session: Session, name: str) -> Deployment | None:
    """Return a deployment that is not gone."""
    row = session.deployment(name)
    if row is None or row.state(time.time(), here.settings.deployment_seconds) is None:
        return None
    return row


def all_living(here: Provider, session: Session) -> list[Deployment]:
    """Return the deployments that are not gone, oldest first."""
    now, seconds = time.time(), here.settings.deployment_seconds
    return [d for d in session.deployments() if d.state(now, seconds) is not None]


def _missing(row_id: str) -> ApiError:
    return ApiError(
        404,
        f"The Resource '{row_id.partition('/providers/')[2]}' was not found.",
        code="ResourceNotFound",
    )


def _found(here: Provider, session: Session, where: Account, name: str) -> Deployment:
    row = living(here, session, name)
    if row is None:
        raise _missing(f"{where.id}/deployments/{name}")
    return row


def _wait_for_end(here: Provider, row: Deployment, where: Account) -> None:
    """Raise Resource Manager's conflict of a deployment that is being changed."""
    state = row.state(time.time(), here.settings.deployment_seconds)
    if state not in _TERMINAL:
        raise ApiError(
            409,
            f"Cannot modify resource with id '{where.id}/deployments/{row.name}' "
            "because the resource entity provisioning state is not terminal "
            f"({state}). Please wait for the provisioning state to become terminal "
            "and then retry the request.",
            code="RequestConflict",
        )


def _born(old: Deployment | None, sku: str, now: float) -> float:
    """Return when a deployment counts as made: the day of the tier begins with it."""
    if old is None or (_is_developer(sku) and not _is_developer(old.sku)):
        return now
    return old.created_at


def _is_developer(sku: str) -> bool:
    return sku.lower() in DEVELOPER_TIERS


@router.put(_DEPLOYMENT)
@router.post(_DEPLOYMENT)
def put_deployment(
    name: str, payload: PutDeployment, where: Where, here: Here
) -> Response:
    """Deploy a model, or change what a deployment is."""
    _check_name(name)
    sku = _known_sku(payload.sku.name)
    now = time.time()
    with here.store.write() as session:
        asked = payload.properties.model
        own = names.own_name(session, asked.name)
        if session.model(own) is None and not here.registry.is_given(own):
            raise ApiError(
                400,
                f"The model '{asked.name}' does not exist, or is no model of this "
                "resource. A fine-tuned model can be deployed when its job has "
                "succeeded, a checkpoint as soon as it is listed.",
                code="DeploymentModelNotSupported",
            )
        _forget_gone(here, session)
        old = living(here, session, name)
        limit = here.settings.limits.deployments
        if old is None and len(all_living(here, session)) >= limit:
            raise ApiError(
                400,
                f"There are {limit} deployments already. Delete one that is not "
                "needed any more.",
                code="InsufficientQuota",
            )
        unchanged = old is not None and old.model == own and old.deleting_at is None
        if old is not None and not unchanged:
            _wait_for_end(here, old, where)
        given = payload.properties.model_dump(exclude_none=True, exclude={"model"})
        row = session.put_deployment(
            name=name if old is None else old.name,
            account=where.id,
            model=own,
            # Also where the name of the other dialect was given.
            model_shown=names.shown_name(session, own)
            if asked.name == own
            else asked.name,
            version=asked.version,
            sku=sku,
            capacity=payload.sku.capacity or 1,
            properties=given,
            tags=payload.tags,
            etag=secrets.token_hex(16),
            created_at=_born(old, sku, now),
            # Another model takes its time again; another capacity does not.
            changed_at=old.changed_at if unchanged else now,
            deleting_at=None,
        )
    status = 201 if old is None else 200
    return JSONResponse(_view(here, row, now), status, {"retry-after": _POLL_SECONDS})


def _forget_gone(here: Provider, session: Session) -> None:
    """Remove the rows of deployments that are gone, so that they never pile up."""
    now, seconds = time.time(), here.settings.deployment_seconds
    for row in session.deployments():
        if row.state(now, seconds) is None:
            session.drop_deployment(row.name)


def _check_name(name: str) -> None:
    if not _NAME.fullmatch(name):
        raise invalid(
            f"The deployment name '{name[:100]}' is not valid: expected 1 to 64 "
            "letters, digits, dots, dashes and underscores, the first a letter or a "
            "digit.",
            "name",
            "InvalidResourceName",
        )


def _known_sku(name: str) -> str:
    for known in (*SKUS, "Developer"):
        if known.lower() == name.lower():
            return name
    raise invalid(
        f"The SKU '{name[:100]}' is not known: expected one of {', '.join(SKUS)}.",
        "sku.name",
        "InvalidResourceProperties",
    )


@router.get(_DEPLOYMENT)
def get_deployment(name: str, where: Where, here: Here) -> Response:
    """Show a deployment; who waits for it asks this again and again."""
    with here.store.read() as session:
        row = _found(here, session, where, name)
    shown = _view(here, row, time.time())
    return JSONResponse(shown, headers={"retry-after": _POLL_SECONDS})


@router.get(_ACCOUNT + "/deployments")
def list_deployments(where: Where, here: Here) -> Response:
    """List all deployments."""
    now = time.time()
    with here.store.read() as session:
        rows = all_living(here, session)
    return JSONResponse({"value": [_view(here, row, now) for row in rows]})


@router.patch(_DEPLOYMENT)
def patch_deployment(
    name: str, payload: PatchDeployment, where: Where, here: Here
) -> Response:
    """Change capacity or tags."""
    with here.store.write() as session:
        old = _found(here, session, where, name)
        _wait_for_end(here, old, where)
        columns = {
            field.name: getattr(old, field.name)
            for field in fields(Deployment)
            if field.name != "seq"
        }
        if payload.sku is not None:
            columns["sku"] = _known_sku(payload.sku.name)
            columns["created_at"] = _born(old, columns["sku"], time.time())
            columns["capacity"] = payload.sku.capacity or old.capacity
        if payload.tags is not None:
            columns["tags"] = payload.tags
        columns["etag"] = secrets.token_hex(16)
        row = session.put_deployment(**columns)
    return JSONResponse(_view(here, row, time.time()))


@router.delete(_DEPLOYMENT)
def delete_deployment(
    name: str, request: Request, where: Where, here: Here
) -> Response:
    """Delete a deployment; that takes its time, too."""
    with here.store.write() as session:
        row = living(here, session, name)
        if row is None:
            return Response(status_code=204)
        session.mark_deployment_deleting(name, time.time())
    return _deleting(request, where.subscription, f"{row.etag}-{row.name}")


def _deleting(request: Request, subscription: str, operation: str) -> Response:
    """Return 202 with the address that says when a deletion is over."""
    path = _OPERATION.format(
        # What came in decoded goes out encoded: a header holds no line ends.
        subscription=quote(subscription, safe=""),
        operation=quote(operation, safe=""),
    )
    url = f"{request.url.scheme}://{request.headers['host']}{path}"
    version = request.query_params.get("api-version")
    if version is not None:
        url += f"?api-version={quote(version, safe='')}"
    headers = {"location": url, "retry-after": _POLL_SECONDS}
    return Response(status_code=202, headers=headers)


@router.get(_OPERATION)
def deletion(
    subscription: str, operation: str, request: Request, here: Here
) -> Response:
    """Say whether a deletion is over: 202 while it lasts, then 204."""
    etag, _, name = operation.partition("-")
    with here.store.read() as session:
        row = living(here, session, name)
    if row is None or row.etag != etag:
        return Response(status_code=204)
    return _deleting(request, subscription, operation)


@router.get(_DEPLOYMENT + "/skus")
def list_skus(name: str, where: Where, here: Here) -> Response:
    """List the ways this deployment could be billed."""
    with here.store.read() as session:
        _found(here, session, where, name)
    capacity = {"minimum": 1, "maximum": 1_000_000, "step": 1, "default": 1}
    skus = [
        {
            "resourceType": f"{_TYPE}/deployments",
            "sku": {"name": sku},
            "capacity": capacity,
        }
        for sku in SKUS
    ]
    return JSONResponse({"value": skus})


def _account_view(where: Account, request: Request) -> dict[str, Any]:
    endpoint = f"{request.url.scheme}://{request.headers['host']}/"
    return {
        "id": where.id,
        "name": where.account,
        "type": _TYPE,
        "location": "local",
        "kind": "OpenAI",
        "sku": {"name": "S0"},
        "properties": {
            "endpoint": endpoint,
            "endpoints": {"OpenAI Language Model Instance API": endpoint},
            "provisioningState": "Succeeded",
        },
    }


@router.get(_ACCOUNT)
def get_account(where: Where, request: Request) -> Response:
    """Show the resource, with the address of its data plane."""
    return JSONResponse(_account_view(where, request))


@router.get(_ACCOUNT + "/models")
def list_account_models(where: Where, here: Here) -> Response:
    """List the models that can be deployed."""
    entries = here.registry.all()
    with here.store.read() as session:
        shown = [
            {
                "format": "OpenAI",
                "name": names.shown_name(session, entry.name),
                "version": _VERSION,
                "lifecycleStatus": "GenerallyAvailable",
                "skus": [{"name": sku} for sku in SKUS],
            }
            for entry in entries
        ]
    return views.answer({"value": shown})
