"""A run while it happens: a server, clients that try again, what they have seen."""

from __future__ import annotations

import contextlib
import json
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import httpx2
import openai

from tests.faults.storm.plan import JOBS, JobKind, Plan
from tests.faults.storm.servers import Server
from tests.provider.harness import KEY
from tests.provider.tiny_models import recipe_examples

T = TypeVar("T")
FINAL = ("succeeded", "failed", "cancelled")
# A run takes seconds; on a machine with much else to do, a minute.
RUN_SECONDS = 240.0
QUESTION = [{"role": "user", "content": "Pie 3: 1 c. salt, 2 c. eggs"}]


class Stuck(AssertionError):
    """Something that has to come did not come in time."""


def rows_of(kind: JobKind) -> bytes:
    """Return the training file of a kind of job."""
    return "\n".join(json.dumps(row) for row in recipe_examples(kind.rows)).encode()


def error_is_documented(response: httpx2.Response) -> bool:
    """Say whether an error answer has the body that OpenAI's document describes."""
    try:
        error = response.json()["error"]
    except (ValueError, KeyError, TypeError):
        return False
    texts = isinstance(error.get("message"), str) and isinstance(error.get("type"), str)
    return texts and set(error) == {"message", "type", "param", "code"}


class World:
    """One run: its folder, its server, its jobs and the violations that were seen."""

    def __init__(self, folder: Path, model: Path, plan: Plan) -> None:
        self.folder, self.plan = folder, plan
        self.home = folder / "home"
        self.home.mkdir(parents=True)
        self.server = Server(self.home, model, starved="starve worker" in plan.faults)
        self.violations: list[str] = []
        self.jobs: list[tuple[str, JobKind]] = []
        self.statuses: dict[str, str] = {}
        self.events: dict[str, list] = {}
        self.began = time.monotonic()
        self.over = threading.Event()
        # Rows that were acknowledged may be gone after a torn database.
        self.forgetful = False
        self.disk_was_full = False
        self._clients: dict[str, openai.OpenAI] = {}
        self._lock = threading.Lock()

    def blame(self, text: str) -> None:
        """Note a broken promise."""
        with self._lock:
            if text not in self.violations:
                self.violations.append(text)

    # Clients

    def client(self) -> openai.OpenAI:
        """Return a client of the server as it is now.

        Raises:
            ConnectionError: it is down.
        """
        url = self.server.url
        if url is None:
            raise ConnectionError("the server is down")
        with self._lock:
            if url not in self._clients:
                self._clients[url] = openai.OpenAI(
                    base_url=url,
                    api_key=KEY,
                    max_retries=0,
                    timeout=20,
                    http_client=openai.DefaultHttpxClient(
                        event_hooks={"response": [self._check_answer]}
                    ),
                )
            return self._clients[url]

    def _check_answer(self, response: httpx2.Response) -> None:
        if response.status_code < 400:
            return
        response.read()
        what = f"{response.request.method} {response.request.url.path}"
        if not error_is_documented(response) or "x-request-id" not in response.headers:
            self.blame(f"{what}: {response.status_code} with {response.text[:200]!r}")
        if response.status_code >= 500 and not self.disk_was_full:
            self.blame(f"{what}: {response.status_code} {response.text[:200]!r}")

    def left(self) -> float:
        """Seconds that are left to this run."""
        return self.began + RUN_SECONDS - time.monotonic()

    def insist(self, ask: Callable[[openai.OpenAI], T], *, again: tuple = ()) -> T:
        """Ask until there is an answer, as patient clients do.

        Args:
            ask: what to do with the client.
            again: HTTP errors that are worth another try as well.
        """
        while self.left() > 0:
            try:
                return ask(self.client())
            except (ConnectionError, openai.APIConnectionError, httpx2.HTTPError):
                time.sleep(0.02)
            except (openai.InternalServerError, *again):
                if not self.disk_was_full:
                    raise
                time.sleep(0.1)
        raise Stuck("no answer came before the end of the run")

    def close(self) -> None:
        """Close the clients."""
        for client in self._clients.values():
            client.close()

    # Jobs

    def submit_all(self) -> None:
        """Upload and create the jobs of the plan, each exactly once."""
        for number, name in enumerate(self.plan.jobs):
            kind = JOBS[name]
            content = rows_of(kind)
            file = self.insist(
                lambda c, content=content: c.files.create(
                    file=("rows.jsonl", content), purpose="fine-tune"
                ),
                again=(openai.BadRequestError,),
            )
            job = self.insist(
                lambda c, kind=kind, file=file, number=number: (
                    c.fine_tuning.jobs.create(
                        model="kitchen-base",
                        training_file=file.id,
                        validation_file=file.id if kind.validation else openai.omit,
                        hyperparameters={
                            "n_epochs": kind.epochs,
                            "batch_size": kind.batch,
                        },
                        seed=kind.seed,
                        extra_headers={"Idempotency-Key": f"job {number}"},
                    )
                ),
                again=(openai.BadRequestError,),
            )
            self.events[job.id] = []
            self.jobs.append((job.id, kind))

    def job_at_work(self) -> tuple[str, JobKind] | None:
        """Return the first job that has not ended, as far as is known."""
        for job_id, kind in list(self.jobs):
            if self.statuses.get(job_id) not in FINAL:
                return job_id, kind
        return None

    def job_folder(self, job_id: str) -> Path:
        """Where a job's state and models lie."""
        return self.home / "jobs" / job_id

    def last_step(self, job_id: str) -> int:
        """Return the last step that a follower has seen."""
        for event in reversed(self.events[job_id]):
            if event.type == "metrics":
                return event.data["step"]
        return 0

    # Those who look on

    def follow(self) -> None:
        """Follow every job's events, as notebooks do, until the run is over."""
        while not self.over.is_set():
            for job_id, _ in list(self.jobs):
                with contextlib.suppress(ConnectionError, openai.APIConnectionError):
                    self._follow(job_id)
            self.over.wait(0.08)

    def _follow(self, job_id: str) -> None:
        seen = self.events[job_id]
        jobs = self.client().fine_tuning.jobs
        try:
            status = jobs.retrieve(job_id).status
            fresh, known = [], False
            for event in jobs.list_events(job_id, limit=25):
                known = bool(seen) and event.id == seen[-1].id
                if known:
                    break
                fresh.append(event)
        except openai.APIStatusError as fault:
            if isinstance(fault, openai.NotFoundError) and not self.forgetful:
                self.blame(f"the job {job_id} is lost")
            return
        if seen and not known:
            if not self.forgetful:
                self.blame(f"the event {seen[-1].message!r} of {job_id} is gone")
            seen.clear()
        if not self.forgetful and self.statuses.get(job_id) in FINAL and fresh:
            self.blame(f"{job_id} ended, and then: {fresh[-1].message!r}")
        seen.extend(reversed(fresh))
        before = self.statuses.get(job_id)
        if before in FINAL and status != before and not self.forgetful:
            self.blame(f"{job_id} was {before} and is {status}")
        self.statuses[job_id] = status

    def look_at_models(self) -> None:
        """Look at every model that is listed, until the run is over."""
        while not self.over.is_set():
            with contextlib.suppress(ConnectionError, openai.APIError):
                self._look_at_models()
            self.over.wait(0.08)

    def _look_at_models(self) -> None:
        client = self.client()
        for job_id, _ in list(self.jobs):
            for item in client.fine_tuning.jobs.checkpoints.list(job_id):
                name = item.fine_tuned_model_checkpoint
                folder = self.job_folder(job_id) / "checkpoints"
                fault = fault_of_model(folder / f"step-{item.step_number}")
                if fault is None:
                    continue
                # It may have been withdrawn between the two looks: then it is not
                # listed any more.
                if name in {model.id for model in client.models.list()}:
                    self.blame(f"{name} is listed, but {fault}")

    def chat(self) -> None:
        """Talk to the base model in streams, until the run is over."""
        while not self.over.is_set():
            with contextlib.suppress(
                ConnectionError, openai.APIConnectionError, httpx2.HTTPError
            ):
                try:
                    stream = self.client().chat.completions.create(
                        model="kitchen-base",
                        messages=QUESTION,
                        max_tokens=30,
                        stream=True,
                    )
                    for _ in stream:
                        pass
                except openai.APIConnectionError:
                    continue
                except openai.APIStatusError as fault:
                    self.blame(f"a chat was answered with {fault}")
                except openai.APIError as fault:
                    if not self.disk_was_full:
                        self.blame(f"a chat ended with {fault}")
            self.over.wait(0.1)

    def upload(self) -> None:
        """Upload files and read them back, until the run is over."""
        content = b"x" * 300_000
        while not self.over.is_set():
            with contextlib.suppress(
                ConnectionError, openai.APIConnectionError, httpx2.HTTPError
            ):
                try:
                    client = self.client()
                    file = client.files.create(file=content, purpose="user_data")
                    if client.files.content(file.id).read() != content:
                        self.blame(f"{file.id} came back with another content")
                except openai.APIStatusError as fault:
                    if not (self.disk_was_full or self.forgetful):
                        self.blame(f"an upload was answered with {fault}")
            self.over.wait(0.1)


def fault_of_model(folder: Path) -> str | None:
    """Say what is wrong with a model folder, or None: all files are whole."""
    try:
        json.loads((folder / "config.json").read_text("utf-8"))
        json.loads((folder / "tokenizer.json").read_text("utf-8"))
        with open(folder / "model.safetensors", "rb") as file:
            header_bytes = int.from_bytes(file.read(8), "little")
            header = json.loads(file.read(header_bytes))
            size = file.seek(0, 2)
    except FileNotFoundError as fault:
        return f"{Path(fault.filename).name} is not there"
    except ValueError:
        return "a file in it is torn"
    ends = [entry["data_offsets"][1] for k, entry in header.items() if k[0] != "_"]
    if size != 8 + header_bytes + max(ends):
        return "its weights are torn"
    return None
