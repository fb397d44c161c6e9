"""The progress bar: a line of text in notebooks, tqdm elsewhere, silence on demand."""

import sys
import types

import pytest

from helpers import progress
from helpers.progress import QUIET, Progress


@pytest.fixture
def notebook(monkeypatch):
    """Pretend that a front end shows what is displayed, and collect it."""
    shown = []

    class Handle:
        def update(self, line):
            shown.append(repr(line))

    def display(line, display_id):
        shown.append(repr(line))
        return Handle()

    module = types.ModuleType("IPython.display")
    module.display = display
    monkeypatch.setitem(sys.modules, "IPython.display", module)
    monkeypatch.setattr(progress, "in_notebook", lambda: True)
    monkeypatch.setattr(progress, "EVERY_S", 0)
    for name in QUIET:
        monkeypatch.delenv(name, raising=False)
    return shown


def test_a_notebook_gets_one_line_that_is_updated(notebook):
    with Progress(4, "answers") as bar:
        bar.add(1)
        bar.add(3, "loss 0.1")
    assert notebook[0].startswith("answers ░")
    assert "1/4" in notebook[1]
    assert notebook[-1].startswith("answers █")
    assert "4/4" in notebook[-1]
    assert notebook[-1].endswith("loss 0.1")


def test_an_error_leaves_the_line_where_it_stopped(notebook):
    def fail():
        with Progress(4, "answers") as bar:
            bar.add(1)
            raise RuntimeError("stop")

    with pytest.raises(RuntimeError):
        fail()
    assert "1/4" in notebook[-1]


def test_a_terminal_gets_a_bar_on_standard_error(capsys, monkeypatch):
    for name in QUIET:
        monkeypatch.delenv(name, raising=False)
    with Progress(2, "answers") as bar:
        bar.add(2)
    seen = capsys.readouterr()
    assert seen.out == ""
    assert "2/2" in seen.err


def test_nothing_is_shown_when_asked_to_be_quiet(capsys, monkeypatch):
    monkeypatch.setenv("COMPANION_QUIET", "1")
    with Progress(2, "answers") as bar:
        bar.add(2)
    assert capsys.readouterr() == ("", "")
    assert bar.done == 2


def test_a_total_can_become_known_later(notebook):
    with Progress(0, "steps") as bar:
        assert "0/?" in str(bar)
        bar.to(5, total=10)
    assert "5/10" in notebook[-1]
