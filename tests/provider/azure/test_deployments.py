"""Deployments: made, used, changed, gone; through Resource Manager's own SDK."""

from __future__ import annotations

import itertools

import openai
import pytest
from azure.core.exceptions import (
    HttpResponseError,
    ResourceNotFoundError,
)

from tests.provider.azure.sdk import (
    ACCOUNT,
    ARM,
    BASE,
    GROUP,
    azure_client,
    deployment_of,
    finished_job,
    http_client,
    management,
    put,
    root_of,
    v1_client,
)
from tests.provider.harness import FakeTraining

DAY = 24 * 3600
LONG = 10_000.0
WHERE = (GROUP, ACCOUNT)
PLAIN = {"enforce_https": False}


@pytest.fixture(scope="module")
def arm(azure):
    """The SDK of the control plane."""
    with management(azure) as client:
        yield client.deployments


@pytest.fixture(scope="module")
def lasting(tmp_path_factory):
    """A server whose deployments take longer than any test."""
    home = tmp_path_factory.mktemp("lasting")
    with FakeTraining(home, deployment_seconds=LONG) as server:
        yield server


def age(server: FakeTraining, name: str, seconds: float) -> None:
    """Make a deployment older, as time would."""
    with server.store.write() as session:
        session._connection.execute(
            "UPDATE deployments SET created_at = created_at - ?, "
            "changed_at = changed_at - ?, deleting_at = deleting_at - ? "
            "WHERE name = ?",
            (seconds, seconds, seconds, name),
        )


def test_the_sdk_puts_gets_lists_changes_and_deletes(arm, job):
    body = deployment_of(job.fine_tuned_model, "GlobalStandard", 50)
    put = arm.begin_create_or_update(*WHERE, "sassy", body, **PLAIN).result()
    assert put.properties.provisioning_state == "Succeeded"
    assert put.properties.model.name == job.fine_tuned_model
    assert (put.sku.name, put.sku.capacity) == ("GlobalStandard", 50)
    assert put.id == f"{ARM}/deployments/sassy"
    assert arm.get(*WHERE, "sassy", **PLAIN).etag == put.etag
    assert "sassy" in [one.name for one in arm.list(*WHERE, **PLAIN)]
    assert "Standard" in [s.sku.name for s in arm.list_skus(*WHERE, "sassy", **PLAIN)]
    changed = arm.begin_update(
        *WHERE,
        "sassy",
        {"sku": {"name": "GlobalStandard", "capacity": 7}, "tags": {"for": "lesson"}},
        **PLAIN,
    ).result()
    assert changed.sku.capacity == 7
    assert changed.tags == {"for": "lesson"}
    assert changed.etag != put.etag
    arm.begin_delete(*WHERE, "sassy", **PLAIN).result()
    assert "sassy" not in [one.name for one in arm.list(*WHERE, **PLAIN)]
    with pytest.raises(ResourceNotFoundError) as missing:
        arm.get(*WHERE, "sassy", **PLAIN)
    assert missing.value.error.code == "ResourceNotFound"


def test_a_second_put_is_an_update(http, job):
    assert put(http, "twice", job.fine_tuned_model).status_code == 201
    again = put(http, "twice", BASE, capacity=3)
    assert again.status_code == 200
    assert again.json()["properties"]["model"]["name"] == BASE
    body = deployment_of(BASE)
    assert http.post(f"{ARM}/deployments/by-post", json=body).status_code == 201


def test_paths_of_resource_manager_and_names_know_no_case(http):
    put(http, "Shouted", BASE)
    path = ARM.lower().replace("sub-1", "Sub-1") + "/DEPLOYMENTS/sHOUTED"
    found = http.get(path)
    assert found.status_code == 200
    assert found.json()["name"] == "Shouted"
    again = http.put(path, json=deployment_of(BASE))
    assert again.status_code == 200
    assert again.json()["name"] == "Shouted"
    assert http.delete(path).status_code == 202


def test_making_and_deleting_take_their_time(lasting):
    def state() -> str:
        return arm.get(*WHERE, "slow", **PLAIN).properties.provisioning_state

    with management(lasting) as clients, azure_client(lasting) as client:
        arm = clients.deployments
        poller = arm.begin_create_or_update(
            *WHERE, "slow", deployment_of(BASE), **PLAIN
        )
        assert state() == "Accepted"
        with pytest.raises(openai.NotFoundError) as early:
            client.chat.completions.create(model="slow", messages=[])
        assert early.value.body["code"] == "DeploymentNotFound"
        assert "state is Accepted" in early.value.message
        age(lasting, "slow", LONG * 0.5)
        assert state() == "Creating"
        with pytest.raises(HttpResponseError) as busy:
            arm.begin_create_or_update(
                *WHERE, "slow", deployment_of("kitchen-base"), **PLAIN
            )
        assert busy.value.status_code == 409
        assert busy.value.error.code == "RequestConflict"
        # Who only repeats what was not answered is told what there is.
        again = arm.begin_create_or_update(*WHERE, "slow", deployment_of(BASE), **PLAIN)
        assert not poller.done()
        age(lasting, "slow", LONG)
        assert poller.result().properties.provisioning_state == "Succeeded"
        assert again.result().properties.provisioning_state == "Succeeded"
        poller = arm.begin_delete(*WHERE, "slow", **PLAIN)
        assert state() == "Deleting"
        assert not poller.done()
        age(lasting, "slow", LONG + 1)
        poller.result()
        assert list(arm.list(*WHERE, **PLAIN)) == []
        arm.begin_delete(*WHERE, "slow", **PLAIN).result()  # already gone: no error


def test_a_model_is_deployed_before_it_answers(client, azure, job):
    messages = [{"role": "user", "content": "Hi"}]
    names = (job.fine_tuned_model, BASE, "kitchen-base", "nobody")
    with v1_client(azure) as foundry:
        for name, asked in itertools.product(names, (client, foundry)):
            with pytest.raises(openai.NotFoundError) as missing:
                asked.chat.completions.create(model=name, messages=messages)
            assert missing.value.body["code"] == "DeploymentNotFound"
            with pytest.raises(openai.NotFoundError):
                asked.embeddings.create(model=name, input="Hi")


def test_checkpoints_are_deployed_by_id_and_by_name(client, azure, http, job):
    checkpoint = client.fine_tuning.jobs.checkpoints.list(job.id).data[1]
    for name in (checkpoint.id, checkpoint.fine_tuned_model_checkpoint):
        answer = put(http, "half-way", name)
        assert answer.json()["properties"]["model"]["name"] == name
        with azure.store.read() as session:
            model = session.deployment("half-way").model
        assert model.endswith(f":ckpt-step-{checkpoint.step_number}")


def test_the_other_dialects_name_is_shown_as_azures(azure, http, job):
    own = azure.client.fine_tuning.jobs.retrieve(job.id).fine_tuned_model
    answer = put(http, "by-own-name", own)
    assert answer.json()["properties"]["model"]["name"] == job.fine_tuned_model
    names = [one["name"] for one in http.get(f"{ARM}/models").json()["value"]]
    assert job.fine_tuned_model in names
    assert own not in names


def test_a_deployed_model_is_deleted_in_neither_dialect(azure, http):
    with azure_client(azure) as client:
        job = finished_job(client)
        own = azure.client.fine_tuning.jobs.retrieve(job.id).fine_tuned_model
        put(http, "guarded", job.fine_tuned_model)
        for asked, name in ((client, job.fine_tuned_model), (azure.client, own)):
            with pytest.raises(openai.BadRequestError, match="deployed as 'guarded'"):
                asked.models.delete(name)
        assert http.delete(f"{ARM}/deployments/guarded").status_code == 202
        gone = client.models.delete(job.fine_tuned_model)
        assert (gone.id, gone.deleted) == (job.fine_tuned_model, True)
        with pytest.raises(openai.NotFoundError) as missing:
            client.models.retrieve(job.fine_tuned_model)
        assert job.fine_tuned_model in missing.value.message
        assert "ft:" not in missing.value.message


@pytest.mark.parametrize("sku", ["developertier", "DeveloperTier", "Developer"])
def test_the_developer_tier_ends_after_a_day(azure, http, sku):
    assert put(http, "for-a-day", BASE, sku=sku).json()["sku"]["name"] == sku
    age(azure, "for-a-day", DAY - 60)
    assert http.get(f"{ARM}/deployments/for-a-day").status_code == 200
    age(azure, "for-a-day", 120)
    assert http.get(f"{ARM}/deployments/for-a-day").status_code == 404
    ask = {"messages": [{"role": "user", "content": "Hi"}]}
    answer = http.post("/openai/deployments/for-a-day/chat/completions", json=ask)
    assert answer.status_code == 404
    # The name is free again, for another day.
    assert put(http, "for-a-day", BASE, sku=sku).status_code == 201


def test_an_old_deployment_that_becomes_developer_tier_has_a_day(azure, http):
    put(http, "old", BASE)
    age(azure, "old", 2 * DAY)
    assert http.get(f"{ARM}/deployments/old").status_code == 200
    body = {"sku": {"name": "DeveloperTier"}}
    assert http.patch(f"{ARM}/deployments/old", json=body).status_code == 200
    assert http.get(f"{ARM}/deployments/old").status_code == 200


def test_rows_of_deployments_that_are_gone_do_not_pile_up(azure, http):
    for number in range(3):
        put(http, f"brief-{number}", BASE)
        http.delete(f"{ARM}/deployments/brief-{number}")
    put(http, "last", BASE)
    with azure.store.read() as session:
        names = [row.name for row in session.deployments()]
    assert "last" in names
    assert not [name for name in names if name.startswith("brief")]


@pytest.mark.parametrize(
    ("name", "change", "code"),
    [
        ("-dash-first", {}, "InvalidResourceName"),
        ("x" * 65, {}, "InvalidResourceName"),
        ("ok", {"model": "nobody"}, "DeploymentModelNotSupported"),
        ("ok", {"sku": "Gigantic"}, "InvalidResourceProperties"),
        ("ok", {"capacity": 0}, "BadRequest"),
    ],
)
def test_what_cannot_be_deployed_is_refused(arm, name, change, code):
    body = deployment_of(**{"model": BASE, **change})
    with pytest.raises(HttpResponseError) as refused:
        arm.begin_create_or_update(*WHERE, name, body, **PLAIN)
    assert refused.value.status_code == 400
    assert refused.value.error.code == code


def test_there_is_a_limit_to_their_number(tmp_path):
    from dataclasses import replace

    from helpers.provider.settings import Limits

    few = replace(Limits(), deployments=2)
    with (
        FakeTraining(tmp_path, deployment_seconds=0.0, limits=few) as server,
        http_client(server) as http,
    ):
        assert [put(http, name, BASE).status_code for name in "abc"] == [201, 201, 400]
        refused = put(http, "c", BASE).json()["error"]
        assert refused["code"] == "InsufficientQuota"
        assert put(http, "a", BASE).status_code == 200
        http.delete(f"{ARM}/deployments/a")
        assert put(http, "c", BASE).status_code == 201


def test_a_restart_keeps_them(tmp_path):
    with FakeTraining(tmp_path) as server, http_client(server) as http:
        etag = put(http, "kept", BASE).json()["etag"]
        put(http, "going", BASE)
        http.delete(f"{ARM}/deployments/going")
    with FakeTraining(tmp_path) as server, http_client(server) as http:
        shown = http.get(f"{ARM}/deployments").json()["value"]
        assert [(one["name"], one["etag"]) for one in shown][0] == ("kept", etag)
        states = [one["properties"]["provisioningState"] for one in shown]
        assert states[1] == "Deleting"


def test_accounts_say_where_their_data_plane_is(azure):
    with management(azure) as client:
        account = client.accounts.get(*WHERE, **PLAIN)
    assert account.properties.endpoint == f"{root_of(azure)}/"


def test_line_ends_in_a_path_reach_no_header(http):
    put(http, "smuggled", BASE)
    path = ARM.replace("sub-1", "a%0d%0aset-cookie:%20x=1%E2%82%AC")
    answer = http.delete(f"{path}/deployments/smuggled?api-version=%0d%0ax:y%E2%82%AC")
    assert answer.status_code == 202
    assert "set-cookie" not in answer.headers
    assert "%0D%0Aset-cookie" in answer.headers["location"]
    assert http.get(answer.headers["location"]).status_code == 204
