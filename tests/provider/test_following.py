"""Answers that wait: held GETs of a job, and its events as they come."""

from __future__ import annotations

import contextlib
import http.client
import json
import time
from dataclasses import replace

import openai
import pytest
from openai.types.fine_tuning import FineTuningJobEvent

from helpers.provider.__main__ import main
from helpers.provider.settings import Limits
from tests.provider.harness import (
    KEY,
    FakeTraining,
    events_of,
    jsonl,
    wait_for_job,
    wait_until,
)

BEARER = {"Authorization": f"Bearer {KEY}"}


def make_job(client, **more):
    file = client.files.create(file=jsonl(), purpose="fine-tune")
    return client.fine_tuning.jobs.create(
        model="kitchen-base", training_file=file.id, **more
    )


def follow(client, job_id, **headers):
    """Stream a job's events through the openai client."""
    return client.get(
        f"/fine_tuning/jobs/{job_id}/events",
        cast_to=object,
        stream=True,
        stream_cls=openai.Stream[FineTuningJobEvent],
        options={"params": {"stream": "true"}, "headers": headers},
    )


@contextlib.contextmanager
def open_stream(server, job_id, query="?stream=true", **headers):
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=10)
    path = f"/v1/fine_tuning/jobs/{job_id}/events{query}"
    connection.request("GET", path, headers={**BEARER, **headers})
    answer = connection.getresponse()
    try:
        yield answer
    finally:
        answer.close()
        connection.close()


def lines_until_done(answer):
    lines = []
    while (line := answer.readline().decode().rstrip("\n")) != "data: [DONE]":
        lines.append(line)
    return lines


@pytest.fixture(scope="module")
def holding(tmp_path_factory):
    with FakeTraining(
        tmp_path_factory.mktemp("holding"),
        hold_retrieve_seconds=20.0,
        limits=replace(
            Limits(), event_stream_heartbeat_seconds=0.05, open_event_streams=2
        ),
    ) as server:
        yield server


def test_a_held_get_answers_as_soon_as_the_job_has_ended(holding):
    job = make_job(holding.client)
    began = time.monotonic()
    job = holding.client.fine_tuning.jobs.retrieve(job.id)
    assert job.status == "succeeded"
    assert time.monotonic() - began < 15


def test_a_held_get_answers_with_the_state_of_then_when_the_time_is_over(tmp_path):
    with FakeTraining(tmp_path, hold_retrieve_seconds=0.5) as server:
        job = paused_job_of(server)
        began = time.monotonic()
        held = server.client.fine_tuning.jobs.retrieve(job.id)
        assert held.status in ("pausing", "paused")
        assert 0.5 <= time.monotonic() - began < 5


def test_lists_and_unknown_jobs_are_never_held(holding):
    job = make_job(holding.client, hyperparameters={"n_epochs": 50})
    began = time.monotonic()
    assert job.id in [row.id for row in holding.client.fine_tuning.jobs.list().data]
    with pytest.raises(openai.NotFoundError):
        holding.client.fine_tuning.jobs.retrieve("ftjob-nobody")
    assert time.monotonic() - began < 5
    holding.client.fine_tuning.jobs.cancel(job.id)


def test_many_held_gets_block_nothing_and_end_with_the_job_or_their_client(holding):
    job = paused_job_of(holding)
    path = f"/v1/fine_tuning/jobs/{job.id}"
    clients = []
    # More than the server has threads.
    for _ in range(60):
        connection = http.client.HTTPConnection("127.0.0.1", holding.port, timeout=20)
        connection.request("GET", path, headers=BEARER)
        clients.append(connection)
    changes = holding.store.changes
    wait_until(lambda: changes.waiting() == 60)
    began = time.monotonic()
    holding.client.models.list()
    assert time.monotonic() - began < 2
    for connection in clients[1:]:
        connection.close()
    wait_until(lambda: changes.waiting() == 1)
    holding.client.fine_tuning.jobs.cancel(job.id)
    with clients[0].getresponse() as held:
        answer = json.loads(held.read())
    clients[0].close()
    assert answer["status"] == "cancelled"
    wait_until(lambda: changes.waiting() == 0)


def test_a_server_that_stops_keeps_nobody_waiting(tmp_path):
    with FakeTraining(tmp_path, hold_retrieve_seconds=100.0) as server:
        job = paused_job_of(server)
        connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=20)
        path = f"/v1/fine_tuning/jobs/{job.id}"
        connection.request("GET", path, headers=BEARER)
        with open_stream(server, job.id) as stream:
            wait_until(lambda: server.store.changes.waiting() == 2)
            server._server.should_exit = True
            with connection.getresponse() as held:
                assert json.loads(held.read())["id"] == job.id
            assert b"[DONE]" not in stream.read()
        connection.close()


def test_a_hold_longer_than_clients_wait_is_refused_at_the_start(capsys):
    for seconds in ("-1", "541", "nan"):
        assert main(["serve", "--hold-retrieve", seconds]) == 2
        assert "--hold-retrieve" in capsys.readouterr().err


def test_events_are_streamed_oldest_first_as_they_stand_in_the_list(fake):
    job = make_job(fake.client, hyperparameters={"n_epochs": 2})
    with follow(fake.client, job.id) as stream:
        streamed = [event.model_dump() for event in stream]
    assert streamed == [event.model_dump() for event in events_of(fake.client, job.id)]
    assert streamed[-1]["message"] == "The job has successfully completed"
    assert wait_for_job(fake.client, job.id).status == "succeeded"


def test_an_event_is_seen_before_its_job_has_ended(holding):
    job = paused_job_of(holding)
    with open_stream(holding, job.id) as answer:
        assert answer.getheader("content-type").startswith("text/event-stream")
        first = json.loads(answer.readline().decode().removeprefix("data: "))
        assert first["message"].startswith("Created")
        assert answer.readline().decode().startswith("id: ftevent-")
        while not answer.readline().startswith(b": ping"):
            pass
        holding.client.fine_tuning.jobs.cancel(job.id)
        lines = lines_until_done(answer)
    assert any("Fine-tuning job cancelled" in line for line in lines)


def paused_job_of(server):
    """Return a job that does not end by itself."""
    job = make_job(server.client, hyperparameters={"n_epochs": 50})
    server.client.fine_tuning.jobs.pause(job.id)
    return job


@pytest.mark.parametrize("way", ["after", "header", "accept"])
def test_a_stream_goes_on_behind_the_event_seen_last(fake, way):
    job = make_job(fake.client)
    wait_for_job(fake.client, job.id)
    events = events_of(fake.client, job.id)
    query, headers = "?stream=true", {}
    if way == "after":
        query += f"&after={events[2].id}"
    else:
        headers["Last-Event-ID"] = events[2].id
    if way == "accept":
        query, headers["Accept"] = "", "text/event-stream"
    with open_stream(fake, job.id, query, **headers) as answer:
        lines = lines_until_done(answer)
    ids = [line.removeprefix("id: ") for line in lines if line.startswith("id: ")]
    assert ids == [event.id for event in events[3:]]


def test_a_stream_goes_on_where_it_was_when_the_server_starts_again(tmp_path):
    with FakeTraining(tmp_path) as server:
        job = make_job(server.client)
        with open_stream(server, job.id) as answer:
            answer.readline()
            seen = answer.readline().decode().rstrip("\n").removeprefix("id: ")
    with FakeTraining(tmp_path) as server:
        with follow(server.client, job.id, **{"Last-Event-ID": seen}) as stream:
            ids = [event.id for event in stream]
        assert [seen, *ids] == [event.id for event in events_of(server.client, job.id)]


def test_streams_of_what_is_not_there_are_refused(fake):
    job, other = make_job(fake.client), make_job(fake.client)
    wait_for_job(fake.client, other.id)
    foreign = events_of(fake.client, other.id)[0].id
    for job_id, query, status, param in (
        ("ftjob-nobody", "?stream=true", 404, "fine_tune_id"),
        (job.id, "?stream=true&after=nobody", 400, "after"),
        (job.id, f"?stream=true&after={foreign}", 400, "after"),
        (job.id, "?stream=yes", 400, "stream"),
        (job.id, "?stream=true&limit=0", 400, "limit"),
    ):
        with open_stream(fake, job_id, query) as answer:
            assert answer.status == status
            assert json.loads(answer.read())["error"]["param"] == param


def test_open_streams_are_counted_and_end_with_their_client(holding):
    job = paused_job_of(holding)
    with (
        open_stream(holding, job.id),
        open_stream(holding, job.id),
        open_stream(holding, job.id) as refused,
    ):
        assert refused.status == 429
        assert refused.getheader("retry-after") == "5"
        assert refused.getheader("x-should-retry") is None
        assert json.loads(refused.read())["error"]["code"] == "rate_limit_exceeded"
    wait_until(lambda: holding.store.changes.open_streams == 0)
    with open_stream(holding, job.id) as answer:
        assert answer.status == 200
        holding.client.fine_tuning.jobs.cancel(job.id)
        lines_until_done(answer)
