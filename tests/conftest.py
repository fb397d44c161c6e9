"""Some tests need Chromium or AutoTrain: without, they stay out, said loudly."""

from __future__ import annotations

import os
import shutil

import pytest

from helpers.autotrain import environment as autotrain

NAMES = ("chromium", "chromium-browser", "google-chrome", "chrome")


def chromium() -> str | None:
    """Return the path of Chromium: COMPANION_CHROMIUM, else the installed one."""
    told = os.environ.get("COMPANION_CHROMIUM")
    return told or next(filter(None, map(shutil.which, NAMES)), None)


def _missing() -> str:
    return (
        "BROWSER TESTS DO NOT RUN: there is no Chromium. Install it (Debian: apt-get "
        "install chromium), or set COMPANION_CHROMIUM to its path."
    )


def _no_autotrain() -> str:
    return (
        "TESTS OF AUTOTRAIN DO NOT RUN: its environment is not there. Make it with "
        "'make autotrain', or set COMPANION_AUTOTRAIN to its folder."
    )


def pytest_report_header() -> list[str]:
    """Say at the start which browser and which AutoTrain are used."""
    found = chromium()
    return [
        f"browser tests: {found}" if found else _missing(),
        f"autotrain: {autotrain()}" if autotrain() else _no_autotrain(),
    ]


def pytest_collection_modifyitems(
    config: pytest.Config, items: list[pytest.Item]
) -> None:
    """Leave tests out where there is no browser, or no AutoTrain."""
    absent = {"browser": not chromium(), "autotrain": not autotrain()}
    left_out = [
        item
        for item in items
        if any(gone and item.get_closest_marker(name) for name, gone in absent.items())
    ]
    if left_out:
        items[:] = [item for item in items if item not in left_out]
        config.hook.pytest_deselected(items=left_out)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say it again at the end, where people look."""
    if not chromium():
        terminalreporter.write_sep("!", _missing(), red=True, bold=True)
    if not autotrain():
        terminalreporter.write_sep("!", _no_autotrain(), red=True, bold=True)
