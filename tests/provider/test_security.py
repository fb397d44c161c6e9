"""Attacks on the provider over bare sockets; docs/security.md says what each is."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import re
import socket
import stat
import subprocess
import sys
import threading
import time
from dataclasses import replace
from pathlib import Path

import openai
import pytest
from fastapi import FastAPI
from fastapi.routing import APIRoute

from helpers.provider import home as homes
from helpers.provider.__main__ import CannotStart, main, read_key, read_models
from helpers.provider.errors import ApiError
from helpers.provider.guard import Guard, allowed_hosts
from helpers.provider.routes.generating import opened
from helpers.provider.settings import REPOSITORY, Limits
from tests.provider.harness import KEY, FakeTraining, jsonl, wait_for_job, wait_until

FIELDS = {"message", "type", "param", "code"}
# Azure's Resource Manager and projects: subscriptions, groups, accounts and projects
# may be called anything there.
AZURE = ("/subscriptions/", "/api/projects/", "/msi/")
AZURE_TOO = (*AZURE, "/openai/")  # where error bodies are Azure's
JSON = "Content-Type: application/json"


def raw(server, data: bytes, seconds: float = 10.0) -> tuple[int, dict, bytes]:
    """Send bytes as they are; return status, headers and body of the first answer."""
    with socket.create_connection(("127.0.0.1", server.port), timeout=seconds) as sock:
        sock.sendall(data)
        return answer_of(sock)


def answer_of(sock) -> tuple[int, dict, bytes]:
    with sock.makefile("rb") as file:
        status = int(file.readline().split()[1])
        headers = {}
        while line := file.readline().strip():
            name, _, value = line.decode().partition(":")
            headers[name.lower()] = value.strip()
        return status, headers, file.read(int(headers.get("content-length", 0)))


def request(
    server, line="GET /v1/models", *headers, host=None, key=KEY, body=b""
) -> bytes:
    """Write a request by hand."""
    method, _, target = line.partition(" ")
    head = [f"{method} {target} HTTP/1.1"]
    head.append(f"Host: {f'127.0.0.1:{server.port}' if host is None else host}")
    if key:
        head.append(f"Authorization: Bearer {key}")
    if body:
        head.append(f"Content-Length: {len(body)}")
    return "\r\n".join([*head, *headers, "", ""]).encode() + body


def refused(answer, *statuses, path: str = "/v1") -> dict:
    """Check that an answer is an error as documented for its path and return it."""
    status, _, body = answer
    assert status in (statuses or range(400, 500)), body
    error = json.loads(body)["error"]
    azures_own = set(error) - {"innererror"} == {"code", "message"}
    assert set(error) == FIELDS or (azures_own and path.startswith(AZURE_TOO)), path
    assert "sk-" not in body.decode()
    return error


def routes_of(server, *methods) -> list[tuple[str, str]]:
    """Return (method, path) of every route, with an id in place of each parameter."""

    def found(router):
        for route in router.routes:
            if isinstance(route, APIRoute):
                yield route
            elif hasattr(route, "original_router"):
                prefix = route.include_context.prefix
                for inner in found(route.original_router):
                    yield type(
                        "Found",
                        (),
                        {"methods": inner.methods, "path": prefix + inner.path},
                    )

    app = server._server.config.app
    while not isinstance(app, FastAPI):
        app = app._app  # the layers around it
    return [
        (method, re.sub(r"{[^}]*}", "x", route.path))
        for route in found(app)
        for method in sorted(route.methods)
        if method in methods
    ]


def azures(routes: list[tuple[str, str]]) -> list[tuple[str, str]]:
    """Return the same routes where Azure's clients find them."""
    return [
        (method, prefix + path.removeprefix("/v1"))
        for method, path in routes
        if path.startswith("/v1/")
        for prefix in ("/openai", "/openai/v1")
    ]


# ---------------------------------------------------------------- 1: DNS rebinding


@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        "evil.example:{port}",
        "127.0.0.1",
        "127.0.0.1:1",
        "127.0.0.1:{port}.",
        "127.0.0.1.:{port}",
        "localhost.:{port}",
        "localhost:{port}.evil.example",
        "a@127.0.0.1:{port}",
        "127.0.0.1:{port}@evil.example",
        "127.0.0.1:0{port}",
        "127.1:{port}",
        "2130706433:{port}",
        "0.0.0.0:{port}",
        "::1:{port}",
        "[::ffff:127.0.0.1]:{port}",
        "[0:0:0:0:0:0:0:1]:{port}",
        "",
    ],
)
def test_a_host_that_is_not_on_the_list_is_refused(fake, host):
    host = host.format(port=fake.port)
    for line in ("GET /v1/models", "GET /health", "GET /nowhere", "OPTIONS /v1/files"):
        error = refused(raw(fake, request(fake, line, host=host)), 403)
        assert error["code"] == "host_not_allowed"


def test_a_missing_or_doubled_host_is_refused(fake):
    bearer = f"Authorization: Bearer {KEY}\r\n\r\n"
    right = f"Host: 127.0.0.1:{fake.port}\r\n"
    refused(raw(fake, f"GET /v1/models HTTP/1.1\r\n{bearer}".encode()), 400)
    refused(raw(fake, f"GET /v1/models HTTP/1.0\r\n{bearer}".encode()), 403)
    for second in (right, "Host: evil.example\r\n"):
        head = f"GET /v1/models HTTP/1.1\r\n{right}{second}{bearer}"
        refused(raw(fake, head.encode()), 400)


def test_an_absolute_target_does_not_stand_in_for_the_host(fake):
    own = f"http://127.0.0.1:{fake.port}/v1/models"
    refused(raw(fake, request(fake, f"GET {own}", host="evil.example")), 403)
    refused(raw(fake, request(fake, "GET http://evil.example/v1/models")), 404)
    refused(raw(fake, request(fake, "GET http://evil.example/health", key=None)), 401)


def test_a_name_that_is_allowed_is_allowed_as_it_was_given():
    hosts = allowed_hosts("127.0.0.1", 8000, ("lab.example", "proxy.example:443"))
    assert {"lab.example", "lab.example:8000", "proxy.example:443"} <= hosts
    assert not {"proxy.example", "proxy.example:8000"} & hosts


# ---------------------------------------------------------------- 2, 3: web pages


@pytest.mark.parametrize(
    "header",
    [
        "Origin: http://127.0.0.1:{port}",
        "Origin: https://evil.example",
        "Origin: null",
        "Sec-Fetch-Site: cross-site",
        "Sec-Fetch-Site: same-site",
        "Sec-Fetch-Site: same-origin",
    ],
)
def test_no_page_may_ask_not_even_one_from_here(fake, header):
    for line in ("GET /v1/models", "GET /health", "OPTIONS /v1/models"):
        data = request(fake, line, header.format(port=fake.port))
        status, headers, _ = answer = raw(fake, data)
        assert refused(answer, 403)["code"] == "origin_not_allowed"
        assert not [name for name in headers if name.startswith("access-control")]


def test_a_preflight_gets_no_permission(fake):
    wants = "Access-Control-Request-Method: POST"
    status, headers, _ = answer = raw(fake, request(fake, "OPTIONS /v1/files", wants))
    refused(answer, 405)
    assert not [name for name in headers if name.startswith("access-control")]


@pytest.mark.parametrize(
    "kind",
    [
        "text/plain",
        "application/x-www-form-urlencoded",
        "application/jsonp",
        "text/plain; application/json",
        "",
    ],
)
def test_every_route_that_takes_a_body_refuses_what_forms_can_send(fake, kind):
    routes = routes_of(fake, "POST", "PUT", "PATCH")
    assert len(routes) >= 15
    for method, path in routes + azures(routes):
        data = request(fake, f"{method} {path}", f"Content-Type: {kind}", body=b"{}")
        refused(raw(fake, data), 415, path=path)


def test_a_form_is_no_json(fake):
    kind = "Content-Type: multipart/form-data; boundary=x"
    for path in ("chat/completions", "fine_tuning/jobs", "embeddings", "uploads"):
        body = b'{"model": "kitchen-base"}'
        refused(raw(fake, request(fake, f"POST /v1/{path}", kind, body=body)), 400)


# ---------------------------------------------------------------- 4: ids and paths


@pytest.mark.parametrize(
    "name",
    [
        "..%2f..%2f..%2fkey",
        "%2e%2e/%2e%2e/key",
        "../../key",
        "..",
        "%2fetc%2fpasswd",
        "x%00",
        "%ff%fe",
        "file-" + "x" * 5000,
        "'%20OR%201=1--",
    ],
)
def test_an_id_is_never_a_path(fake, name):
    routes = routes_of(fake, "GET", "DELETE")
    for method, path in routes + azures(routes):
        if "x" not in path.split("/"):
            continue
        data = request(fake, f"{method} {path.replace('/x', f'/{name}')}")
        answer = raw(fake, data)
        if path.startswith(AZURE) and answer[0] in (200, 204):
            # Names that may be anything, and a deletion of what is not there.
            assert json.loads(answer[2] or b"{}").get("value", []) == [] or (
                "deployments" not in path
            )
        else:
            refused(answer, 400, 404, 405, path=path)
    assert (fake.home / homes.SERVER_LOCK).parent.exists()
    assert fake.settings.database.exists()


def test_ids_of_other_kinds_name_nothing(fake):
    file = fake.client.files.create(file=jsonl(), purpose="fine-tune")
    job = fake.client.fine_tuning.jobs.create(
        model="kitchen-base", training_file=file.id
    )
    for line in (
        f"GET /v1/files/{job.id}",
        f"GET /v1/fine_tuning/jobs/{file.id}",
        f"GET /v1/models/{job.id}",
        f"DELETE /v1/models/{file.id}",
        f"POST /v1/uploads/{file.id}/cancel",
        f"GET /v1/chat/completions/{job.id}",
    ):
        refused(raw(fake, request(fake, line)), 404)
    wait_for_job(fake.client, job.id)


def test_a_files_name_is_only_a_name(fake):
    file = fake.client.files.create(
        file=("../../../tmp/evil.jsonl", jsonl()), purpose="fine-tune"
    )
    assert file.filename == "../../../tmp/evil.jsonl"
    blobs = {path.name for path in fake.settings.blobs.iterdir()}
    assert all(re.fullmatch(r"[0-9a-f]{32}", name) for name in blobs)
    # The openai client escapes control characters; others may not.
    for name in (b"a\0.jsonl", b"\x1b[2Ja.jsonl"):
        body = (
            b'--x\r\nContent-Disposition: form-data; name="purpose"\r\n\r\nfine-tune'
            b'\r\n--x\r\nContent-Disposition: form-data; name="file"; filename="'
            + name
            + b'"\r\n\r\n{}\r\n--x--\r\n'
        )
        kind = "Content-Type: multipart/form-data; boundary=x"
        refused(raw(fake, request(fake, "POST /v1/files", kind, body=body)), 400)


def test_a_link_in_place_of_a_blob_is_not_followed(fake):
    file = fake.client.files.create(file=jsonl(), purpose="fine-tune")
    with fake.store.read() as session:
        blob = fake.settings.blobs / session.file(file.id, int(time.time())).blob
    secret = fake.home / "secret"
    secret.write_text("secret", encoding="utf-8")
    blob.unlink()
    blob.symlink_to(secret)
    with pytest.raises(openai.NotFoundError):
        fake.client.files.content(file.id)
    fake.client.files.delete(file.id)
    assert secret.exists()
    assert not blob.is_symlink()


# ---------------------------------------------------------------- 5, 8: bodies


@pytest.mark.parametrize(
    "encoding", ["gzip", "deflate", "br", "zstd", "gzip, identity"]
)
def test_every_route_that_takes_a_body_refuses_compression(fake, encoding):
    for method, path in routes_of(fake, "POST", "PUT", "PATCH"):
        data = request(
            fake, f"{method} {path}", JSON, f"Content-Encoding: {encoding}", body=b"x"
        )
        code = refused(raw(fake, data), 415, path=path)["code"]
        own = not path.startswith(AZURE)
        assert code == (
            "unsupported_content_encoding" if own else "UnsupportedMediaType"
        )


def test_a_range_is_not_served(fake):
    content = jsonl()
    file = fake.client.files.create(file=content, purpose="fine-tune")
    ranges = "Range: bytes=" + ",".join(f"{n}-" for n in range(500))
    line = f"GET /v1/files/{file.id}/content"
    status, headers, body = raw(fake, request(fake, line, ranges))
    assert (status, body) == (200, content)
    assert "content-range" not in headers


@pytest.fixture(scope="module")
def strict(tmp_path_factory):
    """A server with little patience and few places."""
    limits = replace(
        Limits(),
        connections=12,
        head_seconds=0.4,
        body_silence_seconds=0.5,
        body_bytes_a_second=1000,
        unread_body_seconds=0.5,
        json_bytes=20_000,
        files=2,
        jobs=3,
    )
    home = tmp_path_factory.mktemp("strict")
    with FakeTraining(home, limits=limits) as server:
        yield server


def closed_within(sock, seconds: float) -> bool:
    sock.settimeout(seconds)
    try:
        while sock.recv(65536):
            pass
    except TimeoutError:
        return False
    except OSError:
        return True
    return True


def connect(server):
    return socket.create_connection(("127.0.0.1", server.port), timeout=10)


@pytest.mark.parametrize("head", [b"", b"GET /v1/models HT", b"GET / HTTP/1.1\r\nA: b"])
def test_a_head_that_never_ends_is_cut_off(strict, head):
    with connect(strict) as sock:
        sock.sendall(head)
        error = refused(answer_of(sock), 408)
        assert error["code"] == "request_timeout"
        assert closed_within(sock, 5)


def test_a_head_in_drops_is_cut_off(strict):
    with connect(strict) as sock:
        began = time.monotonic()
        try:
            while time.monotonic() - began < 5:
                sock.sendall(b"X" if sock else b"")
                time.sleep(0.05)
        except OSError:
            pass
        assert time.monotonic() - began < 4


@pytest.mark.parametrize(
    "length", ["Content-Length: 5000", "Transfer-Encoding: chunked"]
)
@pytest.mark.parametrize("path", ["/v1/chat/completions", "/v1/files"])
def test_a_body_that_stops_coming_is_given_up(strict, path, length):
    kind = JSON if "chat" in path else "Content-Type: multipart/form-data; boundary=x"
    with connect(strict) as sock:
        sock.sendall(request(strict, f"POST {path}", kind, length))
        sock.sendall(b"1\r\nx\r\n" if "chunked" in length else b"x")
        assert refused(answer_of(sock), 408)["code"] == "request_timeout"
        assert closed_within(sock, 5)
    assert not list(strict.settings.blobs.glob("*.part"))


def test_a_chunked_body_without_end_is_cut_off(strict):
    for headers, key in (([JSON], KEY), ([JSON], None), (["Content-Type: a/b"], KEY)):
        with connect(strict) as sock:
            sock.sendall(
                request(
                    strict,
                    "POST /v1/chat/completions",
                    "Transfer-Encoding: chunked",
                    *headers,
                    key=key,
                )
            )
            ended, began = False, time.monotonic()
            piece = b"1000\r\n" + b"x" * 4096 + b"\r\n"
            while not ended and time.monotonic() - began < 8:
                try:
                    sock.sendall(piece)
                    time.sleep(0.01)
                except OSError:
                    ended = True
            assert ended


def test_connections_are_counted_and_one_too_many_hears_why(strict):
    crowd = [connect(strict) for _ in range(12)]
    try:
        status, headers, body = answer = raw(strict, request(strict))
        assert refused(answer, 503)["code"] == "too_many_connections"
        assert headers["retry-after"] == "2"
    finally:
        for sock in crowd:
            sock.close()
    wait_until(lambda: raw(strict, request(strict))[0] == 200, 10)


@pytest.mark.parametrize(
    "headers",
    [
        ["Content-Length: 2", "Transfer-Encoding: chunked"],
        ["Content-Length: 2", "Content-Length: 3"],
        ["Transfer-Encoding: chunked, identity"],
        ["Transfer-Encoding: xchunked"],
        ["Content-Length: -1"],
        ["Content-Length: 1e3"],
        ["Content-Length : 2"],
        [f"Content-Length: {'9' * 30}"],
    ],
)
def test_no_request_hides_in_another(fake, headers):
    inner = b"{}GET /v1/files HTTP/1.1\r\nHost: x\r\n\r\n"
    with connect(fake) as sock:
        sock.sendall(request(fake, "POST /v1/fine_tuning/jobs", JSON, *headers) + inner)
        refused(answer_of(sock), 400)
        # Nothing behind the first answer, and no second one.
        assert closed_within(sock, 8)


@pytest.mark.parametrize(
    "doubled", ["Authorization: Bearer x", "Content-Type: text/plain", "Origin: x"]
)
def test_a_header_that_decides_comes_once(fake, doubled):
    data = request(fake, "POST /v1/embeddings", JSON, doubled, doubled, body=b"{}")
    refused(raw(fake, data), 400)


def test_huge_heads_are_refused(fake):
    for data in (
        request(fake, "GET /v1/models", "X-Long: " + "x" * 200_000),
        request(fake, "GET /v1/models", *[f"X-{n}: y" for n in range(20_000)]),
        request(fake, "GET /v1/models?x=" + "y" * 200_000),
        b"\x16\x03\x01 this is no HTTP\r\n\r\n",
    ):
        # It may hang up while we are still sending.
        with contextlib.suppress(ConnectionError, IndexError):
            refused(raw(fake, data), 400, 431)
    assert raw(fake, request(fake))[0] == 200


# ---------------------------------------------------------------- 6: addresses


def test_an_address_in_a_message_is_not_asked(fake):
    with socket.create_server(("127.0.0.1", 0)) as bait:
        bait.settimeout(0.3)
        url = f"http://127.0.0.1:{bait.getsockname()[1]}/"
        part = {"type": "image_url", "image_url": {"url": url}}
        message = {"role": "user", "content": [part]}
        body = {"model": "kitchen-base", "messages": [message]}
        refused(post(fake, "chat/completions", body), 400)
        with pytest.raises(TimeoutError):
            bait.accept()


# ---------------------------------------------------------------- 7: parameters

CHAT = {"model": "kitchen-base", "messages": [{"role": "user", "content": "Hi"}]}
TEXT = {"model": "kitchen-base", "prompt": "Hi"}
JOB = {"model": "kitchen-base", "training_file": "file-x"}


def post(server, path: str, body) -> tuple[int, dict, bytes]:
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    return raw(server, request(server, f"POST /v1/{path}", JSON, body=data), 60)


@pytest.mark.parametrize(
    "more",
    [
        {"n": 17},
        {"n": 10**30},
        {"top_logprobs": 21, "logprobs": True},
        {"stop": ["x"] * 5},
        {"stop": "x" * 501},
        {"stop": "\ud800"},
        {"max_tokens": 0},
        {"temperature": float("nan")},
        {"temperature": float("inf")},
        {"seed": 10**30},
        {"logit_bias": {str(n): 1 for n in range(300_000)}},
        {"logit_bias": {"9" * 5000: 1}},
        {"logit_bias": {"1": float("nan")}},
        {"model": "x" * 1_000_000},
        {"model": "\ud800"},
        {"messages": [{"role": "user", "content": "x"}] * 2049},
        {"messages": [{"role": "user", "content": "\ud800"}]},
        {"metadata": {str(n): "x" for n in range(17)}},
        {"metadata": {"\ud800": "x"}},
        {"metadata": {"x": "y" * 513}},
        {"response_format": {"type": "nonsense"}},
        {"user": "\ud800"},
    ],
)
def test_chats_have_bounds(fake, more):
    refused(post(fake, "chat/completions", {**CHAT, **more}))


@pytest.mark.parametrize(
    "more",
    [
        {"prompt": ["x"] * 257},
        {"prompt": ["x"] * 256, "n": 3},
        {"n": 17},
        {"best_of": 21},
        {"logprobs": 6},
        {"prompt": [10**30]},
        {"prompt": [-1]},
        {"prompt": "\ud800"},
        {"prompt": "x" * 100_000},
        {"max_tokens": 10**30},
        {"stop": ["\ud800"]},
    ],
)
def test_completions_have_bounds(real_server, more):
    refused(post(real_server, "completions", {**TEXT, **more}))


@pytest.mark.parametrize(
    "given",
    [["x"] * 2049, [[1] * 300_001], "\ud800", [[10**30]], [[-1]], [["x"]], {"a": 1}],
)
def test_embeddings_have_bounds(real_server, given):
    body = {"model": "kitchen-base", "input": given}
    refused(post(real_server, "embeddings", body))


def test_an_answer_longer_than_the_context_ends_at_the_context(real_server):
    status, _, body = post(
        real_server, "chat/completions", {**CHAT, "max_tokens": 10**18}
    )
    assert status == 200
    assert json.loads(body)["usage"]["total_tokens"] <= 256
    refused(
        post(
            real_server,
            "chat/completions",
            {**CHAT, "messages": [{"role": "user", "content": "x " * 100_000}]},
        ),
        400,
    )


def test_a_bias_for_a_token_that_is_not_there_changes_nothing(real_server):
    body = {**CHAT, "logit_bias": {"999999999": 100}, "max_tokens": 2}
    assert post(real_server, "chat/completions", body)[0] == 200


@pytest.mark.parametrize(
    "body",
    [
        b"[" * 200_000,
        b'{"a":' * 100_000,
        b'{"model": ' + b"[" * 5000 + b"]" * 5000 + b"}",
        b'{"model": ' + b"9" * 10_000 + b"}",
        b'{"model": NaN}',
        b'{"model": "a", "model": 3}',
        b'{"model": "\\ud800"}',
        b"\xff\xfe{\x00}\x00",
        b"\x00",
        b"nul",
    ],
)
def test_strange_json_is_a_400_on_every_route(fake, body):
    routes = routes_of(fake, "POST", "PUT", "PATCH")
    for method, path in routes + azures(routes):
        if path.endswith(("/files", "/parts", "/cancel", "/pause", "/resume")):
            continue
        data = request(fake, f"{method} {path}", JSON, body=body)
        refused(raw(fake, data, 30), 400, 404, path=path)


@pytest.mark.parametrize(
    "more",
    [
        {"seed": 2**31},
        {"suffix": "x" * 65},
        {"suffix": "\ud800"},
        {"training_file": "\ud800"},
        {"training_file": "../../key"},
        {"metadata": {"x" * 65: "y"}},
        {"hyperparameters": {"n_epochs": 51}},
        {"hyperparameters": {"n_epochs": 10**30}},
        {"hyperparameters": {"batch_size": 257}},
        {"hyperparameters": {"learning_rate_multiplier": float("nan")}},
        {"integrations": [{"type": "wandb", "wandb": {"project": "p"}}] * 6},
    ],
)
def test_jobs_have_bounds(fake, more):
    refused(post(fake, "fine_tuning/jobs", {**JOB, **more}), 400)


@pytest.mark.parametrize(
    "query",
    [
        "limit=0",
        "limit=-1",
        "limit=1e3",
        f"limit={'9' * 5000}",
        "limit=%00",
        "after=../../key",
        "after=%00",
        "after=%ff",
        "metadata=x",
        "metadata[a][b]=c",
        "metadata[]=c",
    ],
)
def test_lists_have_bounds(fake, query):
    refused(raw(fake, request(fake, f"GET /v1/fine_tuning/jobs?{query}")), 400)
    if not query.startswith("metadata"):
        refused(raw(fake, request(fake, f"GET /v1/files?{query}")), 400)


def test_a_large_limit_is_the_largest_page(fake):
    line = "GET /v1/fine_tuning/jobs?limit=1000000000"
    assert raw(fake, request(fake, line))[0] == 200
    refused(raw(fake, request(fake, "GET /v1/files?limit=10001")), 400)


@pytest.mark.parametrize("count", ["9" * 5000, "-1", "1.5", "²", "x"])
def test_a_strange_count_of_retries_is_no_error_of_the_server(fake, count):
    data = request(
        fake,
        "POST /v1/fine_tuning/jobs",
        JSON,
        f"X-Stainless-Retry-Count: {count}",
        body=json.dumps(JOB).encode(),
    )
    refused(raw(fake, data), 400)


# ---------------------------------------------------------------- what fills up


def test_files_and_jobs_are_counted(strict):
    first = strict.client.files.create(file=jsonl(), purpose="fine-tune")
    second = strict.client.files.create(file=jsonl(), purpose="fine-tune")
    before = set(strict.settings.blobs.iterdir())
    with pytest.raises(openai.BadRequestError) as caught:
        strict.client.files.create(file=jsonl(), purpose="fine-tune")
    assert caught.value.code == "too_many_files"
    assert set(strict.settings.blobs.iterdir()) == before
    for _ in range(3):
        job = strict.client.fine_tuning.jobs.create(
            model="kitchen-base", training_file=first.id
        )
        wait_for_job(strict.client, job.id)
        # The result file of the first job makes three.
    with pytest.raises(openai.BadRequestError) as caught:
        strict.client.fine_tuning.jobs.create(
            model="kitchen-base", training_file=second.id
        )
    assert caught.value.code == "too_many_jobs"


def test_a_job_of_too_many_steps_fails_with_the_way_out(tmp_path):
    limits = replace(Limits(), training_steps=10)
    with FakeTraining(tmp_path, limits=limits) as server:
        file = server.client.files.create(file=jsonl(), purpose="fine-tune")
        job = server.client.fine_tuning.jobs.create(
            model="kitchen-base",
            training_file=file.id,
            hyperparameters={"n_epochs": 1, "batch_size": 1},
        )
        job = wait_for_job(server.client, job.id, 30, "failed")
        assert job.error.code == "too_many_steps"
        assert "batch_size" in job.error.message


def test_answers_that_wait_are_counted(fake):
    limits = replace(Limits(), unfinished_answers=0)
    provider = fake.provider

    class Engine:
        unfinished = 0

    async def engine():
        return Engine()

    crowded = replace(provider, settings=replace(provider.settings, limits=limits))
    crowded = replace(crowded, serving=type("S", (), {"engine": staticmethod(engine)}))
    with pytest.raises(ApiError) as caught:
        asyncio.run(opened(crowded, None))
    assert (caught.value.status, caught.value.retry_after) == (429, 2)


# ---------------------------------------------------------------- 9: pickles


def test_a_model_of_pickles_is_refused(tmp_path):
    (tmp_path / "config.json").write_text("{}", encoding="utf-8")
    (tmp_path / "pytorch_model.bin").write_bytes(b"\x80\x04.")
    with pytest.raises(CannotStart, match="[Pp]ickle"):
        read_models([f"mine={tmp_path}"])


def test_no_code_of_the_provider_can_read_a_pickle():
    names = re.compile(
        r"import pickle|torch\.load\(|joblib|trust_remote_code=True"
        r"|(?<![.\w])(eval|exec)\("
    )
    for path in (REPOSITORY / "helpers" / "provider").rglob("*.py"):
        assert not names.search(path.read_text(encoding="utf-8")), path


# ---------------------------------------------------------------- 10: the key


def test_a_key_in_the_address_is_no_key(fake):
    for query in (f"?api_key={KEY}", f"?key={KEY}", f"?api-key={KEY}", f"?token={KEY}"):
        refused(raw(fake, request(fake, f"GET /v1/models{query}", key=None)), 401)
    refused(
        raw(fake, request(fake, "GET /v1/models", f"Cookie: k={KEY}", key=None)), 401
    )


def test_every_route_but_health_needs_the_key(fake):
    routes = routes_of(fake, "GET", "POST", "DELETE")
    assert len(routes) > 30
    for method, path in routes + azures(routes):
        status, _, _ = raw(fake, request(fake, f"{method} {path}", key=None))
        assert status == (200 if path == "/health" else 401), path


def test_no_error_and_no_log_repeats_the_key(fake, caplog):
    for data in (
        request(fake, f"GET /v1/{KEY}?api_key={KEY}", f"X-Key: {KEY}"),
        request(fake, "GET /v1/models", f"Content-Type: {KEY}", key=KEY + "x"),
        request(fake, f"GET /v1/models {KEY}"),
        f"GARBAGE {KEY}\r\n\r\n".encode(),
    ):
        _, _, body = raw(fake, data)
        if f"/v1/{KEY}" not in data.decode():
            assert KEY not in body.decode()
    assert KEY not in caplog.text


def test_the_key_is_compared_in_constant_time(monkeypatch, fake):
    compared = []
    real = Guard._check_key.__globals__["hmac"].compare_digest
    monkeypatch.setattr(
        "helpers.provider.guard.hmac.compare_digest",
        lambda given, key: compared.append(given) or real(given, key),
    )
    refused(raw(fake, request(fake, key="wrong")), 401)
    # With the key, and with what would sign a token of Azure's.
    assert compared == [b"wrong", b"wrong"]


def test_there_is_no_empty_key(tmp_path, fake):
    with pytest.raises(ValueError, match="empty"):
        Guard(fake, key="", hosts=(), limits=Limits())
    homes.prepare(tmp_path)
    (tmp_path / homes.KEY_FILE).write_text(" \n", encoding="utf-8")
    assert len(homes.load_or_make_key(tmp_path)) > 30
    for key in ("", " ", "two words", "new\nline", "schlüssel"):
        with pytest.raises(CannotStart):
            read_key(key, None)
    refused(
        raw(fake, request(fake, "GET /v1/models", "Authorization: Bearer ", key=""))
    )


def test_key_and_folder_are_private_whatever_the_umask(tmp_path):
    before = os.umask(0)
    try:
        home = tmp_path / "new"
        homes.prepare(home)
        homes.load_or_make_key(home)
    finally:
        os.umask(before)
    assert stat.S_IMODE(home.stat().st_mode) == 0o700
    assert stat.S_IMODE((home / "blobs").stat().st_mode) == 0o700
    assert stat.S_IMODE((home / homes.KEY_FILE).stat().st_mode) == 0o600


def test_lax_permissions_are_mended_at_the_start(tmp_path):
    homes.prepare(tmp_path)
    key = homes.load_or_make_key(tmp_path)
    tmp_path.chmod(0o777)
    (tmp_path / homes.KEY_FILE).chmod(0o644)
    homes.prepare(tmp_path)
    assert homes.load_or_make_key(tmp_path) == key
    assert stat.S_IMODE(tmp_path.stat().st_mode) == 0o700
    assert stat.S_IMODE((tmp_path / homes.KEY_FILE).stat().st_mode) == 0o600


def test_permissions_that_cannot_be_mended_are_refused(tmp_path, monkeypatch):
    tmp_path.chmod(0o755)
    monkeypatch.setattr(Path, "chmod", lambda *_: None)
    with pytest.raises(homes.NotPrivate, match="--home"):
        homes.make_private(tmp_path, 0o700)


def test_a_link_in_place_of_the_key_is_not_followed(tmp_path):
    homes.prepare(tmp_path)
    elsewhere = tmp_path / "elsewhere"
    elsewhere.write_text("chosen-by-somebody-else", encoding="utf-8")
    (tmp_path / homes.KEY_FILE).symlink_to(elsewhere)
    assert homes.load_or_make_key(tmp_path) != "chosen-by-somebody-else"
    assert not (tmp_path / homes.KEY_FILE).is_symlink()
    assert elsewhere.read_text(encoding="utf-8") == "chosen-by-somebody-else"


def test_a_key_can_be_given_without_anybody_reading_along(tmp_path, capsys):
    file = tmp_path / "key"
    file.write_text(KEY + "\n", encoding="utf-8")
    assert read_key(None, file) == KEY
    assert main(["serve", "--key", "x", "--key-file", str(file)]) == 2
    assert main(["serve", "--key-file", str(tmp_path / "nothing")]) == 2
    assert main(["serve", "--host", "0.0.0.0", "--home", str(tmp_path)]) == 2
    assert "--key" in capsys.readouterr().err


# ---------------------------------------------------------------- repeated requests


def create(server, body: dict, *headers: str):
    data = json.dumps(body).encode()
    line = "POST /v1/fine_tuning/jobs"
    return raw(server, request(server, line, JSON, *headers, body=data))


@pytest.mark.parametrize(
    "header", ["Idempotency-Key: {}", "X-Stainless-Retry-Count: 1"]
)
def test_the_same_creation_many_times_at_once_makes_one_job(fake, header):
    file = fake.client.files.create(file=jsonl(), purpose="fine-tune")
    body = {**JOB, "training_file": file.id}
    answers = []

    def send():
        answers.append(create(fake, body, header.format(file.id)))

    threads = [threading.Thread(target=send) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {status for status, _, _ in answers} == {200}
    ids = {json.loads(body)["id"] for _, _, body in answers}
    assert len(ids) == 1
    wait_for_job(fake.client, ids.pop())


def test_an_idempotency_key_has_a_length_and_a_lifetime(fake):
    file = fake.client.files.create(file=jsonl(), purpose="fine-tune")
    body = {**JOB, "training_file": file.id}
    error = refused(create(fake, body, "Idempotency-Key: " + "k" * 256), 400)
    assert error["code"] == "invalid_idempotency_key"
    header = "Idempotency-Key: " + "k" * 255
    first = json.loads(create(fake, body, header)[2])["id"]
    assert json.loads(create(fake, body, header)[2])["id"] == first
    refused(create(fake, {**body, "seed": 3}, header), 400)
    with fake.store.write() as session:
        session._connection.execute(
            "UPDATE idempotency SET created_at = created_at - 86401 WHERE job_id = ?",
            (first,),
        )
    second = json.loads(create(fake, {**body, "seed": 3}, header)[2])["id"]
    assert second != first
    for job_id in (first, second):
        wait_for_job(fake.client, job_id)


def test_a_deletion_or_a_cancellation_that_is_repeated_is_no_failure(fake):
    file = fake.client.files.create(file=jsonl(), purpose="fine-tune")
    job = fake.client.fine_tuning.jobs.create(
        model="kitchen-base", training_file=file.id
    )
    job = wait_for_job(fake.client, job.id)
    waiting = fake.client.fine_tuning.jobs.create(
        model="kitchen-base",
        training_file=file.id,
        hyperparameters={"n_epochs": 50},
    )
    again = "X-Stainless-Retry-Count: 1"
    for line in (
        f"POST /v1/fine_tuning/jobs/{waiting.id}/pause",
        f"POST /v1/fine_tuning/jobs/{waiting.id}/resume",
        f"POST /v1/fine_tuning/jobs/{waiting.id}/cancel",
        f"DELETE /v1/files/{file.id}",
        f"DELETE /v1/models/{job.fine_tuned_model}",
    ):
        assert raw(fake, request(fake, line))[0] == 200, line
        assert raw(fake, request(fake, line, again))[0] == 200, line
    for line in (f"DELETE /v1/files/{file.id}", "DELETE /v1/files/file-nobody"):
        refused(raw(fake, request(fake, line)), 404)
    refused(raw(fake, request(fake, "DELETE /v1/models/ft:nobody", again)), 404)


# ---------------------------------------------------------------- training


def test_a_job_that_trains_too_long_ends_and_its_pauses_do_not_count(tmp_path):
    with FakeTraining(tmp_path, training_seconds=1.5) as server:
        file = server.client.files.create(file=jsonl(), purpose="fine-tune")
        job = server.client.fine_tuning.jobs.create(
            model="kitchen-base",
            training_file=file.id,
            hyperparameters={"n_epochs": 50},
        )
        wait_for_job(server.client, job.id, 60, "running")
        server.client.fine_tuning.jobs.pause(job.id)
        wait_for_job(server.client, job.id, 60, "paused")
        time.sleep(2)
        assert server.client.fine_tuning.jobs.retrieve(job.id).status == "paused"
        server.client.fine_tuning.jobs.resume(job.id)
        job = wait_for_job(server.client, job.id, 60, "failed")
        assert job.error.code == "time_limit_exceeded"
        assert "--training-hours" in job.error.message
        # The training process has stopped, too, and takes the next job.
        wait_until(lambda: server.runner.worker_state() == "ready")


def test_a_training_process_that_holds_too_much_memory_is_ended(tmp_path, monkeypatch):
    monkeypatch.setenv("FAKE_SECONDS_PER_STEP", "0.05")
    with FakeTraining(tmp_path, training_memory_bytes=2**20) as server:
        monkeypatch.setattr("helpers.provider.training_memory.sys.platform", "darwin")
        file = server.client.files.create(file=jsonl(), purpose="fine-tune")
        job = server.client.fine_tuning.jobs.create(
            model="kitchen-base",
            training_file=file.id,
            hyperparameters={"n_epochs": 50},
        )
        job = wait_for_job(server.client, job.id, 60, "failed")
        assert job.error.code == "out_of_memory"
        assert "--training-memory" in job.error.message


@pytest.mark.skipif(sys.platform != "linux", reason="RLIMIT_DATA is Linux's")
def test_an_allocation_beyond_the_limit_of_training_is_said_clearly():
    program = """
import torch
from helpers.provider.training_memory import limit_own_memory
from helpers.provider.worker import describe
limit_own_memory(2**28)
torch.ones(2**20)
try:
    torch.ones(2**28)
except Exception as fault:
    print(describe(fault, {})["code"])
"""
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=REPOSITORY,
        env={**os.environ, "PYTHONPATH": str(REPOSITORY)},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.stdout.strip() == "out_of_memory", done.stderr


# ---------------------------------------------------------------- the document


def test_every_test_that_the_document_names_exists():
    text = (REPOSITORY / "docs" / "security.md").read_text(encoding="utf-8")
    named = re.findall(r"`(tests/\w+/\w+\.py|\w+\.py)::(test_\w+)`", text)
    assert len(named) > 30
    for file, name in named:
        path = file if "/" in file else f"tests/provider/{file}"
        source = (REPOSITORY / path).read_text(encoding="utf-8")
        assert f"def {name}(" in source, f"{file}::{name}"


def test_the_document_has_a_row_for_every_class_of_attack():
    text = (REPOSITORY / "docs" / "security.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| (\d+) ", text, flags=re.MULTILINE)
    assert [int(number) for number in rows] == list(range(1, 12))


@pytest.fixture
def real_server(real):
    """The server with real models, with its port at hand."""
    real.port = int(re.search(r":(\d+)/", real.url)[1])
    return real
