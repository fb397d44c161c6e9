"""The data inspector in JupyterLab and Chromium: menu, slider, no errors."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, sync_playwright

from tests.browser.test_recipe_notebook import TOKEN, free_port, settings, wait_for
from tests.conftest import chromium
from tests.prepared_data import NAME, notebook
from tools import notebooks as tool

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.timeout(600)]

# The way to the broken file, the inspector, and a check that answers.
KEPT = (
    "title", "bootstrap", "versions", "load-recipes", "one-example", "one-line",
    "first-file", "make-menus", "count-tokens", "findall-shown", "exercise-detector",
    "read-draft", "all-faults", "inspect-broken",
)  # fmt: skip
SCREENSHOT = tool.ROOT / "test-results" / "data-inspector.png"


def small_copy(folder: Path) -> None:
    """Lay a short copy of the notebook into a folder that looks like the repository."""
    for name in ("helpers", "data"):
        (folder / name).symlink_to(tool.ROOT / name)
    (folder / "notebooks").mkdir()
    short = notebook()
    cells = {cell.id: cell for cell in short.cells}
    short.cells = [cells[name] for name in KEPT]
    for cell in tool.code_cells(short):
        cell.outputs, cell.execution_count = [], None
        # The cells that make `train` are left out; the pool does as well.
        if cell.id in ("make-menus", "all-faults"):
            cell.source = cell.source.replace("train", "pool")
        if cell.id == "all-faults":
            cell.source = "from helpers.tables import TextTable\n" + cell.source
    tool.write(short, folder / "notebooks" / NAME)


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    """Open the short copy in JupyterLab and run it once from top to bottom."""
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
    # The sandbox of Chromium does not work for root, as in containers.
    root = hasattr(os, "geteuid") and os.geteuid() == 0
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
            with sync_playwright() as playwright:
                browser = playwright.chromium.launch(
                    executable_path=chromium(), args=["--no-sandbox"] if root else []
                )
                page = browser.new_page(viewport={"width": 1280, "height": 1600})
                page.set_default_timeout(120_000)
                page.goto(
                    f"http://127.0.0.1:{port}/lab/tree/notebooks/{NAME}?token={TOKEN}"
                )
                cell(page, "bootstrap").wait_for()
                page.get_by_text("| Idle").first.wait_for()
                page.get_by_role("menuitem", name="Run", exact=True).click()
                page.get_by_text("Run All Cells", exact=True).click()
                yield page
                browser.close()
        finally:
            server.terminate()
            server.wait(timeout=30)


def cell(page: Page, cell_id: str) -> Locator:
    """Return a cell of the notebook by its id."""
    return page.locator(".jp-Notebook .jp-Cell").nth(KEPT.index(cell_id))


def shown_after(page: Page, before: str) -> str:
    """Wait until the inspector shows something else, and return it."""
    html = cell(page, "inspect-broken").locator(".widget-html").last
    page.wait_for_function(
        "([e, t]) => e.innerText != t", arg=[html.element_handle(), before]
    )
    return html.inner_text()


def test_the_slider_and_the_menu_move_through_the_lines(page: Page) -> None:
    inspector = cell(page, "inspect-broken")
    slider = inspector.locator("[role=slider]").first
    slider.wait_for()
    first = inspector.locator(".widget-html").last.inner_text()
    assert "Line 1 of 62" in first
    slider.focus()
    slider.press("ArrowRight")
    second = shown_after(page, first)
    assert "Line 7 of 62" in second
    inspector.locator("select").select_option(label="role_unknown (2)")
    third = shown_after(page, second)
    assert "Line 25 of 62" in third
    assert "asistant" in third


def test_personal_data_stay_masked_in_the_page(page: Page) -> None:
    inspector = cell(page, "inspect-broken")
    inspector.locator("[role=slider]").first.wait_for()
    before = inspector.locator(".widget-html").last.inner_text()
    inspector.locator("select").select_option(label="personal_data (3)")
    text = shown_after(page, before)
    assert "41…11" in text
    assert "4111 1111 1111 1111" not in text


def test_the_check_of_an_exercise_answers_in_the_page(page: Page) -> None:
    cell(page, "exercise-detector").get_by_text("Not tried yet").wait_for()


def test_no_cell_ends_with_an_error(page: Page) -> None:
    cell(page, "inspect-broken").locator("[role=slider]").first.wait_for()
    bad = page.locator(
        '[data-mime-type="application/vnd.jupyter.error"],'
        '[data-mime-type="application/vnd.jupyter.stderr"]'
    )
    assert bad.all_inner_texts() == []


def test_a_picture_of_the_inspector_is_kept_for_people_to_look_at(page: Page) -> None:
    inspector = cell(page, "inspect-broken")
    inspector.locator("[role=slider]").first.wait_for()
    inspector.scroll_into_view_if_needed()
    SCREENSHOT.parent.mkdir(exist_ok=True)
    page.screenshot(path=SCREENSHOT)
    assert SCREENSHOT.stat().st_size > 50_000
