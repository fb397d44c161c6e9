"""Batches: checked, answered by the application itself, cancelled, expired, kept."""

from __future__ import annotations

import asyncio
import json
import time
from collections import Counter
from dataclasses import replace

import httpx2
import openai
import pytest
from starlette.applications import Starlette
from starlette.responses import JSONResponse
from starlette.routing import Route

from helpers.provider import batch_input, batch_runner
from helpers.provider import home as homes
from helpers.provider.batch_answers import Answers, result, usage_of
from helpers.provider.batch_input import BatchRequest
from helpers.provider.batch_runner import BatchRunner
from helpers.provider.blobs import BlobStore, DiskFull
from helpers.provider.settings import Limits, Settings
from helpers.provider.store import Store
from tests.provider.harness import KEY, FakeTraining, jsonl, wait_until

CHAT, TEXT, EMBED = "/v1/chat/completions", "/v1/completions", "/v1/embeddings"
# Special tokens end an answer; made impossible, it is as long as it may be.
ENDLESS = {str(special): -100 for special in range(6)}
ENDED = ("completed", "failed", "cancelled", "expired")


def chat(number: int, **more) -> dict:
    asked = [{"role": "user", "content": f"List the foods: {number} tsp. salt"}]
    body = {"model": "kitchen-base", "messages": asked, "max_completion_tokens": 4}
    return {**body, "temperature": 0, **more}


def line(custom_id: str, body: dict, url: str = CHAT, **more) -> dict:
    return {"custom_id": custom_id, "method": "POST", "url": url, "body": body, **more}


def content(rows: list[dict]) -> bytes:
    return "".join(json.dumps(row) + "\n" for row in rows).encode()


def upload(client: openai.OpenAI, rows: list[dict] | bytes) -> str:
    data = rows if isinstance(rows, bytes) else content(rows)
    return client.files.create(file=("batch.jsonl", data), purpose="batch").id


def begin(client: openai.OpenAI, rows: list[dict] | bytes, endpoint=CHAT, **more):
    return client.batches.create(
        input_file_id=upload(client, rows),
        endpoint=endpoint,
        completion_window="24h",
        **more,
    )


def ended(client: openai.OpenAI, batch_id: str):
    def there():
        batch = client.batches.retrieve(batch_id)
        return batch if batch.status in ENDED else None

    return wait_until(there)


def rows_of(client: openai.OpenAI, file_id: str) -> list[dict]:
    return [json.loads(row) for row in client.files.content(file_id).text.splitlines()]


# Through the client, with a real model


def test_each_line_is_answered_as_the_same_request_from_a_client(real):
    bodies = [chat(number) for number in range(12)]
    batch = begin(
        real.client,
        [line(f"row {n}", body) for n, body in enumerate(bodies)],
        metadata={"run": "one"},
    )
    assert (batch.status, batch.metadata) == ("validating", {"run": "one"})
    assert batch.expires_at == batch.created_at + 24 * 3600
    batch = ended(real.client, batch.id)
    assert batch.status == "completed"
    assert batch.errors is None
    assert (batch.model, batch.error_file_id) == ("kitchen-base", None)
    assert batch.request_counts.to_dict() == {"total": 12, "completed": 12, "failed": 0}
    stamps = [batch.created_at, batch.in_progress_at, batch.finalizing_at]
    assert stamps == sorted(stamps)
    assert batch.completed_at >= stamps[-1]
    rows = rows_of(real.client, batch.output_file_id)
    assert [row["custom_id"] for row in rows] == [f"row {n}" for n in range(12)]
    used = 0
    for row, body in zip(rows, bodies, strict=True):
        assert row["error"] is None
        assert row["id"].startswith("batch_req_")
        assert row["response"]["status_code"] == 200
        assert row["response"]["request_id"].startswith("req_")
        given = row["response"]["body"]
        direct = real.client.chat.completions.create(**body).to_dict()
        assert given["choices"] == direct["choices"]
        assert given["usage"] == direct["usage"]
        used += given["usage"]["total_tokens"]
    assert batch.usage.total_tokens == used
    assert batch.usage.input_tokens + batch.usage.output_tokens == used
    file = real.client.files.retrieve(batch.output_file_id)
    assert (file.purpose, file.expires_at) == ("batch_output", None)
    assert not list((real.home / "batches").iterdir())


def test_a_refused_line_stands_in_the_error_file_with_the_error_of_its_route(real):
    wrong = [chat(1, temperature=9), chat(2, model="kitchen-base", messages=[])]
    rows = [line("good", chat(0)), line("hot", wrong[0]), line("mute", wrong[1])]
    life = {"anchor": "created_at", "seconds": 3600}
    batch = begin(real.client, rows, output_expires_after=life)
    batch = ended(real.client, batch.id)
    assert batch.status == "completed"
    assert batch.request_counts.to_dict() == {"total": 3, "completed": 1, "failed": 2}
    (good,) = rows_of(real.client, batch.output_file_id)
    assert good["custom_id"] == "good"
    errors = rows_of(real.client, batch.error_file_id)
    assert [row["custom_id"] for row in errors] == ["hot", "mute"]
    for row, body in zip(errors, wrong, strict=True):
        with pytest.raises(openai.BadRequestError) as fault:
            real.client.chat.completions.create(**body)
        assert row["response"]["status_code"] == 400
        assert row["error"] is None
        assert row["response"]["body"]["error"] == fault.value.body
    for file_id in (batch.output_file_id, batch.error_file_id):
        file = real.client.files.retrieve(file_id)
        assert file.expires_at == file.created_at + 3600


@pytest.mark.parametrize(
    ("endpoint", "body", "found"),
    [
        (TEXT, {"prompt": "1 tsp. salt", "max_tokens": 3}, "text_completion"),
        (EMBED, {"input": ["salt", "flour"]}, "list"),
    ],
)
def test_completions_and_embeddings_can_be_batched_too(real, endpoint, body, found):
    body = {"model": "kitchen-base", **body}
    batch = begin(real.client, [line("one", body, endpoint)], endpoint)
    batch = ended(real.client, batch.id)
    (row,) = rows_of(real.client, batch.output_file_id)
    assert row["response"]["body"]["object"] == found
    assert batch.usage.input_tokens > 0
    assert batch.endpoint == endpoint


def test_a_model_that_nobody_knows_is_an_error_of_each_line(real):
    rows = [line("a", chat(1, model="nobody")), line("b", chat(2, model="nobody"))]
    batch = ended(real.client, begin(real.client, rows).id)
    assert (batch.status, batch.output_file_id) == ("completed", None)
    errors = rows_of(real.client, batch.error_file_id)
    assert {row["response"]["status_code"] for row in errors} == {404}


def test_a_cancelled_batch_keeps_what_was_answered_and_frees_its_file(real):
    rows = [
        line(f"row {n}", chat(n, max_completion_tokens=60, logit_bias=ENDLESS))
        for n in range(3000)
    ]
    batch = begin(real.client, rows)
    journal = real.home / "batches" / f"{batch.id}.jsonl"
    wait_until(lambda: journal.exists() and journal.stat().st_size)
    with pytest.raises(openai.BadRequestError) as fault:
        real.client.files.delete(batch.input_file_id)
    assert fault.value.code == "file_in_use"
    assert batch.id in fault.value.message
    cancelled = real.client.batches.cancel(batch.id)
    assert cancelled.status in ("cancelling", "cancelled")
    batch = ended(real.client, batch.id)
    assert batch.status == "cancelled"
    assert batch.cancelled_at >= batch.cancelling_at
    good = rows_of(real.client, batch.output_file_id)
    rest = rows_of(real.client, batch.error_file_id)
    counts = batch.request_counts
    assert 0 < len(good) < 3000
    assert len(good) + len(rest) == 3000
    assert (counts.completed, counts.failed) == (len(good), len(rest))
    assert {row["error"]["code"] for row in rest} == {"batch_cancelled"}
    names = [row["custom_id"] for row in good + rest]
    assert sorted(names) == sorted(row["custom_id"] for row in rows)
    real.client.files.delete(batch.input_file_id)


def test_what_has_ended_cannot_be_cancelled_and_that_is_no_409(real):
    batch = ended(real.client, begin(real.client, [line("a", chat(1))]).id)
    with pytest.raises(openai.BadRequestError) as fault:
        real.client.batches.cancel(batch.id)
    assert "Cannot cancel a batch with status 'completed'" in fault.value.message
    assert real.client.batches.retrieve(batch.id) == batch


def test_batches_are_listed_newest_first_in_pages(real):
    made = [begin(real.client, [line("a", chat(n))]).id for n in range(3)][::-1]
    page = real.client.batches.list(limit=2)
    assert [batch.id for batch in page.data] == made[:2]
    assert page.has_more
    after = real.client.batches.list(limit=1, after=made[1])
    assert [batch.id for batch in after.data] == [made[2]]
    with pytest.raises(openai.BadRequestError) as fault:
        real.client.batches.list(after="batch_nobody")
    assert fault.value.param == "after"
    for batch_id in made:
        ended(real.client, batch_id)


def test_an_invalid_file_fails_the_batch_with_the_place_of_each_error(client):
    data = b'{"custom_id": "a"\n' + content([line("b", chat(1)), line("b", chat(2))])
    batch = ended(client, begin(client, data).id)
    assert batch.status == "failed"
    assert batch.failed_at >= batch.created_at
    found = [(error.code, error.line, error.param) for error in batch.errors.data]
    assert found == [
        ("invalid_json_line", 1, None),
        ("duplicate_custom_id", 3, "custom_id"),
    ]
    assert batch.output_file_id is None
    assert batch.in_progress_at is None
    client.files.delete(batch.input_file_id)


# What cannot become a batch


@pytest.mark.parametrize(
    ("change", "param"),
    [
        ({"endpoint": "/v1/moderations"}, "endpoint"),
        ({"endpoint": "/v1/files"}, "endpoint"),
        ({"endpoint": "chat/completions"}, "endpoint"),
        ({"completion_window": "1h"}, "completion_window"),
        ({"input_file_id": "file-nobody"}, "input_file_id"),
        ({"metadata": {"long": "x" * 513}}, "metadata"),
        ({"output_expires_after": {"anchor": "created_at", "seconds": 60}}, None),
    ],
)
def test_a_wrong_request_names_its_field(client, change, param):
    request = {
        "input_file_id": upload(client, [line("a", chat(1))]),
        "endpoint": CHAT,
        "completion_window": "24h",
    }
    with pytest.raises(openai.BadRequestError) as fault:
        client.batches.create(**{**request, **change})
    assert fault.value.param == (param or "output_expires_after.seconds")


def test_a_file_needs_the_purpose_of_batches(client):
    file = client.files.create(file=jsonl(), purpose="fine-tune")
    with pytest.raises(openai.BadRequestError) as fault:
        client.batches.create(
            input_file_id=file.id, endpoint=CHAT, completion_window="24h"
        )
    assert fault.value.code == "invalid_file_purpose"


def test_an_unknown_batch_is_a_404(client):
    for call in (client.batches.retrieve, client.batches.cancel):
        with pytest.raises(openai.NotFoundError) as fault:
            call("batch_nobody")
        assert fault.value.param == "batch_id"


def test_a_request_that_the_client_repeats_makes_one_batch(client):
    asked = {
        "input_file_id": upload(client, [line("a", chat(1))]),
        "endpoint": CHAT,
        "completion_window": "24h",
    }
    first = client.batches.create(**asked)
    again = {"x-stainless-retry-count": "1"}
    assert client.batches.create(**asked, extra_headers=again).id == first.id
    assert client.batches.create(**asked).id != first.id


def test_open_batches_are_capped_and_old_ones_forgotten(tmp_path):
    limits = replace(Limits(), open_batches=1, kept_batches=2)
    with FakeTraining(tmp_path, limits=limits) as server:
        client = server.client.with_options(max_retries=0)
        # No model answers here, so this one stays until it is cancelled.
        rows = [line(str(n), chat(n)) for n in range(3)]
        ids = [begin(client, rows).id]
        with pytest.raises(openai.RateLimitError) as fault:
            begin(client, rows)
        assert "1 batches have not ended yet" in fault.value.message
        for _ in range(3):
            client.batches.cancel(ids[-1])
            ended(client, ids[-1])
            ids.append(begin(client, rows).id)
        assert [batch.id for batch in client.batches.list()] == ids[:1:-1]
        client.batches.cancel(ids[-1])


# The file


def faults(data: bytes | list[dict], endpoint: str = CHAT, **caps) -> list[tuple]:
    """Return code, line and param of what is wrong with a file."""
    path = faults.folder / "batch.jsonl"
    path.write_bytes(data if isinstance(data, bytes) else content(data))
    found = batch_input.check(path, endpoint, replace(Limits(), **caps))
    return [(fault["code"], fault["line"], fault["param"]) for fault in found.errors]


@pytest.fixture(autouse=True)
def _folder(tmp_path):
    faults.folder = tmp_path


GOOD = line("a", {"model": "m"})


@pytest.mark.parametrize(
    ("row", "code", "param"),
    [
        (b"[]", "invalid_json_line", None),
        (b"\xff{}", "invalid_json_line", None),
        (b"[" * 100_000, "invalid_json_line", None),
        ({"custom_id": 5}, "invalid_type", "custom_id"),
        ({"custom_id": ""}, "invalid_type", "custom_id"),
        ({"custom_id": "x" * 513}, "string_above_max_length", "custom_id"),
        ({"custom_id": "a"}, "duplicate_custom_id", "custom_id"),
        ({"method": "GET"}, "invalid_method", "method"),
        ({"url": TEXT}, "invalid_url", "url"),
        ({"body": "hello"}, "invalid_type", "body"),
        ({"body": {"n": 1}}, "missing_required_parameter", "body.model"),
        ({"body": {"model": "other"}}, "mismatched_model", "body.model"),
        ({"body": {"model": "m", "stream": True}}, "unsupported_parameter", None),
    ],
)
def test_a_line_that_is_no_request_is_found(row, code, param):
    data = (
        row
        if isinstance(row, bytes)
        else json.dumps({**GOOD, "custom_id": "b"} | row).encode()
    )
    assert faults(content([GOOD]) + b"\n" + data) == [
        (code, 3, param or ("body.stream" if code == "unsupported_parameter" else None))
    ]


@pytest.mark.parametrize("name", ["custom_id", "method", "url", "body"])
def test_a_missing_field_is_found(name):
    row = {key: value for key, value in GOOD.items() if key != name}
    assert faults([row]) == [("missing_required_parameter", 1, name)]


def test_an_empty_file_and_a_byte_order_mark():
    assert faults(b"\n \n") == [("empty_file", None, None)]
    assert faults(b"\xef\xbb\xbf" + content([GOOD])) == []


def test_a_file_is_capped_in_lines_bytes_vectors_and_told_errors():
    rows = [line(str(n), {"model": "m", "input": ["a", "b"]}, EMBED) for n in range(4)]
    assert faults(rows, EMBED, batch_lines=4) == []
    assert faults(rows, EMBED, batch_lines=2) == [("too_many_requests", 3, None)]
    assert faults(rows, EMBED, batch_embedding_inputs=7) == [
        ("too_many_embedding_inputs", 4, "body.input")
    ]
    long = line("long", {"model": "m", "text": "x" * 500})
    found = faults([GOOD, long, GOOD | {"custom_id": "b"}], json_bytes=200)
    assert found == [("request_too_large", 2, None)]
    assert len(faults(b"{\n" * 9, batch_errors=5)) == 5


# The runner, with an application of the test's own


class Bench:
    """A runner before an application that says what a test wants.

    Args:
        home: its folder.
        answer: coroutine function from the body of a request to a response.
    """

    def __init__(self, home, answer) -> None:
        homes.prepare(home)
        self.settings = Settings(home=home)
        self.store = Store(self.settings.database)
        self.blobs = BlobStore(self.settings.blobs)
        self.asked: list[str] = []

        async def endpoint(request):
            body = await request.json()
            self.asked.append(body["tag"])
            return await answer(body)

        self.app = Starlette(routes=[Route(CHAT, endpoint, methods=["POST"])])
        self.runner = BatchRunner(self.app, self.store, self.blobs, self.settings)

    def add(self, name: str, count: int, seconds: int = 3600):
        """Put a batch into the store; its requests are tagged name-0, name-1, …"""
        now = int(time.time())
        rows = [
            line(f"{name}-{n}", {"model": "m", "tag": f"{name}-{n}"})
            for n in range(count)
        ]
        data = content(rows)
        with self.store.write() as session:
            session.add_file(
                id=f"file-{name}",
                bytes=len(data),
                created_at=now,
                filename="batch.jsonl",
                purpose="batch",
                blob=self.blobs.write(data),
            )
            return session.add_batch(
                most=100,
                id=f"batch_{name}",
                created_at=now,
                expires_at=now + seconds,
                endpoint=CHAT,
                input_file=f"file-{name}",
                completion_window="24h",
                request_hash=name,
            )

    def batch(self, name: str):
        with self.store.read() as session:
            return session.batch(f"batch_{name}")

    async def end(self, *names: str) -> None:
        """Wait until these batches have ended."""
        deadline = time.monotonic() + 30
        while any(self.batch(name).is_open for name in names):
            assert time.monotonic() < deadline
            await asyncio.sleep(0.01)

    def rows(self, file_id: str) -> list[dict]:
        with self.store.read() as session:
            file = session.file_of_job(file_id)
        data = self.blobs.path(file.blob).read_bytes()
        assert len(data) == file.bytes
        return [json.loads(row) for row in data.splitlines()]


async def fine(body: dict) -> JSONResponse:
    await asyncio.sleep(0.001)
    return JSONResponse({"tag": body["tag"]})


def test_a_stopped_runner_goes_on_and_asks_nothing_twice_that_was_answered(tmp_path):
    first = Bench(tmp_path, fine)

    async def begin_and_stop():
        await first.runner.start()
        first.runner.submit(first.add("a", 300))
        while len(first.asked) < 120:
            await asyncio.sleep(0.001)
        await first.runner.stop()

    asyncio.run(begin_and_stop())
    journal = tmp_path / "batches" / "batch_a.jsonl"
    kept = [json.loads(row)["result"] for row in journal.read_bytes().splitlines()]
    assert 50 < len(kept) < 300
    with open(journal, "ab") as file:
        file.write(b'{"line": 300, "good": tr')  # torn by a kill
    (tmp_path / "batches" / "batch_stray.jsonl").touch()
    first.store.close()
    second = Bench(tmp_path, fine)

    async def go_on():
        await second.runner.start()
        await second.end("a")
        await second.runner.stop()

    asyncio.run(go_on())
    answered = {row["custom_id"] for row in kept}
    assert not answered & set(second.asked)
    assert len(answered) + len(second.asked) == 300
    batch = second.batch("a")
    rows = second.rows(batch.output_file)
    assert [row["custom_id"] for row in rows] == [f"a-{n}" for n in range(300)]
    assert {row["id"] for row in kept} <= {row["id"] for row in rows}
    assert (batch.state, batch.completed) == ("completed", 300)
    assert not list((tmp_path / "batches").iterdir())


def test_an_expired_batch_tells_what_it_did_not_come_to(tmp_path):
    async def slow(body: dict) -> JSONResponse:
        await asyncio.sleep(0 if body["tag"] in ("a-0", "a-2") else 60)
        return JSONResponse({})

    bench = Bench(tmp_path, slow)

    async def run():
        await bench.runner.start()
        bench.runner.submit(bench.add("a", 20, seconds=2))
        bench.runner.submit(bench.add("late", 2, seconds=-5))
        await bench.end("a", "late")
        await bench.runner.stop()

    asyncio.run(run())
    batch = bench.batch("a")
    assert batch.state == "expired"
    assert batch.expired_at >= batch.expires_at
    assert batch.finalizing_at is not None
    assert batch.completed_at is None
    good = bench.rows(batch.output_file)
    assert [row["custom_id"] for row in good] == ["a-0", "a-2"]
    rest = bench.rows(batch.error_file)
    assert len(rest) == 18
    assert {row["response"] for row in rest} == {None}
    assert {row["error"]["code"] for row in rest} == {"batch_expired"}
    assert (batch.completed, batch.failed, batch.total) == (2, 18, 20)
    late = bench.batch("late")
    assert (late.state, late.output_file, late.failed) == ("expired", None, 2)


def test_batches_take_turns(tmp_path):
    bench = Bench(tmp_path, fine)

    async def run():
        await bench.runner.start()
        for name, count in (("long", 400), ("short", 20)):
            bench.runner.submit(bench.add(name, count))
        await bench.end("short")
        asked = Counter(tag.partition("-")[0] for tag in bench.asked)
        await bench.end("long")
        await bench.runner.stop()
        return asked

    assert asyncio.run(run())["long"] < 200


def test_a_batch_makes_way_for_somebody_who_waits(tmp_path, monkeypatch):
    monkeypatch.setattr(batch_runner, "GUEST_SECONDS", 0.3)
    under_way, seen = 0, []
    served = asyncio.Event()

    async def answer(body: dict) -> JSONResponse:
        nonlocal under_way
        if body["tag"] == "guest":
            await served.wait()
            return JSONResponse({})
        under_way += 1
        seen.append(under_way)
        await asyncio.sleep(0.02)
        under_way -= 1
        return JSONResponse({})

    async def until(condition) -> None:
        async with asyncio.timeout(30):
            while not condition():
                await asyncio.sleep(0.005)

    bench = Bench(tmp_path, answer)
    transport = httpx2.ASGITransport(app=bench.runner.making_way(bench.app))

    async def run():
        full = batch_runner.LANES_ALONE
        async with httpx2.AsyncClient(
            transport=transport, base_url="http://h"
        ) as client:
            await bench.runner.start()
            bench.runner.submit(bench.add("a", 5000))
            await until(lambda: full in seen)
            waiting = asyncio.create_task(client.post(CHAT, json={"tag": "guest"}))
            await until(lambda: under_way <= 1)
            seen.clear()
            await until(lambda: len(seen) >= 6)
            served.set()
            await waiting
            # Gone, but perhaps not for long.
            assert set(seen) == {1}
            assert bench.runner._lanes.total_tokens == 1
            await until(lambda: full in seen)
            assert max(seen) == full
            await bench.runner.stop()

    asyncio.run(run())


def test_what_the_server_was_too_busy_for_is_asked_again(tmp_path, monkeypatch):
    monkeypatch.setattr(batch_runner, "_MOST_PAUSE_SECONDS", 0.01)
    answers = {
        "a-0": iter([429, 429, 429, 429, 200]),
        "a-1": iter([500, 503, 200]),
        "a-2": iter([500, 500, 500, 200]),
        "a-3": iter([400, 200]),
    }

    async def moody(body: dict) -> JSONResponse:
        return JSONResponse({}, status_code=next(answers[body["tag"]]))

    bench = Bench(tmp_path, moody)

    async def run():
        await bench.runner.start()
        bench.runner.submit(bench.add("a", 4))
        await bench.end("a")
        await bench.runner.stop()

    asyncio.run(run())
    batch = bench.batch("a")
    good = [row["custom_id"] for row in bench.rows(batch.output_file)]
    bad = {
        row["custom_id"]: row["response"]["status_code"]
        for row in bench.rows(batch.error_file)
    }
    assert (good, bad) == (["a-0", "a-1"], {"a-2": 500, "a-3": 400})


def test_a_full_disk_holds_a_batch_up_and_loses_nothing(tmp_path, monkeypatch):
    monkeypatch.setattr(batch_runner, "_RETRY_SECONDS", 0.05)
    bench = Bench(tmp_path, fine)
    real_check, refusals = bench.blobs.check_space, []

    def check_space(size: int) -> None:
        if len(refusals) < 30:
            refusals.append(size)
            raise DiskFull
        real_check(size)

    batch = bench.add("a", 40)
    monkeypatch.setattr(bench.blobs, "check_space", check_space)

    async def run():
        await bench.runner.start()
        bench.runner.submit(batch)
        await bench.end("a")
        await bench.runner.stop()

    asyncio.run(run())
    assert len(refusals) == 30
    assert sorted(bench.asked) == sorted(f"a-{n}" for n in range(40))
    assert bench.batch("a").completed == 40


def test_a_batch_cancelled_before_its_check_ends_without_files(tmp_path):
    bench = Bench(tmp_path, fine)
    batch = bench.add("a", 3)
    with bench.store.write() as session:
        batch = batch_runner.batches.cancel(session, batch, 5)

    async def run():
        await bench.runner.start()
        await bench.end("a")
        await bench.runner.stop()

    asyncio.run(run())
    batch = bench.batch("a")
    assert (batch.state, batch.output_file, batch.error_file) == (
        "cancelled",
        None,
        None,
    )
    assert not bench.asked


def test_a_lost_file_fails_the_batch(tmp_path):
    bench = Bench(tmp_path, fine)
    batch = bench.add("a", 3)
    for blob in (tmp_path / "blobs").iterdir():
        blob.unlink()

    async def run():
        await bench.runner.start()
        await bench.end("a")
        await bench.runner.stop()

    asyncio.run(run())
    batch = bench.batch("a")
    assert (batch.state, batch.errors[0]["code"]) == ("failed", "server_error")


# Small things


def test_an_unreadable_line_of_the_journal_is_asked_again(tmp_path):
    path = tmp_path / "journal.jsonl"
    answers = Answers(path)
    for number in (1, 2, 3):
        request = BatchRequest(number, f"r{number}", {})
        answers.add(request, result(f"r{number}", {"status_code": 200, "body": {}}))
    answers.close()
    rows = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(rows[0] + b"\0" * 40 + b"\n" + rows[2])
    answers = Answers(path)
    answers.close()
    assert [number in answers for number in (1, 2, 3)] == [True, False, True]
    requests = [BatchRequest(number, f"r{number}", {}) for number in (1, 2, 3)]
    found = [
        (good, row["custom_id"])
        for good, row in answers.in_order(requests, "batch_expired")
    ]
    assert found == [(True, "r1"), (False, "r2"), (True, "r3")]


@pytest.mark.parametrize(
    ("usage", "expected"),
    [
        ({"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5}, (3, 0, 2, 0)),
        (
            {
                "input_tokens": 7,
                "input_tokens_details": {"cached_tokens": 4},
                "output_tokens": 6,
                "output_tokens_details": {"reasoning_tokens": 1},
            },
            (7, 4, 6, 1),
        ),
        ({"prompt_tokens": 3, "total_tokens": 3}, (3, 0, 0, 0)),
    ],
)
def test_the_usage_of_every_endpoint_is_understood(usage, expected):
    found = tuple(usage_of({"usage": usage}).values())
    assert found == (*expected, expected[0] + expected[2])
    assert usage_of({"error": {}}) is None


def test_batches_need_the_key_too(fake):
    wrong = {"base_url": fake.url, "api_key": "no" + KEY, "max_retries": 0}
    with (
        openai.OpenAI(**wrong) as stranger,
        pytest.raises(openai.AuthenticationError),
    ):
        stranger.batches.list()
