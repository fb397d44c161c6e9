"""What the notebook about data holds when a reader comes to its exercises."""

from __future__ import annotations

import os
import tempfile
from functools import cache
from typing import Any
from unittest import mock

from nbformat import NotebookNode

from tools import notebooks as tool

NAME = "10_prepare_data.ipynb"
LAST = "what-is-left"  # the cell before the last exercise
# They look at the machine, or only show what is there.
LEFT_OUT = {"bootstrap", "check-environment", "length-chart", "inspect-broken"}


def notebook() -> NotebookNode:
    """Return the notebook."""
    return tool.read(tool.NOTEBOOKS / NAME)


def names() -> dict[str, Any]:
    """Return the names that the cells before the last exercise define."""
    return dict(_run())


@cache
def _run() -> dict[str, Any]:
    folder = tempfile.TemporaryDirectory(prefix="companion-")
    # Kept among the names: the files in it are needed until the end.
    found: dict[str, Any] = {"_folder": folder}
    with mock.patch.dict(os.environ, {"COMPANION_OUT": folder.name}):
        for cell in tool.code_cells(notebook()):
            skipped = "exercise" in cell.metadata.get("tags", [])
            if cell.id not in LEFT_OUT and not skipped:
                exec(compile(cell.source, cell.id, "exec"), found)
            if cell.id == LAST:
                break
    return found
