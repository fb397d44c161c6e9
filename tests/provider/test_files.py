"""Rules of the Files API, through the openai client."""

from __future__ import annotations

import io
import sqlite3
import time

import openai
import pytest

from helpers.provider.settings import Limits
from tests.provider.harness import FakeTraining, jsonl, wait_for_job


def upload(client, content: bytes = b"text", purpose: str = "user_data", **more):
    return client.files.create(file=content, purpose=purpose, **more)


def test_a_file_comes_back_byte_for_byte(client):
    content = bytes(range(256)) * 10_000
    file = upload(client, content)
    assert file.bytes == len(content)
    assert client.files.content(file.id).read() == content


def test_an_upload_is_shown_as_processed_at_once(client):
    file = client.files.create(file=("my.jsonl", jsonl()), purpose="fine-tune")
    assert (file.object, file.status, file.filename) == (
        "file",
        "processed",
        "my.jsonl",
    )
    assert file.id.startswith("file-")
    assert client.files.wait_for_processing(file.id) == file
    assert client.files.retrieve(file.id) == file


def test_bytes_without_a_name_are_accepted_as_a_training_file(client):
    assert upload(client, jsonl(), "fine-tune").filename == "upload"


def test_a_training_file_must_be_called_jsonl(client):
    with pytest.raises(openai.BadRequestError) as caught:
        client.files.create(file=("rows.csv", b"a,b"), purpose="fine-tune")
    assert caught.value.body == {
        "message": "Invalid file format for Fine-Tuning API. Must be .jsonl",
        "type": "invalid_request_error",
        "param": "file",
        "code": "invalid_file_format",
    }


def test_the_content_of_a_training_file_is_judged_by_the_job_not_the_upload(client):
    file = upload(client, b'{"prompt": "a", "completion": "b"}', "fine-tune")
    assert file.status == "processed"


def test_an_empty_file_is_refused(client):
    with pytest.raises(openai.BadRequestError, match="File is empty"):
        upload(client, b"")


@pytest.mark.parametrize("purpose", ["evals", "nonsense"])
def test_a_purpose_that_is_not_served_is_refused(client, purpose):
    with pytest.raises(openai.BadRequestError) as caught:
        upload(client, purpose=purpose)
    assert caught.value.param == "purpose"


def test_a_deleted_file_is_gone_for_every_call(client):
    file = upload(client)
    deleted = client.files.delete(file.id)
    assert (deleted.id, deleted.deleted) == (file.id, True)
    for call in (client.files.retrieve, client.files.content, client.files.delete):
        with pytest.raises(openai.NotFoundError, match="No such File object"):
            call(file.id)
    assert file.id not in [other.id for other in client.files.list()]


def test_deleting_a_file_removes_its_bytes_from_the_disk(fake, client):
    before = set((fake.home / "blobs").iterdir())
    file = upload(client)
    assert len(set((fake.home / "blobs").iterdir()) - before) == 1
    client.files.delete(file.id)
    assert set((fake.home / "blobs").iterdir()) == before


def test_files_are_listed_newest_first_and_in_pages(client):
    ids = [upload(client, purpose="vision").id for _ in range(5)]
    listed = [file.id for file in client.files.list(purpose="vision", limit=2)]
    assert listed == ids[::-1]
    page = client.files.list(purpose="vision", limit=2)
    assert page.has_more
    assert len(page.data) == 2
    oldest_first = client.files.list(purpose="vision", limit=2, order="asc")
    assert [file.id for file in oldest_first] == ids


def test_a_list_goes_on_behind_a_file_that_was_deleted_meanwhile(client):
    # A purpose that no other test uses, since the server is shared.
    ids = {upload(client, purpose="assistants").id for _ in range(5)}
    deleted = set()
    for file in client.files.list(purpose="assistants", limit=2):
        deleted.add(client.files.delete(file.id).id)
    assert deleted == ids


@pytest.mark.parametrize(
    ("query", "param"),
    [
        ({"limit": "0"}, "limit"),
        ({"limit": "10001"}, "limit"),
        ({"limit": "many"}, "limit"),
        ({"order": "up"}, "order"),
        ({"after": "file-nobody"}, "after"),
    ],
)
def test_a_wrong_list_parameter_is_named(client, query, param):
    with pytest.raises(openai.BadRequestError) as caught:
        client.files.list(extra_query=query)
    assert caught.value.param == param


def test_a_file_with_a_lifetime_says_when_it_ends(client):
    file = upload(client, expires_after={"anchor": "created_at", "seconds": 3600})
    assert file.expires_at == file.created_at + 3600
    assert upload(client).expires_at is None


@pytest.mark.parametrize("seconds", [3599, 2_592_001])
def test_a_lifetime_outside_an_hour_to_thirty_days_is_refused(client, seconds):
    with pytest.raises(openai.BadRequestError) as caught:
        upload(client, expires_after={"anchor": "created_at", "seconds": seconds})
    assert caught.value.param == "expires_after[seconds]"


def test_an_expired_file_is_gone(fake, client):
    file = upload(client, expires_after={"anchor": "created_at", "seconds": 3600})
    with fake.store.write() as session:
        session._connection.execute(
            "UPDATE files SET expires_at = ? WHERE id = ?", (int(time.time()), file.id)
        )
    with pytest.raises(openai.NotFoundError):
        client.files.retrieve(file.id)


def test_a_file_in_use_by_a_job_cannot_be_deleted_until_the_job_ends(
    client, training_file
):
    job = client.fine_tuning.jobs.create(
        model="kitchen-base", training_file=training_file
    )
    client.fine_tuning.jobs.pause(job.id)
    with pytest.raises(openai.BadRequestError, match=job.id) as caught:
        client.files.delete(training_file)
    assert caught.value.code == "file_in_use"
    client.fine_tuning.jobs.cancel(job.id)
    assert client.files.delete(training_file).deleted


def test_a_file_beyond_the_cap_is_refused_and_leaves_nothing(tmp_path):
    limits = Limits(file_bytes=3_000_000, free_disk_bytes=0)
    with FakeTraining(tmp_path, limits=limits) as server:
        with pytest.raises(openai.APIStatusError) as caught:
            server.client.files.create(
                file=io.BytesIO(b"x" * 6_000_000), purpose="user_data"
            )
        assert caught.value.status_code == 413
        assert caught.value.param == "file"
        assert list((tmp_path / "blobs").iterdir()) == []
        fits = upload(server.client, b"x" * 3_000_000)
        assert fits.bytes == 3_000_000


def test_an_upload_that_would_fill_the_disk_is_refused_before_it_is_written(tmp_path):
    limits = Limits(free_disk_bytes=2**62)
    with FakeTraining(tmp_path, limits=limits) as server:
        with pytest.raises(openai.BadRequestError, match="free space") as caught:
            upload(server.client)
        assert caught.value.code == "insufficient_storage"
        assert list((tmp_path / "blobs").iterdir()) == []
        assert list(server.client.files.list()) == []


def test_an_id_is_never_a_path(client):
    for odd in ("..%2F..%2Fetc%2Fpasswd", "store.sqlite3", "file-\x00"):
        with pytest.raises(openai.NotFoundError):
            client.files.retrieve(odd)


def test_the_result_file_is_base64_unless_the_settings_say_plain(tmp_path):
    with FakeTraining(tmp_path, result_content="plain") as server:
        file = upload(server.client, jsonl(), "fine-tune")
        job = server.client.fine_tuning.jobs.create(
            model="kitchen-base", training_file=file.id
        )
        done = wait_for_job(server.client, job.id)
        text = server.client.files.content(done.result_files[0]).text
    assert text.startswith("step,train_loss,train_accuracy,valid_loss,")


def test_a_file_whose_row_cannot_be_written_leaves_no_content(fake, monkeypatch):
    before = set((fake.home / "blobs").iterdir())

    def refuse(*_, **__):
        raise sqlite3.OperationalError("database or disk is full")

    monkeypatch.setattr("helpers.provider.store.Session.add_file", refuse)
    client = fake.client.with_options(max_retries=0)
    with pytest.raises(openai.APIStatusError):
        client.files.create(file=b"x" * 1000, purpose="user_data")
    assert set((fake.home / "blobs").iterdir()) == before
