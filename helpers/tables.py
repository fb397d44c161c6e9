"""Tables of text that stay readable: line breaks kept, cells set left, nothing cut off.

Purpose: recipes and answers side by side, in JupyterLab, in Colab and on GitHub, which
takes style sheets out. What a model wrote is shown as text, never as HTML.
It must never know what the texts are about.
"""

from __future__ import annotations

import html

import pandas as pd

# The attributes for GitHub, which takes styles out; the style for Jupyter, whose own
# style sets cells right.
LEFT = 'align="left" valign="top" style="text-align: left; vertical-align: top"'


class TextTable:
    """A table of texts for the last line of a cell.

    Args:
        frame: what to show; numbers are shown as they are.
        index: show the index as the first column.
    """

    def __init__(self, frame: pd.DataFrame, index: bool = False) -> None:
        self.frame = frame.reset_index() if index else frame

    def _repr_html_(self) -> str:
        head = "".join(f"<th {LEFT}>{_cell(name)}</th>" for name in self.frame)
        rows = "".join(
            "<tr>"
            + "".join(f"<td {LEFT}>{_cell(value)}</td>" for value in row)
            + "</tr>\n"
            for row in self.frame.itertuples(index=False)
        )
        return f"<table>\n<tr>{head}</tr>\n{rows}</table>"

    def __repr__(self) -> str:
        blocks = []
        for row in self.frame.to_dict("records"):
            lines = [
                f"{name}: {str(value).replace(chr(10), chr(10) + '    ')}"
                for name, value in row.items()
            ]
            blocks.append("\n".join(lines))
        return "\n\n".join(blocks)


def _cell(value: object) -> str:
    return html.escape(str(value)).replace("\n", "<br>")
