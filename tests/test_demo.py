"""The demo: from nothing to a table and a picture, and again without doing it twice."""

import json
from pathlib import Path

import pytest

from helpers import demo, jobs
from helpers.connect import Connection
from helpers.prompting import KNOWN_REQUEST
from helpers.recipes import load_recipes, take, user_message
from tests.fake_service import Service


class Kitchen(Service):
    """Answers recipes: right when fine-tuned, with the lines themselves before."""

    def __init__(self, **arguments):
        super().__init__(**arguments)
        test = take(load_recipes(), "test")
        self.right = {user_message(row): row["NER"] for row in test.to_dict("records")}
        self.questions = 0

    def chat(self, model, messages):
        self.questions += 1
        question = messages[-1]["content"]
        if question.endswith(KNOWN_REQUEST):
            return "- salt"
        if model.startswith("ft:"):
            return self.right[question]
        return question.split("Ingredients: ")[1].split("\n")[0]


@pytest.fixture
def kitchen(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("COMPANION_STATE", raising=False)
    monkeypatch.setattr(jobs, "LOCAL_POLL_S", 0)
    monkeypatch.setenv("COLUMNS", "120")
    service = Kitchen()

    def connect(home=None):
        client = service.client()
        home = Path("/somewhere")
        return Connection(client, "local", "kitchen-base", "here", False, home)

    monkeypatch.setattr(demo, "connect", connect)
    return service


def test_the_demo_ends_with_a_table_a_verdict_and_a_picture(kitchen, capsys):
    assert demo.main(["--rows", "20", "--validation", "10", "--test", "12"]) == 0
    said = capsys.readouterr().out
    for words in (
        "20 examples",
        "hand-written rule",
        "base model",
        "fine-tuned model",
        "1.00 (1.00–1.00)",
        "compared with the base model: better",
        "base, words it knows",
        "as in its pre-training: better",
        "Picture: out/demo/demo.png",
    ):
        assert words in said
    assert Path("out/demo/demo.png").read_bytes().startswith(b"\x89PNG")
    rows = Path("out/demo/train.jsonl").read_text(encoding="utf-8").splitlines()
    assert len(rows) == 20


def test_a_second_run_trains_and_asks_nothing_again(kitchen):
    options = ["--rows", "20", "--validation", "10", "--test", "12"]
    assert demo.main(options) == 0
    asked = kitchen.questions
    assert asked == 36
    assert demo.main(options) == 0
    assert (len(kitchen.jobs), len(kitchen.files)) == (1, 3)
    assert kitchen.questions == asked


def test_training_can_be_asked_for_again(kitchen):
    options = ["--rows", "20", "--validation", "10", "--test", "12"]
    demo.main(options)
    demo.main([*options, "--again"])
    assert len(kitchen.jobs) == 2


def test_the_test_recipes_are_held_out(kitchen):
    demo.main(["--rows", "50", "--validation", "50", "--test", "50"])
    seen = {
        json.loads(line)["messages"][1]["content"]
        for name in ("train", "validation")
        for line in Path(f"out/demo/{name}.jsonl").read_text("utf-8").splitlines()
    }
    test = {
        json.loads(line)["messages"][1]["content"]
        for line in Path("out/demo/test.jsonl").read_text("utf-8").splitlines()
    }
    assert len(test) == 50
    assert not seen & test


@pytest.mark.parametrize(
    "options", [["--rows", "9"], ["--rows", "1001"], ["--test", "1"]]
)
def test_a_number_out_of_range_is_told_with_the_range(options, kitchen, capsys):
    assert demo.main(options) == 1
    assert f"{options[0]} has to be from" in capsys.readouterr().out


def test_a_failed_job_is_told_without_a_traceback(kitchen, capsys):
    kitchen.outcome = "failed"
    assert demo.main(["--rows", "20", "--test", "12"]) == 1
    said = " ".join(capsys.readouterr().out.split())
    assert "This did not work" in said
    assert "code invalid_training_file" in said


def test_an_interrupted_run_says_how_to_go_on(kitchen, monkeypatch, capsys):
    def interrupt(*arguments):
        raise KeyboardInterrupt

    monkeypatch.setattr(demo, "follow", interrupt)
    assert demo.main(["--rows", "20", "--test", "12"]) == 130
    assert "goes on from where it was" in capsys.readouterr().out
