"""What a machine lacks for some tests leaves them out, and nobody can miss it."""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def collected(tests: str = "tests/browser", **variables: str) -> str:
    """Return what pytest says when it collects tests, those with a browser first."""
    run = subprocess.run(
        [sys.executable, "-m", "pytest", "--collect-only", "-q", tests],
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
    assert "BROWSER TESTS DO NOT RUN" not in said


def test_without_autotrain_its_tests_are_left_out_and_that_is_said(
    tmp_path: Path,
) -> None:
    tests = "tests/test_autotrain_real.py"
    said = collected(tests, COMPANION_AUTOTRAIN=str(tmp_path))
    assert "deselected" in said
    assert "TESTS OF AUTOTRAIN DO NOT RUN" in said
    (tmp_path / ".installed").touch()
    said = collected(tests, COMPANION_AUTOTRAIN=str(tmp_path))
    assert "test_the_page_trains_without_a_network" in said
    assert "TESTS OF AUTOTRAIN DO NOT RUN" not in said
