"""The data inspector in JupyterLab and Chromium: menu, slider, no errors."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from nbformat import NotebookNode
from playwright.sync_api import Locator, Page

from tests.browser import lab
from tests.prepared_data import NAME, notebook
from tools import notebooks as tool

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.timeout(600)]

# The way to the broken file, the inspector, and a check that answers.
KEPT = (
    "title", "bootstrap", "versions", "load-recipes", "one-example", "one-line",
    "first-file", "make-menus", "count-tokens", "findall-shown", "exercise-detector",
    "read-draft", "all-faults", "inspect-broken",
)  # fmt: skip


def small_copy() -> NotebookNode:
    """Return a short copy of the notebook."""
    short = lab.short_copy(notebook(), KEPT)
    for one in tool.code_cells(short):
        # The cells that make `train` are left out; the pool does as well.
        if one.id in ("make-menus", "all-faults"):
            one.source = one.source.replace("train", "pool")
        if one.id == "all-faults":
            one.source = "from helpers.tables import TextTable\n" + one.source
    return short


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    """Open the short copy in JupyterLab and run it once from top to bottom."""
    with lab.opened(tmp_path_factory.mktemp("lab"), small_copy(), NAME) as page:
        yield page


def cell(page: Page, cell_id: str) -> Locator:
    """Return a cell of the notebook by its id."""
    return lab.cell(page, KEPT, cell_id)


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
    assert lab.errors(page) == []


def test_a_picture_of_the_inspector_is_kept_for_people_to_look_at(page: Page) -> None:
    inspector = cell(page, "inspect-broken")
    inspector.locator("[role=slider]").first.wait_for()
    inspector.scroll_into_view_if_needed()
    assert lab.picture(page, "data-inspector.png").stat().st_size > 50_000
