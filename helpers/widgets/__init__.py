"""Things to move and click in a notebook, each of which also works without a front end.

Purpose: what a widget shows is also there as a table in the same output. A front end
with widgets takes the widget; GitHub, an exported page or a saved notebook takes the
table. COMPANION_WIDGETS=no leaves the widgets out.
It must never know what it shows, nor hold a result that later cells need.
"""

from __future__ import annotations

import os
from typing import Any

import pandas as pd

from helpers.messages import say
from helpers.tables import TextTable


class Browser:
    """Rows of a table, one at a time, with a slider to go through them.

    Args:
        frame: what to go through.
        still: how many of the first rows stand there without a front end.
    """

    def __init__(self, frame: pd.DataFrame, still: int = 3) -> None:
        self.frame = frame
        self.still = range(min(still, len(frame)))
        self.widget = None if unwanted() else self._widget()

    def _widget(self) -> Any:
        import ipywidgets

        number = ipywidgets.IntSlider(
            value=1,
            min=1,
            max=max(1, len(self.frame)),
            description=say("widget.row"),
            continuous_update=False,
            layout=ipywidgets.Layout(width="60%"),
        )
        row = ipywidgets.HTML(self.row(0))
        number.observe(
            lambda change: setattr(row, "value", self.row(change["new"] - 1)), "value"
        )
        return ipywidgets.VBox([number, row])

    def row(self, index: int) -> str:
        """Return one row as HTML, its columns below each other."""
        return _upright(self.frame, index)._repr_html_() if len(self.frame) else ""

    def _repr_mimebundle_(self, **arguments: Any) -> dict[str, Any]:
        shown = {
            "text/plain": repr(self),
            "text/html": "\n".join(self.row(index) for index in self.still),
        }
        if self.widget is not None:
            shown = self.widget._repr_mimebundle_(**arguments) | shown
        return shown

    def __repr__(self) -> str:
        return repr(TextTable(self.frame.iloc[self.still]))


def _upright(frame: pd.DataFrame, index: int) -> TextTable:
    """Turn a row into a table of two columns, its first cell as the head."""
    row = frame.iloc[index]
    rest = pd.DataFrame([row.index[1:], row.values[1:]], index=["", row.iloc[0]])
    return TextTable(rest.T)


def browse(frame: pd.DataFrame, still: int = 3) -> Browser:
    """Go through the rows of a table of texts.

    Args:
        frame: the table.
        still: how many of the first rows stand there without a front end.

    Returns:
        The browser, for the last line of a cell.
    """
    return Browser(frame, still)


def unwanted() -> bool:
    """True when COMPANION_WIDGETS says that no widgets shall be made."""
    return os.environ.get("COMPANION_WIDGETS", "").strip().lower() in ("no", "0", "off")


def reason(error: Exception) -> str:
    """Return what a service said when it refused, without the frame around it.

    Args:
        error: what the openai package raised.
    """
    body = getattr(error, "body", None)
    if isinstance(body, dict) and body.get("message"):
        return str(body["message"])
    return getattr(error, "message", "") or str(error)
