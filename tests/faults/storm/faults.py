"""What each kind of fault does, and how its moment is awaited."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import threading
import time
from collections.abc import Callable
from pathlib import Path

import openai

from tests.faults.storm.plan import Strike
from tests.faults.storm.servers import continue_all, move_clock
from tests.faults.storm.world import FINAL, QUESTION, World
from tests.provider.harness import KEY, wait_until

MOMENT_SECONDS = 25.0
_POLL = 0.002


# ------------------------------------------------------------------------- moments


def await_moment(world: World, strike: Strike) -> bool:
    """Wait for the moment of a strike; False if it cannot come any more."""
    if strike.moment == "any time":
        time.sleep(3 * strike.place)
        return True
    came = _MOMENTS[strike.moment]
    deadline = time.monotonic() + min(MOMENT_SECONDS, world.left())
    while time.monotonic() < deadline:
        if came(world, strike):
            return True
        submitted = len(world.jobs) == len(world.plan.jobs)
        over = submitted and world.job_at_work() is None
        if over and strike.moment != "model load":
            return False
        time.sleep(_POLL)
    return False


def _step(world: World, share: float) -> bool:
    job = world.job_at_work()
    return job is not None and world.last_step(job[0]) >= max(1, job[1].steps * share)


def _any_file(world: World, pattern: str) -> bool:
    job = world.job_at_work()
    return job is not None and any(world.job_folder(job[0]).glob(pattern))


def _last_model(world: World) -> bool:
    job = world.job_at_work()
    if job is None:
        return False
    return _any_file(world, f"checkpoints/.step-{job[1].steps}.part")


def _result(world: World, _: Strike) -> bool:
    """Stop the server late in a job, and come when its result is in the journal.

    So the strike falls between the worker's last word and the server's commit.
    """
    job = world.job_at_work()
    if job is None or world.last_step(job[0]) < 0.6 * job[1].steps:
        return False
    journal = world.job_folder(job[0]) / "reports.jsonl"
    with contextlib.suppress(ProcessLookupError):
        world.server.signal(signal.SIGSTOP)
        deadline = time.monotonic() + 3
        while time.monotonic() < deadline:
            if journal.exists() and b'"type":"result"' in journal.read_bytes()[-2000:]:
                break
            time.sleep(_POLL)
    return True


def _model_load(world: World, _: Strike) -> bool:
    """Come when somebody has just asked a model for the first time."""
    done = [job_id for job_id, _ in world.jobs if world.statuses.get(job_id) in FINAL]
    if not done:
        return False

    def ask() -> None:
        with contextlib.suppress(ConnectionError, openai.APIError):
            client = world.client()
            name = client.fine_tuning.jobs.retrieve(done[-1]).fine_tuned_model
            client.chat.completions.create(
                model=name or "kitchen-base", messages=QUESTION, max_tokens=5
            )

    threading.Thread(target=ask, daemon=True).start()
    time.sleep(0.005)
    return True


_MOMENTS: dict[str, Callable[[World, Strike], bool]] = {
    "validating": lambda world, _: bool(world.jobs),
    "queued": lambda world, _: len(world.jobs) > 1,
    "first step": lambda world, _: _step(world, 0),
    "a step": lambda world, strike: _step(world, 0.95 * strike.place),
    "state write": lambda world, _: _any_file(world, "state/*.part"),
    "model write": lambda world, _: _any_file(world, "checkpoints/.step-*.part"),
    "last model write": lambda world, _: _last_model(world),
    "result": _result,
    "model load": _model_load,
}


# -------------------------------------------------------------------------- faults


def strike(world: World, given: Strike) -> None:
    """Let a fault happen, and bring the server back if it went."""
    try:
        _FAULTS[given.fault](world, given)
    finally:
        with contextlib.suppress(ProcessLookupError, AttributeError):
            world.server.signal(signal.SIGCONT)


def _kill_server(world: World, given: Strike) -> None:
    world.server.kill()
    time.sleep(0.3 * given.size)
    world.server.start()


def _kill_worker(world: World, _: Strike) -> None:
    world.server.signal_worker(signal.SIGKILL)


def _kill_both(world: World, given: Strike) -> None:
    world.server.kill_both()
    time.sleep(0.3 * given.size)
    world.server.start()


def _restart(world: World, _: Strike) -> None:
    world.server.signal(signal.SIGCONT)
    code = world.server.stop()
    if code != 0:
        world.blame(f"the server ended with {code} when it was asked to stop")
    world.server.start()


def _stop_server(world: World, given: Strike) -> None:
    world.server.signal(signal.SIGSTOP)
    time.sleep(0.2 + given.size)
    world.server.signal(signal.SIGCONT)


def _stop_worker(world: World, given: Strike) -> None:
    pid = world.server.signal_worker(signal.SIGSTOP)
    time.sleep(0.2 + given.size)
    if pid is not None:
        continue_all([pid])


def _starve_worker(world: World, _: Strike) -> None:
    """Stop the training process until the server gives it up and starts another."""
    pid = world.server.signal_worker(signal.SIGSTOP)
    if pid is None:
        return

    def replaced() -> bool:
        worker = world.server.worker()
        return worker is not None and worker.pid != pid

    try:
        wait_until(replaced, 40)
    except AssertionError:
        world.blame("a training process that is silent was not replaced")
        continue_all([pid])


def _orphan_worker(world: World, given: Strike) -> None:
    """Let a stopped training process outlive its server and wake beside the next."""
    pid = world.server.signal_worker(signal.SIGSTOP)
    world.server.kill()
    world.server.start()
    time.sleep(given.size)
    if pid is not None:
        continue_all([pid])


def _disk_full_server(world: World, given: Strike) -> None:
    world.disk_was_full = True
    world.server.signal(signal.SIGCONT)
    world.server.limit_files(20_000, worker=False)
    try:
        with contextlib.suppress(ConnectionError, openai.APIError):
            world.client().files.create(file=b"y" * 100_000, purpose="user_data")
            world.blame("a file was taken in that the disk had no room for")
        time.sleep(given.size)
    finally:
        world.server.limit_files(None, worker=False)


def _disk_full_worker(world: World, given: Strike) -> None:
    world.server.limit_files(20_000, worker=True)
    try:
        time.sleep(0.1 + 0.5 * given.size)
    finally:
        world.server.limit_files(None, worker=True)


def _torn_state(world: World, given: Strike) -> None:
    """Cut or change one of the newest files of the saved state."""
    job = world.job_at_work()
    world.server.kill_both()
    if job is not None:
        files = sorted(world.job_folder(job[0]).glob("state/*"))[-2:]
        if files:
            _damage(files[given.size < 0.5], given.place)
    world.server.start()


def _damage(file: Path, place: float) -> None:
    data = bytearray(file.read_bytes())
    at = int(place * (len(data) - 1))
    if place < 0.5:
        file.write_bytes(data[: 2 * at])
    else:
        data[at] ^= 0x55
        file.write_bytes(data)


def _torn_journal(world: World, given: Strike) -> None:
    """Cut the journal as a power cut does: what was not flushed may be gone.

    The database is flushed at every commit, the journal once a second and before a
    state is saved; so the database may well know more of it than there is left, but
    the newest saved state does not.
    """
    job = world.job_at_work()
    world.server.kill_both()
    if job is not None:
        journal = world.job_folder(job[0]) / "reports.jsonl"
        if journal.exists():
            size = journal.stat().st_size
            loose = min(size - _flushed(journal), 2000)
            os.truncate(journal, size - int(given.size * loose))
    world.server.start()


def _flushed(journal: Path) -> int:
    """Return how much of a journal was flushed before the newest state was saved."""
    manifests = sorted(journal.parent.glob("state/*.json"))
    if not manifests:
        return 0
    facts = json.loads(manifests[-1].read_text("utf-8"))["facts"]
    # The last step of an epoch is told after its state was saved, if it was saved
    # while the epoch was being measured.
    last = facts["step"] - (facts["unfinished"] is not None)
    end = flushed = 0
    for line in journal.read_bytes().splitlines(keepends=True):
        end += len(line)
        if line.endswith(b"\n") and 0 < json.loads(line).get("step", 0) <= last:
            flushed = end
    return flushed


def _torn_database(world: World, given: Strike) -> None:
    """Cut the end of SQLite's write-ahead log, as a disk does that lied about fsync."""
    world.forgetful = True
    world.server.kill_both()
    log = world.home / "store.sqlite3-wal"
    if log.exists():
        size = log.stat().st_size
        os.truncate(log, size - int(given.size * min(size, 60_000)))
    world.server.start()


def _clock_jump(world: World, given: Strike) -> None:
    """Move the wall clock by up to three days, forth or back."""
    move_clock(world.folder, (given.size - 0.5) * 6 * 24 * 3600)


def _port_taken(world: World, _: Strike) -> None:
    other = type(world.server)(world.folder / "other" / "home", world.server._model)
    other.home.mkdir(parents=True, exist_ok=True)
    port = int(world.server.url.split(":")[2].split("/")[0])
    _refused(world, other.spawn(port), other.home.parent, "Cannot listen on")


def _second_server(world: World, _: Strike) -> None:
    _refused(world, world.server.spawn(), world.folder, "runs on")


def _refused(world: World, process, folder: Path, words: str) -> None:
    process.join(30)
    if process.exitcode != 2:
        world.blame(f"a server that cannot start ended with {process.exitcode}")
        process.kill()
    if words not in (folder / "output").read_text("utf-8"):
        world.blame(f"a server that cannot start did not say '{words}'")


def _client_gone(world: World, _: Strike) -> None:
    """Go away in the middle of several streams."""
    with contextlib.suppress(ConnectionError, openai.APIError):
        for _ in range(4):
            stream = world.client().chat.completions.create(
                model="kitchen-base", messages=QUESTION, stream=True, n=4
            )
            next(iter(stream))
            stream.close()


def _send_half(world: World) -> socket.socket:
    """Send the first half of an upload and leave the connection open."""
    host, port = world.server.url.split("/")[2].split(":")
    connection = socket.create_connection((host, int(port)), timeout=10)
    head = (
        "POST /v1/files HTTP/1.1\r\n"
        f"Host: {host}:{port}\r\n"
        f"Authorization: Bearer {KEY}\r\n"
        "Content-Type: multipart/form-data; boundary=edge\r\n"
        "Content-Length: 5000000\r\n\r\n"
        '--edge\r\nContent-Disposition: form-data; name="file"; filename="a.txt"\r\n'
        "\r\n"
    )
    connection.sendall(head.encode() + b"z" * 2_500_000)
    return connection


def _upload_cut_off(world: World, given: Strike) -> None:
    with contextlib.suppress(OSError), _send_half(world):
        time.sleep(0.1 * given.size)


def _kill_during_upload(world: World, given: Strike) -> None:
    with contextlib.suppress(OSError), _send_half(world):
        time.sleep(0.05 * given.size)
    _kill_server(world, given)


def _pause_resume(world: World, given: Strike) -> None:
    job = world.job_at_work()
    world.server.signal(signal.SIGCONT)
    if job is None:
        return
    with contextlib.suppress(openai.BadRequestError):
        world.insist(lambda client: client.fine_tuning.jobs.pause(job[0]))
        time.sleep(0.5 * given.size)
        world.insist(lambda client: client.fine_tuning.jobs.resume(job[0]))


def _cancel(world: World, _: Strike) -> None:
    job = world.job_at_work()
    world.server.signal(signal.SIGCONT)
    if job is not None:
        with contextlib.suppress(openai.BadRequestError):
            world.insist(lambda client: client.fine_tuning.jobs.cancel(job[0]))


_FAULTS: dict[str, Callable[[World, Strike], None]] = {
    "kill server": _kill_server,
    "kill worker": _kill_worker,
    "kill both": _kill_both,
    "restart": _restart,
    "stop server": _stop_server,
    "stop worker": _stop_worker,
    "starve worker": _starve_worker,
    "orphan worker": _orphan_worker,
    "disk full, server": _disk_full_server,
    "disk full, worker": _disk_full_worker,
    "torn state": _torn_state,
    "torn journal": _torn_journal,
    "torn database": _torn_database,
    "clock jump": _clock_jump,
    "port taken": _port_taken,
    "second server": _second_server,
    "client gone": _client_gone,
    "upload cut off": _upload_cut_off,
    "kill during upload": _kill_during_upload,
    "pause, resume": _pause_resume,
    "cancel": _cancel,
}
