"""Page through a training file: each line with its tokens, its problems, its messages.

Purpose: look at examples before paying for them. A front end with widgets shows a menu
(all lines, those with problems, one kind of problem) and a slider; GitHub, an exported
page or a saved notebook shows the first lines in question as a table.
COMPANION_WIDGETS=no leaves the widgets out. Use as the last line of a cell:

    inspect_file("train.jsonl", report, count_tokens=count)

Of the file only the place of each line is kept (8 bytes), so a file of any size can be
paged through. Personal data and keys are shown masked. It knows training files and
reports; it must never know a data set or a provider.
"""

from __future__ import annotations

import html
import json
from array import array
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd
from pydantic import ValidationError

from helpers import widgets
from helpers.chat_format import Problem, Report, check_files
from helpers.chat_schema import SCHEMAS
from helpers.messages import say
from helpers.privacy import mask
from helpers.tables import TextTable

LONGEST = 1500  # characters of a text that are shown
MARKS = {"error": "✘", "warning": "!"}
EVERYTHING = 100_000  # problems of a kind, when the file is checked here
ALL, FAULTY = "all", "faulty"


class Inspector:
    """A training file to page through; `inspect_file` makes one.

    Attributes:
        path: the file.
        choices: what the menu offers: name -> numbers of lines.
        chosen: the choice that is shown first.
        widget: the menu, the slider and the page; None where they are not wanted.
    """

    def __init__(
        self,
        path: str | Path,
        report: Report | None = None,
        count_tokens: Callable[[Mapping[str, Any]], int] | None = None,
        still: int = 3,
    ) -> None:
        self.path = Path(path)
        self.count_tokens = count_tokens
        self._starts = _starts(self.path)
        if report is None:
            report = check_files(
                self.path,
                count_tokens=count_tokens,
                privacy=True,
                keep=EVERYTHING,
            )
        self.problems = _by_line(report, self.path.name)
        self.choices = self._choices()
        self.chosen = FAULTY if self.problems else ALL
        self.still = still
        self.widget = None if widgets.unwanted() else self._widget()

    def __len__(self) -> int:
        return len(self._starts)

    def line(self, number: int) -> bytes:
        """Return the bytes of a line, without its end.

        Args:
            number: from 1.

        Raises:
            IndexError: the file has no such line.
        """
        if not 1 <= number <= len(self):
            raise IndexError(number)
        with open(self.path, "rb") as file:
            file.seek(self._starts[number - 1])
            return file.readline().rstrip(b"\r\n")

    # --- choosing -----------------------------------------------------------------

    def _choices(self) -> dict[str, Sequence[int]]:
        by_code: dict[str, list[int]] = {}
        for line, problems in sorted(self.problems.items()):
            for code in dict.fromkeys(problem.code for problem in problems):
                by_code.setdefault(code, []).append(line)
        faulty = {FAULTY: sorted(self.problems)} if self.problems else {}
        return {ALL: range(1, len(self) + 1), **faulty, **dict(sorted(by_code.items()))}

    def _label(self, choice: str) -> str:
        count = f"{len(self.choices[choice]):,}"
        key = choice if choice in (ALL, FAULTY) else "code"
        return say(f"inspect.{key}", code=choice, count=count)

    def _widget(self) -> Any:
        import ipywidgets

        menu = ipywidgets.Dropdown(
            options=[(self._label(choice), choice) for choice in self.choices],
            value=self.chosen,
            description=say("inspect.show"),
        )
        number = ipywidgets.IntSlider(
            value=1,
            min=1,
            max=max(1, len(self.choices[self.chosen])),
            description=say("inspect.number"),
            continuous_update=False,
            layout=ipywidgets.Layout(width="60%"),
        )
        page = ipywidgets.HTML()

        def show(_: object = None) -> None:
            lines = self.choices[menu.value]
            page.value = self.page(lines[number.value - 1]) if lines else _nothing()

        def choose(_: object) -> None:
            # The value first: a slider refuses a maximum below its value.
            number.value = 1
            number.max = max(1, len(self.choices[menu.value]))
            show()

        menu.observe(choose, "value")
        number.observe(show, "value")
        show()
        return ipywidgets.VBox([menu, number, page])

    # --- one line -----------------------------------------------------------------

    def page(self, number: int) -> str:
        """Return a line as HTML: its tokens, its problems, its messages."""
        head, messages, rest = self._parts(number)
        found = self.problems.get(number, [])
        listed = "".join(f"<li>{html.escape(_told(p))}</li>" for p in found)
        below = messages._repr_html_() if messages is not None else ""
        if rest:
            below += f"<p>{html.escape(say('inspect.raw'))}</p>"
            below += f"<pre style='white-space: pre-wrap'>{html.escape(rest)}</pre>"
        return f"<p><b>{html.escape(head)}</b></p><ul>{listed}</ul>{below}"

    def text(self, number: int) -> str:
        """Return a line as plain text, with the same content as `page`."""
        head, messages, rest = self._parts(number)
        lines = [head, *map(_told, self.problems.get(number, []))]
        if messages is not None:
            lines.append(repr(messages))
        if rest:
            lines += [say("inspect.raw"), rest]
        return "\n".join(lines)

    def _parts(self, number: int) -> tuple[str, TextTable | None, str]:
        """Return the head of a page, the messages as a table, and the raw line."""
        raw = self.line(number)
        head = say("inspect.line", line=f"{number:,}", total=f"{len(self):,}")
        if number not in self.problems:
            head += " · " + say("inspect.clean")
        try:
            example = SCHEMAS["supervised"].validate_json(
                raw.removeprefix(b"\xef\xbb\xbf")
            )
        except ValidationError:
            example = None
        if example is not None and self.count_tokens is not None:
            head += " · " + self._tokens(example)
        messages = _messages(raw) if example is None else example["messages"]
        if messages is None:
            text = raw.decode("utf-8", "backslashreplace")
            return head, None, _cut(mask(text))
        return head, self._table(messages), ""

    def _tokens(self, example: Mapping[str, Any]) -> str:
        tokens = self.count_tokens(example)
        answer = getattr(self.count_tokens, "answer", None)
        learned = f"{answer(example):,}" if answer else "–"
        return say("inspect.tokens", tokens=f"{tokens:,}", learned=learned)

    def _table(self, messages: Sequence[Any]) -> TextTable:
        count = getattr(self.count_tokens, "text", None)
        rows = []
        for message in messages:
            content = message.get("content")
            text = content if isinstance(content, str) else _json(message, content)
            row = {
                say("inspect.role"): message.get("role", "?"),
                say("inspect.text"): _cut(mask(text)),
            }
            if count is not None:
                row[say("inspect.count")] = f"{count(text):,}"
            rows.append(row)
        return TextTable(pd.DataFrame(rows))

    # --- showing ------------------------------------------------------------------

    def _first(self) -> list[int]:
        return list(self.choices[self.chosen][: self.still])

    def _repr_mimebundle_(self, **arguments: Any) -> dict[str, Any]:
        pages = "\n".join(map(self.page, self._first())) or _nothing()
        note = html.escape(self._note())
        shown = {"text/plain": repr(self), "text/html": f"{pages}<p>{note}</p>"}
        if self.widget is not None:
            shown = self.widget._repr_mimebundle_(**arguments) | shown
        return shown

    def _note(self) -> str:
        shown = f"{len(self._first()):,}"
        return say("inspect.still", shown=shown, total=f"{len(self):,}")

    def __repr__(self) -> str:
        pages = [self.text(line) for line in self._first()]
        return "\n\n".join([*(pages or [say("inspect.nothing")]), self._note()])


def inspect_file(
    path: str | Path,
    report: Report | None = None,
    count_tokens: Callable[[Mapping[str, Any]], int] | None = None,
    still: int = 3,
) -> Inspector:
    """Page through a training file.

    Args:
        path: the JSON Lines file, broken or not.
        report: what a check found in it; without it the file is checked now.
        count_tokens: counts the tokens of an example, as `helpers.tokens` does.
        still: how many lines stand there without a front end.

    Returns:
        The inspector, for the last line of a cell.

    Raises:
        OSError: the file cannot be read.
    """
    return Inspector(path, report, count_tokens, still)


def problem_table(report: Report) -> pd.DataFrame:
    """Return how many problems of each kind a report counts, the most frequent first.

    Args:
        report: what a check found.

    Returns:
        DataFrame with the columns problem (code), severity, count and lines (the first
        ones that were kept; those of other files than the first with their file).
    """
    training = next(iter(report.files), "")
    counts: Counter[str] = Counter()
    for (_, code), count in report.counts.items():
        counts[code] += count
    rows = []
    for code, count in sorted(counts.items(), key=lambda item: (-item[1], item[0])):
        kept = [problem for problem in report.problems if problem.code == code]
        places = dict.fromkeys(_place(problem, training) for problem in kept)
        shown = ", ".join(list(places)[:5]) + (" …" if len(places) > 5 else "")
        severity = kept[0].severity if kept else ""
        rows.append((code, severity, count, shown))
    return pd.DataFrame(rows, columns=["problem", "severity", "count", "lines"])


def _place(problem: Problem, training: str) -> str:
    other = f" of {problem.file}" if problem.file != training else ""
    return f"{problem.line}{other}"


def _starts(path: Path) -> array:
    starts = array("Q")
    at = 0
    with open(path, "rb") as lines:
        for line in lines:
            starts.append(at)
            at += len(line)
    return starts


def _by_line(report: Report, name: str) -> dict[int, list[Problem]]:
    names = {
        file for file in report.files if file == name or file.startswith(name + " (")
    }
    found: dict[int, list[Problem]] = {}
    for problem in report.problems:
        if problem.line and problem.file in names:
            found.setdefault(problem.line, []).append(problem)
    return found


def _told(problem: Problem) -> str:
    where = f"{problem.field}: " if problem.field else ""
    return f"{MARKS[problem.severity]} {where}{problem.reason} {problem.fix}"


def _messages(raw: bytes) -> list[Any] | None:
    """Return the messages of a line whose shape is wrong, if there are any."""
    try:
        data = json.loads(raw)
    except (ValueError, RecursionError):
        return None
    messages = data.get("messages") if isinstance(data, dict) else None
    if not isinstance(messages, list) or not messages:
        return None
    return messages if all(isinstance(m, dict) for m in messages) else None


def _json(message: Mapping[str, Any], content: Any) -> str:
    """Return what a message holds instead of a text."""
    calls = message.get("tool_calls") or message.get("function_call")
    return json.dumps(content if calls is None else calls, ensure_ascii=False)


def _cut(text: str) -> str:
    if len(text) <= LONGEST:
        return text
    more = say("inspect.more", count=f"{len(text) - LONGEST:,}")
    return f"{text[:LONGEST]} {more}"


def _nothing() -> str:
    return f"<p>{html.escape(say('inspect.nothing'))}</p>"
