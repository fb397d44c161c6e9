"""Rules of the Uploads API, through the openai client, and of the tables behind it."""

from __future__ import annotations

import hashlib
import io
import threading
import time

import httpx
import openai
import pytest

from helpers.provider.settings import Limits
from helpers.provider.store import Store
from helpers.provider.uploads import CANCELLED, EXPIRED, PENDING
from tests.provider.harness import KEY, FakeTraining, jsonl, wait_for_job


def begin(client, size: int, purpose: str = "user_data", **more):
    return client.uploads.create(
        **{
            "bytes": size,
            "filename": "rows.jsonl",
            "mime_type": "text/jsonl",
            "purpose": purpose,
            **more,
        }
    )


def add(client, upload, content: bytes) -> str:
    return client.uploads.parts.create(upload.id, data=content).id


def blobs_of(fake) -> set[str]:
    return {path.name for path in (fake.home / "blobs").iterdir()}


def move_clock(fake, upload_id: str, seconds: int) -> None:
    """Make an upload `seconds` older."""
    with fake.store.write() as session:
        session._connection.execute(
            "UPDATE uploads SET created_at = created_at - ?, "
            "expires_at = expires_at - ?, ended_at = ended_at - ? WHERE id = ?",
            (seconds, seconds, seconds, upload_id),
        )


def sweep(fake) -> None:
    fake.runner._swept_at = 0.0
    fake.runner._sweep()


def test_a_new_upload_is_pending_for_an_hour(client):
    upload = begin(client, 3)
    assert upload.id.startswith("upload_")
    assert (upload.object, upload.status) == ("upload", "pending")
    assert (upload.bytes, upload.filename) == (3, "rows.jsonl")
    assert upload.expires_at == upload.created_at + 3600
    assert "file" not in upload.model_fields_set


def test_parts_become_a_file_in_the_order_that_is_asked_for(fake, client):
    before = blobs_of(fake)
    upload = begin(client, 9)
    last, first = add(client, upload, b"456789"), add(client, upload, b"123")
    done = client.uploads.complete(upload.id, part_ids=[first, last])
    assert (done.id, done.status) == (upload.id, "completed")
    assert client.files.retrieve(done.file.id) == done.file
    assert (done.file.bytes, done.file.filename) == (9, "rows.jsonl")
    assert (done.file.purpose, done.file.status) == ("user_data", "processed")
    assert client.files.content(done.file.id).read() == b"123456789"
    # The parts are gone: one blob is left, the file's.
    assert len(blobs_of(fake) - before) == 1


def test_the_clients_own_helper_uploads_a_training_file_that_a_job_can_use(client):
    content = jsonl(40)
    upload = client.uploads.upload_file_chunked(
        file=content,
        filename="train.jsonl",
        bytes=len(content),
        mime_type="application/jsonl",
        purpose="fine-tune",
        part_size=700,
        md5=hashlib.md5(content).hexdigest(),
    )
    assert client.files.content(upload.file.id).read() == content
    job = client.fine_tuning.jobs.create(
        model="kitchen-base", training_file=upload.file.id
    )
    assert wait_for_job(client, job.id).status == "succeeded"


def test_a_training_file_is_known_by_its_name_or_by_its_type(client):
    for filename, mime_type in (
        ("rows.jsonl", "anything"),
        ("rows", "Text/JSONL; charset=utf-8"),
    ):
        upload = begin(client, 1, "fine-tune", filename=filename, mime_type=mime_type)
        assert upload.filename == filename
    with pytest.raises(openai.BadRequestError) as caught:
        begin(client, 1, "fine-tune", filename="rows", mime_type="text/csv")
    assert (caught.value.param, caught.value.code) == (
        "filename",
        "invalid_file_format",
    )


def test_a_part_says_where_it_belongs(client):
    upload = begin(client, 1)
    part = client.uploads.parts.create(upload.id, data=b"x")
    assert part.id.startswith("part_")
    assert (part.object, part.upload_id) == ("upload.part", upload.id)


def test_parts_may_come_side_by_side(client):
    pieces = [bytes([65 + number]) * 50_000 for number in range(6)]
    upload = begin(client, 300_000)
    ids = [""] * 6

    def send(number: int) -> None:
        ids[number] = add(client, upload, pieces[number])

    threads = [threading.Thread(target=send, args=(n,)) for n in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    done = client.uploads.complete(upload.id, part_ids=ids)
    assert client.files.content(done.file.id).read() == b"".join(pieces)


def test_a_part_that_is_not_named_is_left_out_and_removed(fake, client):
    before = blobs_of(fake)
    upload = begin(client, 3)
    twice = [add(client, upload, b"abc") for _ in range(2)]
    done = client.uploads.complete(upload.id, part_ids=twice[1:])
    assert client.files.content(done.file.id).read() == b"abc"
    assert len(blobs_of(fake) - before) == 1


@pytest.mark.parametrize("size", [2, 4])
def test_parts_must_have_the_declared_number_of_bytes(client, size):
    upload = begin(client, size)
    part = add(client, upload, b"abc")
    with pytest.raises(
        openai.BadRequestError, match=f"3 bytes.* for {size} bytes"
    ) as c:
        client.uploads.complete(upload.id, part_ids=[part])
    assert (c.value.param, c.value.code) == ("part_ids", "upload_size_mismatch")


def test_a_wrong_checksum_leaves_the_upload_pending_and_no_file(fake, client):
    upload = begin(client, 6)
    parts = [add(client, upload, b"abc"), add(client, upload, b"def")]
    before = blobs_of(fake)
    md5 = hashlib.md5(b"abcdef").hexdigest()
    with pytest.raises(openai.BadRequestError, match="order") as caught:
        client.uploads.complete(upload.id, part_ids=parts[::-1], md5=md5)
    assert caught.value.param == "md5"
    assert blobs_of(fake) == before
    done = client.uploads.complete(upload.id, part_ids=parts, md5=md5.upper())
    assert done.status == "completed"


def test_part_ids_must_be_parts_of_this_upload_each_once(client):
    upload, other = begin(client, 2), begin(client, 2)
    own, foreign = add(client, upload, b"a"), add(client, other, b"b")
    for ids, place in (
        ([own, foreign], "part_ids[1]"),
        ([own, own], "part_ids[1]"),
        (["part_nobody", own], "part_ids[0]"),
        ([], "part_ids"),
    ):
        with pytest.raises(openai.BadRequestError) as caught:
            client.uploads.complete(upload.id, part_ids=ids)
        assert caught.value.param == place


def test_a_cancelled_upload_takes_its_parts_from_the_disk(fake, client):
    before = blobs_of(fake)
    upload = begin(client, 6)
    part = add(client, upload, b"abc")
    assert len(blobs_of(fake) - before) == 1
    cancelled = client.uploads.cancel(upload.id)
    assert (cancelled.id, cancelled.status) == (upload.id, "cancelled")
    assert blobs_of(fake) == before
    for call in (
        lambda: add(client, upload, b"def"),
        lambda: client.uploads.complete(upload.id, part_ids=[part]),
        lambda: client.uploads.cancel(upload.id),
    ):
        with pytest.raises(openai.BadRequestError, match="is cancelled") as caught:
            call()
        assert caught.value.code == "invalid_upload_state"
    assert blobs_of(fake) == before


def test_a_completed_upload_takes_no_more_parts_and_is_not_cancelled(client):
    upload = begin(client, 3)
    part = add(client, upload, b"abc")
    done = client.uploads.complete(upload.id, part_ids=[part])
    for call in (
        lambda: add(client, upload, b"def"),
        lambda: client.uploads.complete(upload.id, part_ids=[part]),
        lambda: client.uploads.cancel(upload.id),
    ):
        with pytest.raises(openai.BadRequestError, match="is completed"):
            call()
    assert client.files.retrieve(done.file.id).id == done.file.id


def test_a_client_that_missed_the_answer_gets_it_again(client):
    upload = begin(client, 3)
    part = add(client, upload, b"abc")
    done = client.uploads.complete(upload.id, part_ids=[part])
    again = {"x-stainless-retry-count": "1"}
    same = client.uploads.complete(upload.id, part_ids=[part], extra_headers=again)
    assert same == done
    other = begin(client, 3)
    cancelled = client.uploads.cancel(other.id)
    assert client.uploads.cancel(other.id, extra_headers=again) == cancelled


def test_an_expired_upload_is_over_at_once_and_swept_from_the_disk(fake, client):
    before = blobs_of(fake)
    upload = begin(client, 3)
    part = add(client, upload, b"abc")
    move_clock(fake, upload.id, 3600)
    for call in (
        lambda: add(client, upload, b"def"),
        lambda: client.uploads.complete(upload.id, part_ids=[part]),
        lambda: client.uploads.cancel(upload.id),
    ):
        with pytest.raises(openai.BadRequestError, match="is expired"):
            call()
    sweep(fake)
    assert blobs_of(fake) == before
    with pytest.raises(openai.BadRequestError, match="is expired"):
        client.uploads.cancel(upload.id)


def test_an_ended_upload_is_forgotten_after_a_day_and_its_file_is_not(fake, client):
    upload = begin(client, 3)
    part = add(client, upload, b"abc")
    file = client.uploads.complete(upload.id, part_ids=[part]).file
    move_clock(fake, upload.id, 24 * 3600 + 60)
    sweep(fake)
    with pytest.raises(openai.NotFoundError, match="No such Upload"):
        client.uploads.cancel(upload.id)
    assert client.files.content(file.id).read() == b"abc"


def test_pending_parts_survive_a_restart_and_strays_do_not(tmp_path):
    with FakeTraining(tmp_path) as server:
        upload = begin(server.client, 6)
        first = add(server.client, upload, b"abc")
    (tmp_path / "blobs" / "stray").write_bytes(b"left by a crash")
    with FakeTraining(tmp_path) as server:
        assert "stray" not in blobs_of(server)
        last = add(server.client, upload, b"def")
        done = server.client.uploads.complete(upload.id, part_ids=[first, last])
        assert server.client.files.content(done.file.id).read() == b"abcdef"


def test_of_two_completions_at_once_one_wins_and_nothing_is_left_over(fake, client):
    before = blobs_of(fake)
    upload = begin(client, 3_000_000)
    part = add(client, upload, b"x" * 3_000_000)
    results = []

    def complete() -> None:
        try:
            results.append(client.uploads.complete(upload.id, part_ids=[part]).status)
        except openai.BadRequestError as fault:
            results.append(fault.code)

    threads = [threading.Thread(target=complete) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(results) == ["completed", *["invalid_upload_state"] * 3]
    assert len(blobs_of(fake) - before) == 1


def test_a_cancel_in_the_middle_of_a_completion_wins(fake, client, monkeypatch):
    upload = begin(client, 6)
    parts = [add(client, upload, b"abc"), add(client, upload, b"def")]
    before, join = blobs_of(fake), fake.provider.blobs.join

    def slow_join(names, draft):
        client.uploads.cancel(upload.id)
        return join(names, draft)

    monkeypatch.setattr(fake.provider.blobs, "join", slow_join)
    with pytest.raises(openai.BadRequestError, match="is cancelled"):
        client.uploads.complete(upload.id, part_ids=parts)
    assert len(before - blobs_of(fake)) == 2
    assert blobs_of(fake) < before


def test_the_lifetime_of_the_file_begins_when_there_is_a_file(client):
    upload = begin(client, 1, expires_after={"anchor": "created_at", "seconds": 7200})
    part = add(client, upload, b"x")
    file = client.uploads.complete(upload.id, part_ids=[part]).file
    assert file.expires_at == file.created_at + 7200


@pytest.mark.parametrize(
    ("change", "param"),
    [
        ({"purpose": "evals"}, "purpose"),
        ({"purpose": "nonsense"}, "purpose"),
        ({"purpose": "fine-tune", "filename": "rows.csv"}, "filename"),
        ({"filename": ""}, "filename"),
        ({"bytes": 0}, "bytes"),
        ({"bytes": "3"}, "bytes"),
        ({"bytes": 8 * 2**30 + 1}, "bytes"),
        ({"mime_type": 1}, "mime_type"),
        ({"expires_after": {"anchor": "created_at"}}, "expires_after.seconds"),
        (
            {"expires_after": {"anchor": "created_at", "seconds": 1}},
            "expires_after.seconds",
        ),
        ({"surprise": 1}, "surprise"),
    ],
)
def test_a_wrong_field_of_a_new_upload_is_named(client, change, param):
    body = {"bytes": 1, "filename": "a", "mime_type": "b", "purpose": "user_data"}
    with pytest.raises(openai.BadRequestError) as caught:
        client.post("/uploads", body={**body, **change}, cast_to=object)
    assert caught.value.param == param


def test_an_unknown_upload_is_a_404_for_every_call(fake, client):
    before = blobs_of(fake)
    for call in (
        lambda: client.uploads.parts.create("upload_nobody", data=b"x"),
        lambda: client.uploads.complete("upload_nobody", part_ids=["part_x"]),
        lambda: client.uploads.cancel("upload_nobody"),
    ):
        with pytest.raises(openai.NotFoundError, match="No such Upload object"):
            call()
    assert blobs_of(fake) == before


@pytest.mark.parametrize(
    ("form", "param"),
    [
        ({"files": {"data": ("a", b"")}}, "data"),
        ({"files": {"file": ("a", b"x")}}, "file"),
        ({"files": {"data": (None, b"x")}}, "data"),
        ({"files": {"data": ("a", b"x")}, "data": {"purpose": "batch"}}, "purpose"),
    ],
)
def test_a_wrong_part_is_refused_and_leaves_nothing(fake, client, form, param):
    upload, before = begin(client, 3), blobs_of(fake)
    answer = httpx.post(
        f"{fake.url}/uploads/{upload.id}/parts",
        headers={"authorization": f"Bearer {KEY}"},
        **form,
    )
    assert answer.status_code == 400
    assert answer.json()["error"]["param"] == param
    assert blobs_of(fake) == before


def test_every_cap_has_its_answer(tmp_path):
    limits = Limits(
        upload_part_bytes=2_000_000, upload_parts=3, open_uploads=2, free_disk_bytes=0
    )
    with FakeTraining(tmp_path, limits=limits) as server:
        client = server.client
        upload = begin(client, 1)
        with pytest.raises(openai.APIStatusError, match="smaller parts") as caught:
            add(client, upload, io.BytesIO(b"x" * 5_000_000))
        assert (caught.value.status_code, caught.value.param) == (413, "data")
        assert blobs_of(server) == set()
        for _ in range(2):
            add(client, upload, b"x")
        with pytest.raises(openai.BadRequestError) as caught:
            add(client, upload, b"x" * 2_000_000)
        assert caught.value.code == "upload_too_large"
        add(client, upload, b"x")
        with pytest.raises(openai.BadRequestError) as caught:
            add(client, upload, b"x")
        assert caught.value.code == "too_many_parts"
        assert len(blobs_of(server)) == 3
        begin(client, 5)
        with pytest.raises(openai.RateLimitError, match="2 uploads are pending"):
            begin(client, 5)
        client.uploads.cancel(upload.id)
        assert begin(client, 5).status == "pending"


def test_an_upload_that_the_disk_cannot_hold_is_refused_before_its_parts(tmp_path):
    limits = Limits(free_disk_bytes=2**62)
    with FakeTraining(tmp_path, limits=limits) as server:
        with pytest.raises(openai.BadRequestError) as caught:
            begin(server.client, 3)
        assert caught.value.code == "insufficient_storage"


# The tables


@pytest.fixture
def store(tmp_path):
    store = Store(tmp_path / "store.sqlite3")
    yield store
    store.close()


def insert(session, upload_id: str, expires_at: int, *blobs: str):
    upload = session.add_upload(
        id=upload_id,
        created_at=1,
        expires_at=expires_at,
        filename="a",
        purpose="batch",
        bytes=3,
        file_seconds=None,
    )
    for blob in blobs:
        session.add_upload_part(
            id=f"part-{blob}", upload_id=upload_id, created_at=1, bytes=2, blob=blob
        )
    return upload


def test_the_state_follows_the_time_before_anybody_sweeps(store):
    with store.write() as session:
        upload = insert(session, "u", 100)
        assert session.count_pending_uploads(99) == 1
        assert session.count_pending_uploads(100) == 0
    assert upload.state_at(99) == PENDING
    assert upload.state_at(100) == EXPIRED


def test_ending_an_upload_gives_back_the_blobs_of_its_own_parts(store):
    with store.write() as session:
        insert(session, "u", 100, "a", "b")
        insert(session, "v", 100, "c")
        assert session.weigh_upload("u") == (2, 4)
        assert sorted(session.blobs_in_use()) == ["a", "b", "c"]
        assert sorted(session.end_upload("u", CANCELLED, 5)) == ["a", "b"]
        assert session.weigh_upload("u") == (0, 0)
        assert session.blobs_in_use() == ["c"]
        assert session.upload("u").state == CANCELLED


def test_only_uploads_whose_time_is_over_expire(store):
    with store.write() as session:
        insert(session, "old", 100, "a")
        insert(session, "new", 101, "b")
        assert session.end_expired_uploads(100) == ["a"]
        assert session.end_expired_uploads(100) == []
        assert session.upload("old").state == EXPIRED
        assert session.upload("new").state == PENDING
        session.forget_uploads(101)
        assert session.upload("old") is None
        assert session.upload("new") is not None


def test_ten_thousand_parts_are_weighed_in_a_moment(store):
    with store.write() as session:
        insert(session, "u", 100, *(str(number) for number in range(10_000)))
    began = time.perf_counter()
    with store.read() as session:
        assert session.weigh_upload("u") == (10_000, 20_000)
    assert time.perf_counter() - began < 0.1
