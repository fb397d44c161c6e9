"""A short copy of the recipe notebook: the same cells, fewer rows."""

from __future__ import annotations

from collections.abc import Sequence

from nbformat import NotebookNode

from tools import notebooks as tool

NAME = "20_fine_tune_recipe_assistant.ipynb"
SMALLER = {'"train", 100': '"train", 30', '"test", 100': '"test", 8'}


def small_notebook(
    kept: Sequence[str] | None = None, left_out: Sequence[str] = ()
) -> NotebookNode:
    """Return the recipe notebook without outputs and with few rows.

    Args:
        kept: ids of the cells to keep; all without it.
        left_out: ids of cells to leave out.
    """
    notebook = tool.read(tool.NOTEBOOKS / NAME)
    cells = {cell.id: cell for cell in notebook.cells}
    names = [name for name in kept or cells if name not in left_out]
    notebook.cells = [cells[name] for name in names]
    for cell in tool.code_cells(notebook):
        cell.outputs, cell.execution_count = [], None
        for old, new in SMALLER.items():
            cell.source = cell.source.replace(old, new)
    return notebook
