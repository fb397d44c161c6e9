"""A pair of lists to choose two ways from, and what a move between them means.

Purpose: thirty moves are too many for a page. A front end with widgets shows the one
that is chosen; elsewhere the first one stands there as a table, and `move(a, b)` in a
cell gives any other. It must never hold a rule: those are in `ways`.
"""

from __future__ import annotations

from typing import Any

from helpers.messages import say
from helpers.tables import TextTable
from helpers.ways import WAYS, move
from helpers.widgets import unwanted


class MoveChooser:
    """Two lists, and the table of the move below them.

    Args:
        start: the way that is chosen at first as the one to leave.
        goal: the way that is chosen at first as the one to take.
    """

    def __init__(self, start: str, goal: str) -> None:
        self.start, self.goal = start, goal
        self.table = TextTable(move(start, goal))
        self.widget = None if unwanted() else self._widget()

    def _widget(self) -> Any:
        import ipywidgets

        lists = [
            ipywidgets.Dropdown(options=WAYS, value=value, description=say(label))
            for value, label in (
                (self.start, "ways.chooser.from"),
                (self.goal, "ways.chooser.to"),
            )
        ]
        shown = ipywidgets.HTML(self.table._repr_html_())

        def choose(_: Any) -> None:
            chosen = move(*(one.value for one in lists))
            shown.value = TextTable(chosen)._repr_html_()

        for one in lists:
            one.observe(choose, "value")
        return ipywidgets.VBox([ipywidgets.HBox(lists), shown])

    def _repr_mimebundle_(self, **arguments: Any) -> dict[str, Any]:
        title = say("ways.chooser.title", start=self.start, goal=self.goal)
        shown = {
            "text/plain": repr(self),
            "text/html": f"<b>{title}</b>\n{self.table._repr_html_()}",
        }
        if self.widget is not None:
            shown = self.widget._repr_mimebundle_(**arguments) | shown
        return shown

    def __repr__(self) -> str:
        title = say("ways.chooser.title", start=self.start, goal=self.goal)
        return f"{title}\n\n{self.table!r}"


def choose_move(start: str, goal: str) -> MoveChooser:
    """Show what a move between two ways means, and let the reader choose others.

    Args:
        start: the way to leave, at first.
        goal: the way to take, at first.

    Returns:
        The lists with their table, for the last line of a cell.

    Raises:
        ValueError: there is no such way.
    """
    return MoveChooser(start, goal)
