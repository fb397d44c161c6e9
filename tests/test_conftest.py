"""Where there is no browser, the browser tests stay out, and nobody can miss it."""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def collected(**variables: str) -> str:
    """Return what pytest says when it collects the browser tests."""
    run = subprocess.run(
        [sys.executable, "-m", "pytest", "--collect-only", "-q", "tests/browser"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        env={**os.environ, **variables},
    )
    return run.stdout


def test_without_chromium_browser_tests_are_left_out_and_that_is_said(
    tmp_path: Path,
) -> None:
    said = collected(PATH=str(tmp_path), COMPANION_CHROMIUM="")
    assert "deselected" in said
    assert "BROWSER TESTS DO NOT RUN" in said


def test_with_chromium_browser_tests_are_there() -> None:
    said = collected(COMPANION_CHROMIUM=sys.executable)
    assert "test_the_chart_is_drawn_while_the_model_learns" in said
    assert "DO NOT RUN" not in said
