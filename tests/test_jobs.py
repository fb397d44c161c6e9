"""Jobs: submitted once, followed to every end, read in every dialect, tidied up."""

import base64
import json
import sys
import types
from pathlib import Path

import openai
import pytest

from helpers import jobs as module
from helpers.charts import Picture
from helpers.connect import Connection, SpendingRefused
from helpers.jobs import (
    JobFailed,
    TrainingFileError,
    cancel,
    checkpoints,
    clean_up,
    events,
    follow,
    left_over,
    metrics,
    plain_csv,
    results,
    submit,
    upload,
)
from helpers.progress import QUIET
from tests.fake_service import CSV, Service


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    """Work in a folder of the test's own, and never wait."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("COMPANION_STATE", raising=False)
    monkeypatch.delenv("COMPANION_SPEND", raising=False)
    monkeypatch.setattr(module, "LOCAL_POLL_S", 0)
    return tmp_path


def connection(service, provider="local", home="/somewhere"):
    billed = provider != "local"
    where = None if billed else Path(home)
    return Connection(
        service.client(), provider, "kitchen-base", provider, billed, where
    )


@pytest.fixture
def files(tmp_path):
    def write(name, n, word="Question"):
        rows = [
            {
                "messages": [
                    {"role": "user", "content": f"{word} {i}?"},
                    {"role": "assistant", "content": f"Answer {i}."},
                ]
            }
            for i in range(n)
        ]
        path = tmp_path / name
        path.write_text("\n".join(map(json.dumps, rows)))
        return path

    return write("train.jsonl", 12), write("validation.jsonl", 3, "Other")


# --- before money is spent --------------------------------------------------------


@pytest.mark.parametrize(
    ("model", "words"),
    [
        ("gpt-4o-mini-2024-07-18", "That is about 1.80 USD at the price of "),
        ("a-model-without-a-price", "What they cost is not known here"),
    ],
)
def test_the_cost_is_told_where_a_price_is_known(files, model, words, monkeypatch):
    here = types.SimpleNamespace(counter=lambda: lambda example: 50_002)
    price = types.SimpleNamespace(amount=3.0, currency="USD", date="2026-11-22")
    known = {"gpt-4o-mini-2024-07-18": price}
    monkeypatch.setattr(module, "training_price", known.get)
    text = module._what(here, files[0], model, 1)
    assert "12 examples" in text
    assert words in text


# --- once -------------------------------------------------------------------------


def test_the_same_cell_run_twice_makes_one_job_and_two_uploads(files, capsys):
    service = Service()
    here = connection(service)
    first = submit(here, *files, suffix="recipes")
    second = submit(here, *files, suffix="recipes")
    assert first.id == second.id
    assert (len(service.jobs), len(service.files)) == (1, 2)
    assert "submitted before" in capsys.readouterr().out


def test_what_was_asked_arrives_as_asked(files):
    service = Service()
    submit(connection(service), *files, n_epochs=2, seed=7, batch_size=4)
    (job,) = service.jobs.values()
    asked = job["method"]["supervised"]["hyperparameters"]
    assert (asked["n_epochs"], asked["batch_size"]) == (2, 4)
    assert asked["learning_rate_multiplier"] == "auto"
    assert (job["seed"], job["model"]) == (7, "kitchen-base")
    assert (job["training_file"], job["validation_file"]) == ("file-1", "file-2")


@pytest.mark.parametrize(
    "change", [{"n_epochs": 2}, {"seed": 1}, {"suffix": "other"}, {"again": True}]
)
def test_another_wish_makes_another_job(change, files):
    service = Service()
    here = connection(service)
    submit(here, *files)
    submit(here, *files, **change)
    assert (len(service.jobs), len(service.files)) == (2, 2)


def test_a_changed_file_makes_another_job(files):
    service = Service()
    here = connection(service)
    submit(here, *files)
    files[0].write_text(files[0].read_text().replace("Question 1?", "Question one?"))
    submit(here, *files)
    assert (len(service.jobs), len(service.files)) == (2, 3)


def test_a_new_base_model_of_the_same_name_makes_another_job(files):
    service = Service()
    here = connection(service)
    submit(here, *files)
    service.models["kitchen-base"] = 200
    submit(here, *files)
    assert len(service.jobs) == 2


@pytest.mark.parametrize("status", ["failed", "cancelled"])
def test_a_job_that_came_to_nothing_is_submitted_again(status, files):
    service = Service()
    here = connection(service)
    first = submit(here, *files)
    service.jobs[first.id]["status"] = status
    assert submit(here, *files).id != first.id


def test_a_job_whose_model_was_deleted_is_submitted_again(files):
    service = Service()
    here = connection(service)
    job = follow(here, submit(here, *files), show=False)
    assert submit(here, *files).id == job.id
    del service.models[job.fine_tuned_model]
    assert submit(here, *files).id != job.id


def test_a_job_is_found_again_when_the_notes_are_lost(files, folder):
    service = Service()
    here = connection(service)
    first = submit(here, *files)
    (folder / ".companion" / "sent.json").unlink()
    assert submit(here, *files).id == first.id
    assert len(service.jobs) == 1


def test_broken_notes_are_no_obstacle(files, folder):
    service = Service()
    submit(connection(service), *files)
    (folder / ".companion" / "sent.json").write_text('{"torn')
    submit(connection(service), *files)
    assert len(service.jobs) == 1


def test_two_providers_know_nothing_of_each_others_files(files):
    one, two = Service(), Service()
    submit(connection(one, home="/one"), *files)
    submit(connection(two, home="/two"), *files)
    assert (len(one.jobs), len(two.jobs)) == (1, 1)


def test_a_file_that_the_provider_lost_is_uploaded_again(files):
    service = Service()
    here = connection(service)
    assert upload(here, files[0]) == upload(here, files[0])
    service.files.clear()
    upload(here, files[0])
    assert len(service.files) == 1


def test_a_file_with_errors_is_not_uploaded(files):
    service = Service()
    files[0].write_text('{"messages": []}\n')
    with pytest.raises(TrainingFileError, match=r"messages: The list is empty"):
        submit(connection(service), *files)
    assert (service.files, service.jobs) == ({}, {})


def test_nothing_goes_to_a_provider_that_bills_without_a_yes(files, capsys):
    service = Service()
    here = connection(service, "openai")
    with pytest.raises(SpendingRefused):
        submit(here, *files)
    assert (service.files, service.jobs) == ({}, {})
    assert "12 examples and 8 epoch(s)" in capsys.readouterr().out


def test_with_a_yes_the_job_goes_to_the_provider_that_bills(files, monkeypatch):
    monkeypatch.setenv("COMPANION_SPEND", "yes")
    service = Service()
    submit(connection(service, "openai"), *files)
    assert len(service.jobs) == 1


def test_azure_gets_no_metadata_which_older_versions_refuse(files, monkeypatch):
    monkeypatch.setenv("COMPANION_SPEND", "yes")
    service = Service()
    here = connection(service, "azure")
    submit(here, *files)
    submit(here, *files)
    (job,) = service.jobs.values()
    assert "metadata" not in job


# --- following --------------------------------------------------------------------


def test_a_job_is_followed_until_it_has_succeeded(files):
    service = Service()
    here = connection(service)
    job = follow(here, submit(here, *files), show=False)
    assert job.status == "succeeded"
    assert job.fine_tuned_model in service.models


def test_a_failed_job_raises_with_code_message_and_param(files):
    here = connection(Service("failed"))
    job = submit(here, *files)
    with pytest.raises(JobFailed) as caught:
        follow(here, job, show=False)
    for words in ("invalid_training_file", "Example 3, message 2", "training_file"):
        assert words in str(caught.value)
    assert caught.value.job.id == job.id


def test_a_cancelled_job_ends_the_following(files, capsys):
    service = Service(steps=1000)
    here = connection(service)
    job = submit(here, *files)
    cancel(here, job)
    assert follow(here, job).status == "cancelled"
    assert "was cancelled" in capsys.readouterr().out


def test_following_goes_on_after_a_kernel_restart(files):
    service = Service(steps=30)
    here = connection(service)
    job = submit(here, *files)
    for _ in range(10):
        here.client.fine_tuning.jobs.retrieve(job.id)
    again = connection(service)
    follow(again, job.id, show=False)
    assert len(metrics(again, job.id)) == 30


def test_only_new_events_are_read_at_each_look(files):
    service = Service(steps=40)
    here = connection(service)
    follow(here, submit(here, *files), show=False)
    reads = sum(line.endswith("/events") for line in service.asked)
    # One or two pages a look; reading everything anew would take hundreds.
    assert reads < 100


def test_a_service_that_is_away_for_a_moment_is_waited_for(files, monkeypatch):
    service = Service()
    here = connection(service)
    job = submit(here, *files)
    revived = []
    monkeypatch.setattr(Connection, "reconnect", lambda self: revived.append(self))
    service.down = 3
    assert follow(here, job, show=False).status == "succeeded"
    assert revived == [here] * 3


def test_a_service_that_stays_away_ends_the_following(files, monkeypatch):
    service = Service()
    here = connection(service)
    job = submit(here, *files)
    monkeypatch.setattr(Connection, "reconnect", lambda self: None)
    service.down = 1000
    with pytest.raises(openai.APIConnectionError):
        follow(here, job, show=False)


def test_a_terminal_sees_a_bar_with_steps_and_loss(files, capsys, monkeypatch):
    for name in QUIET:
        monkeypatch.delenv(name, raising=False)
    here = connection(Service())
    follow(here, submit(here, *files))
    seen = capsys.readouterr()
    assert "3/3" in seen.err
    assert "has succeeded" in seen.out


def test_a_notebook_sees_a_chart_that_is_updated_in_place(files, monkeypatch, capsys):
    shown, updates = [], []

    class Handle:
        def update(self, item):
            updates.append(item)

    def display(item, display_id):
        shown.append(item)
        return Handle()

    fake = types.ModuleType("IPython.display")
    fake.display = display
    monkeypatch.setitem(sys.modules, "IPython.display", fake)
    for name in QUIET:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(module, "in_notebook", lambda: True)
    monkeypatch.setattr(module, "REDRAW_S", 0)
    here = connection(Service(steps=5))
    follow(here, submit(here, *files), chart=False)
    assert not [item for item in shown if isinstance(item, Picture)]
    follow(here, submit(here, *files, again=True))
    (chart,) = [item for item in shown if isinstance(item, Picture)]
    assert chart.alt.startswith("Training loss went from 2.00")
    last = [item for item in updates if isinstance(item, Picture)][-1]
    assert "in 5 steps" in last.alt
    assert "in 5 steps" in capsys.readouterr().out


# --- results ----------------------------------------------------------------------


def finished(files, **arguments):
    service = Service(**arguments)
    here = connection(service)
    return service, here, follow(here, submit(here, *files), show=False)


def test_metrics_come_from_the_events(files):
    _, here, job = finished(files)
    frame = metrics(here, job)
    assert list(frame.step) == [1, 2, 3]
    assert frame.train_loss[1] == 1.0
    assert frame.valid_loss.notna().tolist() == [False, True, False]


def test_metrics_are_read_from_words_where_there_are_no_numbers(files):
    service, here, job = finished(files)
    service.events[job.id] = []
    service.event(
        job.id,
        "Step 290/303: training loss=0.05, validation loss=0.31, full validation "
        "loss=0.33",
    )
    (row,) = metrics(here, job).to_dict("records")
    assert (row["step"], row["train_loss"]) == (290, 0.05)
    assert (row["valid_loss"], row["full_valid_loss"]) == (0.31, 0.33)


def test_events_are_told_in_the_order_of_time(files):
    _, here, job = finished(files)
    told = events(here, job)
    assert told.message[0] == f"Created fine-tuning job: {job.id}"
    assert told.created_at.is_monotonic_increasing
    assert str(told.created_at.dt.tz) == "UTC"


AZURE = (
    "step,train_loss,train_mean_token_accuracy,valid_loss,"
    "validation_mean_token_accuracy,full_valid_loss,full_valid_mean_token_accuracy\n"
    "1,2.0,0.4,,,,\n2,1.0,0.6,1.5,0.5,1.4,0.7\n"
)


@pytest.mark.parametrize(
    ("content", "columns"),
    [
        (base64.b64encode(CSV.encode()), 5),
        (CSV.encode(), 5),
        (AZURE.encode(), 7),
        (b"\xef\xbb\xbf" + AZURE.encode(), 7),
        (base64.b64encode(AZURE.encode()), 7),
    ],
)
def test_result_files_of_every_dialect_give_the_same_columns(content, columns, files):
    _, here, job = finished(files, result=content)
    frame = results(here, job)
    assert len(frame.columns) == columns
    assert list(frame.columns)[:3] == [
        "step",
        "train_loss",
        "train_mean_token_accuracy",
    ]
    assert "valid_mean_token_accuracy" in frame.columns
    assert frame.valid_loss[1] == 1.5


def test_what_is_neither_is_left_as_it_is():
    assert plain_csv(b"nonsense!") == b"nonsense!"
    assert plain_csv(base64.b64encode(b"nonsense")) == base64.b64encode(b"nonsense")


def test_a_job_without_results_says_so(files):
    here = connection(Service())
    with pytest.raises(ValueError, match="no result file yet"):
        results(here, submit(here, *files))


def test_checkpoints_come_in_the_order_of_steps(files):
    _, here, job = finished(files)
    frame = checkpoints(here, job)
    assert list(frame.step) == [2, 3]
    assert frame.model[0].endswith(":ckpt-step-2")
    assert frame.full_valid_loss[0] == 0.5


# --- tidying up -------------------------------------------------------------------


def test_cancelling_a_job_that_has_ended_changes_nothing(files):
    _, here, job = finished(files)
    assert cancel(here, job).status == "succeeded"


def test_what_is_left_over_is_listed(files):
    _, here, job = finished(files)
    frame = left_over(here)
    assert sorted(frame.kind) == ["file", "file", "file", "model"]
    assert job.fine_tuned_model in list(frame.id)
    assert "kitchen-base" not in list(frame.id)


def test_cleaning_up_deletes_files_and_models_and_tells_what_was_gone(files):
    service, here, job = finished(files)
    outcome = clean_up(here, job).set_index("id").outcome
    assert outcome["file-1"] == outcome[job.fine_tuned_model] == "deleted"
    # The stand-in never lists this checkpoint as a model.
    assert outcome[f"{job.fine_tuned_model}:ckpt-step-2"] == "gone already"
    assert len(left_over(here)) == 0
    assert list(service.models) == ["kitchen-base"]


def test_models_can_be_kept_when_files_are_deleted(files):
    service, here, job = finished(files)
    clean_up(here, job, models=False)
    assert job.fine_tuned_model in service.models
    assert service.files == {}
