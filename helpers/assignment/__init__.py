"""The assignment: steps, automatic checks, hints, and how far somebody has come.

Purpose: a learner chooses a tutorial and a data set, and works through seven steps.
Each ends with a check that says right, not yet (with what is wrong), or not tried:

    work = begin(tutorial=20, data="jars")
    work.check_trap(trap, suspects)
    work.hint("trap")
    work.progress()

A blank is `...`: whoever skips a step can run the rest. Checks look at what an answer
is, not at how it was found, and never show the right answer.
It must never know a provider beyond its client, nor train or ask anything itself.
"""

from __future__ import annotations

import hashlib
import json
import re
import textwrap
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import openai
import pandas as pd
from scipy.stats import binomtest

from helpers.assignment.data import (
    ROLES,
    TRAPS,
    DataSet,
    contradicting,
    key,
    leaked,
    load,
    mislabelled,
    names,
    other_prompt,
    repeated,
    score_text,
    traps,
)
from helpers.charts import LINE
from helpers.checks import BLANK, Outcome
from helpers.connect import Connection
from helpers.environment import ROOT, output_folder
from helpers.evaluation import (
    Answer,
    Difference,
    Result,
    compare,
    measure,
    score,
    score_table,
)
from helpers.messages import say
from helpers.tables import TextTable

OWN_NOTEBOOK = "80_do_the_assignment.ipynb"
DEFAULT = "jars"  # what a notebook shows before somebody has chosen
NO_TRAP = "none"
CHOICES = ("fine-tune", "do not fine-tune")
MIN_ROWS = 120  # of the mended rows
MISLABELLED = 0.02  # share that is let pass
FALSE_ALARMS = 0.1  # share of rows named as suspects that need not be
MIN_WORDS = 30  # of a decision
HINTS = 3  # per step
BASE, SHOWN, RULE, TUNED = "base model", "base, with examples", "rule", "fine-tuned"


@dataclass(frozen=True, slots=True)
class Step:
    """One step and the points that its check gives."""

    name: str
    points: int


STEPS = (
    Step("choice", 5),
    Step("trap", 15),
    Step("rows", 20),
    Step("baseline", 10),
    Step("training", 10),
    Step("target", 20),
    Step("decision", 10),
)
BY_TEACHER = 10  # points for the reasons, which no program can judge
AUTOMATIC = sum(step.points for step in STEPS)


class Said(str):
    """A sentence that a notebook shows without quotes around it."""

    def __repr__(self) -> str:
        return str(self)


def begin(
    tutorial: Any = BLANK, data: Any = BLANK, folder: str | Path | None = None
) -> Work:
    """Start the assignment, or take it up again.

    Args:
        tutorial: number of the notebook that you follow, such as 20.
        data: name of a data set, or the path of a folder with your own; a blank shows
            the first one.
        folder: where to write; a folder among the outputs without it.

    Raises:
        ValueError: there is no such data set.
    """
    chosen = data is not BLANK
    return Work(load(data if chosen else DEFAULT), tutorial, chosen, folder)


def data_sets() -> pd.DataFrame:
    """Return what there is to choose from: one row per data set.

    Returns:
        DataFrame with name, task, rows, questions and target (share answered right).
    """
    found = [load(name) for name in names()]
    return pd.DataFrame(
        {
            "name": [data.name for data in found],
            "task": [data.title for data in found],
            "rows": [len(data.rows) for data in found],
            "questions": [len(data.questions) for data in found],
            "target": [data.target for data in found],
        }
    )


def tutorials(folder: Path = ROOT / "notebooks") -> dict[int, str]:
    """Return the notebooks that fine-tune a model: number -> file name."""
    found = {}
    for path in sorted(folder.glob("[0-9][0-9]_*.ipynb")):
        text = path.read_text(encoding="utf-8")
        if path.name != OWN_NOTEBOOK and re.search(r"jobs\.create|submit\(", text):
            found[int(path.name[:2])] = path.name
    return found


class Work:
    """What one learner did in the assignment.

    Args:
        data: the data set.
        tutorial: number of the notebook that is followed.
        chosen: whether the learner chose the data set.
        folder: where to write.

    Attributes:
        outcomes: name of a step -> what its check said last.
        measured: name of a system -> its scored answers to the learner's test rows.
        final: id of a question -> the answer handed in.
        n_right: how many of these are right; None before there are any.
        choice, reasons: the decision.
    """

    def __init__(
        self,
        data: DataSet,
        tutorial: Any = BLANK,
        chosen: bool = True,
        folder: str | Path | None = None,
    ) -> None:
        self.data = data
        self.tutorial = tutorial
        self.chosen = chosen
        self.folder = Path(folder or output_folder("assignment") / data.name)
        self.folder.mkdir(parents=True, exist_ok=True)
        self.outcomes: dict[str, Outcome] = {}
        self.measured: dict[str, Result] = {}
        self.final: dict[str, str] = {}
        self.n_right: int | None = None
        self.choice = self.reasons = ""
        self._hints: Counter[str] = Counter()

    @property
    def rows(self) -> pd.DataFrame:
        """The rows to learn from, as they came (a copy)."""
        return self.data.rows.copy()

    @property
    def questions(self) -> pd.DataFrame:
        """The held-out set, without its answers (a copy)."""
        return self.data.questions.copy()

    def describe(self) -> Said:
        """Say what is asked, and how much of it has to be reached."""
        target = say(
            "assignment.target",
            needed=self.data.needed, n=len(self.data.questions),
        )  # fmt: skip
        paragraphs = (f"{self.data.name}: {self.data.title}.", self.data.guide, target)
        return Said("\n\n".join(textwrap.fill(text, LINE) for text in paragraphs))

    # --- the steps ----------------------------------------------------------------

    def check_choice(self) -> Outcome:
        """Check step 1: a tutorial that fine-tunes, and a data set."""
        if self.tutorial is BLANK or not self.chosen:
            text = say("assignment.choice.blank", name=self.data.name)
            return self._note("choice", Outcome("not tried", text))
        known = tutorials()
        number = re.match(r"\s*(\d+)", str(self.tutorial))
        if number is None or int(number[1]) not in known:
            return self._hint(
                "choice", "assignment.choice.unknown",
                found=self.tutorial, known=", ".join(map(str, known)),
            )  # fmt: skip
        self.tutorial = int(number[1])
        return self._right(
            "choice", "assignment.choice.right",
            tutorial=known[self.tutorial], data=self.data.name,
        )  # fmt: skip

    def check_trap(self, trap: Any, suspects: Any) -> Outcome:
        """Check step 2: what is wrong with the rows, and which of them show it.

        Args:
            trap: "leak", "contradiction", "prompt" or "none".
            suspects: ids of rows, or rows.
        """
        if trap is BLANK or suspects is BLANK:
            return self._blank("trap")
        if trap not in (*TRAPS, NO_TRAP):
            known = ", ".join((*TRAPS, NO_TRAP))
            return self._hint("trap", "assignment.trap.name", found=trap, known=known)
        ids = _ids(suspects, self.data.rows)
        if ids is None:
            kind = type(suspects).__name__
            return self._hint("trap", "assignment.trap.type", found=kind)
        if not ids <= set(self.data.rows["id"]):
            return self._hint("trap", "assignment.trap.unknown")
        found = traps(self.data)
        if trap == NO_TRAP:
            if any(found.values()):
                return self._hint("trap", "assignment.trap.there_is")
            return self._right("trap", "assignment.trap.none")
        wanted = found[trap]
        if not wanted:
            return self._hint("trap", "assignment.trap.other", trap=trap)
        innocent = ids - wanted
        if trap == "contradiction":
            wrong = mislabelled(self.data.rows, self.data)
            innocent -= set(self.data.rows["id"].iloc[wrong])
        missed = self._missed(trap, ids, wanted)
        if missed:
            return self._hint("trap", "assignment.trap.missed", n=missed)
        if len(innocent) > FALSE_ALARMS * len(wanted):
            return self._hint("trap", "assignment.trap.innocent", n=len(innocent))
        return self._right("trap", "assignment.trap.right", n=len(ids))

    def _missed(self, trap: str, ids: set[str], wanted: set[str]) -> int:
        """Count what the suspects leave out: rows, or prompts with two answers."""
        if trap != "contradiction":
            return len(wanted - ids)
        rows = self.data.rows[self.data.rows["id"].isin(wanted)]
        prompts = rows["user"].map(key)
        return prompts.nunique() - prompts[rows["id"].isin(ids)].nunique()

    def check_rows(self, rows: Any) -> Outcome:
        """Check step 3: rows that are fit to learn from.

        Args:
            rows: DataFrame or list of dicts with id, system, user and assistant; rows
                of your own may have ids of their own.
        """
        if rows is BLANK:
            return self._blank("rows")
        frame = _frame(rows)
        if frame is None:
            kind = type(rows).__name__
            return self._hint("rows", "assignment.rows.type", found=kind)
        lacking = [name for name in ("id", *ROLES) if name not in frame]
        if lacking:
            return self._hint(
                "rows", "assignment.rows.columns", missing=", ".join(lacking)
            )
        if not all(
            isinstance(text, str) and text.strip()
            for name in ROLES
            for text in frame[name]
        ):
            return self._hint("rows", "assignment.rows.empty")
        if len(frame) < MIN_ROWS:
            return self._hint(
                "rows", "assignment.rows.few", found=len(frame), needed=MIN_ROWS
            )
        wrong = mislabelled(frame, self.data)
        allowed = MISLABELLED * len(frame)
        faults = {
            "assignment.rows.leak": leaked(frame, self.data.questions),
            "assignment.rows.contradiction": contradicting(frame),
            "assignment.rows.repeated": repeated(frame),
            "assignment.rows.prompt": other_prompt(frame, self.data),
            "assignment.rows.label": wrong if len(wrong) > allowed else [],
        }
        for text, places in faults.items():
            if places:
                return self._hint("rows", text, n=len(places))
        return self._right("rows", "assignment.rows.right", n=len(frame))

    def use(self, rows: Any) -> pd.DataFrame:
        """Return the learner's rows, or those that came while there are none.

        Raises:
            ValueError: the rows are no table.
        """
        frame = self.rows if rows is BLANK else _frame(rows)
        if frame is None:
            raise ValueError(say("assignment.rows.type", found=type(rows).__name__))
        return frame.reset_index(drop=True)

    def check_baseline(
        self, zero: Any, few: Any, rows: pd.DataFrame, rule: Any = BLANK
    ) -> Outcome:
        """Check step 4: what can be had without training.

        Args:
            zero: answers of the base model to the user texts of `rows`.
            few: its answers with examples in the prompt.
            rows: the learner's own test rows.
            rule: answers of a hand-written rule, if there is one.
        """
        if zero is BLANK or few is BLANK:
            return self._blank("baseline")
        systems = {BASE: zero, SHOWN: few}
        if rule is not BLANK:
            systems[RULE] = rule
        scored: dict[str, Result] = {}
        for name, found in systems.items():
            replies = _answers(found)
            if replies is None:
                return self._hint("baseline", "assignment.answers.type", name=name)
            if len(replies) != len(rows):
                return self._hint(
                    "baseline", "assignment.answers.length",
                    name=name, found=len(replies), n=len(rows),
                )  # fmt: skip
            scored[name] = score(replies, rows["assistant"], score_text)
        short, long = (_prompt_tokens(scored[name]) for name in (BASE, SHOWN))
        if short and long <= short:
            return self._hint("baseline", "assignment.baseline.prompt")
        self.measured.update(scored)
        shares = "; ".join(
            f"{name} {measure(result, 'exact'):.0%}" for name, result in scored.items()
        )
        return self._right(
            "baseline", "assignment.baseline.right", shares=shares, n=len(rows)
        )

    def check_training(
        self, connection: Connection, job: Any, path: str | Path | None = None
    ) -> Outcome:
        """Check step 5: a job that has succeeded on the file that was written.

        Args:
            connection: where the job is.
            job: the job or its id.
            path: the training file; it is compared with the one of the job.
        """
        if job is BLANK:
            return self._blank("training")
        job_id = job if isinstance(job, str) else getattr(job, "id", None)
        if job_id is None:
            kind = type(job).__name__
            return self._hint("training", "assignment.training.type", found=kind)
        try:
            found = connection.client.fine_tuning.jobs.retrieve(job_id)
        except openai.NotFoundError:
            return self._hint("training", "assignment.training.unknown")
        if found.status != "succeeded":
            return self._hint(
                "training", "assignment.training.status", status=found.status
            )
        if path is not None and _other_file(connection, found.training_file, path):
            return self._hint("training", "assignment.training.file")
        return self._right(
            "training", "assignment.training.right", model=found.fine_tuned_model
        )

    def check_target(self, tuned: Any, final: Any, rows: pd.DataFrame) -> Outcome:
        """Check step 6: the held-out questions.

        Args:
            tuned: the fine-tuned model's answers to the learner's own test rows.
            final: the answers to the questions that are handed in, in their order, or
                id -> answer.
            rows: the learner's own test rows.
        """
        if tuned is BLANK or final is BLANK:
            return self._blank("target")
        ids = list(self.data.questions["id"])
        if isinstance(final, Mapping):
            final = [final.get(item, "") for item in ids]
        own, handed_in = _answers(tuned), _answers(final)
        for name, found, n in (
            ("tuned", own, len(rows)),
            ("final", handed_in, len(ids)),
        ):
            if found is None:
                return self._hint("target", "assignment.answers.type", name=name)
            if len(found) != n:
                return self._hint(
                    "target", "assignment.answers.length",
                    name=name, found=len(found), n=n,
                )  # fmt: skip
        assert own is not None
        assert handed_in is not None
        self.measured[TUNED] = score(own, rows["assistant"], score_text)
        self.final = {
            item: answer.text for item, answer in zip(ids, handed_in, strict=True)
        }
        self.n_right = sum(
            bool(self.data.seal.right(item, text)) for item, text in self.final.items()
        )
        sure = binomtest(self.n_right, len(ids)).proportion_ci(method="wilson")
        values = {
            "right": self.n_right, "n": len(ids), "needed": self.data.needed,
            "low": 100 * sure.low, "high": 100 * sure.high, "tries": self._tries(),
        }  # fmt: skip
        rows_outcome = self.outcomes.get("rows")
        if rows_outcome is None or rows_outcome.state != "right":
            return self._hint("target", "assignment.target.rows", **values)
        if self.n_right < self.data.needed:
            return self._hint("target", "assignment.target.below", **values)
        return self._right("target", "assignment.target.right", **values)

    def _tries(self) -> int:
        """Count how many different sets of answers were held against the lock."""
        path = self.folder / "tries.json"
        text = json.dumps(self.final, sort_keys=True)
        mark = hashlib.sha256(text.encode()).hexdigest()[:16]
        tries = self.tries()
        if mark not in tries:
            tries.append(mark)
            path.write_text(json.dumps(tries), encoding="utf-8")
        return len(tries)

    def tries(self) -> list[str]:
        """Return a mark for each set of answers that was held against the lock."""
        try:
            return list(json.loads((self.folder / "tries.json").read_text("utf-8")))
        except (OSError, ValueError):
            return []

    def check_decision(self, choice: Any, reasons: Any) -> Outcome:
        """Check step 7: a decision that its own numbers carry.

        Args:
            choice: one of CHOICES.
            reasons: a few sentences with at least two of the numbers measured.
        """
        if choice is BLANK or reasons is BLANK:
            return self._blank("decision")
        wanted = " ".join(str(choice).casefold().split())
        if wanted not in CHOICES:
            known = ", ".join(CHOICES)
            return self._hint(
                "decision", "assignment.decision.name", found=choice, known=known
            )
        difference = self.difference()
        if difference is None:
            return self._hint("decision", "assignment.decision.early")
        reasons = str(reasons).strip()
        n_words = len(re.findall(r"\w+", reasons))
        if n_words < MIN_WORDS:
            return self._hint(
                "decision", "assignment.decision.short", found=n_words, needed=MIN_WORDS
            )
        if len(numbers_named(reasons, self.numbers())) < 2:
            return self._hint("decision", "assignment.decision.numbers")
        if wanted == "fine-tune" and difference.verdict != "better":
            return self._hint(
                "decision", "assignment.decision.against", rival=self.rival()
            )
        self.choice, self.reasons = wanted, reasons
        return self._right("decision", "assignment.decision.right")

    # --- what was measured --------------------------------------------------------

    def scores(self) -> pd.DataFrame:
        """Return the scores on the learner's test rows: one row per system.

        Returns:
            DataFrame indexed by system with n, exact, exact_low, exact_high,
            prompt_tokens, completion_tokens and seconds; empty before anything was
            measured.
        """
        columns = [
            "n", "exact", "exact_low", "exact_high", "prompt_tokens",
            "completion_tokens", "seconds",
        ]  # fmt: skip
        if not self.measured:
            return pd.DataFrame(columns=columns)
        return score_table(self.measured)[columns]

    def rival(self) -> str | None:
        """Return the system without training that is right most often."""
        others = [name for name in self.measured if name != TUNED]
        return max(
            others, key=lambda name: measure(self.measured[name], "exact"), default=None
        )

    def difference(self) -> Difference | None:
        """Compare the fine-tuned model with its best rival; None before both are."""
        rival = self.rival()
        if rival is None or TUNED not in self.measured:
            return None
        return compare(self.measured[rival], self.measured[TUNED], "exact")

    def verdict(self) -> Said:
        """Say how the fine-tuned model compares with its best rival."""
        difference = self.difference()
        if difference is None:
            return Said(say("assignment.verdict.none"))
        key = "assignment.verdict." + difference.verdict.replace(" ", "_")
        return Said(
            say(
                key, rival=self.rival(), value=difference.value,
                low=difference.low, high=difference.high,
            )
        )  # fmt: skip

    def numbers(self) -> dict[str, tuple[int, int]]:
        """Return what was measured: name -> (answers that are right, answers)."""
        found = {
            name: (int(result.rows["exact"].sum()), len(result))
            for name, result in self.measured.items()
        }
        if self.n_right is not None:
            found["held-out questions"] = (self.n_right, len(self.final))
        return found

    # --- help and progress --------------------------------------------------------

    def hint(self, step: str) -> Said:
        """Return the next hint for a step; each tells a little more than the last.

        Raises:
            KeyError: there is no such step.
        """
        if step not in {one.name for one in STEPS}:
            known = ", ".join(one.name for one in STEPS)
            raise KeyError(say("assignment.no_step", found=step, known=known))
        self._hints[step] = number = min(HINTS, self._hints[step] + 1)
        text = say(f"assignment.hint.{step}_{number}")
        label = say("assignment.hint", number=number, total=HINTS)
        return Said(textwrap.fill(f"{label} {text}", LINE))

    @property
    def points(self) -> int:
        """Points that the checks have given so far."""
        return sum(step.points for step in STEPS if self.state(step.name) == "right")

    def state(self, step: str) -> str:
        """Return "right", "not yet" or "not tried"."""
        outcome = self.outcomes.get(step)
        return outcome.state if outcome else "not tried"

    def progress(self) -> TextTable:
        """Show the steps with their points and what the checks said."""
        rows = []
        for step in STEPS:
            got = step.points if self.state(step.name) == "right" else 0
            outcome = self.outcomes.get(step.name)
            rows.append(
                {
                    say("assignment.column.step"): say(f"assignment.step.{step.name}"),
                    say("assignment.column.points"): f"{got} / {step.points}",
                    say("assignment.column.check"): repr(
                        outcome or Outcome("not tried", say("check.not_tried"))
                    ),
                }
            )
        return TextTable(pd.DataFrame(rows))

    def _note(self, step: str, outcome: Outcome) -> Outcome:
        self.outcomes[step] = outcome
        return outcome

    def _right(self, step: str, text: str, **values: object) -> Outcome:
        return self._note(step, Outcome("right", say(text, **values)))

    def _hint(self, step: str, text: str, **values: object) -> Outcome:
        return self._note(step, Outcome("not yet", say(text, **values)))

    def _blank(self, step: str) -> Outcome:
        return self._note(step, Outcome("not tried", say("check.not_tried")))


# --- reading answers --------------------------------------------------------------


def numbers_named(text: str, known: Mapping[str, tuple[int, int]]) -> set[str]:
    """Return the numbers in a text that stand for something measured.

    A share may be written as 0.93, 93 % or 93; a count as it is.

    Args:
        text: the reasons of a decision.
        known: what `Work.numbers` returns.
    """
    found = set()
    for word in re.findall(r"\d+(?:[.,]\d+)?", text):
        value = float(word.replace(",", "."))
        for right, n in known.values():
            share = right / n if n else 0.0
            as_share = value <= 1 and not word.isdigit() and abs(value - share) <= 0.006
            as_percent = abs(value - 100 * share) <= 0.6
            as_count = word.isdigit() and value == right
            if as_share or as_percent or as_count:
                found.add(word)
    return found


def _ids(answer: Any, rows: pd.DataFrame) -> set[str] | None:
    """Read ids: a table, a column, a mask over the rows, or any collection of texts."""
    if isinstance(answer, pd.DataFrame):
        return set(answer["id"].map(str)) if "id" in answer else None
    if isinstance(answer, pd.Series):
        if answer.dtype == bool:
            if len(answer) != len(rows):
                return None
            return set(rows["id"][answer.to_numpy()])
        return set(answer.map(str))
    if isinstance(answer, Iterable) and not isinstance(answer, (str, bytes, Mapping)):
        return set(map(str, answer))
    return None


def _frame(rows: Any) -> pd.DataFrame | None:
    if isinstance(rows, pd.DataFrame):
        return rows.copy()
    if isinstance(rows, Sequence) and not isinstance(rows, (str, bytes)):
        listed = list(rows)
        if listed and all(isinstance(row, Mapping) for row in listed):
            return pd.DataFrame(listed)
    return None


def _answers(found: Any) -> list[Answer] | None:
    """Read answers: of `evaluation.ask`, or plain texts."""
    if isinstance(found, (str, bytes, Mapping)) or not isinstance(found, Iterable):
        return None
    listed = [Answer(one) if isinstance(one, str) else one for one in found]
    return listed if all(isinstance(one, Answer) for one in listed) else None


def _prompt_tokens(result: Result) -> int:
    return sum(answer.prompt_tokens for answer in result.answers)


def _other_file(connection: Connection, file_id: str, path: str | Path) -> bool:
    """True when the job's training file can be read and is another than this one."""
    try:
        content = connection.client.files.content(file_id).read()
    except openai.OpenAIError:
        return False  # not every service gives training files back
    return content != Path(path).read_bytes()
