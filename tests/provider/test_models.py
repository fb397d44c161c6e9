"""Rules of the Models API and of the registry behind it."""

from __future__ import annotations

import openai
import pytest

from helpers.provider.models import read_hosted_names
from tests.provider.harness import wait_for_job


def tuned(client, training_file) -> str:
    job = client.fine_tuning.jobs.create(
        model="kitchen-base",
        training_file=training_file,
        hyperparameters={"n_epochs": 2},
    )
    return wait_for_job(client, job.id).fine_tuned_model


def test_base_and_hosted_models_are_listed_with_their_owner(client):
    owners = {model.id: model.owned_by for model in client.models.list()}
    assert owners["kitchen-base"] == "local"
    assert "kitchen-base stands in" in owners["gpt-4o-mini-2024-07-18"]


def test_an_unknown_model_is_openais_404(client):
    with pytest.raises(openai.NotFoundError) as caught:
        client.models.retrieve("org/no model:x")
    assert caught.value.body["message"] == "The model 'org/no model:x' does not exist"
    assert caught.value.code == "model_not_found"


def test_a_deleted_model_is_gone_with_its_weights(fake, client, training_file):
    name = tuned(client, training_file)
    with fake.store.read() as session:
        folder = fake.settings.jobs / session.model(name).folder
    assert folder.is_dir()
    deleted = client.models.delete(name)
    assert (deleted.id, deleted.deleted) == (name, True)
    assert not folder.exists()
    with pytest.raises(openai.NotFoundError):
        client.models.retrieve(name)
    with pytest.raises(openai.NotFoundError):
        client.models.delete(name)


def test_deleting_a_checkpoint_leaves_the_model_alone(client, training_file):
    name = tuned(client, training_file)
    client.models.delete(f"{name}:ckpt-step-4")
    assert client.models.retrieve(name).id == name


@pytest.mark.parametrize("name", ["kitchen-base", "gpt-4o-mini-2024-07-18"])
def test_a_model_that_no_job_made_cannot_be_deleted(client, name):
    with pytest.raises(openai.PermissionDeniedError):
        client.models.delete(name)
    assert client.models.retrieve(name).id == name


def test_hosted_names_come_from_a_table_that_may_be_missing(tmp_path):
    assert read_hosted_names(tmp_path / "none.csv") == []
    table = tmp_path / "models.csv"
    table.write_text("model,closes\ngpt-x,2027-01-06\n", encoding="utf-8")
    assert read_hosted_names(table) == ["gpt-x"]
