"""Training files with every kind of fault: the job fails and names the example."""

from __future__ import annotations

import json
import re

import pytest

from tests.provider.harness import FakeTraining, example, jsonl, wait_for_job

USER = {"role": "user", "content": "q"}
ANSWER = {"role": "assistant", "content": "a"}
CALL = {"id": "c1", "type": "function", "function": {"name": "f", "arguments": "{}"}}
NAMELESS_CALL = {**CALL, "function": {"arguments": "{}"}}


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    with FakeTraining(tmp_path_factory.mktemp("broken")) as server:
        yield server


def run(server, content: bytes, validation: bytes | None = None):
    client = server.client
    files = {"training_file": client.files.create(file=content, purpose="fine-tune").id}
    if validation is not None:
        file = client.files.create(file=validation, purpose="fine-tune")
        files["validation_file"] = file.id
    job = client.fine_tuning.jobs.create(
        model="kitchen-base", hyperparameters={"n_epochs": 1}, **files
    )
    return wait_for_job(client, job.id)


def with_fault(row: object) -> bytes:
    """Return eleven good examples with a faulty one in fourth place."""
    rows = [example(number) for number in range(11)]
    lines = [json.dumps(good) for good in rows]
    lines.insert(3, row if isinstance(row, str) else json.dumps(row))
    return "\n".join(lines).encode()


def chat(*messages: object) -> dict:
    return {"messages": list(messages)}


FAULTS = {
    "broken JSON": '{"messages": [',
    "no object": "[1, 2]",
    "no messages": {"message": []},
    "empty messages": {"messages": []},
    "a message that is no object": chat("hello", ANSWER),
    "no role": chat({"content": "q"}, ANSWER),
    "an unknown role": chat({"role": "teacher", "content": "q"}, ANSWER),
    "no content": chat({"role": "user"}, ANSWER),
    "content that is a number": chat({"role": "user", "content": 5}, ANSWER),
    "no answer": chat(USER),
    "the user speaks last": chat(USER, ANSWER, USER),
    "an answer without content": chat(USER, {"role": "assistant", "content": None}),
    "a weight that is neither 0 nor 1": chat(USER, {**ANSWER, "weight": 0.5}),
    "a weight outside of answers": chat({**USER, "weight": 1}, ANSWER),
    "a tool call without a name": chat(
        USER, {"role": "assistant", "tool_calls": [NAMELESS_CALL]}
    ),
}


@pytest.mark.parametrize("kind", list(FAULTS))
def test_a_faulty_example_fails_the_job_and_is_named(server, kind):
    job = run(server, with_fault(FAULTS[kind]))
    assert job.status == "failed", kind
    assert job.error.param == "training_file"
    assert job.error.code in ("invalid_training_file", "invalid_file_format")
    assert re.search(r"(Example|Line) 4\b", job.error.message), job.error.message
    assert job.trained_tokens is None
    assert job.fine_tuned_model is None


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (jsonl(9), "invalid_n_examples"),
        (b"\n \n", "invalid_n_examples"),
        (b"\xff\xfe" + jsonl(12).decode().encode("utf-16-le"), None),
        (b'{"messages": "\xc3\x28"}\n' + jsonl(12), None),
        (b"PK\x03\x04 no text at all", None),
    ],
)
def test_a_file_that_is_no_training_file_fails_the_job(server, content, code):
    job = run(server, content)
    assert job.status == "failed"
    assert code is None or job.error.code == code
    assert job.error.message


def test_a_faulty_validation_file_fails_the_job_and_is_named(server):
    job = run(server, jsonl(12), with_fault("{oops"))
    assert job.error.param == "validation_file"
    assert "Example 4 cannot be parsed" in job.error.message


def test_prompts_with_completions_are_told_from_chats(server):
    job = run(server, with_fault({"prompt": "q", "completion": "a"}))
    assert job.error.code == "invalid_training_file"
    assert "prompt-completion format" in job.error.message


@pytest.mark.parametrize(
    "content",
    [
        b"\xef\xbb\xbf" + jsonl(12),
        jsonl(12).replace(b"\n", b"\r\n"),
        b"\n" + jsonl(12) + b"\n\n",
        with_fault(chat(USER, {**ANSWER, "weight": 0}, USER, ANSWER)),
        with_fault(chat(USER, {"role": "assistant", "tool_calls": [CALL]})),
    ],
    ids=["BOM", "CRLF", "blank lines", "weight 0", "tool call"],
)
def test_what_openai_accepts_is_accepted(server, content):
    assert run(server, content).status == "succeeded"


def test_one_validation_example_is_enough(server):
    assert run(server, jsonl(12), jsonl(1)).status == "succeeded"


def test_a_broken_file_does_not_hold_up_the_jobs_behind_it(server):
    broken = run(server, b"{")
    good = run(server, jsonl(12))
    assert (broken.status, good.status) == ("failed", "succeeded")
