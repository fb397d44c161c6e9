"""A training file on the workbench: its lines by number, until the check is clean.

Purpose: mend by code, so that the mend can be done again when the raw data come anew,
and keep the numbers of lines while some of them are deleted. Use:

    draft = Draft("broken.jsonl")
    draft[7] = draft[7].replace("asistant", "assistant")
    del draft[12]
    print(draft.check())
    draft.write("mended.jsonl")

The whole file is in memory: this is for files that a person mends. It knows lines and
the rules of `helpers.chat_format`; it must never know a data set or a provider.
"""

from __future__ import annotations

import copy
import json
import tempfile
from collections.abc import Iterable, Iterator, Mapping, MutableMapping
from pathlib import Path
from typing import Any

from helpers.chat_format import Report, check_files
from helpers.messages import say

Example = dict[str, Any]
EVERYTHING = 100_000  # problems of a kind that a report keeps: all of them


class Draft(MutableMapping[int, str]):
    """The lines of a file by their numbers, from 1; deleted ones keep their number.

    Bytes that are no UTF-8 stay in the text as single surrogates, so nothing is lost;
    `raw` gives them back.

    Args:
        path: a JSON Lines file, however broken.

    Raises:
        OSError: the file cannot be read.
    """

    def __init__(self, path: str | Path) -> None:
        self.name = Path(path).name
        text = Path(path).read_bytes().decode("utf-8", "surrogateescape")
        lines = text.split("\n")
        if lines[-1] == "":
            lines.pop()
        self.n_lines = len(lines)
        self._lines = dict(enumerate(lines, start=1))

    def __getitem__(self, line: int) -> str:
        return self._lines[line]

    def __setitem__(self, line: int, text: str | Mapping[str, Any]) -> None:
        """Replace a line by a text or by an example.

        Raises:
            KeyError: the file has no line of this number, or it was deleted.
            ValueError: the text has a line break in it.
            TypeError: it is neither a text nor an example.
        """
        if line not in self._lines:
            raise KeyError(say("mend.no_line", line=line, n=self.n_lines))
        if isinstance(text, Mapping):
            text = json.dumps(text, ensure_ascii=False)
        if not isinstance(text, str):
            raise TypeError(say("mend.type", line=line, found=type(text).__name__))
        if "\n" in text:
            raise ValueError(say("mend.break", line=line))
        self._lines[line] = text

    def __delitem__(self, line: int) -> None:
        del self._lines[line]

    def __iter__(self) -> Iterator[int]:
        return iter(self._lines)

    def __len__(self) -> int:
        return len(self._lines)

    def raw(self, line: int) -> bytes:
        """Return the bytes of a line, as they stand in the file."""
        return self._lines[line].encode("utf-8", "surrogateescape")

    def example(self, line: int) -> Example:
        """Return the example of a line, to be changed and assigned again.

        Raises:
            KeyError: there is no such line.
            ValueError: the line is no JSON object.
        """
        try:
            found = json.loads(self._lines[line])
        except ValueError as error:
            raise ValueError(say("mend.no_json", line=line, error=error)) from error
        if not isinstance(found, dict):
            raise ValueError(say("mend.no_json", line=line, error=type(found).__name__))
        return found

    def examples(self) -> dict[int, Example]:
        """Return the lines that can be read as examples: number -> example."""
        found = {}
        for line in self._lines:
            try:
                found[line] = self.example(line)
            except ValueError:
                continue
        return {line: one for line, one in found.items() if "messages" in one}

    def copy(self) -> Draft:
        """Return a draft that can be changed without changing this one."""
        return copy.deepcopy(self)

    def write(self, path: str | Path) -> Path:
        """Write the lines that are left, one below the other, and return the path."""
        return self._write(Path(path), self._lines)

    def _write(self, path: Path, numbers: Iterable[int]) -> Path:
        path.parent.mkdir(parents=True, exist_ok=True)
        with open(path, "wb") as file:
            for line in numbers:
                text = self._lines.get(line, "")
                file.write(text.encode("utf-8", "surrogateescape") + b"\n")
        return path

    def check(self, **arguments: Any) -> Report:
        """Check the draft as a training file; lines keep the numbers that they had.

        Args:
            arguments: further arguments of `check_files`, such as test, count_tokens,
                max_tokens. Personal data are looked for unless `privacy=False`.

        Returns:
            The report, with all problems kept.
        """
        settings = {"privacy": True, "keep": EVERYTHING, **arguments}
        with tempfile.TemporaryDirectory() as folder:
            # Deleted lines are empty here, so that the numbers of the others stay.
            path = self._write(Path(folder, self.name), range(1, self.n_lines + 1))
            report = check_files(path, **settings)
        name = next(iter(report.files))
        gone = [
            problem
            for problem in report.problems
            if (problem.file, problem.code) == (name, "blank_line")
            and problem.line not in self._lines
        ]
        report.problems = [p for p in report.problems if p not in gone]
        report.n_warnings -= len(gone)
        report.counts[name, "blank_line"] -= len(gone)
        report.counts = +report.counts  # without what has come down to zero
        return report
