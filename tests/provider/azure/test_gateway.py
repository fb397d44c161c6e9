"""Errors, addresses and odd requests on Azure's paths, through plain sockets."""

from __future__ import annotations

import json
import random

import httpx2 as httpx
import openai
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.provider.azure.sdk import ARM, BASE, azure_client, put, root_of
from tests.provider.harness import KEY

DATED, V1 = "/openai", "/openai/v1"
PROJECT = "/api/projects/kitchen/openai/v1"


def bare(azure, **headers) -> httpx.Client:
    return httpx.Client(base_url=root_of(azure), headers=headers)


@pytest.mark.parametrize(
    ("path", "code", "fields"),
    [
        (f"{DATED}/files?api-version=x", "401", {"code", "message"}),
        (f"{V1}/files", "401", {"code", "message", "type", "param"}),
        (f"{ARM}/deployments", "AuthenticationFailed", {"code", "message"}),
        (f"{PROJECT}/files", "401", {"code", "message", "type", "param"}),
    ],
)
def test_a_missing_or_wrong_key_is_refused_in_azures_words(azure, path, code, fields):
    for headers in ({}, {"api-key": "wrong"}, {"authorization": "Bearer wrong"}):
        with bare(azure, **headers) as client:
            answer = client.get(path)
        assert answer.status_code == 401
        fault = answer.json()["error"]
        assert fault["code"] == code
        assert fields <= set(fault) <= fields | {"innererror"}
        assert answer.headers["www-authenticate"] == "Bearer"


def test_the_guards_other_refusals_are_azures_too(azure):
    with bare(azure, **{"api-key": KEY, "origin": "http://evil"}) as client:
        answer = client.get(f"{DATED}/files")
    assert answer.status_code == 403
    assert answer.json()["error"]["code"] == "forbidden"
    with bare(azure, **{"api-key": KEY}) as client:
        for content, status in (("text/plain", 415), ("application/json", 413)):
            size = azure.settings.limits.json_bytes + 1
            answer = client.post(
                f"{DATED}/fine_tuning/jobs",
                content=b" " * (size if status == 413 else 1),
                headers={"content-type": content},
            )
            assert answer.status_code == status
            assert set(answer.json()["error"]) <= {"code", "message", "innererror"}


def test_a_chunked_body_beyond_the_cap_is_refused_too(azure):
    size = azure.settings.limits.json_bytes
    with bare(azure, **{"api-key": KEY}) as client:
        answer = client.post(
            f"{DATED}/deployments/x/chat/completions",
            content=(b" " * (size // 4) for _ in range(5)),
            headers={"content-type": "application/json"},
        )
    assert answer.status_code == 413
    assert answer.json()["error"]["code"] == "quotaExceeded"


@pytest.mark.parametrize("prefix", [DATED, V1, PROJECT])
def test_addresses_that_are_not_there_are_named_as_they_were_called(http, prefix):
    path = f"{prefix}/nothing/here"
    answer = http.get(path)
    assert answer.status_code == 404
    assert answer.json()["error"]["code"] == "404"
    assert path in answer.json()["error"]["message"]
    wrong = http.put(f"{prefix}/fine_tuning/jobs", json={})
    assert wrong.status_code == 405
    assert f"{prefix}/fine_tuning/jobs" in wrong.json()["error"]["message"]


def test_only_inference_stands_behind_a_deployment(http):
    for rest in ("/files", "/fine_tuning/jobs", "/models"):
        assert http.get(f"{DATED}/deployments/any{rest}").status_code == 404


def test_the_codes_of_refusals_are_azures(client, http):
    with pytest.raises(openai.NotFoundError) as missing:
        client.files.retrieve("file-nobody")
    assert missing.value.body["code"] == "notFound"
    with pytest.raises(openai.BadRequestError) as invalid:
        client.fine_tuning.jobs.create(training_file="file-nobody", model=BASE)
    assert invalid.value.body["code"] == "invalidPayload"
    assert invalid.value.body["innererror"] == {
        "code": "invalid_training_file",
        "param": "training_file",
    }
    with pytest.raises(openai.PermissionDeniedError) as given:
        client.models.delete(BASE)
    assert given.value.body["code"] == "forbidden"
    v1 = http.get(f"{V1}/files/file-nobody").json()["error"]
    assert set(v1) == {"code", "message", "type", "param"}


def test_no_answer_holds_a_name_of_the_other_dialect(azure, client, http, job):
    own = azure.client.fine_tuning.jobs.retrieve(job.id).fine_tuned_model
    name = job.fine_tuned_model
    texts = [
        http.get(f"{DATED}/fine_tuning/jobs/{job.id}").text,
        http.get(f"{DATED}/fine_tuning/jobs?limit=100").text,
        http.get(f"{DATED}/fine_tuning/jobs/{job.id}/events?limit=100").text,
        http.get(f"{DATED}/fine_tuning/jobs/{job.id}/checkpoints").text,
        http.get(f"{V1}/models").text,
        http.get(f"{V1}/models/{name}:ckpt-step-99999").text,
        http.get(f"{V1}/models/{own}").text,
        http.get(f"{V1}/fine_tuning/checkpoints/{name}/permissions").text,
        http.get(f"{V1}/fine_tuning/checkpoints/{name}:ckpt-step-9/permissions").text,
    ]
    assert name in texts[0]
    assert f"{name}:ckpt-step-99999" in texts[5]
    assert not [text for text in texts if "ft:gpt" in text]


def test_an_error_in_the_middle_is_told_in_azures_words(azure, http, monkeypatch):
    def broken(*_, **__):
        raise RuntimeError("secret details")

    monkeypatch.setattr("helpers.provider.azure.names.own_name", broken)
    answer = http.get(f"{DATED}/models/any")
    assert answer.status_code == 500
    assert answer.json()["error"]["code"] == "internalFailure"
    assert "secret" not in answer.text
    monkeypatch.setattr("helpers.provider.azure.translate.model", broken)
    answer = http.get(f"{DATED}/models")
    assert answer.status_code == 500
    assert answer.json()["error"]["code"] == "internalFailure"


def test_a_full_disk_in_the_middle_is_said(azure, http, monkeypatch):
    import errno

    def full(*_, **__):
        raise OSError(errno.ENOSPC, "full")

    monkeypatch.setattr("helpers.provider.azure.names.own_name", full)
    answer = http.get(f"{DATED}/models/any")
    assert answer.status_code == 400
    assert answer.json()["error"]["code"] == "quotaExceeded"


SEGMENTS = [
    "",
    "%2F",
    "%2e%2e",
    "..",
    "%00",
    "%0a",
    "%ff%fe",
    "x" * 3000,
    "ft:a:b:c:12345678",
    "ftchkpt-" + "0" * 32,
    "%ED%A0%80",
    "m.ft-" + "0" * 32 + "-s:ckpt-step-1",
    "deployments",
    "🍳",
]
SHAPES = [
    "/openai/{}",
    "/openai/deployments/{}/chat/completions",
    "/openai/deployments/{}/{}",
    "/openai/models/{}",
    "/openai/files/{}/content",
    "/openai/fine_tuning/jobs/{}",
    "/openai/fine_tuning/jobs/{}/checkpoints?after={}",
    "/openai/fine_tuning/jobs/{}/pause",
    "/openai/fine_tuning/checkpoints/{}/permissions",
    "/openai/v1/{}",
    "/openai/v1/models/{}",
    "/openai/v1/chat/completions?model={}",
    "/openai/files/import",
    "/openai/fine_tuning/jobs",
    "/openai/v1/embeddings",
    "/api/projects/{}/openai/v1/files",
    "/api/projects/{}/deployments/{}",
    "/subscriptions/{}",
    ARM.replace("sub-1", "{}") + "/deployments/{}",
    ARM + "/deployments/{}/skus",
    "/subscriptions/{}/providers/Microsoft.CognitiveServices/locations/local"
    "/operationResults/{}?api-version={}",
    "/msi/{}",
]
VALUES = [None, True, -1, 1e308, "", "\ud800", "🍳", "x" * 5000, [], {}, [[]]]
NAMES = [
    "model",
    "messages",
    "training_file",
    "hyperparameters",
    "method",
    "trainingType",
    "sku",
    "properties",
    "tags",
    "name",
    "purpose",
    "filename",
    "content_url",
    "input",
    "suffix",
]


def test_nothing_odd_makes_the_server_fail(http):
    """Random paths and bodies on every route: never a 5xx, always an error body."""
    dice = random.Random(20261123)
    seen = set()
    methods = ["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"]
    for number in range(400):
        path = SHAPES[number % len(SHAPES)]
        while "{}" in path:
            path = path.replace("{}", dice.choice(SEGMENTS), 1)
        body = {name: _value(dice, 3) for name in dice.sample(NAMES, 5)}
        method = dice.choice(methods) if number % 3 else "POST"
        # Written with \u: so half a character goes through.
        content = json.dumps(body) if dice.random() < 0.9 else "{]"
        kind = {"content-type": "application/json"}
        with_body = (
            {} if method in ("GET", "HEAD") else {"content": content, "headers": kind}
        )
        answer = http.request(method, path, **with_body)
        place = (method, path[:200], body)
        assert answer.status_code < 500, place
        seen.add(answer.status_code)
        if answer.status_code >= 400 and method != "HEAD":
            assert answer.json()["error"]["message"], place
    assert {200, 400, 403, 404, 405} <= seen


def _value(dice: random.Random, depth: int):
    kind = dice.random()
    if depth and kind < 0.3:
        return {name: _value(dice, depth - 1) for name in dice.sample(NAMES, 3)}
    if depth and kind < 0.4:
        return [_value(dice, depth - 1)]
    if kind < 0.5:
        return dice.choice([BASE, "any", "user", "fine-tune", "r.jsonl", "Standard"])
    return dice.choice(VALUES)


@settings(
    max_examples=40,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(name=st.text(min_size=1, max_size=30))
def test_any_text_in_place_of_a_deployment_is_just_not_there(http, name):
    answer = http.post(
        f"{V1}/chat/completions",
        json={"model": name, "messages": [{"role": "user", "content": "Hi"}]},
    )
    assert answer.status_code == 404
    assert answer.json()["error"]["code"] == "DeploymentNotFound"


def test_many_at_once_put_one_deployment(azure):
    from concurrent.futures import ThreadPoolExecutor

    with bare(azure, **{"api-key": KEY}) as client, ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: put(client, "race", BASE), range(8)))
    assert sorted(answer.status_code for answer in answers) == [200] * 7 + [201]


def test_the_client_needs_no_key_where_it_has_a_token(azure):
    from helpers.provider.azure.tokens import Tokens

    token, _ = Tokens(KEY).make(2**31)
    for more in (
        {"azure_ad_token": token},
        {"azure_ad_token_provider": lambda: token},
    ):
        with azure_client(azure, api_key=None, **more) as client:
            assert client.models.list().data
