"""AutoTrain's web page: started on this machine, filled in, watched, ended.

Purpose: the notebook trains by the page as a person would. The page runs on the
loopback address against `hub_stand_in`, so it needs neither a network nor an account:

    with open_page(folder, base) as page:
        fill_in(page, form)             # in Chromium, or by HTTP where there is none
        run = wait_for(page, form)

When the block ends, every process of the page has ended, the server in its own session
included. It must never know what is trained.
"""

from __future__ import annotations

import contextlib
import importlib.util
import json
import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx2

from helpers.autotrain import (
    Run,
    TrainingFailed,
    check_result,
    program,
    read_losses,
    show_progress,
    variables,
)
from helpers.child_processes import Started, running
from helpers.hub_stand_in import USER, HubStandIn
from helpers.messages import say
from helpers.progress import Progress

ROOT = Path(__file__).resolve().parent.parent
UP_SECONDS = 90  # a first start imports PyTorch from a cold disk
TRAINED_SECONDS = 600
POLL_S = 0.5
CHROMIUM = ("chromium", "chromium-browser", "google-chrome", "chrome")
TOOL = ROOT / "tools" / "fill_autotrain_form.py"


@dataclass(frozen=True)
class Page:
    """A page that is up.

    Attributes:
        url: its address.
        folder: where it works, and where projects go.
        hub: what it takes for the Hub.
        started: its processes.
        client: asks it.
    """

    url: str
    folder: Path
    hub: HubStandIn
    started: Started
    client: httpx2.Client = field(repr=False)


@dataclass(frozen=True)
class Form:
    """What a person fills in.

    Attributes:
        project: name of the project, and of its folder.
        base_model: folder of a model, as seen from the page's folder.
        training_file: rows, JSON Lines or CSV.
        column: in which the rows have their text or messages.
        params: the parameters, as the page's JSON field takes them.
    """

    project: str
    base_model: str | Path
    training_file: Path
    column: str
    params: Mapping[str, Any]

    @property
    def epochs(self) -> float:
        """How many epochs are asked for."""
        return float(self.params.get("epochs", 1))


@contextlib.contextmanager
def open_page(folder: str | Path, base_model: str | Path) -> Iterator[Page]:
    """Start the page on a free port, and end all of its processes afterwards.

    Args:
        folder: where it works; made if it is not there.
        base_model: folder of the model that the page offers, as seen from `folder`.

    Raises:
        AutoTrainMissing: there is no environment.
        TrainingFailed: the page did not start.
    """
    folder = Path(folder).resolve()
    folder.mkdir(parents=True, exist_ok=True)
    # Jobs that an earlier page has noted: their numbers belong to others by now.
    (folder / "autotrain.db").unlink(missing_ok=True)
    with HubStandIn() as hub, contextlib.ExitStack() as stack:
        port = free_port()
        url = f"http://127.0.0.1:{port}"
        command = [program(), "app", "--host", "127.0.0.1", "--port", str(port)]
        more = {
            **variables(),
            **hub.variables(),
            "AUTOTRAIN_CUSTOM_MODELS": str(base_model),
        }
        # Not autotrain.log: the page itself writes that one.
        log = folder / "page.log"
        started = stack.enter_context(
            running(command, folder=folder, log=log, variables=more)
        )
        client = stack.enter_context(
            httpx2.Client(base_url=url, trust_env=False, timeout=60)
        )
        _wait_until_up(client, started)
        yield Page(url, folder, hub, started, client)


def left_over(page: Page) -> int:
    """Return how many processes of a page still live."""
    return len(page.started.alive())


def free_port() -> int:
    """Return a port of this machine that nobody uses."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def _wait_until_up(client: httpx2.Client, started: Started) -> None:
    deadline = time.monotonic() + UP_SECONDS
    while time.monotonic() < deadline and started.process.poll() is None:
        with contextlib.suppress(httpx2.TransportError):
            if client.get("/ui/accelerators").status_code == 200:
                return
        time.sleep(POLL_S)
    raise TrainingFailed(say("autotrain.page.down", log=started.last_lines()))


# --- filling it in ----------------------------------------------------------------


def browser() -> str | None:
    """Return the path of Chromium, where playwright is there to move it, else None."""
    if importlib.util.find_spec("playwright") is None:
        return None
    told = os.environ.get("COMPANION_CHROMIUM")
    return told or next(filter(None, map(shutil.which, CHROMIUM)), None)


def fill_in(page: Page, form: Form, picture: str | Path | None = None) -> str:
    """Fill the form in and start the training: in Chromium, else by HTTP.

    Args:
        page: the page.
        form: what goes in.
        picture: where a picture of the filled form goes; none is made by HTTP.

    Returns:
        Which of the two it was, in a sentence.

    Raises:
        TrainingFailed: the page refused it.
    """
    _clear(page, form)
    path = browser()
    if path is None:
        by_http(page, form)
        return say("autotrain.page.by_http")
    told = {
        "url": page.url,
        "chromium": path,
        "project": form.project,
        "base_model": str(form.base_model),
        "training_file": str(form.training_file),
        "column": form.column,
        "params": dict(form.params),
        "picture": str(picture) if picture else None,
    }
    # In a process of its own: playwright's plain interface does not run beside the
    # event loop that a notebook has.
    done = subprocess.run(
        [sys.executable, TOOL], input=json.dumps(told), capture_output=True, text=True
    )
    if done.returncode:
        raise TrainingFailed(say("autotrain.page.refused", error=done.stderr[-800:]))
    return say("autotrain.page.by_browser")


def _clear(page: Page, form: Form) -> None:
    old = page.folder / form.project
    if (old / "training_params.json").is_file():
        shutil.rmtree(old)


def by_http(page: Page, form: Form) -> dict[str, Any]:
    """Send what the page's own script sends when its button is clicked.

    Args:
        page: the page.
        form: what goes in.

    Returns:
        The page's answer.

    Raises:
        TrainingFailed: it refused.
    """
    with open(form.training_file, "rb") as rows:
        answer = page.client.post(
            "/ui/create_project",
            data={
                "project_name": form.project,
                "task": "llm:sft",
                "base_model": str(form.base_model),
                "hardware": "local-ui",
                "autotrain_user": USER,
                "params": json.dumps(dict(form.params)),
                "column_mapping": json.dumps({"text": form.column}),
            },
            files={"data_files_training": (form.training_file.name, rows)},
        )
    if answer.status_code != 200:
        raise TrainingFailed(say("autotrain.page.refused", error=answer.text[:400]))
    return answer.json()


def wait_for(page: Page, form: Form, timeout_s: float = TRAINED_SECONDS) -> Run:
    """Wait until the page says that nothing runs any more, and look at the result.

    Args:
        page: the page.
        form: what was filled in.
        timeout_s: how long to wait, in seconds.

    Returns:
        What the training left; its model was looked at.

    Raises:
        TrainingFailed: it left no model, or took too long.
    """
    begin, log = time.monotonic(), page.started.log
    with Progress(100, form.project) as progress:
        while time.monotonic() - begin < timeout_s:
            running_now = page.client.get("/ui/is_model_training").json()
            losses = read_losses(log)
            show_progress(losses, form.epochs, progress)
            if not running_now["model_training"]:
                break
            time.sleep(POLL_S)
        else:
            raise TrainingFailed(say("autotrain.page.slow", seconds=timeout_s))
    run = Run(page.folder / form.project, log, time.monotonic() - begin, losses)
    check_result(run)
    return run
