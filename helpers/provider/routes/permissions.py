"""Permissions on checkpoints: create, list, delete.

A local server has one key and no projects, so permissions restrict nothing here:
whoever has the key may use every model. They are kept and shown as a hosted API would.
"""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends
from starlette.responses import Response

from helpers.provider import views
from helpers.provider.context import Provider, now, provider_of
from helpers.provider.errors import ApiError, invalid
from helpers.provider.ids import new_id
from helpers.provider.permissions import Permission
from helpers.provider.routes.paging import limit_of, page_or_error
from helpers.provider.schemas import CreatePermissions
from helpers.provider.store import Page, Session

# Names may hold colons, and slashes where a base model's name has them.
router = APIRouter(prefix="/fine_tuning/checkpoints/{checkpoint:path}/permissions")
Here = Annotated[Provider, Depends(provider_of)]

DEFAULT_PERMISSIONS = 10
_PARAM = "fine_tuned_model_checkpoint"


def _check_model(here: Provider, session: Session, checkpoint: str) -> None:
    """Raise it if this is no model that a fine-tuning job made."""
    if session.model(checkpoint) is not None:
        return
    known = here.registry.is_given(checkpoint)
    found = (
        f"The model '{checkpoint}' was not made by a fine-tuning job"
        if known
        else f"The model '{checkpoint}' does not exist"
    )
    raise ApiError(
        400 if known else 404,
        f"{found}. Permissions belong to the `fine_tuned_model` of a job or to the "
        f"`{_PARAM}` of one of its checkpoints.",
        param=_PARAM,
        code="invalid_model" if known else "model_not_found",
    )


@router.post("")
def create_permissions(
    checkpoint: str, payload: CreatePermissions, here: Here
) -> Response:
    """Share a model with projects; a project that has it already keeps it."""
    projects = list(dict.fromkeys(payload.project_ids))
    with here.store.write() as session:
        _check_model(here, session, checkpoint)
        permissions = [
            session.permission_of_project(checkpoint, project)
            or _add(session, checkpoint, project)
            for project in projects
        ]
        most = here.settings.limits.permissions
        if session.count_permissions(checkpoint) > most:
            # Raised within the transaction, so that none of them is added.
            raise invalid(
                f"A model has at most {most} permissions here, and these would be "
                "more. Delete some that are no longer needed.",
                "project_ids",
                "too_many_permissions",
            )
    return _answer(Page(permissions, has_more=False))


def _add(session: Session, checkpoint: str, project: str) -> Permission:
    return session.add_permission(
        id=new_id("cp_"), model=checkpoint, project_id=project, created_at=now()
    )


def _answer(page: Page) -> Response:
    shown = [views.permission_view(permission) for permission in page.rows]
    return views.answer(views.page_view(page, shown, ids=True))


@router.get("")
def list_permissions(
    checkpoint: str,
    here: Here,
    project_id: str | None = None,
    limit: str | None = None,
    after: str | None = None,
    order: str = "descending",
) -> Response:
    """List a model's permissions, newest first."""
    if order not in ("ascending", "descending"):
        raise invalid(
            "Invalid value for 'order': expected 'ascending' or 'descending'.",
            "order",
            "invalid_value",
        )
    size = limit_of(limit, DEFAULT_PERMISSIONS, here.settings.limits.permissions)
    with here.store.read() as session:
        _check_model(here, session, checkpoint)
        page = page_or_error(
            lambda: session.list_permissions(
                checkpoint,
                project_id=project_id,
                limit=size,
                after=after,
                ascending=order == "ascending",
            ),
            after,
        )
    return _answer(page)


@router.delete("/{permission_id}")
def delete_permission(checkpoint: str, permission_id: str, here: Here) -> Response:
    """Take a permission back."""
    with here.store.write() as session:
        _check_model(here, session, checkpoint)
        permission = session.permission(checkpoint, permission_id)
        if permission is None:
            raise ApiError(
                404,
                f"No such permission on the model '{checkpoint}': {permission_id}",
                param="permission_id",
            )
        keep = here.settings.limits.permissions
        session.delete_permission(permission, now(), keep)
    return views.answer(views.permission_deleted_view(permission_id))
