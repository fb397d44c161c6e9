"""The recipe notebook in JupyterLab and Chromium: what moves, and no errors."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, sync_playwright

from tests.conftest import chromium
from tests.small_notebook import NAME, small_notebook
from tools import notebooks as tool

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.timeout(600)]

# Enough of the notebook to see everything that moves; asserts about quality stay out.
KEPT = (
    "title", "bootstrap", "versions", "connect", "load-recipes", "one-recipe",
    "define-example", "split", "exercise-first-hundred", "define-write-jsonl",
    "write-files", "ask-rule", "define-ask-all", "ask-base", "upload-files",
    "create-job", "follow-job", "ask-tuned", "score-chart", "errors",
)  # fmt: skip
SCREENSHOT = tool.ROOT / "test-results" / "recipe-notebook.png"
TOKEN = "browser-test"


def small_copy(folder: Path) -> None:
    """Lay a short copy of the notebook into a folder that looks like the repository."""
    for name in ("helpers", "data"):
        (folder / name).symlink_to(tool.ROOT / name)
    (folder / "notebooks").mkdir()
    tool.write(small_notebook(KEPT), folder / "notebooks" / NAME)


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
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Start JupyterLab on a short copy of the notebook; yield its address."""
    folder = tmp_path_factory.mktemp("lab")
    work = folder / "work"
    work.mkdir()
    small_copy(work)
    settings(folder / "config")
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
            yield f"http://127.0.0.1:{port}/lab/tree/notebooks/{NAME}?token={TOKEN}"
        finally:
            server.terminate()
            server.wait(timeout=30)


def wait_for(address: str, server: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 90
    while time.monotonic() < deadline:
        assert server.poll() is None, "JupyterLab ended at its start"
        try:
            urllib.request.urlopen(address, timeout=5).close()
            return
        except (urllib.error.URLError, ConnectionError, TimeoutError):
            time.sleep(0.3)
    pytest.fail("JupyterLab does not answer")


@pytest.fixture(scope="module")
def page(lab: str) -> Iterator[Page]:
    """Open the notebook in Chromium and run it once from top to bottom."""
    # The sandbox of Chromium does not work for root, as in containers.
    root = hasattr(os, "geteuid") and os.geteuid() == 0
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=chromium(), args=["--no-sandbox"] if root else []
        )
        page = browser.new_page(viewport={"width": 1280, "height": 1600})
        page.set_default_timeout(120_000)
        page.goto(lab)
        cell(page, "bootstrap").wait_for()
        page.get_by_text("| Idle").first.wait_for()
        page.get_by_role("menuitem", name="Run", exact=True).click()
        page.get_by_text("Run All Cells", exact=True).click()
        yield page
        browser.close()


def cell(page: Page, cell_id: str) -> Locator:
    """Return a cell of the notebook by its id."""
    return page.locator(".jp-Notebook .jp-Cell").nth(KEPT.index(cell_id))


def test_the_chart_is_drawn_while_the_model_learns(page: Page) -> None:
    chart = cell(page, "follow-job").locator(".jp-RenderedImage img")
    bar = cell(page, "follow-job").get_by_text("fine-tuning")
    chart.first.wait_for()
    drawings, lines = set(), set()
    deadline = time.monotonic() + 400
    done = cell(page, "follow-job").get_by_text("has succeeded")
    while not done.count() and time.monotonic() < deadline:
        drawings.add(chart.first.get_attribute("src"))
        lines.update(bar.all_inner_texts())  # it goes when the job is done
        page.wait_for_timeout(200)
    assert done.count() == 1
    assert len(drawings) >= 2, "the chart stood still"
    assert len(lines) >= 3, "the progress bar stood still"
    assert chart.count() == 1, "one chart that is drawn anew, not one below the other"


def test_the_slider_goes_through_the_answers(page: Page) -> None:
    errors = cell(page, "errors")
    slider = errors.locator("[role=slider]").first
    slider.wait_for()
    shown = errors.locator(".widget-html")
    before = shown.inner_text()
    slider.focus()
    slider.press("ArrowRight")
    page.wait_for_function("([e, t]) => e.innerText != t", arg=[
        shown.element_handle(), before
    ])  # fmt: skip
    assert "fine-tuned" in shown.inner_text()


def test_the_check_of_an_exercise_answers_in_the_page(page: Page) -> None:
    exercise = cell(page, "exercise-first-hundred")
    exercise.get_by_text("Not tried yet").wait_for()
    for answer, words in (("recipes.loc[0:100]", "✘"), ("recipes.head(100)", "✔")):
        editor = exercise.locator(".cm-content")
        editor.click()
        page.keyboard.press("Control+A")
        page.keyboard.insert_text(
            "from helpers.checks import check_first_rows\n"
            f"check_first_rows({answer}, recipes)"
        )
        page.keyboard.press("Control+Enter")
        exercise.locator(".jp-OutputArea").get_by_text(words).wait_for()


def test_no_cell_ends_with_an_error(page: Page) -> None:
    cell(page, "errors").locator("[role=slider]").first.wait_for()
    bad = page.locator(
        '[data-mime-type="application/vnd.jupyter.error"],'
        '[data-mime-type="application/vnd.jupyter.stderr"]'
    )
    assert bad.all_inner_texts() == []


def test_a_picture_of_the_page_is_kept_for_people_to_look_at(page: Page) -> None:
    cell(page, "score-chart").locator(".jp-RenderedImage img").wait_for()
    cell(page, "follow-job").scroll_into_view_if_needed()
    SCREENSHOT.parent.mkdir(exist_ok=True)
    page.screenshot(path=SCREENSHOT)
    assert SCREENSHOT.stat().st_size > 50_000
