"""The recipe notebook in JupyterLab and Chromium: what moves, and no errors."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser import lab
from tests.small_notebook import NAME, small_notebook

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.timeout(600)]

# Enough of the notebook to see everything that moves; asserts about quality stay out.
KEPT = (
    "title", "bootstrap", "versions", "connect", "load-recipes", "one-recipe",
    "define-example", "split", "exercise-first-hundred", "define-write-jsonl",
    "write-files", "ask-rule", "define-ask-all", "ask-base", "ask-known-words",
    "upload-files", "create-job", "follow-job", "ask-tuned", "score-chart", "errors",
)  # fmt: skip


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    """Open a short copy of the notebook and run it once from top to bottom."""
    folder = tmp_path_factory.mktemp("lab")
    with lab.opened(folder, small_notebook(KEPT), NAME) as page:
        yield page


def cell(page: Page, cell_id: str) -> Locator:
    """Return a cell of the notebook by its id."""
    return lab.cell(page, KEPT, cell_id)


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
    # One chart that is drawn anew, not one below the other.
    expect(chart).to_have_count(1)


def test_the_slider_goes_through_the_answers(page: Page) -> None:
    errors = cell(page, "errors")
    slider = errors.locator("[role=slider]").first
    slider.wait_for()
    shown = errors.locator(".widget-html")
    before = shown.inner_text()
    slider.focus()
    slider.press("ArrowRight")
    expect(shown).not_to_have_text(before, use_inner_text=True)
    expect(shown).to_contain_text("fine-tuned")


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
    assert lab.errors(page) == []


def test_a_picture_of_the_page_is_kept_for_people_to_look_at(page: Page) -> None:
    cell(page, "score-chart").locator(".jp-RenderedImage img").wait_for()
    cell(page, "follow-job").scroll_into_view_if_needed()
    assert lab.picture(page, "recipe-notebook.png").stat().st_size > 50_000
