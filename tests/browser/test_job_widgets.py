"""Job monitor and playground in JupyterLab and Chromium: they move, and they obey."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser import lab
from tests.small_notebook import small_notebook

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.timeout(600)]

NAME = "00_watch_a_job.ipynb"
PICTURE = "job-widgets.png"
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
from helpers.widgets.job_monitor import monitor

monitor(here, job)
"""
PLAYGROUND = """
from helpers.widgets.playground import playground

models = {"base": here.base_model, "again": here.base_model}
playground(here, models, max_tokens=20)
"""
ADDED = {"job": JOB, "monitor": MONITOR, "playground": PLAYGROUND}
CELLS = ["bootstrap", "connect", *ADDED]


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    """Open the notebook in JupyterLab and run it once from top to bottom."""
    folder = tmp_path_factory.mktemp("lab")
    notebook = lab.written(small_notebook(CELLS[:2]), ADDED)
    with lab.opened(folder, notebook, NAME, height=1400) as page:
        yield page


def cell(page: Page, name: str) -> Locator:
    """Return a cell of the notebook by its id."""
    return lab.cell(page, CELLS, name)


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
    expect(cell(page, "monitor").locator(".widget-hprogress")).to_have_count(1)
    expect(cell(page, "monitor")).to_contain_text("Step ")


def test_the_buttons_hold_the_job_let_it_go_on_and_end_it(page: Page) -> None:
    status = cell(page, "monitor").locator(".companion-status")
    go_on = button(page, "monitor", "Go on")
    # The page hears of words and buttons one after the other: `expect` waits.
    expect(go_on).to_be_disabled()
    button(page, "monitor", "Pause").click()
    status.get_by_text("paused", exact=True).wait_for()
    expect(go_on).to_be_enabled()
    go_on.click()
    status.get_by_text("running", exact=True).wait_for()
    lab.picture(page, PICTURE)
    button(page, "monitor", "Cancel").click()
    status.get_by_text("cancelled", exact=True).wait_for()
    expect(button(page, "monitor", "Cancel")).to_be_disabled()


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
    expect(box.get_by_text("tokens in")).to_have_count(2)
    left, right = (answers.nth(i).bounding_box() for i in (0, 1))
    assert left["x"] + left["width"] <= right["x"] + 1, "side by side"


def test_no_cell_ends_with_an_error(page: Page) -> None:
    cell(page, "playground").locator("textarea").wait_for()
    assert lab.errors(page) == []


def test_a_picture_of_the_widgets_is_kept_for_people_to_look_at(page: Page) -> None:
    assert (lab.PICTURES / PICTURE).stat().st_size > 30_000
