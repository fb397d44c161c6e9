"""The rules of a training file: read it, find every fault, say how to mend it.

Purpose: one set of rules for both sides. Notebooks check files before the upload; the
local provider checks them again when a job starts. Use:

    report = check_files("train.jsonl", "validation.jsonl")
    print(report)

Files are read as a stream: of each example three numbers are kept, 24 bytes, to find
duplicates and leaks. Beside them stand at most a thousand examples whose tokens are
counted next, a thousand system prompts, and `keep` problems of each kind. So a million
lines take some 40 MB, however long they are (benchmarks/bench_check.py measures it).
This module must never know a model, a provider or a data set; it needs the standard
library and pydantic only. Rules and wire messages: OpenAI's API reference and public
transcripts of failed jobs, read on 2026-11-22.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, NamedTuple

from pydantic import ValidationError
from pydantic_core import from_json

from helpers.chat_compare import Index, SystemPrompts, keys_of, prompt_problems
from helpers.chat_problems import (
    BOM,
    Problem,
    explain,
    make_problem,
    whole_file_problem,
)
from helpers.chat_rules import is_plain, rules
from helpers.chat_schema import SCHEMAS
from helpers.messages import say
from helpers.privacy import SECRETS, find_in_example

MIN_EXAMPLES = 10  # OpenAI's minimum for a training file; one is enough to validate


class Example(NamedTuple):
    """One line whose shape is right: its place in the file and its content."""

    line: int  # 1-based
    number: int  # 1-based; differs from `line` where the file has blank lines
    data: dict[str, Any]


@dataclass(frozen=True)
class TokenSummary:
    """How long the examples of one file are, in tokens."""

    examples: int
    total: int
    mean: float
    shortest: int
    p5: int  # 5 % of the examples have fewer tokens
    median: int
    p95: int  # 5 % of the examples have more tokens
    longest: int
    over_limit: int

    @classmethod
    def of(cls, lengths: Counter[int], max_tokens: int | None) -> TokenSummary:
        """Summarise how many examples have which length, in tokens."""
        ordered = sorted(lengths) or [0]
        examples = lengths.total()
        total = sum(length * count for length, count in lengths.items())

        def at(share: float) -> int:
            seen = 0
            for length in ordered:
                seen += lengths[length]
                if seen >= share * examples:
                    return length
            return ordered[-1]

        over = sum(
            n for length, n in lengths.items() if length > (max_tokens or length)
        )
        mean = total / max(1, examples)
        return cls(
            examples, total, mean, ordered[0],
            at(0.05), at(0.5), at(0.95), ordered[-1], over,
        )  # fmt: skip


@dataclass
class Report:
    """What a check found; `print(report)` is meant to be read.

    Attributes:
        n_examples: examples in the training file.
        files: file name -> number of examples, in the order training, validation, test.
        problems: the problems kept, in order of file and line.
        counts: (file name, code) -> how many there are, those not kept included.
        tokens: file name -> lengths in tokens; empty without a counter.
    """

    n_examples: int = 0
    files: dict[str, int] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)
    counts: Counter = field(default_factory=Counter)
    tokens: dict[str, TokenSummary] = field(default_factory=dict)
    n_errors: int = 0
    n_warnings: int = 0

    @property
    def ok(self) -> bool:
        """True when nothing would stop a job; warnings may be there."""
        return self.n_errors == 0

    @property
    def errors(self) -> list[Problem]:
        """The errors kept."""
        return [p for p in self.problems if p.severity == "error"]

    @property
    def warnings(self) -> list[Problem]:
        """The warnings kept."""
        return [p for p in self.problems if p.severity == "warning"]

    def rows(self) -> list[dict[str, Any]]:
        """Return one dict per problem, ready for `pandas.DataFrame`."""
        names = ("severity", "code", "file", "line", "field", "reason", "fix")
        return [{name: getattr(p, name) for name in names} for p in self.problems]

    def __str__(self) -> str:
        lines = []
        for name, count in self.files.items():
            lines.append(say("report.file", file=name, count=f"{count:,}"))
            if name in self.tokens:
                t = self.tokens[name]
                lines.append(
                    "  "
                    + say(
                        "report.tokens",
                        mean=t.mean,
                        p5=t.p5,
                        p95=t.p95,
                        longest=t.longest,
                        total=f"{t.total:,}",
                    )  # fmt: skip
                )
        lines += [str(problem) for problem in self.problems]
        shown = Counter((p.file, p.code) for p in self.problems)
        for (name, code), count in self.counts.items():
            if count > shown[name, code]:
                more = count - shown[name, code]
                lines.append(say("report.more", count=more, code=code) + f" ({name})")
        if self.n_errors or self.n_warnings:
            lines.append(
                say("report.totals", errors=self.n_errors, warnings=self.n_warnings)
            )
        else:
            lines.append(say("report.clean"))
        return "\n".join(lines)


# --- one file ---------------------------------------------------------------------


def read_examples(
    path: str | Path, method: str = "supervised"
) -> Iterator[Example | Problem]:
    """Read a training file as a stream of examples and problems.

    A line with an error yields its problems and no example; a line with warnings
    yields both. A file that is no JSON Lines at all yields one problem and ends.

    Args:
        path: the JSON Lines file.
        method: "supervised", "dpo" or "reinforcement".

    Yields:
        Example or Problem, in the order of the lines.

    Raises:
        OSError: the file cannot be read.
        KeyError: there is no such method.
    """
    validate = SCHEMAS[method].validate_json
    number = 0
    crlf = False
    with open(path, "rb") as lines:
        for line, raw in enumerate(lines, start=1):
            if line == 1:
                whole = whole_file_problem(raw)
                if whole is not None:
                    yield whole
                    return
                if raw.startswith(BOM):
                    yield make_problem("warning", "byte_order_mark", 1)
                    raw = raw[3:]
            if not crlf and raw.endswith(b"\r\n"):
                crlf = True
                yield make_problem("warning", "windows_line_endings", line)
            if not raw.strip():
                yield make_problem("warning", "blank_line", line)
                continue
            number += 1
            # Most lines are plain, and then parsing them once is all there is to do.
            data = _parsed(raw)
            if b"<|" not in raw and is_plain(data, method):
                yield Example(line, number, data)
                continue
            try:
                data = validate(raw)
            except ValidationError as error:
                problems = explain(raw, error, line, number, method)
                yield from problems
                if number == 1 and problems[0].code == "wrong_method":
                    return
                continue
            bad = False
            for problem in rules(data, line, number, method):
                bad = bad or problem.severity == "error"
                yield problem
            if not bad:
                yield Example(line, number, data)


def _parsed(raw: bytes) -> Any:
    """Return what a line holds; None where it is no JSON, which pydantic explains."""
    try:
        return from_json(raw)
    except ValueError:
        return None


def check_files(
    training: str | Path,
    validation: str | Path | None = None,
    test: str | Path | None = None,
    *,
    count_tokens: Callable[[dict[str, Any]], int] | None = None,
    max_tokens: int | None = None,
    method: str = "supervised",
    privacy: bool = False,
    keep: int = 20,
    progress: Callable[[int], object] | None = None,
) -> Report:
    """Check training, validation and test files, and what they have in common.

    Args:
        training: JSON Lines file to train on.
        validation: file for the validation loss, if any.
        test: file of the test set in the same format, if any.
        count_tokens: returns the number of tokens of an example. An attribute `many`
            (list of examples -> list of counts) is used when it is there: it is faster.
        max_tokens: what the model reads; longer examples get a warning.
        method: "supervised", "dpo" or "reinforcement".
        privacy: look for personal data and keys as well (`helpers.privacy`); what is
            found stands in the report masked. Lines with errors are not searched.
        keep: how many problems of a kind to keep for each file; all are counted.
        progress: called with the number of lines read, every thousand lines.

    Returns:
        The report; `report.ok` is False when a job would be refused.

    Raises:
        OSError: a file cannot be read.
    """
    given = {"training": training, "validation": validation, "test": test}
    paths = {role: Path(path) for role, path in given.items() if path is not None}
    check = _Check(paths, method, count_tokens, max_tokens, privacy, keep, progress)
    for role in paths:
        check.read(role)
    check.compare()
    return check.report


class _Check:
    """The state of one `check_files`: what was seen so far, and the report."""

    def __init__(
        self,
        paths: dict[str, Path],
        method: str,
        count_tokens: Callable[[dict[str, Any]], int] | None,
        max_tokens: int | None,
        privacy: bool,
        keep: int,
        progress: Callable[[int], object] | None,
    ) -> None:
        self.paths = paths
        self.names = _names(paths)
        self.method = method
        self.count_tokens = count_tokens
        self.max_tokens = max_tokens
        self.privacy = privacy
        self.keep = keep
        self.progress = progress
        self.report = Report()
        self.index = Index()
        self.prompts: list[SystemPrompts] = []

    def note(self, problem: Problem, name: str) -> None:
        """Count a problem, and keep it while there are few of its kind."""
        report = self.report
        report.counts[name, problem.code] += 1
        if problem.severity == "error":
            report.n_errors += 1
        else:
            report.n_warnings += 1
        if report.counts[name, problem.code] <= self.keep:
            report.problems.append(replace(problem, file=name))

    def read(self, role: str) -> None:
        """Check one file by itself and remember what the comparison needs."""
        name = self.names[role]
        prompts = SystemPrompts()
        self.index.new_file()
        self.prompts.append(prompts)
        lengths: Counter[int] = Counter()
        batch: list[Example] = []
        n_examples = 0
        cut_short = False
        for item in read_examples(self.paths[role], self.method):
            if isinstance(item, Problem):
                self.note(item, name)
                n_examples = max(n_examples, item.example)
                cut_short = cut_short or item.code in WHOLE_FILE
                continue
            n_examples = item.number
            prompts.add(item.data, item.line)
            keys = keys_of(item.data, self.method)
            if keys is not None:
                self.index.add(item.line, *keys)
            if self.privacy:
                self.search(item, name)
            if self.count_tokens is not None:
                batch.append(item)
                if len(batch) == 1000:
                    self.measure(batch, lengths, name)
                    batch = []
            if self.progress is not None and n_examples % 1000 == 0:
                self.progress(item.line)
        if self.count_tokens is not None:
            self.measure(batch, lengths, name)
            self.report.tokens[name] = TokenSummary.of(lengths, self.max_tokens)
        self.report.files[name] = n_examples
        minimum = MIN_EXAMPLES if role == "training" else 1
        if n_examples < minimum and not cut_short:
            code = "too_few_examples" if n_examples else "empty_file"
            self.note(
                make_problem("error", code, count=n_examples, minimum=minimum), name
            )
        if role == "training":
            self.report.n_examples = n_examples

    def search(self, example: Example, name: str) -> None:
        """Warn of personal data and keys, masked."""
        for place, found in find_in_example(example.data):
            problem = make_problem(
                "warning", "secret" if found.kind in SECRETS else "personal_data",
                example.line, place, number=example.number,
                kind=say(f"privacy.{found.kind}"), masked=found.masked,
            )  # fmt: skip
            self.note(problem, name)

    def measure(self, batch: list[Example], lengths: Counter[int], name: str) -> None:
        """Count the tokens of some examples and warn of those that are too long."""
        rows = [example.data for example in batch]
        many = getattr(self.count_tokens, "many", None)
        counts = many(rows) if many else map(self.count_tokens, rows)
        for example, length in zip(batch, counts, strict=True):
            lengths[length] += 1
            if self.max_tokens and length > self.max_tokens:
                problem = make_problem(
                    "warning", "too_long", example.line, "messages",
                    number=example.number, count=length, limit=self.max_tokens,
                )  # fmt: skip
                self.note(problem, name)

    def compare(self) -> None:
        """Find what only several examples or files show, and sort the report."""
        names = list(self.names.values())
        for file, line, other, other_line, equal in self.index.matches():
            if file == other:
                code = "duplicate_example" if equal else "contradicting_answers"
            else:
                code = "leak" if equal else "leaked_prompt"
            problem = make_problem(
                "warning", code, line, "messages", file=names[other], other=other_line
            )
            self.note(problem, names[file])
        for problem, file in prompt_problems(self.prompts, names):
            self.note(problem, names[file])
        self.report.problems.sort(key=lambda p: (names.index(p.file), p.line))


# Faults after which reading stops, so that the number of examples is not known.
WHOLE_FILE = {"utf16", "compressed", "json_list", "spread_over_lines", "wrong_method"}


def _names(paths: dict[str, Path]) -> dict[str, str]:
    """Name files as people know them; add the role where two are called the same."""
    plain = [path.name for path in paths.values()]
    return {
        role: path.name if plain.count(path.name) == 1 else f"{path.name} ({role})"
        for role, path in paths.items()
    }


# --- what a job says --------------------------------------------------------------

FORMAT_FAULTS = {
    "missing_key", "unknown_key", "invalid_json", "invalid_utf8", "not_an_object",
    "utf16", "compressed", "json_list", "spread_over_lines",
}  # fmt: skip


def job_error(
    path: str | Path,
    param: str = "training_file",
    method: str = "supervised",
    *,
    file_id: str = "",
    progress: Callable[[int], object] | None = None,
) -> dict[str, str] | None:
    """Return the error with which OpenAI would fail a job on this file.

    Codes and words follow failed jobs in public transcripts (read on 2026-11-22);
    where none is known for a fault, its reason stands in the same frame.

    Args:
        path: the file to train on or to validate with.
        param: "training_file" or "validation_file".
        method: "supervised", "dpo" or "reinforcement".
        file_id: how the file is called in the message, such as "file-abc123".
        progress: called with the number of examples read, every thousand examples;
            what it raises ends the reading.

    Returns:
        {"code", "message", "param"}, or None when the job may start.

    Raises:
        OSError: the file cannot be read.
    """
    kind = "training" if param == "training_file" else "validation"
    n_examples = 0
    for item in read_examples(path, method):
        if isinstance(item, Example):
            n_examples += 1
            if progress is not None and n_examples % 1000 == 0:
                progress(n_examples)
        elif item.severity == "error":
            return _wire_error(item, kind, param, file_id or Path(path).name)
    minimum = MIN_EXAMPLES if kind == "training" else 1
    if n_examples < minimum:
        message = (
            f"{kind.capitalize()} file has {n_examples} example(s), but must have at "
            f"least {minimum} examples"
        )
        return {"code": "invalid_n_examples", "message": message, "param": param}
    return None


def _wire_error(
    problem: Problem, kind: str, param: str, file_id: str
) -> dict[str, str]:
    words = problem.wire
    if problem.code == "wrong_method":
        words = words.replace("{file}", file_id)
    if problem.code in FORMAT_FAULTS and "Field required" not in words:
        code = "invalid_file_format"
        frame = f"The job failed due to a file format error in the {kind} file. "
    else:
        code = f"invalid_{kind}_file"
        frame = f"The job failed due to an invalid {kind} file. "
    message = f"{frame}Invalid file format. {words}"
    return {"code": code, "message": message, "param": param}
