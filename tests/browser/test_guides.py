"""Decision guide and cost calculator in JupyterLab and Chromium: they answer back."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser import lab
from tests.small_notebook import small_notebook

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.timeout(600)]

NAME = "00_guides.ipynb"
CALCULATOR = """
from helpers.widgets.guides import cost_calculator, decision_guide

numbers = {
    "calls_per_month": 1000, "months": 12, "long_prompt_tokens": 550,
    "prompt_tokens": 120, "answer_tokens": 34, "input_price": 0.15,
    "output_price": 0.6, "tuned_input_price": 0.3, "tuned_output_price": 1.2,
    "training_tokens": 47_000, "training_price": 3.0,
}
calculator = cost_calculator(numbers)
calculator
"""
GUIDE = """
from helpers.checks.decision import complete_case

guide = decision_guide(complete_case())
guide
"""
VALUES = 'print("calls:", calculator.values["calls_per_month"])'
ADDED = {"calculator": CALCULATOR, "guide": GUIDE, "values": VALUES}
CELLS = ["bootstrap", *ADDED]


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    """Open the notebook in JupyterLab and run it once from top to bottom."""
    folder = tmp_path_factory.mktemp("lab")
    notebook = lab.written(small_notebook(CELLS[:1]), ADDED)
    with lab.opened(folder, notebook, NAME, height=1500) as page:
        yield page


def cell(page: Page, name: str) -> Locator:
    """Return a cell of the notebook by its id."""
    return lab.cell(page, CELLS, name)


def test_the_calculator_counts_anew_when_a_number_changes(page: Page) -> None:
    output = cell(page, "calculator").locator(".jp-OutputArea")
    output.get_by_text("1,000 calls a month").first.wait_for()
    expect(cell(page, "calculator").locator("img")).to_have_count(1)
    field = cell(page, "calculator").locator("input").first
    field.fill("250000")
    field.press("Enter")
    expect(output).to_contain_text("250,000 calls a month")


def test_a_wrong_number_is_named_and_nothing_is_lost(page: Page) -> None:
    output = cell(page, "calculator").locator(".jp-OutputArea")
    expect(output).not_to_contain_text("many")
    field = cell(page, "calculator").locator("input").first
    field.fill("many")
    field.press("Enter")
    expect(output).to_contain_text("many")
    field.fill("2000")
    field.press("Enter")
    output.get_by_text("2,000 calls a month").first.wait_for()


def test_the_guide_changes_its_advice_with_an_answer(page: Page) -> None:
    output = cell(page, "guide").locator(".jp-OutputArea")
    output.locator("select").first.wait_for()
    advice = output.locator(".widget-html").last
    before = advice.inner_text()
    output.locator("select").first.select_option(label="facts that change")
    expect(advice).not_to_have_text(before, use_inner_text=True)


def test_the_cells_below_see_what_the_form_holds(page: Page) -> None:
    cell(page, "values").locator(".cm-content").click()
    page.keyboard.press("Control+Enter")
    cell(page, "values").get_by_text("calls: 2000").wait_for()


def test_no_cell_ends_with_an_error(page: Page) -> None:
    cell(page, "guide").locator("select").first.wait_for()
    assert lab.errors(page) == []


@pytest.mark.parametrize("name", ["calculator", "guide"])
def test_a_picture_of_the_forms_is_kept_for_people_to_look_at(page: Page, name) -> None:
    cell(page, name).scroll_into_view_if_needed()
    assert lab.picture(page, f"{name}.png").stat().st_size > 50_000
