"""A progress bar that reads well in a terminal, in a notebook and in a log.

Purpose: one bar for whatever lasts. In a terminal it is tqdm; in a notebook it is one
line of text that is updated in place: no widget, so it also works where widgets do not,
and a saved notebook keeps one plain line. It must never know what is counted.
"""

from __future__ import annotations

import os
import sys
import time
from types import TracebackType
from typing import Any

from tqdm import tqdm

WIDTH = 24  # characters of the bar in a notebook
QUIET = ("COMPANION_QUIET", "TQDM_DISABLE")
EVERY_S = 0.2  # a front end that gets more updates than this falls behind


def in_notebook() -> bool:
    """True when a Jupyter front end shows what is printed."""
    if "IPython" not in sys.modules:
        return False
    from IPython import get_ipython

    return type(get_ipython()).__name__ in ("ZMQInteractiveShell", "Shell")


class Progress:
    """Counts towards a total and shows it; use it with `with`.

    Args:
        total: how many steps there are; 0 when that is not known yet.
        label: what is counted, a word or two.
        show: False shows nothing, as do COMPANION_QUIET and tqdm's own TQDM_DISABLE.
    """

    def __init__(self, total: int, label: str, show: bool = True) -> None:
        self.total = total
        self.label = label
        self.done = 0
        self.note = ""
        self._started = self._shown = time.monotonic()
        self._show = show and not any(map(os.environ.get, QUIET))
        self._bar: Any = None
        self._display: Any = None

    def __enter__(self) -> Progress:
        self._started = time.monotonic()
        if self._show and in_notebook():
            from IPython.display import display

            self._display = display(_Line(str(self)), display_id=True)
        elif self._show:
            # Without a terminal (a log, a pipe) a line now and then is enough.
            seconds = 0.1 if sys.stderr.isatty() else 10.0
            self._bar = tqdm(
                total=self.total or None,
                desc=self.label,
                mininterval=seconds,
                dynamic_ncols=True,
                leave=True,
                disable=False,  # asked above, at the time of use
            )
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._bar is not None:
            self._bar.close()
        if self._display is not None:
            self._display.update(_Line(str(self)))

    def to(self, done: int, note: str = "", total: int | None = None) -> None:
        """Say how many steps are done by now, with a short note such as a loss."""
        step = done - self.done
        self.done = done
        self.note = note
        self.total = self.total if total is None else total
        if self._bar is not None:
            if total is not None:
                self._bar.total = total
            if note:
                self._bar.set_postfix_str(note, refresh=False)
            self._bar.update(step)
        elif self._display is not None:
            now = time.monotonic()
            if now - self._shown >= EVERY_S or done == self.total:
                self._shown = now
                self._display.update(_Line(str(self)))

    def add(self, steps: int = 1, note: str = "") -> None:
        """Say that `steps` more are done."""
        self.to(self.done + steps, note)

    def __str__(self) -> str:
        seconds = time.monotonic() - self._started
        share = self.done / self.total if self.total else 0.0
        full = round(share * WIDTH)
        bar = "█" * full + "░" * (WIDTH - full)
        parts = [f"{self.label} {bar} {self.done}/{self.total or '?'}"]
        parts.append(f"{seconds:.0f} s")
        if self.note:
            parts.append(self.note)
        return " · ".join(parts)


class _Line:
    """Text that a front end shows without quotes around it."""

    def __init__(self, text: str) -> None:
        self.text = text

    def __repr__(self) -> str:
        return self.text
