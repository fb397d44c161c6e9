"""A notebook opened in JupyterLab and in Chromium, as a learner would open it."""

from __future__ import annotations

import contextlib
import json
import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import pytest
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell
from playwright.sync_api import Locator, Page, expect, sync_playwright

from tests.conftest import chromium
from tools import notebooks as tool

PICTURES = tool.ROOT / "test-results"
TOKEN = "browser-test"
# Milliseconds: a busy machine of two cores is slow, and that is no error.
WAIT = 120_000
BAD_OUTPUT = (
    '[data-mime-type="application/vnd.jupyter.error"],'
    '[data-mime-type="application/vnd.jupyter.stderr"]'
)


@contextlib.contextmanager
def opened(
    folder: Path, notebook: NotebookNode, name: str, height: int = 1600
) -> Iterator[Page]:
    """Open a notebook in a copy of the repository, and run all of its cells.

    Args:
        folder: an empty one.
        notebook: what to open; the first code cell has the id "bootstrap".
        name: its file name.
        height: of the window, in pixels.

    Yields:
        The page; the cells may still be running.
    """
    work = folder / "work"
    (work / "notebooks").mkdir(parents=True)
    for part in ("helpers", "data"):
        (work / part).symlink_to(tool.ROOT / part)
    tool.write(notebook, work / "notebooks" / name)
    settings(folder / "config")
    # The sandbox of Chromium does not work for root, as in containers.
    root = hasattr(os, "geteuid") and os.geteuid() == 0
    with running(work, folder) as address, sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=chromium(), args=["--no-sandbox"] if root else []
        )
        page = browser.new_page(viewport={"width": 1280, "height": height})
        page.set_default_timeout(WAIT)
        expect.set_options(timeout=WAIT)
        page.goto(f"{address}/lab/tree/notebooks/{name}?token={TOKEN}")
        page.locator(".jp-Notebook .jp-Cell").last.wait_for()
        page.get_by_text("| Idle").first.wait_for()
        page.get_by_role("menuitem", name="Run", exact=True).click()
        page.get_by_text("Run All Cells", exact=True).click()
        yield page
        browser.close()


@contextlib.contextmanager
def running(work: Path, folder: Path) -> Iterator[str]:
    """Start JupyterLab in `work` with a provider of its own; yield its address."""
    port = free_port()
    command = [
        sys.executable, "-m", "jupyterlab", "--no-browser", "--allow-root",
        "--ServerApp.ip=127.0.0.1", f"--ServerApp.port={port}",
        "--ServerApp.port_retries=0", f"--ServerApp.root_dir={work}",
        f"--IdentityProvider.token={TOKEN}",
    ]  # fmt: skip
    with tool.own_provider() as environment, open(folder / "log", "wb") as log:
        environment.pop("TQDM_DISABLE", None)  # `make unit` sets it; a learner does not
        environment |= {
            "JUPYTER_CONFIG_DIR": str(folder / "config"),
            "JUPYTER_RUNTIME_DIR": str(folder / "runtime"),
            "IPYTHONDIR": str(folder / "ipython"),
        }
        server = subprocess.Popen(
            command, cwd=work, env=environment, stdout=log, stderr=subprocess.STDOUT
        )
        try:
            wait_for(f"http://127.0.0.1:{port}/api/status?token={TOKEN}", server)
            yield f"http://127.0.0.1:{port}"
        finally:
            server.terminate()
            server.wait(timeout=30)


def settings(folder: Path) -> None:
    """Let JupyterLab draw cells that are out of sight, and ask no questions."""
    lab = folder / "labconfig"
    lab.mkdir(parents=True)
    (lab / "default_setting_overrides.json").write_text(
        json.dumps(
            {"@jupyterlab/notebook-extension:tracker": {"windowingMode": "none"}}
        )
    )
    announcements = "@jupyterlab/apputils-extension:announcements"
    (lab / "page_config.json").write_text(
        json.dumps({"disabledExtensions": {announcements: True}})
    )


def free_port() -> int:
    """Return a port of this machine that nobody uses."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_for(address: str, server: subprocess.Popen[bytes]) -> None:
    """Wait until JupyterLab answers."""
    deadline = time.monotonic() + 90
    while time.monotonic() < deadline:
        assert server.poll() is None, "JupyterLab ended at its start"
        try:
            urllib.request.urlopen(address, timeout=5).close()
            return
        except (urllib.error.URLError, ConnectionError, TimeoutError):
            time.sleep(0.3)
    pytest.fail("JupyterLab does not answer")


def short_copy(notebook: NotebookNode, kept: Sequence[str]) -> NotebookNode:
    """Return a notebook with some of its cells, without outputs."""
    cells = {cell.id: cell for cell in notebook.cells}
    notebook.cells = [cells[name] for name in kept]
    for one in tool.code_cells(notebook):
        one.outputs, one.execution_count = [], None
    return notebook


def written(first: NotebookNode, added: Mapping[str, str]) -> NotebookNode:
    """Return a notebook with cells of the test's own at its end: id -> source."""
    for name, text in added.items():
        first.cells.append(new_code_cell(text.strip(), id=name))
    return first


def cell(page: Page, kept: Sequence[str], name: str) -> Locator:
    """Return a cell of the page by its id, from the ids in their order."""
    return page.locator(".jp-Notebook .jp-Cell").nth(list(kept).index(name))


def errors(page: Page) -> list[str]:
    """Return the texts of all errors and warnings below the cells."""
    return page.locator(BAD_OUTPUT).all_inner_texts()


def picture(page: Page, name: str) -> Path:
    """Keep a picture of the page for people to look at; return its path."""
    path = PICTURES / name
    path.parent.mkdir(exist_ok=True)
    page.screenshot(path=path)
    return path
