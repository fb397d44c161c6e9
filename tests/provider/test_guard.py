"""What is refused before any route sees it: a raw socket shows the bare answers."""

from __future__ import annotations

import http.client
import json
import time

import openai
import pytest

from helpers.provider.guard import allowed_hosts
from tests.provider.harness import KEY, FakeTraining, jsonl

BEARER = {"Authorization": f"Bearer {KEY}"}


def ask(server, method="GET", path="/v1/models", headers=None, body=None):
    """Send a request as it is, and return status, headers and body."""
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=10)
    try:
        connection.request(method, path, body=body, headers=headers or {})
        answer = connection.getresponse()
        return answer.status, answer.headers, json.loads(answer.read())
    finally:
        connection.close()


def test_every_call_needs_the_key(fake):
    for method, path in (
        ("GET", "/v1/models"),
        ("GET", "/v1/files"),
        ("POST", "/v1/fine_tuning/jobs"),
        ("GET", "/nowhere"),
    ):
        status, headers, body = ask(fake, method, path)
        assert status == 401
        assert set(body["error"]) == {"message", "type", "param", "code"}
        assert headers["x-request-id"].startswith("req_")


def test_a_wrong_key_is_refused_and_no_key_is_repeated(fake):
    for headers in (
        {"Authorization": "Bearer sk-wrong"},
        {"Authorization": f"Basic {KEY}"},
        {"Authorization": KEY},
        {"api-key": "sk-wrong", **BEARER},
    ):
        status, _, body = ask(fake, headers=headers)
        assert status == 401
        assert "sk-" not in json.dumps(body)


def test_the_key_is_accepted_in_either_header(fake):
    for headers in (BEARER, {"api-key": KEY}, {"authorization": f"bearer {KEY}"}):
        assert ask(fake, headers=headers)[0] == 200


def test_the_client_raises_its_authentication_error(fake):
    with (
        openai.OpenAI(base_url=fake.url, api_key="sk-wrong") as client,
        pytest.raises(openai.AuthenticationError) as caught,
    ):
        client.models.list()
    assert caught.value.code == "invalid_api_key"


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1", "127.0.0.1.evil:80", ""])
def test_a_foreign_host_header_is_refused(fake, host):
    status, _, body = ask(fake, headers={**BEARER, "Host": host})
    assert status == 403
    assert body["error"]["code"] == "host_not_allowed"


@pytest.mark.parametrize("name", ["localhost", "127.0.0.1", "[::1]", "LOCALHOST"])
def test_the_names_of_this_machine_are_accepted(fake, name):
    headers = {**BEARER, "Host": f"{name}:{fake.port}"}
    assert ask(fake, headers=headers)[0] == 200


def test_further_host_names_are_exact(tmp_path):
    with FakeTraining(tmp_path, allowed_hosts=("lab.example",)) as server:
        assert ask(server, headers={**BEARER, "Host": "lab.example"})[0] == 200
        assert ask(server, headers={**BEARER, "Host": "xlab.example"})[0] == 403


def test_listening_everywhere_allows_no_host_by_itself():
    assert allowed_hosts("0.0.0.0", 80) >= {"127.0.0.1", "localhost:80"}
    assert "0.0.0.0:80" not in allowed_hosts("0.0.0.0", 80)


def test_requests_of_web_pages_are_refused(fake):
    headers = {**BEARER, "Origin": "http://localhost:8888"}
    status, answer_headers, _ = ask(fake, headers=headers)
    assert status == 403
    assert "access-control-allow-origin" not in answer_headers
    assert ask(fake, "OPTIONS", headers=headers)[0] == 403


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded"])
def test_a_body_must_say_that_it_is_json(fake, kind):
    headers = {**BEARER, "Content-Type": kind}
    status, _, body = ask(fake, "POST", "/v1/fine_tuning/jobs", headers, b"{}")
    assert status == 415
    assert body["error"]["code"] == "unsupported_content_type"


def test_a_compressed_body_is_refused(fake):
    headers = {
        **BEARER,
        "Content-Type": "application/json",
        "Content-Encoding": "gzip",
    }
    status, _, _ = ask(fake, "POST", "/v1/fine_tuning/jobs", headers, b"x")
    assert status == 415


def test_a_json_body_beyond_the_cap_is_refused_with_or_without_a_length(fake):
    headers = {**BEARER, "Content-Type": "application/json"}
    big = b'{"model": "' + b"x" * fake.settings.limits.json_bytes + b'"}'
    chunks = (big[at : at + 65536] for at in range(0, len(big), 65536))
    for body in (big, chunks):
        status, _, answer = ask(fake, "POST", "/v1/fine_tuning/jobs", headers, body)
        assert status == 413
        assert answer["error"]["code"] == "request_too_large"


def test_a_form_sent_to_a_json_route_is_capped_like_json(fake):
    headers = {**BEARER, "Content-Type": "multipart/form-data; boundary=x"}
    body = b"x" * (fake.settings.limits.json_bytes + 1)
    for path in ("/v1/chat/completions", "/v1/uploads"):
        status, _, answer = ask(fake, "POST", path, headers, body)
        assert status == 413
        assert answer["error"]["code"] == "request_too_large"


def test_a_form_at_a_route_that_streams_may_be_larger_than_json(fake):
    body = b"x" * (fake.settings.limits.json_bytes + 1)
    file = fake.client.files.create(file=body, purpose="user_data")
    assert file.bytes == len(body)


def test_broken_json_is_a_400_that_says_so(fake):
    headers = {**BEARER, "Content-Type": "application/json"}
    for body in (b"{", b"[]", b'"text"', b"\xff", b'{"model": "\\ud800"}'):
        status, _, answer = ask(fake, "POST", "/v1/fine_tuning/jobs", headers, body)
        assert status == 400, body
        assert set(answer["error"]) == {"message", "type", "param", "code"}


def test_an_unknown_path_and_a_wrong_method_have_openais_body(fake):
    status, _, body = ask(fake, "GET", "/v1/nowhere", BEARER)
    assert (status, body["error"]["message"]) == (404, "Invalid URL (GET /v1/nowhere)")
    status, _, body = ask(fake, "PUT", "/v1/models", BEARER)
    assert status == 405
    assert body["error"]["type"] == "invalid_request_error"
    status, _, _ = ask(fake, "GET", "/openapi.json", BEARER)
    assert status == 404


def test_an_answer_does_not_wait_for_a_delayed_acknowledgement(fake):
    connection = http.client.HTTPConnection("127.0.0.1", fake.port, timeout=10)
    began = time.perf_counter()
    for _ in range(50):
        connection.request("GET", "/v1/models", headers=BEARER)
        connection.getresponse().read()
    connection.close()
    # Without TCP_NODELAY each of the 50 takes 40 ms more.
    assert time.perf_counter() - began < 1.5


def test_every_answer_has_a_request_id_of_its_own(fake):
    ids = {ask(fake, headers=BEARER)[1]["x-request-id"] for _ in range(3)}
    assert len(ids) == 3
    with pytest.raises(openai.NotFoundError) as caught:
        fake.client.files.retrieve("nobody")
    assert caught.value.request_id.startswith("req_")


def test_health_needs_no_key_and_tells_no_secret(fake):
    status, _, body = ask(fake, path="/health")
    assert status == 200
    assert set(body) == {"status", "version", "pid", "training_process", "jobs"}
    assert ask(fake, path="/health", headers={"Host": "evil.example"})[0] == 403


def multipart(*parts: bytes, end: bool = True) -> bytes:
    body = b"".join(b"--XX\r\n" + part + b"\r\n" for part in parts)
    return body + (b"--XX--\r\n" if end else b"")


def part(name: str, content: bytes, filename: str | None = None) -> bytes:
    given = f'; filename="{filename}"' if filename is not None else ""
    head = f'Content-Disposition: form-data; name="{name}"{given}\r\n\r\n'
    return head.encode() + content


PURPOSE = part("purpose", b"fine-tune")


@pytest.mark.parametrize(
    ("body", "param"),
    [
        (multipart(part("file", jsonl(), "a.jsonl")), "purpose"),
        (multipart(PURPOSE), "file"),
        (multipart(PURPOSE, part("other", b"x", "a.jsonl")), "other"),
        (multipart(PURPOSE, PURPOSE, part("file", b"x", "a.jsonl")), None),
        (multipart(PURPOSE, *[part("file", b"x", "a.jsonl")] * 2), None),
        (multipart(PURPOSE, part("file", b"x", "a.jsonl"), end=False), None),
        (multipart(*[part(f"f{n}", b"") for n in range(17)]), None),
        (multipart(part("purpose", b"x" * 5000)), None),
        (multipart(part("purpose", b"\xff")), None),
        (b"no multipart at all", None),
        (b"", None),
    ],
)
def test_a_broken_upload_is_a_400_and_leaves_nothing(fake, body, param):
    before = set((fake.home / "blobs").iterdir())
    headers = {**BEARER, "Content-Type": "multipart/form-data; boundary=XX"}
    status, _, answer = ask(fake, "POST", "/v1/files", headers, body)
    assert 400 <= status < 500
    assert answer["error"]["param"] == param
    assert set((fake.home / "blobs").iterdir()) == before


def test_json_sent_to_the_files_route_is_refused(fake):
    headers = {**BEARER, "Content-Type": "application/json"}
    assert ask(fake, "POST", "/v1/files", headers, b"{}")[0] == 415
