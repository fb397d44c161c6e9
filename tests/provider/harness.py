"""Providers for tests: one inside the test process, one as users start it.

`FakeTraining` is the whole server with the countdown of fake_worker.py in place of
training: its jobs take milliseconds. `Served` is `python -m helpers.provider serve`.
"""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import openai
import psutil

from helpers.provider import home as homes
from helpers.provider.__main__ import open_socket
from helpers.provider.app import make_app
from helpers.provider.blobs import BlobStore
from helpers.provider.connections import Server
from helpers.provider.context import Provider
from helpers.provider.guard import allowed_hosts
from helpers.provider.models import Registry
from helpers.provider.runner import Runner
from helpers.provider.serving import Serving
from helpers.provider.settings import BASE_MODEL_NAME, REPOSITORY, Settings
from helpers.provider.store import FINAL_STATES, Store

KEY = "sk-test-" + "k" * 24
FAKE_WORKER = (sys.executable, str(Path(__file__).with_name("fake_worker.py")))


def example(number: int, answer: str = "done") -> dict:
    """Return one valid chat example."""
    return {
        "messages": [
            {"role": "user", "content": f"Task {number}"},
            {"role": "assistant", "content": f"{answer} {number}"},
        ]
    }


def jsonl(n_examples: int = 12, answer: str = "done") -> bytes:
    """Return a valid training file."""
    lines = [json.dumps(example(number, answer)) for number in range(n_examples)]
    return "\n".join(lines).encode() + b"\n"


def wait_until(condition, seconds: float = 60.0):
    """Return the first true value of `condition()`, or fail after some seconds."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        value = condition()
        if value:
            return value
        time.sleep(0.01)
    raise AssertionError(f"nothing true came within {seconds} s")


def wait_for_job(client: openai.OpenAI, job_id: str, seconds: float = 60.0, *states):
    """Return the job as soon as it is in one of `states` (default: a final one)."""
    states = states or FINAL_STATES

    def there():
        job = client.fine_tuning.jobs.retrieve(job_id)
        if job.status not in states and job.status in FINAL_STATES:
            raise AssertionError(f"the job ended as {job.status}: {job.error}")
        return job if job.status in states else None

    return wait_until(there, seconds)


def events_of(client: openai.OpenAI, job_id: str) -> list:
    """Return all events of a job, oldest first."""
    return list(client.fine_tuning.jobs.list_events(job_id, limit=100))[::-1]


def messages_of(client: openai.OpenAI, job_id: str) -> list[str]:
    """Return the messages of all events of a job, oldest first."""
    return [event.message for event in events_of(client, job_id)]


class FakeTraining:
    """The server inside this process, with a countdown in place of training.

    Args:
        home: its folder.
        settings: changes of the settings.
    """

    def __init__(self, home: Path, **settings) -> None:
        homes.prepare(home)
        model = home / "no-model"
        model.mkdir(exist_ok=True)
        (model / "config.json").write_text("{}", encoding="utf-8")
        hosted = home / "models.csv"
        hosted.write_text("model\ngpt-4o-mini-2024-07-18\n", encoding="utf-8")
        self.home = home
        self.settings = replace(
            Settings(
                home=home,
                models={BASE_MODEL_NAME: model},
                hosted_models_path=hosted,
                worker_command=FAKE_WORKER,
                tell_paused=True,
            ),
            **settings,
        )
        self.store = Store(self.settings.database)
        blobs = BlobStore(self.settings.blobs, self.settings.limits.free_disk_bytes)
        registry = Registry(self.store, self.settings)
        self.runner = Runner(self.store, blobs, registry, self.settings)
        self.provider = Provider(
            self.settings, self.store, blobs, registry, self.runner, Serving()
        )

    def __enter__(self) -> FakeTraining:
        self._socket = open_socket("127.0.0.1", 0)
        self.port = self._socket.getsockname()[1]
        hosts = allowed_hosts("127.0.0.1", self.port, self.settings.allowed_hosts)
        app = make_app(self.provider, key=KEY, hosts=hosts)
        self._server = Server(
            app,
            self.settings.limits,
            on_stop=self.store.changes.close,
            grace_seconds=2,
        )
        self._thread = threading.Thread(
            target=self._server.run, kwargs={"sockets": [self._socket]}
        )
        self._thread.start()
        wait_until(lambda: self._server.started)
        self.client = openai.OpenAI(base_url=self.url, api_key=KEY)
        return self

    @property
    def url(self) -> str:
        """Base URL for clients."""
        return f"http://127.0.0.1:{self.port}/v1"

    def worker_pid(self) -> int:
        """Return the process id of the training process that is ready."""
        wait_until(lambda: self.runner.worker_state() != "starting")
        return self.runner._worker.pid

    def __exit__(self, *_) -> None:
        self.client.close()
        self._server.should_exit = True
        self._thread.join()
        self._socket.close()


class Served:
    """`python -m helpers.provider serve` in a process of its own.

    Args:
        home: its folder.
        model: the folder of the base model.
        options: further words of the command line.
        environment: further environment variables.
    """

    def __init__(
        self, home: Path, model: Path, *options: str, environment: dict | None = None
    ) -> None:
        self.home = home
        self._model = model
        self._options = options
        self._environment = environment or {}

    def start(self) -> Served:
        """Start it and wait until it answers."""
        command = [sys.executable, "-m", "helpers.provider", "serve", "--port", "0"]
        command += ["--home", str(self.home), "--key", KEY, "--threads", "1"]
        command += ["--tell-paused"]
        command += ["--model", f"{BASE_MODEL_NAME}={self._model}", *self._options]
        (self.home / homes.SERVER_FILE).unlink(missing_ok=True)
        self.process = subprocess.Popen(
            command,
            cwd=REPOSITORY,
            env={**os.environ, "OMP_NUM_THREADS": "1", **self._environment},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        note = wait_until(self._note, 200)
        self.url = f"{note['url']}/v1"
        self.client = openai.OpenAI(base_url=self.url, api_key=KEY, max_retries=0)
        return self

    def _note(self) -> dict | None:
        if self.process.poll() is not None:
            raise AssertionError(f"the server ended with {self.process.returncode}")
        return homes.read_server_note(self.home)

    def worker(self) -> psutil.Process:
        """Return its training process."""

        def only_child() -> psutil.Process | None:
            children = psutil.Process(self.process.pid).children()
            return children[0] if children else None

        return wait_until(only_child, 60)

    def kill(self) -> None:
        """End it as `kill -9` does."""
        self.process.kill()
        self.process.wait()
        self.client.close()

    def stop(self) -> None:
        """End it in the orderly way."""
        if self.process.poll() is None:
            self.process.terminate()
            self.process.wait(60)
        self.client.close()


@contextlib.contextmanager
def served(home: Path, model: Path, *options: str, **more) -> Iterator[Served]:
    """Run a server for the length of a with block."""
    home.mkdir(parents=True, exist_ok=True)
    server = Served(home, model, *options, **more).start()
    try:
        yield server
    finally:
        server.stop()
