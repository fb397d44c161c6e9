"""Job monitor and playground in JupyterLab and Chromium: they move, and they obey."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from nbformat.v4 import new_code_cell
from playwright.sync_api import Locator, Page, sync_playwright

from tests.browser.test_recipe_notebook import TOKEN, free_port, settings, wait_for
from tests.conftest import chromium
from tests.small_notebook import small_notebook
from tools import notebooks as tool

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.timeout(600)]

NAME = "00_watch_a_job.ipynb"
SCREENSHOT = tool.ROOT / "test-results" / "job-widgets.png"
# Long enough to be paused and cancelled on a fast machine.
JOB = """
from helpers.environment import output_folder
from helpers.jobs import submit
from helpers.recipes import load_recipes, take, write_jsonl

recipes = load_recipes()
folder = output_folder("browser")
training = write_jsonl(take(recipes, "train", 300), folder / "training.jsonl")
validation = write_jsonl(take(recipes, "validation", 10), folder / "validation.jsonl")
job = submit(here, training, validation, seed=1)
"""
MONITOR = """
from helpers.job_monitor import monitor

monitor(here, job)
"""
PLAYGROUND = """
from helpers.playground import playground

models = {"base": here.base_model, "again": here.base_model}
playground(here, models, max_tokens=20)
"""
ADDED = {"job": JOB, "monitor": MONITOR, "playground": PLAYGROUND}
CELLS = ["bootstrap", "connect", *ADDED]


def widget_notebook(folder: Path) -> None:
    """Lay a notebook with a job and both widgets into a copy of the repository."""
    for name in ("helpers", "data"):
        (folder / name).symlink_to(tool.ROOT / name)
    (folder / "notebooks").mkdir()
    notebook = small_notebook(CELLS[:2])
    for name, text in ADDED.items():
        notebook.cells.append(new_code_cell(text.strip(), id=name))
    tool.write(notebook, folder / "notebooks" / NAME)


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Start JupyterLab on the notebook; yield its address."""
    folder = tmp_path_factory.mktemp("lab")
    work = folder / "work"
    work.mkdir()
    widget_notebook(work)
    settings(folder / "config")
    port = free_port()
    command = [
        sys.executable, "-m", "jupyterlab", "--no-browser", "--allow-root",
        "--ServerApp.ip=127.0.0.1", f"--ServerApp.port={port}",
        "--ServerApp.port_retries=0", f"--ServerApp.root_dir={work}",
        f"--IdentityProvider.token={TOKEN}",
    ]  # fmt: skip
    with tool.own_provider() as environment, open(folder / "log", "wb") as log:
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
            yield f"http://127.0.0.1:{port}/lab/tree/notebooks/{NAME}?token={TOKEN}"
        finally:
            server.terminate()
            server.wait(timeout=30)


@pytest.fixture(scope="module")
def page(lab: str) -> Iterator[Page]:
    """Open the notebook in Chromium and run it once from top to bottom."""
    # The sandbox of Chromium does not work for root, as in containers.
    root = hasattr(os, "geteuid") and os.geteuid() == 0
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=chromium(), args=["--no-sandbox"] if root else []
        )
        page = browser.new_page(viewport={"width": 1280, "height": 1400})
        page.set_default_timeout(120_000)
        page.goto(lab)
        cell(page, "bootstrap").wait_for()
        page.get_by_text("| Idle").first.wait_for()
        page.get_by_role("menuitem", name="Run", exact=True).click()
        page.get_by_text("Run All Cells", exact=True).click()
        yield page
        browser.close()


def cell(page: Page, name: str) -> Locator:
    """Return a cell of the notebook by its id."""
    return page.locator(".jp-Notebook .jp-Cell").nth(CELLS.index(name))


def button(page: Page, name: str, words: str) -> Locator:
    """Return a button in a cell by what is written on it."""
    # Not by its role: icons before the words would be part of its name.
    return cell(page, name).locator("button").filter(has_text=words)


def test_the_monitor_moves_while_the_cell_is_done(page: Page) -> None:
    status = cell(page, "monitor").locator(".companion-status")
    status.wait_for()
    curve = cell(page, "monitor").locator('img[alt^="Training loss from"]')
    curve.wait_for()
    seen = set()
    for _ in range(600):
        seen.add(status.inner_text())
        if len(seen) >= 4:
            break
        page.wait_for_timeout(200)
    assert len(seen) >= 4, f"the monitor stood still: {seen}"
    assert cell(page, "monitor").locator(".widget-hprogress").count() == 1
    assert "Step " in cell(page, "monitor").inner_text()


def test_the_buttons_hold_the_job_let_it_go_on_and_end_it(page: Page) -> None:
    status = cell(page, "monitor").locator(".companion-status")
    go_on = button(page, "monitor", "Go on")
    assert go_on.is_disabled()
    button(page, "monitor", "Pause").click()
    status.get_by_text("paused", exact=True).wait_for()
    assert go_on.is_enabled()
    go_on.click()
    status.get_by_text("running", exact=True).wait_for()
    SCREENSHOT.parent.mkdir(exist_ok=True)
    page.screenshot(path=SCREENSHOT)
    button(page, "monitor", "Cancel").click()
    status.get_by_text("cancelled", exact=True).wait_for()
    assert button(page, "monitor", "Cancel").is_disabled()


def test_the_playground_answers_side_by_side(page: Page) -> None:
    box = cell(page, "playground")
    box.locator("textarea").fill("Repeat: salt, pepper")
    # The value goes to the kernel when the field is left.
    box.locator("textarea").press("Tab")
    button(page, "playground", "Ask").click()
    answers = box.locator(".companion-answer")
    answers.nth(1).wait_for()
    first, second = answers.all_inner_texts()
    assert first == second, "the same model, temperature 0"
    assert first.strip()
    assert box.get_by_text("tokens in").count() == 2
    left, right = (answers.nth(i).bounding_box() for i in (0, 1))
    assert left["x"] + left["width"] <= right["x"] + 1, "side by side"


def test_no_cell_ends_with_an_error(page: Page) -> None:
    cell(page, "playground").locator("textarea").wait_for()
    bad = page.locator(
        '[data-mime-type="application/vnd.jupyter.error"],'
        '[data-mime-type="application/vnd.jupyter.stderr"]'
    )
    assert bad.all_inner_texts() == []


def test_a_picture_of_the_widgets_is_kept_for_people_to_look_at(page: Page) -> None:
    assert SCREENSHOT.stat().st_size > 30_000
