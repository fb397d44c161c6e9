"""Tables of text that stay readable: line breaks kept, cells set left, nothing cut off.

Purpose: recipes and answers side by side, in JupyterLab, in Colab and on GitHub, which
takes style sheets out. What a model wrote is shown as text, never as HTML.
It must never know what the texts are about.
"""

from __future__ import annotations

import html
import math
import re
from collections.abc import Iterable
from dataclasses import dataclass

import pandas as pd

# The attributes for GitHub, which takes styles out; the style for Jupyter, whose own
# style sets cells right.
LEFT = 'align="left" valign="top" style="text-align: left; vertical-align: top"'
# A name such as full_valid_mean_token_accuracy has no space to break a line at; a table
# with several of them is wider than an exported page, which cuts it off.
LONG_NAME = re.compile(r"[^\s<]{20,}")
BREAK = re.compile(r"(?<=[_.(])(?=[A-Za-z])")
MISSING = "–"


class TextTable:
    """A table of texts for the last line of a cell.

    Args:
        frame: what to show; numbers are shown as they are, missing ones as a dash.
            Long names of code may be broken after a dot, a bracket or an underscore.
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
                f"{name}: {_shown(value).replace(chr(10), chr(10) + '    ')}"
                for name, value in row.items()
            ]
            blocks.append("\n".join(lines))
        return "\n\n".join(blocks)


def _cell(value: object) -> str:
    text = html.escape(_shown(value))
    text = LONG_NAME.sub(lambda name: BREAK.sub("<wbr>", name[0]), text)
    return text.replace("\n", "<br>")


def _shown(value: object) -> str:
    return MISSING if isinstance(value, float) and math.isnan(value) else str(value)


# --- tables with links ------------------------------------------------------------

# What Markdown would take for a sign of its own.
SIGNS = re.compile(r"([\\|*_`<>\[\]])")


@dataclass(frozen=True)
class Link:
    """Words that lead somewhere.

    Attributes:
        text: what people read.
        address: a path from where the table is shown, or an https address.
    """

    text: str
    address: str

    def markdown(self) -> str:
        """Return the link as Markdown writes it."""
        return f"[{_plain(self.text)}]({self.address})"

    def __str__(self) -> str:
        return f"{self.text} ({self.address})"


class LinkTable:
    """A table whose cells may hold links; the same Markdown serves pages of docs/.

    Args:
        frame: cells are texts, numbers, a `Link`, or a list of texts and links.
    """

    def __init__(self, frame: pd.DataFrame) -> None:
        self.frame = frame

    def markdown(self) -> str:
        """Return the table in GitHub's Markdown, a line for each row."""
        head = [_plain(str(name)) for name in self.frame]
        rows = [
            [_markdown(value) for value in row]
            for row in self.frame.itertuples(index=False, name=None)
        ]
        lines = [head, ["---"] * len(head), *rows]
        return "\n".join("| " + " | ".join(line) + " |" for line in lines)

    def _repr_markdown_(self) -> str:
        return self.markdown()

    def __repr__(self) -> str:
        shown = self.frame.map(lambda value: ", ".join(map(str, _parts(value))))
        return repr(TextTable(shown))


def _parts(value: object) -> Iterable[object]:
    return value if isinstance(value, (list, tuple)) else [value]


def _markdown(value: object) -> str:
    parts = (
        part.markdown() if isinstance(part, Link) else _plain(str(part))
        for part in _parts(value)
    )
    return ", ".join(parts)


def _plain(text: str) -> str:
    return SIGNS.sub(r"\\\1", text).replace("\n", "<br>")
