"""Supervision and recovery, with a countdown in place of training."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import sqlite3
import sys
import threading

import psutil

from helpers.provider import lifecycle
from helpers.provider.journal import JOURNAL_FILE, JournalWriter
from helpers.provider.runner import count_examples, result_csv
from helpers.provider.settings import Limits
from helpers.provider.store import Store
from tests.provider.harness import (
    FakeTraining,
    events_of,
    jsonl,
    messages_of,
    wait_for_job,
    wait_until,
)

ONE_EPOCH = {"n_epochs": 1, "batch_size": 1, "learning_rate_multiplier": 1}


def start_job(server, n_epochs: int = 25) -> str:
    client = server.client
    file = client.files.create(file=jsonl(), purpose="fine-tune")
    job = client.fine_tuning.jobs.create(
        model="kitchen-base",
        training_file=file.id,
        hyperparameters={"n_epochs": n_epochs},
    )
    return job.id


def steps_of(server, job_id: str) -> list[int]:
    return [
        event.data["step"]
        for event in events_of(server.client, job_id)
        if event.type == "metrics"
    ]


def test_a_killed_worker_is_replaced_and_no_step_is_lost_or_doubled(fake):
    job_id = start_job(fake)
    for goal in (10, 60):
        wait_until(lambda goal=goal: len(steps_of(fake, job_id)) > goal)
        os.kill(fake.worker_pid(), signal.SIGKILL)
    assert wait_for_job(fake.client, job_id, 200).status == "succeeded"
    assert steps_of(fake, job_id) == list(range(1, 101))
    warnings = [e for e in events_of(fake.client, job_id) if e.level == "warn"]
    assert len(warnings) == 2
    assert "signal 9" in warnings[0].message


def test_a_killed_idle_worker_is_replaced(fake):
    pid = fake.worker_pid()
    os.kill(pid, signal.SIGKILL)
    wait_until(lambda: fake.worker_pid() != pid)
    job_id = start_job(fake, n_epochs=1)
    assert wait_for_job(fake.client, job_id).status == "succeeded"


def test_a_job_that_gets_no_further_in_three_attempts_fails_with_advice(fake):
    job_id = start_job(fake)
    wait_until(lambda: steps_of(fake, job_id))
    (fake.home / "jobs" / job_id / "die").touch()
    job = wait_for_job(fake.client, job_id, 200)
    assert job.status == "failed"
    assert job.error.code == "training_process_ended"
    assert "3 times in a row" in job.error.message
    assert "batch_size" in job.error.message
    # The next job is not harmed.
    other = start_job(fake, n_epochs=1)
    assert wait_for_job(fake.client, other).status == "succeeded"


def test_a_silent_worker_is_killed_and_its_job_goes_on(tmp_path):
    limits = Limits(worker_silence_seconds=1.6)
    with FakeTraining(tmp_path, limits=limits) as server:
        job_id = start_job(server)
        wait_until(lambda: steps_of(server, job_id))
        os.kill(server.worker_pid(), signal.SIGSTOP)
        assert wait_for_job(server.client, job_id, 200).status == "succeeded"
        assert steps_of(server, job_id) == list(range(1, 101))


def test_a_worker_that_does_not_start_fails_the_job_and_says_where_to_look(tmp_path):
    command = (sys.executable, "-c", "raise SystemExit('no torch')")
    with FakeTraining(tmp_path, worker_command=command) as server:
        job = wait_for_job(server.client, start_job(server), 200)
        assert job.error.code == "training_process_missing"
        assert "worker.log" in job.error.message
    assert "no torch" in (tmp_path / "worker.log").read_text(encoding="utf-8")


def test_the_worker_ends_with_its_server(tmp_path):
    with FakeTraining(tmp_path) as server:
        worker = psutil.Process(server.worker_pid())
    wait_until(lambda: not worker.is_running())


def test_a_stopped_server_takes_its_jobs_up_again(tmp_path):
    with FakeTraining(tmp_path) as server:
        running, queued = start_job(server), start_job(server, n_epochs=1)
        paused = start_job(server)
        server.client.fine_tuning.jobs.pause(paused)
        wait_until(lambda: len(steps_of(server, running)) > 10)
    with FakeTraining(tmp_path) as server:
        wait_for_job(server.client, running, 200)
        assert steps_of(server, running) == list(range(1, 101))
        assert wait_for_job(server.client, queued).status == "succeeded"
        state = server.client.fine_tuning.jobs.retrieve(paused).status
        assert state == "paused"
        messages = messages_of(server.client, running)
        assert messages.count("Fine-tuning job started") == 1


def test_a_job_keeps_the_place_of_its_coming_when_its_files_are_read_later(
    fake, monkeypatch
):
    running, held, runner = start_job(fake), [], fake.provider.runner
    wait_for_job(fake.client, running, 60, "running")
    submit = runner.submit
    monkeypatch.setattr(runner, "submit", held.append)
    first, second = start_job(fake, n_epochs=1), start_job(fake)
    for job in reversed(held):
        submit(job)
        wait_for_job(fake.client, job.id, 60, "queued")
    jobs = fake.client.fine_tuning.jobs
    jobs.cancel(running)
    wait_for_job(fake.client, second, 60, "running")
    assert jobs.retrieve(first).status == "succeeded"
    jobs.cancel(second)


def test_a_job_that_is_resumed_before_its_files_are_read_waits_in_its_place(
    fake, monkeypatch
):
    monkeypatch.setattr(fake.provider.runner, "submit", lambda job: None)
    jobs = fake.client.fine_tuning.jobs
    held, other = start_job(fake), start_job(fake)
    jobs.pause(held)
    jobs.resume(held)
    later = start_job(fake)
    with fake.store.read() as session:
        places = [session.job(job).queue_position for job in (other, held, later)]
    assert places == sorted(set(places))
    for job in (held, other, later):
        jobs.cancel(job)


def put_job(server, **columns) -> None:
    """Write a job straight into the database, as a killed server leaves it."""
    with server.store.write() as session:
        session.add_file(
            id="file-1",
            bytes=1,
            created_at=1,
            filename="a.jsonl",
            purpose="fine-tune",
            blob=server.provider.blobs.write(jsonl()),
        )
        session.add_job(
            id="ftjob-1",
            created_at=1,
            model="kitchen-base",
            trained_model="kitchen-base",
            planned_name="ft:kitchen-base:local::abc",
            training_file="file-1",
            method="supervised",
            asked=ONE_EPOCH,
            seed=0,
            integrations=[],
            request_hash="h",
            **columns,
        )


def test_a_job_whose_validation_was_interrupted_is_validated_at_the_next_start(
    tmp_path,
):
    server = FakeTraining(tmp_path)
    put_job(server, state="validating_files")
    with server:
        assert wait_for_job(server.client, "ftjob-1").status == "succeeded"


def test_reports_that_were_written_but_not_read_are_taken_at_the_next_start(tmp_path):
    """A server killed while the worker finished: the model is there all the same."""
    server = FakeTraining(tmp_path)
    put_job(server, state="running", resolved=ONE_EPOCH, started_at=1)
    folder = tmp_path / "jobs" / "ftjob-1"
    model = folder / "checkpoints" / "step-4"
    model.mkdir(parents=True)
    journal = JournalWriter(folder / JOURNAL_FILE)
    for step in range(1, 5):
        journal.append(
            {"type": "step", "step": step, "total_steps": 4, "train_loss": float("nan")}
        )
    journal.append({"type": "checkpoint", "step": 4, "model_path": str(model)})
    journal.append({"type": "result", "status": "succeeded", "trained_tokens": 5})
    journal.close()
    with server:
        job = server.client.fine_tuning.jobs.retrieve("ftjob-1")
        assert (job.status, job.trained_tokens) == ("succeeded", 5)
        assert steps_of(server, "ftjob-1") == [1, 2, 3, 4]
        assert server.client.models.retrieve(job.fine_tuned_model)


def test_reports_that_cannot_be_read_fail_the_job_and_no_other(tmp_path):
    server = FakeTraining(tmp_path)
    put_job(server, state="running", resolved=ONE_EPOCH, started_at=1)
    folder = tmp_path / "jobs" / "ftjob-1"
    folder.mkdir(parents=True)
    (folder / JOURNAL_FILE).write_bytes(b"\x00\x01 flipped bits\n")
    with server:
        job = server.client.fine_tuning.jobs.retrieve("ftjob-1")
        assert (job.status, job.error.code) == ("failed", "server_error")
        other = start_job(server, n_epochs=1)
        assert wait_for_job(server.client, other).status == "succeeded"


def test_what_a_kill_kept_from_being_removed_goes_at_the_next_start(tmp_path):
    with FakeTraining(tmp_path) as server:
        job_id = start_job(server, n_epochs=2)
        wait_for_job(server.client, job_id)
    jobs = tmp_path / "jobs"
    for stray in (f"{job_id}/state", f"{job_id}/checkpoints/step-99", "ftjob-nobody"):
        (jobs / stray).mkdir(parents=True)
    (tmp_path / "blobs" / "stray.part").write_bytes(b"half")
    with FakeTraining(tmp_path):
        pass
    assert [path.name for path in jobs.iterdir()] == [job_id]
    kept = sorted(path.name for path in (jobs / job_id).iterdir())
    assert kept == ["checkpoints", JOURNAL_FILE]
    names = sorted(path.name for path in (jobs / job_id / "checkpoints").iterdir())
    assert names == ["step-4", "step-8"]
    assert not (tmp_path / "blobs" / "stray.part").exists()


def test_a_job_that_was_pausing_when_the_server_died_is_paused(tmp_path):
    server = FakeTraining(tmp_path)
    put_job(server, state="pausing", resolved=ONE_EPOCH, started_at=1)
    with server:
        jobs = server.client.fine_tuning.jobs
        assert jobs.retrieve("ftjob-1").status == "paused"
        jobs.resume("ftjob-1")
        assert wait_for_job(server.client, "ftjob-1").status == "succeeded"


def test_a_job_whose_base_model_is_gone_fails_and_says_so(tmp_path):
    server = FakeTraining(tmp_path)
    put_job(server, state="validating_files")
    with server.store.write() as session:
        session.update_job("ftjob-1", trained_model="ft:gone")
    with server:
        job = wait_for_job(server.client, "ftjob-1")
        assert (job.error.code, job.error.param) == ("model_not_found", "model")


def test_a_loss_that_is_no_number_is_left_out(fake):
    from helpers.provider.lifecycle import finite

    report = {"train_loss": float("nan"), "valid_loss": None, "full_valid_loss": 1.5}
    assert finite(report) == {"full_valid_loss": 1.5}


def test_examples_are_counted_without_blank_lines(tmp_path):
    path = tmp_path / "a.jsonl"
    path.write_bytes(b'{"a":1}\n\n  \r\n{"b":2}')
    assert count_examples(path) == 2


def test_a_result_file_leaves_cells_empty_where_there_is_no_number():
    text = result_csv([{"step": 1, "train_loss": 0.5}]).decode()
    assert text.splitlines()[1] == "1,0.5,,,"


def test_a_journal_that_lost_its_end_in_a_power_cut_fails_no_job(tmp_path):
    with FakeTraining(tmp_path) as server:
        job_id = start_job(server, n_epochs=10)
        wait_until(lambda: len(steps_of(server, job_id)) > 20)
        os.kill(server.worker_pid(), signal.SIGKILL)
        events = [event.id for event in events_of(server.client, job_id)]
    folder = tmp_path / "jobs" / job_id
    # The database knows more than what was flushed; of that, the saved state's step
    # is the last. The cut is in the middle of the line behind it.
    (folder / "state" / "step").write_text("8")
    lines = (folder / JOURNAL_FILE).read_bytes().splitlines(keepends=True)
    steps = [json.loads(line).get("step") for line in lines]
    kept = b"".join(lines[: steps.index(9)]) + b'{"type'
    (folder / JOURNAL_FILE).write_bytes(kept)
    with FakeTraining(tmp_path) as server:
        assert wait_for_job(server.client, job_id).status == "succeeded"
        assert steps_of(server, job_id) == list(range(1, 41))
        log = [event.id for event in events_of(server.client, job_id)]
        assert log[: len(events)] == events


def test_a_result_that_cannot_be_committed_leaves_no_content_behind(tmp_path):
    with FakeTraining(tmp_path) as server:
        real, refused = server.store.write, []

        @contextlib.contextmanager
        def refuse_results():
            with real() as session:
                add = session.add_file

                def add_file(**columns):
                    if columns["purpose"] == "fine-tune-results" and len(refused) < 2:
                        refused.append(columns["blob"])
                        raise sqlite3.OperationalError("database or disk is full")
                    return add(**columns)

                session.add_file = add_file
                yield session

        server.store.write = refuse_results
        job = wait_for_job(server.client, start_job(server, n_epochs=1))
        assert job.status == "succeeded"
        assert len(refused) == 2
        blobs = {path.name for path in (tmp_path / "blobs").iterdir()}
        assert not blobs & set(refused)
        assert len(blobs) == 2


def test_a_worker_that_dies_with_a_cancelled_job_leaves_nothing_of_it(tmp_path):
    with FakeTraining(tmp_path) as server:
        job_id = start_job(server)
        wait_until(lambda: len(steps_of(server, job_id)) > 5)
        folder = tmp_path / "jobs" / job_id
        half = folder / "checkpoints" / ".step-8.part"
        half.mkdir(parents=True)
        pid = server.worker_pid()
        os.kill(pid, signal.SIGSTOP)
        server.client.fine_tuning.jobs.cancel(job_id)
        os.kill(pid, signal.SIGKILL)
        wait_until(lambda: not half.exists() and not (folder / "state").exists())
        assert messages_of(server.client, job_id)[-1] == "Fine-tuning job cancelled"


def test_a_job_cancelled_just_before_its_server_stops_leaves_nothing(tmp_path):
    with FakeTraining(tmp_path) as server:
        job_id = start_job(server)
        wait_until(lambda: len(steps_of(server, job_id)) > 5)
        # A slow step: the worker hears of the cancellation when its server stops.
        pid = server.worker_pid()
        os.kill(pid, signal.SIGSTOP)
        server.client.fine_tuning.jobs.cancel(job_id)
        states = [tmp_path / "jobs" / job_id / "state"]
        paused = start_job(server)
        server.client.fine_tuning.jobs.pause(paused)
        states.append(tmp_path / "jobs" / paused / "state")
        for state in states:
            state.mkdir(parents=True, exist_ok=True)
        threading.Timer(0.5, os.kill, (pid, signal.SIGCONT)).start()
        # The supervision has no turn left in which it could hear of this one.
        server.runner._stopping = True
        server.runner._threads[1].join()
        server.client.fine_tuning.jobs.cancel(paused)
    assert not [state for state in states if state.exists()]


def test_a_checkpoint_that_comes_again_after_it_was_withdrawn_is_removed(tmp_path):
    store = Store(tmp_path / "store.sqlite3")
    columns = {
        "id": "ftjob-1",
        "created_at": 1,
        "model": "kitchen-base",
        "trained_model": "kitchen-base",
        "planned_name": "ft:kitchen-base:local::x",
        "training_file": "file-1",
        "method": "supervised",
        "asked": {},
        "seed": 1,
        "integrations": [],
        "state": "running",
        "total_steps": 9,
        "request_hash": "x",
    }
    with store.write() as session:
        job = session.add_job(**columns)
        told = []
        for step in (1, 2, 3, 1, 3):
            report = {"step": step}
            job, old = lifecycle.checkpointed(session, job, 1, report, f"f{step}", 2)
            told.append(old)
    # The first is withdrawn for the third; when it comes again, it goes again.
    assert told == [[], [], ["f1"], ["f1"], []]
    store.close()
