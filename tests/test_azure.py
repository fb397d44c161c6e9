"""The connection to Azure: the local dialect, and Azure itself played by it.

A provider runs for real, and the three SDKs are those of learners. Nothing is trained.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import openai
import pytest
from openai.types.fine_tuning import FineTuningJob

from helpers import azure
from helpers.azure import (
    AzureConnection,
    ask_deployment,
    azure_facts,
    connect_azure,
    deploy,
    deployments,
    hosting_price,
    request,
    start_deployment,
    still_there,
    temporary,
    tidy_up,
    undeploy,
    wait_for,
)
from helpers.connect import SpendingRefused, connect, https_address, start_provider
from helpers.jobs import cancel, submit
from helpers.sarcasm import FOLDER
from tools import notebooks as tool

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]
TUNED = "gpt-4o-mini-2024-07-18.ft-" + "0" * 32


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A provider that was started without https, as other notebooks do it."""
    home = tmp_path_factory.mktemp("azure")
    start_provider(home)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("helpers.connect.DEPLOYMENT_SECONDS", "0.7")
        yield home
    stop = [sys.executable, "-m", "helpers.provider", "stop", "--home", str(home)]
    subprocess.run(stop, cwd=tool.ROOT, check=True, capture_output=True)


@pytest.fixture
def here(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[AzureConnection]:
    """A connection to the local dialect, with notes of its own."""
    alone(monkeypatch, tmp_path)
    connection = connect_azure(home)
    yield connection
    undeploy(connection)
    connection.close()
    azure._withdraw_tokens()


def alone(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    """Take the variables of this machine away."""
    for name in [*os.environ]:
        if name.startswith(("AZURE_", "COMPANION_", "IDENTITY_")):
            monkeypatch.delenv(name)
    monkeypatch.setenv("COMPANION_STATE", str(folder / "state"))
    monkeypatch.setenv("COMPANION_OUT", str(folder / "out"))
    monkeypatch.chdir(folder)


@pytest.fixture
def hosted(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[AzureConnection]:
    """A connection to Azure, whose part the provider plays."""
    alone(monkeypatch, tmp_path)
    url = start_provider(home, https=True)
    key = (home / "key").read_text(encoding="utf-8").strip()
    for name, value in {
        "COMPANION_PROVIDER": "azure",
        "COMPANION_MODEL": "kitchen-base",
        "AZURE_OPENAI_ENDPOINT": f"{url}/openai/v1/",
        "AZURE_OPENAI_RESOURCE": "account",
        "AZURE_SUBSCRIPTION_ID": "subscription",
        "AZURE_RESOURCE_GROUP": "group",
        "AZURE_RESOURCE_MANAGER_ENDPOINT": https_address(home) or "",
        # What stands for `az login`.
        "IDENTITY_ENDPOINT": f"{url}/msi/token",
        "IDENTITY_HEADER": key,
        "REQUESTS_CA_BUNDLE": str(home / azure.CERTIFICATE),
    }.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(azure, "HOSTED_POLL_S", 1)
    connection = connect_azure()
    yield connection
    connection.close()


# --- the local dialect ------------------------------------------------------------


def test_a_provider_without_https_is_started_again_where_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, home: Path
) -> None:
    alone(monkeypatch, tmp_path)
    before = connect("local", home=home)
    connection = connect_azure(home)
    assert https_address(home)
    # Another notebook's client goes on as if nothing had happened.
    assert "kitchen-base" in {model.id for model in before.client.models.list()}
    address = https_address(home)
    second = connect_azure(home)
    assert second.endpoint == connection.endpoint
    assert https_address(home) == address, "it was not started once more"
    for one in (before.client, connection, second):
        one.close()
    azure._withdraw_tokens()


def test_the_key_is_shown_nowhere_and_leaves_with_the_connection(
    here: AzureConnection, capsys: pytest.CaptureFixture[str]
) -> None:
    key = (here.home / "key").read_text(encoding="utf-8").strip()
    print(here, here.describe(), here.credential, here.client)
    assert key not in capsys.readouterr().out
    assert os.environ["IDENTITY_HEADER"] == key
    azure._withdraw_tokens()
    assert "IDENTITY_HEADER" not in os.environ
    azure._offer_tokens(here.endpoint, here.home)  # for the end of the test


def test_a_deployment_is_made_once_asked_and_deleted(here: AzureConnection) -> None:
    asked = [[{"role": "user", "content": "What is a roux?"}]]
    with temporary(here, {"one": here.base_model, "two": here.base_model}) as names:
        assert names == ["one", "two"]
        made = deployments(here).set_index("name")
        assert set(made["state"]) == {"Succeeded"}
        assert made["ours"].all()
        assert start_deployment(here, "one", here.base_model) is None
        answers = ask_deployment(
            here, "one", here.base_model, asked, max_tokens=40, show=False
        )
        assert answers[0].text
    assert len(deployments(here)) == 0
    again = ask_deployment(
        here, "one", here.base_model, asked, max_tokens=40, show=False
    )
    assert again == answers, "kept: nobody is asked, nothing is paid for, twice"


def test_what_others_deployed_is_listed_and_left_alone(here: AzureConnection) -> None:
    control = here.control()
    control.deployments.begin_create_or_update(
        *here.place, "theirs", request(here.base_model)
    ).result()
    deploy(here, {"mine": here.base_model})
    assert dict(deployments(here)[["name", "ours"]].to_numpy()) == {
        "theirs": False,
        "mine": True,
    }
    gone = undeploy(here)
    assert list(gone["id"]) == ["mine"]
    assert list(deployments(here)["name"]) == ["theirs"]
    assert len(undeploy(here, ["theirs"])) == 0
    control.deployments.begin_delete(*here.place, "theirs").result()


def test_a_kernel_that_died_leaves_a_note_by_which_the_next_one_deletes(
    here: AzureConnection, home: Path
) -> None:
    start_deployment(here, "lost", here.base_model)  # and nobody waits for it
    after = connect_azure(home)
    assert list(deployments(after)["ours"]) == [True]
    assert still_there(after, []) == ["deployment lost"]
    assert list(undeploy(after)["outcome"]) == ["deleted"]
    assert still_there(after, []) == []
    assert len(undeploy(after)) == 0
    after.close()


def test_a_block_that_fails_leaves_no_deployment(here: AzureConnection) -> None:
    with pytest.raises(KeyboardInterrupt), temporary(here, {"x": here.base_model}):
        raise KeyboardInterrupt
    assert len(deployments(here)) == 0


def test_the_three_clients_reach_the_same_deployment(here: AzureConnection) -> None:
    from azure.ai.projects import AIProjectClient

    deploy(here, {"base": here.base_model})
    project = AIProjectClient(
        endpoint=here.project_endpoint,
        credential=here.credential,
        **here.project_options(),
    )
    assert [one.name for one in project.deployments.list()] == ["base"]
    clients = [
        here.client,
        project.get_openai_client(**here.http()),
        openai.AzureOpenAI(
            azure_endpoint=here.endpoint,
            azure_ad_token_provider=here.token_provider(),
            api_version=azure.API_VERSION,
            **here.http(),
        ),
    ]
    asked = [{"role": "user", "content": "What is a roux?"}]
    texts = {
        client.chat.completions.create(
            model="base", messages=asked, temperature=0, max_tokens=40
        )
        .choices[0]
        .message.content
        for client in clients
    }
    assert len(texts) == 1
    for one in (*clients[1:], project):
        one.close()


def test_a_job_has_its_training_type_is_sent_once_and_leaves_nothing(
    here: AzureConnection,
) -> None:
    def send(kind: str) -> FineTuningJob:
        return submit(here, FOLDER / "training_10.jsonl", training_type=kind)

    jobs = [send("developerTier"), send("Standard")]
    assert [job.trainingType for job in jobs] == ["developerTier", "Standard"]
    assert send("Standard").id == jobs[1].id
    for job in jobs:
        cancel(here, job)
    ended = [wait_for(here, job, ["cancelled"], 60) for job in jobs]
    assert {f"job {job.id}" for job in jobs} < set(still_there(here, ended))
    assert set(tidy_up(here, ended)["outcome"]) <= {"deleted", "gone already"}
    assert still_there(here, ended) == []
    assert len(tidy_up(here, ended)) == 0, "a second time there is nothing to do"


# --- Azure itself -----------------------------------------------------------------


def test_on_azure_nothing_is_deployed_without_a_yes(
    hosted: AzureConnection, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert hosted.billed
    assert hosted.home is None
    with pytest.raises(SpendingRefused):
        deploy(hosted, {"costly": hosted.base_model}, sku="Standard")
    assert len(deployments(hosted)) == 0
    monkeypatch.setenv("COMPANION_SPEND", "yes")
    deploy(hosted, {"costly": hosted.base_model}, sku="Standard")
    monkeypatch.delenv("COMPANION_SPEND")
    # It is there and paid for: going on with it needs no second yes.
    assert deploy(hosted, {"costly": hosted.base_model}) == ["costly"]
    assert list(undeploy(hosted)["outcome"]) == ["deleted"]


def test_the_question_tells_price_and_day_of_an_hour(
    hosted: AzureConnection, capsys: pytest.CaptureFixture[str]
) -> None:
    price = hosting_price()
    with pytest.raises(SpendingRefused):
        start_deployment(hosted, "costly", TUNED, sku="Standard")
    said = capsys.readouterr().out
    assert f"{price.amount:.2f} {price.currency} per hour" in said
    assert str(price.date) in said
    with pytest.raises(SpendingRefused):
        start_deployment(hosted, "cheap", TUNED, sku="DeveloperTier")
    assert "nothing by the hour" in capsys.readouterr().out


def test_local_tokens_are_taken_back_before_azure_is_asked(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    alone(monkeypatch, tmp_path)
    connect_azure(home).close()
    assert "IDENTITY_HEADER" in os.environ
    monkeypatch.setenv("COMPANION_PROVIDER", "azure")
    monkeypatch.setenv("AZURE_OPENAI_ENDPOINT", "https://mine.openai.azure.com/")
    monkeypatch.setenv("AZURE_SUBSCRIPTION_ID", "s")
    monkeypatch.setenv("AZURE_RESOURCE_GROUP", "g")
    there = connect_azure()
    assert "IDENTITY_HEADER" not in os.environ
    assert there.url == "https://mine.openai.azure.com/openai/v1"
    assert there.place == ("g", "mine")
    assert there.control_options().keys() == {"polling_interval"}
    assert there.http() == there.project_options() == {}
    there.close()


def test_what_is_missing_for_azure_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    alone(monkeypatch, tmp_path)
    monkeypatch.setenv("COMPANION_PROVIDER", "azure")
    with pytest.raises(ValueError, match="AZURE_OPENAI_ENDPOINT"):
        connect_azure()
    monkeypatch.setenv("AZURE_OPENAI_ENDPOINT", "https://mine.openai.azure.com")
    with pytest.raises(ValueError, match="AZURE_SUBSCRIPTION_ID, AZURE_RESOURCE_GROUP"):
        connect_azure()


# --- without any server -----------------------------------------------------------


def test_a_base_model_is_deployed_by_name_and_version_a_tuned_one_by_its_name() -> None:
    def asked(model: str) -> tuple[str, str]:
        found = request(model)["properties"]["model"]
        return found["name"], found["version"]

    assert asked("gpt-4o-mini-2024-07-18") == ("gpt-4o-mini", "2024-07-18")
    assert asked(TUNED) == (TUNED, "1")
    assert asked(TUNED + ":ckpt-step-80") == (TUNED + ":ckpt-step-80", "1")
    assert asked("kitchen-base") == ("kitchen-base", "1")


def test_the_developer_tier_has_no_price_by_the_hour() -> None:
    assert hosting_price("Standard").amount > 0
    assert hosting_price("developertier") is None
    assert hosting_price("Developer") is None


def test_every_fact_about_azure_says_when_where_and_how_surely() -> None:
    import datetime

    facts = azure_facts()
    assert set(facts["topic"]) == {"roles", "regions", "quota", "hosting", "training"}
    for row in facts.itertuples():
        assert row.fact
        assert len(row.source) > 10
        assert row.verified in ("yes", "no")
        read = datetime.date.fromisoformat(row.read_on)
        # Where the day of the source is not known, nothing is sure.
        if row.as_of:
            assert datetime.date.fromisoformat(row.as_of) <= read
        else:
            assert row.verified == "no"
    with pytest.raises(ValueError, match="roles, regions"):
        azure_facts("rolls")


def test_the_price_in_the_facts_is_the_one_of_the_table_of_prices() -> None:
    hosting = azure_facts("hosting")["fact"].iloc[0]
    assert f"{hosting_price().amount:.2f} USD" in hosting
