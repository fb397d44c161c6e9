"""Forms in a notebook: fields on top, and below them what follows from the answers.

Purpose: one form for whatever is computed from a handful of answers. A front end with
widgets gets fields that answer at once; GitHub, an exported page or a saved notebook
gets the outcome for the answers that the form started with. COMPANION_WIDGETS=no leaves
the widgets out. Use:

    form = Form(fields, {"rooms": 2}, show=rent)
    form.values            # as they stand now; the start values without a front end

It must never know what is asked, nor what follows from it.
"""

from __future__ import annotations

import base64
import html
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from helpers.messages import say
from helpers.widgets import unwanted

# The style of a page's tables does not reach into widgets.
STYLE = (
    "<style>.companion-form th, .companion-form td "
    "{padding: 2px 16px 2px 0; line-height: 1.4} "
    ".companion-form ul {margin: 0 0 8px} .companion-form p {margin: 8px 0}</style>"
)


@dataclass(frozen=True, slots=True)
class Field:
    """One field of a form.

    Attributes:
        name: key of its value.
        label: what people read beside it.
        group: heading above the first field of a group.
        options: what can be chosen, as (label, value); empty for a field to type in.
    """

    name: str
    label: str
    group: str = ""
    options: tuple[tuple[str, object], ...] = ()


class Form:
    """Fields and what follows from them; the last line of a cell shows it.

    Args:
        fields: what is asked, in order.
        values: name -> value to start with. Of a field to type in, what was typed
            arrives as text; None shows as empty.
        show: takes the values, returns something that shows itself (`_repr_html_` and
            `__repr__`); a ValueError of it is shown in its place.
        chart: takes the values, returns a chart that is drawn below, in a front end
            with widgets only.

    Attributes:
        controls: name -> widget; empty without widgets.
        widget: all of it, or None.
    """

    def __init__(
        self,
        fields: Sequence[Field],
        values: Mapping[str, object],
        show: Callable[[dict[str, Any]], Any],
        chart: Callable[[dict[str, Any]], Any] | None = None,
    ) -> None:
        self.fields = list(fields)
        self.start = dict(values)
        self.show = show
        self.chart = chart
        self.controls: dict[str, Any] = {}
        self._output: Any = None
        show(dict(self.start))  # a wrong start value shows up here, in its own words
        self.widget = None if unwanted() else self._widget()

    @property
    def values(self) -> dict[str, Any]:
        """The values as they stand now: what was not touched is as it came."""
        now = dict(self.start)
        for field in self.fields:
            control = self.controls.get(field.name)
            if control is None:
                continue
            if field.options or control.value != _written(self.start.get(field.name)):
                now[field.name] = control.value
        return now

    def _widget(self) -> Any:
        import ipywidgets

        rows: list[Any] = []
        group = ""
        # One width for all labels, so that the fields stand below each other.
        width = f"{0.8 * max(len(field.label) for field in self.fields):.0f}ch"
        for field in self.fields:
            if field.group != group:
                group = field.group
                rows.append(ipywidgets.HTML(f"<b>{html.escape(group)}</b>"))
            value = self.start.get(field.name)
            look: dict[str, Any] = {
                "description": field.label,
                "style": {"description_width": width},
                "layout": ipywidgets.Layout(width="95%"),
            }
            if field.options:
                control = ipywidgets.Dropdown(
                    options=list(field.options), value=value, **look
                )
            else:
                control = ipywidgets.Text(
                    value=_written(value), continuous_update=False, **look
                )
            control.observe(self._changed, "value")
            self.controls[field.name] = control
            rows.append(control)
        self._output = ipywidgets.HTML(self._live())
        return ipywidgets.VBox([*rows, self._output])

    def _changed(self, change: object) -> None:
        self._output.value = self._live()

    def _live(self) -> str:
        """Return what follows from the values as they stand now, as HTML."""
        try:
            shown = self.show(self.values)._repr_html_()
            picture = self.chart(self.values).image() if self.chart else None
        except ValueError as error:
            return f"<p>✘ {html.escape(str(error))}</p>"
        shown = f'{STYLE}<div class="companion-form">{shown}</div>'
        if picture is None:
            return shown
        code = base64.b64encode(picture.png).decode("ascii")
        alt = html.escape(picture.alt, quote=True)
        return (
            f'{shown}\n<img src="data:image/png;base64,{code}" alt="{alt}" '
            f'width="{picture.width}">'
        )

    def _repr_mimebundle_(self, **arguments: Any) -> dict[str, Any]:
        note = html.escape(say("form.plain"))
        still = self.show(dict(self.start))
        shown: dict[str, Any] = {
            "text/plain": repr(self),
            "text/html": f"{still._repr_html_()}\n<p><em>{note}</em></p>",
        }
        if self.widget is not None:
            shown = self.widget._repr_mimebundle_(**arguments) | shown
        return shown

    def __repr__(self) -> str:
        return f"{self.show(dict(self.start))!r}\n\n{say('form.plain')}"


def _written(value: object) -> str:
    """Return a value as it stands in a field to type in."""
    if value is None or value is ...:
        return ""
    if isinstance(value, float):
        return f"{value:.10g}"
    if isinstance(value, (list, tuple)):
        return ", ".join(map(_written, value))
    return str(value)
