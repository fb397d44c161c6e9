"""Experiments in one line: trained once, asked once, scored, and read by epoch."""

import json
import math
from pathlib import Path

import pandas as pd
import pytest

from helpers import experiments
from helpers import jobs as jobs_module
from helpers.connect import Connection
from helpers.evaluation import measure
from helpers.experiments import (
    answer_all,
    by_epoch,
    chat_example,
    mean_probability,
    prompts,
    right_answers,
    score_text,
    tell,
    train,
)
from helpers.jobs import TrainingFileError
from tests.fake_service import Service

EXAMPLES = [chat_example(f"Question {i}?", f'["answer {i}"]') for i in range(12)]


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    """Write into a folder of the test's own, and never wait."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COMPANION_OUT", str(tmp_path / "out"))
    monkeypatch.delenv("COMPANION_STATE", raising=False)
    monkeypatch.setattr(jobs_module, "LOCAL_POLL_S", 0)
    return tmp_path / "out" / experiments.FOLDER


def connection(service):
    client = service.client()
    return Connection(client, "local", "kitchen-base", "local", False, Path("/x"))


def test_an_example_has_a_system_message_only_when_there_is_one():
    assert [m["role"] for m in chat_example("q", "a")["messages"]] == [
        "user",
        "assistant",
    ]
    with_system = chat_example("q", "a", "s")["messages"]
    assert with_system[0] == {"role": "system", "content": "s"}


def test_what_is_asked_never_holds_the_answer():
    (asked,) = prompts([chat_example("q", "a", "s")])
    assert [m["content"] for m in asked] == ["s", "q"]
    assert right_answers([chat_example("q", "a", "s")]) == ["a"]


def test_training_twice_makes_one_job_and_gives_its_model(folder):
    service = Service()
    here = connection(service)
    first = train(here, EXAMPLES, "twelve", n_epochs=2, show=False)
    second = train(here, EXAMPLES, "twelve", n_epochs=2, show=False)
    assert first.id == second.id
    assert first.fine_tuned_model
    assert len(service.jobs) == 1
    written = (folder / "twelve.jsonl").read_text(encoding="utf-8").splitlines()
    assert [json.loads(line) for line in written] == EXAMPLES


def test_settings_and_validation_rows_reach_the_job(folder):
    service = Service()
    here = connection(service)
    train(
        here,
        EXAMPLES,
        "fast",
        validation=EXAMPLES[:2],
        learning_rate_multiplier=30,
        show=False,
    )
    (job,) = service.jobs.values()
    asked = job["method"]["supervised"]["hyperparameters"]
    assert asked["learning_rate_multiplier"] == 30
    assert job["validation_file"]
    assert job["seed"] == experiments.SEED
    assert (folder / "fast.validation.jsonl").is_file()


def test_too_few_examples_are_refused_with_the_reason():
    with pytest.raises(TrainingFileError, match="at least 10"):
        train(connection(Service()), EXAMPLES[:9], "nine", show=False)


def test_a_cancelled_job_says_that_there_is_no_model():
    here = connection(Service(outcome="cancelled"))
    with pytest.raises(ValueError, match="cancelled; there is no model"):
        train(here, EXAMPLES, "gone", show=False)


def test_answers_are_scored_by_the_examples_own_answers():
    service = Service()
    service.chat = lambda model, messages: (
        '["answer 3"]' if "3" in messages[-1]["content"] else "no list"
    )
    here = connection(service)
    result = answer_all(here, "kitchen-base", EXAMPLES, show=False)
    assert len(result) == 12
    assert measure(result, "exact") == pytest.approx(1 / 12)
    assert measure(result, "valid") == pytest.approx(1 / 12)


def test_the_same_question_is_asked_once():
    service = Service()
    here = connection(service)
    for _ in range(2):
        answer_all(here, "kitchen-base", EXAMPLES, show=False)
    assert sum("chat" in asked for asked in service.asked) == 12


def test_a_text_is_right_or_wrong_as_a_whole():
    assert score_text(" Yeast. \n", "Yeast.")["exact"] == 1.0
    wrong = score_text("yeast", "Yeast.")
    assert (wrong["tp"], wrong["fp"], wrong["fn"], wrong["exact"]) == (0, 1, 1, 0)


# --- how sure ---------------------------------------------------------------------


class Sure(Service):
    """A service that tells how likely its tokens were."""

    logprobs = (math.log(0.5), math.log(0.125))

    def post_chat(self, parts, request, query):
        status, body = super().post_chat(parts, request, query)
        self.request = json.loads(request.content)
        if self.logprobs is not None:
            content = [
                {"token": "x", "logprob": p, "bytes": None, "top_logprobs": []}
                for p in self.logprobs
            ]
            body["choices"][0]["logprobs"] = {"content": content, "refusal": None}
        return status, body


def test_how_sure_a_model_is_is_the_geometric_mean_over_tokens():
    service = Sure()
    told = tell(connection(service), "kitchen-base", "What?")
    assert told.text == "[]"
    assert told.probability == pytest.approx(0.25)
    assert service.request["temperature"] == 0
    assert service.request["logprobs"] is True


def test_a_service_without_probabilities_is_named():
    service = Sure()
    service.logprobs = None
    with pytest.raises(ValueError, match="no log probabilities"):
        tell(connection(service), "kitchen-base", "What?")


def test_an_empty_answer_is_certain():
    assert mean_probability([]) == 1.0


# --- by epoch ---------------------------------------------------------------------


def curve(steps, ends):
    return pd.DataFrame(
        {
            "step": range(1, steps + 1),
            "train_loss": [float(s) for s in range(1, steps + 1)],
            "full_valid_loss": [
                0.1 * s if s in ends else None for s in range(1, steps + 1)
            ],
        }
    )


def test_the_training_loss_of_an_epoch_is_the_mean_over_its_steps():
    epochs = by_epoch(curve(6, (3, 6)))
    assert list(epochs.index) == [1, 2]
    assert list(epochs["step"]) == [3, 6]
    assert list(epochs["train_loss"]) == [2.0, 5.0]
    assert list(epochs["full_valid_loss"]) == pytest.approx([0.3, 0.6])


def test_an_epoch_that_is_not_over_is_left_out():
    epochs = by_epoch(curve(5, (3,)))
    assert list(epochs["train_loss"]) == [2.0]


def test_without_a_validation_file_there_are_no_epochs_to_show():
    with pytest.raises(ValueError, match="validation file"):
        by_epoch(curve(4, ()))
