"""Browser tests need Chromium: without it they stay out, and that is said loudly."""

from __future__ import annotations

import os
import shutil

import pytest

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


def pytest_report_header() -> str:
    """Say at the start which browser is used."""
    found = chromium()
    return f"browser tests: {found}" if found else _missing()


def pytest_collection_modifyitems(
    config: pytest.Config, items: list[pytest.Item]
) -> None:
    """Leave browser tests out where there is no browser."""
    if chromium():
        return
    left_out = [item for item in items if item.get_closest_marker("browser")]
    if left_out:
        items[:] = [item for item in items if item not in left_out]
        config.hook.pytest_deselected(items=left_out)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say it again at the end, where people look."""
    if not chromium():
        terminalreporter.write_sep("!", _missing(), red=True, bold=True)
