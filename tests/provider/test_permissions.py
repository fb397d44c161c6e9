"""Rules of permissions on checkpoints, through the openai client."""

from __future__ import annotations

import openai
import pytest

from helpers.provider.settings import Limits
from tests.provider.harness import FakeTraining, jsonl, wait_for_job


def train(client) -> str:
    file = client.files.create(file=jsonl(), purpose="fine-tune")
    job = client.fine_tuning.jobs.create(
        model="kitchen-base",
        training_file=file.id,
        hyperparameters={"n_epochs": 2},
    )
    return wait_for_job(client, job.id).fine_tuned_model


@pytest.fixture
def model(client):
    """The name of a fresh fine-tuned model."""
    return train(client)


@pytest.fixture
def permissions(client):
    return client.fine_tuning.checkpoints.permissions


def projects(listed) -> list[str]:
    return [permission.project_id for permission in listed]


def rows(server, model: str) -> int:
    with server.store.read() as session:
        row = session._connection.execute(
            "SELECT count(*) AS n FROM permissions WHERE model = ?", (model,)
        ).fetchone()
    return row["n"]


def test_a_permission_has_an_id_a_project_and_a_time(permissions, model):
    (made,) = permissions.create(model, project_ids=["proj_a"])
    assert made.id.startswith("cp_")
    assert (made.object, made.project_id) == ("checkpoint.permission", "proj_a")
    (listed,) = permissions.list(model)
    assert listed.model_dump() == made.model_dump()


def test_a_checkpoint_is_shared_by_its_own_name(permissions, client, model):
    checkpoint = f"{model}:ckpt-step-4"
    assert client.models.retrieve(checkpoint).id == checkpoint
    permissions.create(checkpoint, project_ids=["proj_a"])
    assert projects(permissions.list(checkpoint)) == ["proj_a"]
    assert projects(permissions.list(model)) == []


def test_a_project_that_has_a_permission_keeps_it(permissions, model):
    first = permissions.create(model, project_ids=["proj_a", "proj_b", "proj_a"])
    assert projects(first) == ["proj_a", "proj_b"]
    more = permissions.create(model, project_ids=["proj_c", "proj_a"])
    assert projects(more) == ["proj_c", "proj_a"]
    assert more.data[1] == first.data[0]
    assert projects(permissions.list(model)) == ["proj_c", "proj_b", "proj_a"]


def test_a_deleted_permission_is_gone_and_can_be_given_again(permissions, model):
    (made,) = permissions.create(model, project_ids=["proj_a"])
    deleted = permissions.delete(made.id, fine_tuned_model_checkpoint=model)
    assert (deleted.id, deleted.deleted) == (made.id, True)
    assert deleted.object == "checkpoint.permission"
    assert projects(permissions.list(model)) == []
    with pytest.raises(openai.NotFoundError, match=made.id):
        permissions.delete(made.id, fine_tuned_model_checkpoint=model)
    (other,) = permissions.create(model, project_ids=["proj_a"])
    assert other.id != made.id


def test_a_permission_belongs_to_one_model_only(permissions, model):
    (made,) = permissions.create(model, project_ids=["proj_a"])
    checkpoint = f"{model}:ckpt-step-4"
    with pytest.raises(openai.NotFoundError, match="No such permission"):
        permissions.delete(made.id, fine_tuned_model_checkpoint=checkpoint)
    assert projects(permissions.list(model)) == ["proj_a"]


def test_lists_have_order_pages_and_a_filter(permissions, model):
    names = [f"proj_{number}" for number in range(12)]
    permissions.create(model, project_ids=names)
    page = permissions.list(model)
    assert projects(page.data) == names[:1:-1]
    assert page.has_more
    assert page.last_id == page.data[-1].id
    assert projects(permissions.list(model, limit=5)) == names[::-1]
    assert projects(permissions.list(model, limit=5, order="ascending")) == names
    assert projects(permissions.list(model, project_id="proj_7")) == ["proj_7"]
    assert projects(permissions.list(model, project_id="proj_")) == []


def test_all_permissions_can_be_deleted_while_they_are_listed(permissions, model):
    permissions.create(model, project_ids=[f"proj_{n}" for n in range(7)])
    for permission in permissions.list(model, limit=2):
        permissions.delete(permission.id, fine_tuned_model_checkpoint=model)
    assert projects(permissions.list(model)) == []


def test_a_list_in_one_answer_says_its_first_and_last_id(permissions, model):
    made = permissions.create(model, project_ids=["proj_a", "proj_b"])
    with pytest.warns(DeprecationWarning, match="deprecated"):
        answer = permissions.retrieve(model)
    assert (answer.object, answer.has_more) == ("list", False)
    assert (answer.first_id, answer.last_id) == (made.data[1].id, made.data[0].id)


@pytest.mark.parametrize(
    ("query", "param"),
    [
        ({"limit": "0"}, "limit"),
        ({"limit": "many"}, "limit"),
        ({"order": "desc"}, "order"),
        ({"after": "cp_nobody"}, "after"),
    ],
)
def test_a_wrong_list_parameter_is_named(permissions, model, query, param):
    with pytest.raises(openai.BadRequestError) as caught:
        permissions.list(model, extra_query=query)
    assert caught.value.param == param


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({}, "project_ids"),
        ({"project_ids": "proj_a"}, "project_ids"),
        ({"project_ids": []}, "project_ids"),
        ({"project_ids": ["proj_a", 1]}, "project_ids[1]"),
        ({"project_ids": [""]}, "project_ids[0]"),
        ({"project_ids": ["x" * 129]}, "project_ids[0]"),
        ({"project_ids": ["x"] * 101}, "project_ids"),
        ({"project_ids": ["x"], "role": "owner"}, "role"),
    ],
)
def test_a_wrong_body_is_named_and_grants_nothing(
    client, permissions, model, body, param
):
    path = f"/fine_tuning/checkpoints/{model}/permissions"
    with pytest.raises(openai.BadRequestError) as caught:
        client.post(path, body=body, cast_to=object)
    assert caught.value.param == param
    assert projects(permissions.list(model)) == []


@pytest.mark.parametrize(
    ("name", "status"),
    [
        ("ft:kitchen-base:local::nobody", 404),
        ("org/unknown", 404),
        ("kitchen-base", 400),
        ("gpt-4o-mini-2024-07-18", 400),
    ],
)
def test_only_what_a_job_made_can_be_shared(permissions, name, status):
    for call in (
        lambda: permissions.create(name, project_ids=["proj_a"]),
        lambda: permissions.list(name),
        lambda: permissions.delete("cp_x", fine_tuned_model_checkpoint=name),
    ):
        with pytest.raises(openai.APIStatusError, match=name) as caught:
            call()
        assert caught.value.status_code == status
        assert caught.value.param == "fine_tuned_model_checkpoint"


def test_permissions_go_with_their_model_and_with_no_other(
    fake, client, permissions, model
):
    checkpoint = f"{model}:ckpt-step-4"
    permissions.create(model, project_ids=["proj_a"])
    permissions.create(checkpoint, project_ids=["proj_a"])
    client.models.delete(checkpoint)
    assert rows(fake, checkpoint) == 0
    with pytest.raises(openai.NotFoundError):
        permissions.list(checkpoint)
    assert projects(permissions.list(model)) == ["proj_a"]


def test_a_model_has_a_most_of_permissions_and_of_deleted_ones(tmp_path):
    with FakeTraining(tmp_path, limits=Limits(permissions=3)) as server:
        permissions = server.client.fine_tuning.checkpoints.permissions
        model = train(server.client)
        permissions.create(model, project_ids=["a", "b"])
        with pytest.raises(openai.BadRequestError, match="at most 3") as caught:
            permissions.create(model, project_ids=["c", "d"])
        assert caught.value.param == "project_ids"
        assert projects(permissions.list(model)) == ["b", "a"]
        for number in range(5):
            (made,) = permissions.create(model, project_ids=[f"p{number}"])
            permissions.delete(made.id, fine_tuned_model_checkpoint=model)
        assert rows(server, model) == 2 + 3
