"""Run, tidy and check the notebooks.

    python -m tools.notebooks execute [NOTEBOOK ...]  run them, keep the outputs
    python -m tools.notebooks tidy    [NOTEBOOK ...]  take out what front ends leave
    python -m tools.notebooks check   [NOTEBOOK ...]  say what breaks the rules, exit 1

The notebook itself is the source of truth: edit it in JupyterLab, then `execute` it.
Outputs are committed from one run from top to bottom. `problems` states each rule of a
notebook once, for this command and for the tests.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
import tomllib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError
from nbformat import NotebookNode

ROOT = Path(__file__).resolve().parent.parent
NOTEBOOKS = ROOT / "notebooks"
# Ids of cells that were published once; links and translations hang on them.
CELL_IDS = ROOT / "tests" / "cell_ids.json"

MAX_BYTES = 300_000
MAX_CODE_LINES = 25  # hardly any cell is longer
SHORT_CODE_LINES = 8  # half of the cells are this short
MAX_LINE = 88
MAX_WORDS = 60  # of a text cell, as a rule: nine in ten
LONGEST_TEXT = 110  # words; no text cell is longer
CELL_ID = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")
TAGS = {"nbval-check-output", "nbval-ignore-output", "exercise", "solution"}
CELL_SECONDS = 900
# Put together, so that this file does not name such folders itself.
FOLDERS = re.compile(
    r"(?<![\w.:/])/(?:" + "|".join(("root", "home", "Users", "tmp", "private", "work"))
    + r")/[\w.-]+|\b[A-Z]:\\Users"
)  # fmt: skip
KEY = re.compile(r"\b(?:sk-[A-Za-z0-9_-]{20,}|hf_[A-Za-z0-9]{30,}|[0-9a-f]{40,})\b")


def repository() -> str:
    """Return the repository as owner/name; pyproject.toml is the one place for it."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    return project["project"]["urls"]["Repository"].removeprefix("https://github.com/")


def badges(name: str) -> dict[str, str]:
    """Return where the badges of a notebook lead: kind -> address.

    Args:
        name: file name of the notebook.
    """
    slug = repository()
    return {
        "Colab": f"https://colab.research.google.com/github/{slug}/blob/main/"
        f"notebooks/{name}",
        "Codespaces": f"https://codespaces.new/{slug}?quickstart=1",
    }


def all_notebooks() -> list[Path]:
    """Return the notebooks of the course, in their order."""
    return sorted(NOTEBOOKS.glob("[0-9]*.ipynb"))


def read(path: Path) -> NotebookNode:
    """Read a notebook of format 4."""
    return nbformat.read(path, as_version=4)


def write(notebook: NotebookNode, path: Path) -> None:
    """Write a notebook whole or not at all, with an end of line at its end."""
    text = nbformat.writes(notebook, indent=1, ensure_ascii=False).rstrip("\n") + "\n"
    aside = path.with_suffix(".tmp")
    aside.write_text(text, encoding="utf-8", newline="\n")
    aside.replace(path)


# --- running ----------------------------------------------------------------------


@contextlib.contextmanager
def own_provider() -> Iterator[dict[str, str]]:
    """Give an environment in which a provider starts in a folder of its own.

    Yields:
        The environment: local provider, its home and the output folder in a temporary
        folder. At the end the provider is stopped and the folder deleted.
    """
    folder = Path(tempfile.mkdtemp(prefix="companion-"))
    home = folder / "home"
    environment = {
        **os.environ,
        "COMPANION_PROVIDER": "local",
        "COMPANION_HOME": str(home),
        "COMPANION_OUT": str(folder / "out"),
        "COMPANION_STATE": str(folder / "state"),
        "PYTHONPATH": str(ROOT),
    }
    for name in ("COMPANION_MODEL", "COMPANION_RECIPES", "COMPANION_QUIET"):
        environment.pop(name, None)
    try:
        yield environment
    finally:
        stop = [sys.executable, "-m", "helpers.provider", "stop", "--home", str(home)]
        if home.is_dir():
            subprocess.run(stop, cwd=ROOT, env=environment, capture_output=True)
        shutil.rmtree(folder, ignore_errors=True)


def execute(path: Path) -> float:
    """Run a notebook from top to bottom and keep its outputs in place.

    Args:
        path: the notebook; it stays as it is when a cell fails.

    Returns:
        Seconds it took, the start of the kernel included.

    Raises:
        CellExecutionError: a cell failed.
    """
    notebook = read(path)
    started = time.monotonic()
    with own_provider() as environment:
        client = NotebookClient(
            notebook,
            timeout=CELL_SECONDS,
            kernel_name="python3",
            resources={"metadata": {"path": str(path.parent)}},
            store_widget_state=False,
            extra_arguments=["--log-level=ERROR"],
        )
        client.execute(env=environment)
        seconds = time.monotonic() - started
        tidy(notebook, {environment["COMPANION_HOME"], environment["COMPANION_OUT"]})
    write(notebook, path)
    return seconds


def tidy(notebook: NotebookNode, folders: Sequence[str] | set[str] = ()) -> None:
    """Take out of a notebook what belongs to one front end or one machine.

    Ids and outputs stay; counts become 1..n; widgets keep their text.

    Args:
        notebook: changed in place.
        folders: further folders of this machine to take out of outputs.
    """
    notebook.metadata = nbformat.from_dict(
        {
            "kernelspec": {
                "display_name": "Python 3",
                "language": "python",
                "name": "python3",
            },
            "language_info": {"name": "python"},
        }
    )
    notebook.nbformat, notebook.nbformat_minor = 4, 5
    count = 0
    for cell in notebook.cells:
        tags = cell.metadata.get("tags")
        cell.metadata = nbformat.from_dict({"tags": tags} if tags else {})
        cell.source = cell.source.strip("\n")
        cell.pop("attachments", None)
        if cell.cell_type != "code":
            continue
        if cell.execution_count is not None or cell.outputs:
            count += 1
            cell.execution_count = count
        cell.outputs = [
            output for output in map(_tidy_output, cell.outputs) if output is not None
        ]
        for output in cell.outputs:
            if output.output_type == "execute_result":
                output.execution_count = cell.execution_count
            _replace(output, {str(ROOT): ".", **dict.fromkeys(folders, "…")})


def _tidy_output(output: NotebookNode) -> NotebookNode | None:
    output.pop("transient", None)
    data = output.get("data")
    if data is None:
        return output
    # Widgets need their state, which is not kept; the table beside them stays.
    widgets = [kind for kind in data if "widget" in kind]
    for kind in widgets:
        del data[kind]
    return None if widgets and set(data) <= {"text/plain"} else output


def _replace(output: NotebookNode, folders: dict[str, str]) -> None:
    def clean(text: str) -> str:
        for folder, sign in sorted(folders.items(), key=lambda item: -len(item[0])):
            text = text.replace(folder, sign)
        return text

    if "text" in output:
        output.text = clean(output.text)
    for kind, value in output.get("data", {}).items():
        if kind.startswith("text/"):
            output.data[kind] = clean(value)


# --- the rules --------------------------------------------------------------------


def problems(notebook: NotebookNode, name: str) -> list[str]:
    """Return what breaks the rules of a notebook, one sentence each.

    Args:
        notebook: the notebook.
        name: its file name.
    """
    found = []
    for rule in (
        _first_cell, _headings, _ids, _code, _texts, _tags, _counts, _outputs, _images,
        _exercises, _metadata,
    ):  # fmt: skip
        found += rule(notebook, name)
    size = len(json.dumps(notebook, ensure_ascii=False).encode())
    if size > MAX_BYTES:
        found.append(f"it has {size:,} bytes; {MAX_BYTES:,} are allowed")
    return found


def code_cells(notebook: NotebookNode) -> list[NotebookNode]:
    """Return the code cells."""
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def text_cells(notebook: NotebookNode) -> list[NotebookNode]:
    """Return the Markdown cells."""
    return [cell for cell in notebook.cells if cell.cell_type == "markdown"]


def _first_cell(notebook: NotebookNode, name: str) -> list[str]:
    first = notebook.cells[0]
    found = []
    if first.cell_type != "markdown" or not first.source.startswith("# "):
        found.append("the first cell is no title")
    for kind, address in badges(name).items():
        if f"]({address})" not in first.source:
            found.append(f"the first cell has no {kind} badge that leads to {address}")
    return found


def _headings(notebook: NotebookNode, name: str) -> list[str]:
    found = []
    before = 0
    for cell in text_cells(notebook):
        for line in _outside_code(cell.source).splitlines():
            marks = re.match(r"(#+) ", line)
            if not marks:
                continue
            level = len(marks[1])
            if level == 1 and before:
                found.append(f"{cell.id}: a second title: {line}")
            if level > before + 1:
                found.append(f"{cell.id}: the heading skips a level: {line}")
            before = level
    return found


def _ids(notebook: NotebookNode, name: str) -> list[str]:
    ids = [cell.get("id", "") for cell in notebook.cells]
    found = [
        f"{i}: two cells have this id" for i in sorted(set(ids)) if ids.count(i) > 1
    ]
    for i in ids:
        # Front ends make ids of hexadecimal digits; nobody can talk about those.
        by_machine = re.fullmatch(r"[0-9a-f]{6,}(-[0-9a-f]+)*", i)
        if not CELL_ID.fullmatch(i) or by_machine:
            found.append(f"the id {i!r} is no name such as upload-files")
    return found


def _code(notebook: NotebookNode, name: str) -> list[str]:
    found = []
    lengths = []
    for cell in code_cells(notebook):
        lines = cell.source.splitlines()
        lengths.append(len(lines))
        if not cell.source.strip():
            found.append(f"{cell.id}: the cell is empty")
        if len(lines) > MAX_CODE_LINES:
            found.append(f"{cell.id}: {len(lines)} lines; {MAX_CODE_LINES} are allowed")
        for line in lines:
            if len(line) > MAX_LINE:
                found.append(f"{cell.id}: a line of {len(line)} characters: {line}")
    short = sum(length <= SHORT_CODE_LINES for length in lengths)
    if 2 * short < len(lengths):
        found.append(
            f"{short} of {len(lengths)} code cells have {SHORT_CODE_LINES} lines or "
            "fewer; half of them should"
        )
    return found


def _texts(notebook: NotebookNode, name: str) -> list[str]:
    found = []
    longer = []
    for cell in text_cells(notebook):
        words = count_words(cell.source)
        if not cell.source.strip():
            found.append(f"{cell.id}: the cell is empty")
        if words > LONGEST_TEXT:
            found.append(f"{cell.id}: {words} words; {LONGEST_TEXT} are allowed")
        if words > MAX_WORDS:
            longer.append(cell.id)
    if 10 * len(longer) > len(text_cells(notebook)):
        found.append(
            f"more than a tenth of the texts exceed {MAX_WORDS} words: {longer}"
        )
    return found


def count_words(source: str) -> int:
    """Count the words of a text that a reader sees before clicking on anything."""
    text = _outside_code(re.sub(r"<details>.*?</details>", " ", source, flags=re.S))
    text = re.sub(r"\]\([^)]*\)|<[^>]*>|[|*#`_>\[\]-]", " ", text)
    return len(re.findall(r"[^\W_]+(?:[.,'’][^\W_]+)*", text))


def _outside_code(source: str) -> str:
    return re.sub(r"```.*?```", " ", source, flags=re.S)


def _tags(notebook: NotebookNode, name: str) -> list[str]:
    return [
        f"{cell.id}: the tag {tag} is not known"
        for cell in notebook.cells
        for tag in cell.metadata.get("tags", [])
        if tag not in TAGS
    ]


def _counts(notebook: NotebookNode, name: str) -> list[str]:
    counts = [cell.execution_count for cell in code_cells(notebook)]
    if counts != list(range(1, len(counts) + 1)):
        return ["the cells were not run once from top to bottom"]
    return []


def _outputs(notebook: NotebookNode, name: str) -> list[str]:
    found = []
    for cell in code_cells(notebook):
        for output in cell.outputs:
            if output.output_type == "error":
                found.append(f"{cell.id}: the output is an error: {output.ename}")
            if output.get("name") == "stderr":
                found.append(f"{cell.id}: something was written to stderr")
            for kind in output.get("data", {}):
                if "widget" in kind:
                    found.append(f"{cell.id}: the output is a widget without its state")
            for text in _output_texts(output):
                for pattern, what in ((FOLDERS, "a folder"), (KEY, "a key")):
                    match = pattern.search(text)
                    if match:
                        shown = match[0] if pattern is FOLDERS else "(not shown)"
                        found.append(f"{cell.id}: the output holds {what}: {shown}")
    return found


def _output_texts(output: NotebookNode) -> list[str]:
    data = output.get("data", {})
    texts = [value for kind, value in data.items() if kind.startswith("text/")]
    return [*texts, output.get("text", "")]


def _images(notebook: NotebookNode, name: str) -> list[str]:
    found = []
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            if re.search(r"!\[\s*\]", cell.source):
                found.append(f"{cell.id}: an image has no alternative text")
            for tag in re.findall(r"<img[^>]*>", cell.source):
                if not re.search(r'alt="[^"]+"', tag):
                    found.append(f"{cell.id}: an image has no alternative text")
        for output in cell.get("outputs", []):
            for kind in output.get("data", {}):
                about = output.get("metadata", {}).get(kind, {})
                if kind.startswith("image/") and not about.get("alt"):
                    found.append(f"{cell.id}: the picture has no alternative text")
    return found


def _exercises(notebook: NotebookNode, name: str) -> list[str]:
    """Every exercise has blanks and a check, and its solution follows at once."""
    found = []
    for cell, after in zip(notebook.cells, [*notebook.cells[1:], None], strict=True):
        if "exercise" not in cell.metadata.get("tags", []):
            continue
        if "..." not in cell.source or "check_" not in cell.source:
            found.append(f"{cell.id}: the exercise lacks a blank or a check")
        if after is None or "solution" not in after.metadata.get("tags", []):
            found.append(f"{cell.id}: no solution follows the exercise")
        elif not solution(after):
            found.append(f"{after.id}: the solution has no code behind a click")
    return found


def solution(cell: NotebookNode) -> str:
    """Return the code of a solution: the Python in a details element, or nothing."""
    inside = re.search(r"<details>(.*?)</details>", cell.source, re.S)
    code = re.search(r"```python\n(.*?)```", inside[1], re.S) if inside else None
    return code[1] if code else ""


def _metadata(notebook: NotebookNode, name: str) -> list[str]:
    found = []
    if notebook.metadata.get("kernelspec", {}).get("name") != "python3":
        found.append("the kernel is not python3")
    extra = set(notebook.metadata) - {"kernelspec", "language_info"}
    if extra:
        found.append(f"metadata of a front end: {', '.join(sorted(extra))}")
    for cell in notebook.cells:
        if set(cell.metadata) - {"tags"}:
            found.append(f"{cell.id}: metadata of a front end")
    return found


# --- the command ------------------------------------------------------------------


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; return its exit code."""
    parser = argparse.ArgumentParser(prog="python -m tools.notebooks")
    commands = parser.add_subparsers(dest="command", required=True)
    for name in ("execute", "tidy", "check"):
        command = commands.add_parser(name)
        command.add_argument("notebooks", nargs="*", type=Path)
    told = parser.parse_args(arguments)
    paths = told.notebooks or all_notebooks()
    work: Any = {"execute": _execute, "tidy": _tidy, "check": _check}[told.command]
    return max([work(path) for path in paths], default=0)


def published() -> dict[str, list[str]]:
    """Return the published cell ids: file name of a notebook -> ids."""
    return json.loads(CELL_IDS.read_text(encoding="utf-8"))


def publish(path: Path) -> None:
    """Note the ids of a notebook of the course as published; none is ever dropped."""
    known = published()
    ids = [cell.id for cell in read(path).cells]
    before = known.get(path.name, [])
    known[path.name] = ids + [name for name in before if name not in ids]
    text = json.dumps(known, indent=1, sort_keys=True) + "\n"
    CELL_IDS.write_text(text, encoding="utf-8", newline="\n")


def _execute(path: Path) -> int:
    try:
        seconds = execute(path.resolve())
    except CellExecutionError as error:
        print(f"{path.name}: {error}", file=sys.stderr)
        return 1
    if path.resolve().parent == NOTEBOOKS:
        publish(path)
    print(f"{path.name}: {seconds:.0f} s, {path.stat().st_size:,} bytes")
    return _check(path)


def _tidy(path: Path) -> int:
    notebook = read(path)
    tidy(notebook)
    write(notebook, path)
    return 0


def _check(path: Path) -> int:
    found = problems(read(path), path.name)
    for problem in found:
        print(f"{path.name}: {problem}", file=sys.stderr)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
