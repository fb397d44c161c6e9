"""The database: whole changes, rising numbers, a place for every version."""

from __future__ import annotations

import sqlite3
import threading
import time

import pytest

from helpers.provider.migrations import MIGRATIONS
from helpers.provider.store import Store, UnknownCursor


@pytest.fixture
def store(tmp_path):
    store = Store(tmp_path / "store.sqlite3")
    yield store
    store.close()


def add_job(session, job_id: str, **columns):
    defaults = {
        "created_at": 1,
        "model": "m",
        "trained_model": "m",
        "planned_name": f"ft:m:local::{job_id}",
        "training_file": "file-1",
        "method": "supervised",
        "asked": {"n_epochs": "auto"},
        "seed": 0,
        "integrations": [],
        "state": "queued",
        "request_hash": "h",
    }
    return session.add_job(id=job_id, **{**defaults, **columns})


def add_event(session, job_id: str, number: int):
    session.add_event(
        id=f"ftevent-{number}",
        job_id=job_id,
        created_at=1,
        level="info",
        type="message",
        message=str(number),
        data={},
    )


def test_a_change_that_fails_leaves_nothing(store):
    def fail():
        with store.write() as session:
            add_job(session, "a")
            raise ValueError("midway")

    with pytest.raises(ValueError, match="midway"):
        fail()
    with store.read() as session:
        assert session.job("a") is None


def test_what_was_committed_is_there_after_opening_again(store, tmp_path):
    with store.write() as session:
        add_job(session, "a", metadata={"k": "v"}, resolved={"n_epochs": 3})
    other = Store(tmp_path / "store.sqlite3")
    with other.read() as session:
        job = session.job("a")
    other.close()
    assert (job.metadata, job.resolved) == ({"k": "v"}, {"n_epochs": 3})


def test_job_rows_are_flushed_to_the_disk_before_a_commit_returns(store):
    for connection in (store._writer, store._reader):
        assert connection.execute("PRAGMA synchronous").fetchone()[0] == 2
        assert connection.execute("PRAGMA journal_mode").fetchone()[0] == "wal"


def test_events_keep_their_order_under_many_writers(store):
    with store.write() as session:
        add_job(session, "a")

    def write(start: int) -> None:
        for number in range(start, start + 20):
            with store.write() as session:
                add_event(session, "a", number)

    threads = [threading.Thread(target=write, args=(n * 100,)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with store.read() as session:
        rows = session.list_events("a", limit=1000, after=None).rows
    seqs = [event.seq for event in rows]
    assert len(rows) == 80
    assert seqs == sorted(seqs, reverse=True)


def test_the_interrupted_job_comes_first_then_the_queue_in_order(store):
    with store.write() as session:
        add_job(session, "late", queue_position=3)
        add_job(session, "early", queue_position=2)
        add_job(session, "interrupted", state="running", queue_position=9)
    order = []
    for _ in range(3):
        with store.write() as session:
            job = session.next_in_queue()
            order.append(job.id)
            session.update_job(job.id, state="succeeded")
    assert order == ["interrupted", "early", "late"]


def test_a_cursor_from_nowhere_is_an_error(store):
    with store.read() as session, pytest.raises(UnknownCursor):
        session.list_jobs(limit=1, after="nobody")


def test_metadata_filters_compare_whole_values(store):
    with store.write() as session:
        add_job(session, "a", metadata={"run": "1", "k'ey": "%"})
        add_job(session, "b", metadata={"run": "10"})
        add_job(session, "c")

    def found(**filters):
        with store.read() as session:
            page = session.list_jobs(limit=9, after=None, **filters)
        return [job.id for job in page.rows]

    assert found(metadata={"run": "1"}) == ["a"]
    assert found(metadata={"k'ey": "%"}) == ["a"]
    assert found(metadata={"run": "%"}) == []
    assert found(without_metadata=True) == ["c"]


def test_a_database_of_a_newer_program_is_refused(tmp_path):
    path = tmp_path / "store.sqlite3"
    connection = sqlite3.connect(path)
    connection.execute(f"PRAGMA user_version = {len(MIGRATIONS) + 1}")
    connection.close()
    with pytest.raises(RuntimeError, match="newer program"):
        Store(path)


def test_a_thousand_jobs_are_listed_in_a_moment(store):
    with store.write() as session:
        for number in range(1000):
            job = add_job(session, f"job-{number}", metadata={"n": str(number)})
            for step in range(10):
                add_event(session, job.id, number * 10 + step)
    began = time.perf_counter()
    with store.read() as session:
        page = session.list_jobs(limit=20, after="job-500")
        session.list_events("job-0", limit=20, after=None)
        session.next_in_queue()
    assert time.perf_counter() - began < 0.1
    assert [job.id for job in page.rows][:2] == ["job-499", "job-498"]
