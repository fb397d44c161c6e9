"""The lesson's checklist as a program: answers in, a written recommendation out.

Purpose: Microsoft's lesson 18 asks four questions before anybody fine-tunes: the use
case, the alternatives that were tried, the cost, the benefits (read on 2026-11-22).
Here each is a field, each rule a few lines, and the outcome says why, what is missing
and what to do next. Use:

    recommend({"use_case": "...", "lacks": "skill", "few_shot": (0.41, 0.35, 0.47)})

It can say "yes", "try it", "not yet", "no" and "cannot tell". "Not yet" means that
something has to be done or found out first; "cannot tell" that it was measured, and
that the measurement does not decide. It must never measure anything itself, nor know a
provider, a price or the day: the day comes in, and the same answers give the same
words.
"""

from __future__ import annotations

import datetime
import html
import math
import re
import textwrap
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from helpers.messages import say

VERDICTS = ("yes", "try it", "not yet", "no", "cannot tell")
LACKS = ("form", "skill", "facts", "changing facts")
ALTERNATIVES = ("rule", "zero_shot", "few_shot", "rag")
SKIPPED = "does not apply"  # instead of a score: tried in thought and left out
# OpenAI's guide to supervised fine-tuning, in a stored copy read on 2026-11-22: 10
# examples at least; improvements are seen with 50 to 100; start with 50 good ones.
MIN_EXAMPLES, FIRST_EXAMPLES = 10, 50
DAYS_PER_MONTH = 365 / 12
LINE = 88  # characters of a line of plain text


@dataclass(frozen=True, slots=True)
class Question:
    """One question of the checklist.

    Attributes:
        group: "use_case", "alternatives", "cost" or "benefits", as in the lesson.
        kind: what an answer is: "text", "choice", "score", "number", "yes_no", "date".
        needed: without an answer the recommendation is "not yet".
    """

    group: str
    kind: str
    needed: bool = False


QUESTIONS: dict[str, Question] = {
    "use_case": Question("use_case", "text", needed=True),
    "lacks": Question("use_case", "choice", needed=True),
    "metric": Question("alternatives", "text"),
    "target": Question("alternatives", "number", needed=True),
    "rule": Question("alternatives", "score"),
    "zero_shot": Question("alternatives", "score", needed=True),
    "few_shot": Question("alternatives", "score", needed=True),
    "rag": Question("alternatives", "score", needed=True),
    "tunable": Question("cost", "yes_no", needed=True),
    "available_until": Question("cost", "date"),
    "work_hours": Question("cost", "number", needed=True),
    "hours_to_spend": Question("cost", "number"),
    "compute": Question("cost", "yes_no", needed=True),
    "examples": Question("cost", "number", needed=True),
    "labels_checked": Question("cost", "yes_no", needed=True),
    "may_use": Question("cost", "yes_no", needed=True),
    "months_to_pay_back": Question("cost", "number", needed=True),
    "patience_months": Question("cost", "number"),
    "fine_tuned": Question("benefits", "score"),
    "gain": Question("benefits", "score"),
    "tokens_saved": Question("benefits", "number"),
    "other_domains": Question("benefits", "yes_no"),
}


@dataclass(frozen=True, slots=True)
class Score:
    """A measured score, with its 95 % interval where there is one."""

    value: float
    low: float | None = None
    high: float | None = None

    def __str__(self) -> str:
        if self.low is None or self.high is None:
            return say("decision.point", value=self.value)
        return f"{self.value:.2f} ({self.low:.2f} to {self.high:.2f})"


@dataclass(frozen=True, slots=True)
class Answers:
    """The answers to the checklist; None or "" where there is none yet.

    Attributes:
        use_case: what should get better, in a sentence.
        lacks: what the model lacks: one of LACKS.
        metric: what is measured; more of it has to be better.
        target: the score that is good enough.
        rule, zero_shot, few_shot, rag: what the alternatives score on the same items,
            a score or SKIPPED.
        tunable: the model can be fine-tuned, at a provider that is open to you.
        available_until: the last day on which the model can be had.
        work_hours: work of people for data, evaluation and improvement.
        hours_to_spend: the hours there are for it.
        compute: there is something to train on and something to answer from.
        examples: training examples at hand.
        labels_checked: a person has looked at a sample of their answers.
        may_use: licence and privacy allow to train on them.
        months_to_pay_back: after how many months fine-tuning has earned back its cost
            (helpers.costs); infinite for never.
        patience_months: how many months it may take.
        fine_tuned: what the fine-tuned model scores.
        gain: fine-tuned minus the best alternative, compared in pairs.
        tokens_saved: tokens that a call saves, against the longer prompt.
        other_domains: the base model will be used for other tasks as well.
    """

    use_case: str = ""
    lacks: str = ""
    metric: str = "F1"
    target: float | None = None
    rule: Score | str | None = None
    zero_shot: Score | str | None = None
    few_shot: Score | str | None = None
    rag: Score | str | None = None
    tunable: bool | None = None
    available_until: datetime.date | None = None
    work_hours: float | None = None
    hours_to_spend: float | None = None
    compute: bool | None = None
    examples: float | None = None
    labels_checked: bool | None = None
    may_use: bool | None = None
    months_to_pay_back: float | None = None
    patience_months: float = 12.0
    fine_tuned: Score | str | None = None
    gain: Score | str | None = None
    tokens_saved: float | None = None
    other_domains: bool | None = None

    def best(self) -> tuple[str, Score] | None:
        """Return name and score of the best alternative that was measured."""
        measured = [
            (name, score)
            for name in ALTERNATIVES
            if isinstance(score := getattr(self, name), Score)
        ]
        return max(measured, key=lambda pair: pair[1].value, default=None)

    def missing(self) -> list[str]:
        """Return the needed questions that have no answer, in the lesson's order."""
        return [
            name
            for name, question in QUESTIONS.items()
            if question.needed and getattr(self, name) in (None, "")
        ]


# --- reading answers --------------------------------------------------------------


def answers_from(given: Mapping[str, object]) -> Answers:
    """Read answers from a dict, and say which entry is wrong.

    Args:
        given: name of a question -> answer. A score is a number, a triple (value, low,
            high), an object with these attributes, text with these numbers, or SKIPPED.
            None, "" and ... stand for "not answered".

    Raises:
        ValueError: there is no such question, or the answer does not fit it.
    """
    unknown = [name for name in given if name not in QUESTIONS]
    if unknown:
        raise ValueError(
            say("decision.unknown", name=unknown[0], known=", ".join(QUESTIONS))
        )
    values = {}
    for name, value in given.items():
        if value is None or value is ... or value == "":
            continue
        values[name] = READERS[QUESTIONS[name].kind](name, value)
    return Answers(**values)


def _bad(name: str, value: object) -> ValueError:
    key = f"decision.expects.{QUESTIONS[name].kind}"
    return ValueError(
        say("decision.bad", name=name, found=repr(value), wanted=say(key))
    )


def _read_text(name: str, value: object) -> str:
    if not isinstance(value, str):
        raise _bad(name, value)
    return value.strip()


def _read_choice(name: str, value: object) -> str:
    if value not in LACKS:
        raise _bad(name, value)
    return str(value)


def _read_yes_no(name: str, value: object) -> bool:
    if not isinstance(value, bool):
        raise _bad(name, value)
    return value


def _read_number(name: str, value: object) -> float:
    try:
        number = math.nan if isinstance(value, bool) else float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        number = math.nan
    if name == "months_to_pay_back":  # "never" is an answer to this one alone
        fits = number >= 0
    elif name == "tokens_saved":  # a prompt can become longer
        fits = math.isfinite(number)
    else:
        fits = 0 <= number < math.inf
    if not fits:
        raise _bad(name, value)
    return number


def _read_date(name: str, value: object) -> datetime.date:
    if isinstance(value, datetime.date):
        return value
    try:
        return datetime.date.fromisoformat(str(value).strip())
    except ValueError:
        raise _bad(name, value) from None


def _read_score(name: str, value: object) -> Score | str:
    parts = value
    if isinstance(value, str):
        if value.strip().lower() == SKIPPED:
            return SKIPPED
        parts = re.findall(r"-?\d*\.?\d+", value)
    elif all(hasattr(value, part) for part in ("value", "low", "high")):
        parts = _around(value)
    if not isinstance(parts, (list, tuple)):
        parts = [parts]
    try:
        numbers = [float(part) for part in parts]  # type: ignore[arg-type]
    except (TypeError, ValueError):
        raise _bad(name, value) from None
    if len(numbers) not in (1, 3) or not all(map(math.isfinite, numbers)):
        raise _bad(name, value)
    if len(numbers) == 3 and not numbers[1] <= numbers[0] <= numbers[2]:
        raise _bad(name, value)  # most often the order is another one
    return Score(*numbers)


def _around(measured: Any) -> list[float]:
    """Return value, low and high of a measured score.

    A bootstrap interval of few items may miss the value it is drawn around, by a
    rounding or a little more; it is widened to hold it.
    """
    if measured.low is None or measured.high is None:
        return [measured.value]
    low, high = min(measured.low, measured.value), max(measured.high, measured.value)
    return [measured.value, low, high]


READERS = {
    "text": _read_text,
    "choice": _read_choice,
    "yes_no": _read_yes_no,
    "number": _read_number,
    "date": _read_date,
    "score": _read_score,
}


# --- the rules --------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Reason:
    """One reason.

    Attributes:
        group: whose question it answers: "use_case", "alternatives", …
        sign: "stop" (no, whatever else), "wait" (something comes first), "doubt" (it
            was measured, and does not decide), "for" or "against".
        text: a sentence.
    """

    group: str
    sign: str
    text: str


def reasons_of(answers: Answers, today: datetime.date) -> list[Reason]:
    """Return what the answers say for and against, in the lesson's order."""
    return [
        *_about_use_case(answers),
        *_about_alternatives(answers),
        *_about_cost(answers, today),
        *_about_benefits(answers),
    ]


def _about_use_case(answers: Answers) -> Iterator[Reason]:
    # Facts: Ovadia et al. (EMNLP 2024) found retrieval better than fine-tuning for
    # them; Gekhman et al. (EMNLP 2024) that training on new ones invites false ones.
    sign = {
        "form": "for", "skill": "for", "facts": "against", "changing facts": "stop"
    }.get(answers.lacks)  # fmt: skip
    if sign:
        key = answers.lacks.replace(" ", "_")
        yield Reason("use_case", sign, say(f"decision.lacks.{key}"))


def _about_alternatives(answers: Answers) -> Iterator[Reason]:
    best = answers.best()
    if best is None or answers.target is None:
        return
    name, score = best
    reached = reaches(score, answers.target)
    values = {"way": way_name(name), "score": score, "target": f"{answers.target:.2f}"}
    if reached == "no":
        yield Reason("alternatives", "for", say("decision.target.no", **values))
    elif reached == "cannot tell":
        yield Reason(
            "alternatives", "doubt", say("decision.target.cannot_tell", **values)
        )
    elif _pays(answers):
        yield Reason("alternatives", "against", say("decision.target.money", **values))
    elif answers.months_to_pay_back is not None:
        yield Reason("alternatives", "stop", say("decision.target.yes", **values))
    else:
        yield Reason("alternatives", "against", say("decision.target.ask", **values))


def reaches(score: Score, target: float) -> str:
    """Say whether a score reaches a target: "yes", "no" or "cannot tell".

    With an interval: yes if all of it does, no if none of it does. Without one a score
    below the target says no, and one above it cannot tell.
    """
    if score.low is None or score.high is None:
        return "no" if score.value < target else "cannot tell"
    if score.low >= target:
        return "yes"
    return "no" if score.high < target else "cannot tell"


def _pays(answers: Answers) -> bool:
    months = answers.months_to_pay_back
    return months is not None and months <= answers.patience_months


def _about_cost(answers: Answers, today: datetime.date) -> Iterator[Reason]:
    if answers.tunable is False:
        yield Reason("cost", "stop", say("decision.tunable.no"))
    until = answers.available_until
    if until is not None:
        yield from _about_end(answers, until, today)
    if answers.compute is False:
        yield Reason("cost", "wait", say("decision.compute.no"))
    hours, limit = answers.work_hours, answers.hours_to_spend
    if hours is not None and limit is not None and hours > limit:
        text = say("decision.work.more", hours=f"{hours:g}", limit=f"{limit:g}")
        yield Reason("cost", "wait", text)
    yield from _about_data(answers)
    months, patience = answers.months_to_pay_back, answers.patience_months
    if months is not None:
        digits = 1 if months < 10 else 0
        values = {"months": f"{months:,.{digits}f}", "patience": f"{patience:g}"}
        if months == math.inf:
            yield Reason("cost", "against", say("decision.money.never"))
        elif _pays(answers):
            yield Reason("cost", "for", say("decision.money.soon", **values))
        else:
            yield Reason("cost", "against", say("decision.money.late", **values))


def _about_end(
    answers: Answers, until: datetime.date, today: datetime.date
) -> Iterator[Reason]:
    left = (until - today).days
    if left <= 0:
        yield Reason("cost", "stop", say("decision.end.past", date=until))
    elif (answers.months_to_pay_back or 0.0) > left / DAYS_PER_MONTH:
        yield Reason(
            "cost", "against", say("decision.end.before", date=until, days=left)
        )
    elif left < 365:
        yield Reason("cost", "against", say("decision.end.soon", date=until, days=left))


def _about_data(answers: Answers) -> Iterator[Reason]:
    if answers.may_use is False:
        yield Reason("cost", "stop", say("decision.data.forbidden"))
    if answers.labels_checked is False:
        yield Reason("cost", "wait", say("decision.data.unchecked"))
    if answers.examples is None:
        return
    values = {
        "n": f"{answers.examples:,.10g}", "least": MIN_EXAMPLES, "first": FIRST_EXAMPLES
    }  # fmt: skip
    if answers.examples < MIN_EXAMPLES:
        yield Reason("cost", "wait", say("decision.data.none", **values))
    elif answers.examples < FIRST_EXAMPLES:
        yield Reason("cost", "against", say("decision.data.few", **values))
    else:
        yield Reason("cost", "for", say("decision.data.enough", **values))


def _about_benefits(answers: Answers) -> Iterator[Reason]:
    best = answers.best()
    if isinstance(answers.fine_tuned, Score) and best is not None:
        yield from _about_quality(answers, answers.fine_tuned, *best)
    if answers.tokens_saved is not None:
        sign = "for" if answers.tokens_saved > 0 else "against"
        tokens = f"{abs(answers.tokens_saved):,.0f}"
        key = "decision.tokens.fewer" if sign == "for" else "decision.tokens.more"
        yield Reason("benefits", sign, say(key, tokens=tokens))
    if answers.other_domains is not None:
        sign = "for" if answers.other_domains else "against"
        key = "decision.domains.yes" if answers.other_domains else "decision.domains.no"
        yield Reason("benefits", sign, say(key))


def _about_quality(
    answers: Answers, tuned: Score, name: str, other: Score
) -> Iterator[Reason]:
    values = {"tuned": tuned, "way": way_name(name), "score": other}
    verdict = better(tuned, other, answers.gain)
    if verdict == "better":
        yield Reason("benefits", "for", say("decision.quality.better", **values))
        if answers.target is not None and tuned.value < answers.target:
            target = f"{answers.target:.2f}"
            yield Reason(
                "benefits", "wait", say("decision.quality.below", target=target)
            )
    elif verdict == "worse":
        yield Reason("benefits", "stop", say("decision.quality.worse", **values))
    else:
        yield Reason("benefits", "doubt", say("decision.quality.same", **values))


def better(first: Score, second: Score, gain: Score | str | None = None) -> str:
    """Say whether a first score is "better", "worse" or "cannot tell".

    Args:
        first, second: the scores.
        gain: first minus second, compared in pairs (`helpers.evaluation.compare`);
            without it the intervals must not overlap, which asks for more.
    """
    if isinstance(gain, Score) and gain.low is not None and gain.high is not None:
        low, high = gain.low, gain.high
    elif None in (first.low, first.high, second.low, second.high):
        return "cannot tell"
    else:
        low, high = first.low - second.high, first.high - second.low  # type: ignore[operator]
    return "better" if low > 0 else "worse" if high < 0 else "cannot tell"


def way_name(name: str) -> str:
    """Return the name of an alternative for people."""
    return say(f"decision.way.{name}")


# --- the recommendation -----------------------------------------------------------


@dataclass(frozen=True)
class Recommendation:
    """What the checklist comes to, as text; the last line of a cell shows it.

    Attributes:
        verdict: one of VERDICTS.
        reasons: in the lesson's order.
        missing: names of needed questions that have no answer.
        answers: what it was made from.
        day: the day it was made for.
    """

    verdict: str
    reasons: tuple[Reason, ...]
    missing: tuple[str, ...]
    answers: Answers
    day: datetime.date

    @property
    def headline(self) -> str:
        """The verdict as a sentence."""
        return say(f"decision.verdict.{self.verdict.replace(' ', '_')}")

    def signed(self, *signs: str) -> list[Reason]:
        """Return the reasons that have one of these signs."""
        return [reason for reason in self.reasons if reason.sign in signs]

    def next_steps(self) -> list[str]:
        """Return what to do now, the first thing first."""
        if self.verdict == "not yet":
            asked = [
                say("decision.next.find_out", question=say(f"decision.ask.{name}"))
                for name in self.missing
            ]
            return [reason.text for reason in self.signed("wait")] + asked
        best = self.answers.best()
        steps = [say(f"decision.next.{self.verdict.replace(' ', '_')}")]
        if self.verdict == "no" and best is not None:
            steps.append(say("decision.next.use", way=way_name(best[0])))
        return steps

    def markdown(self) -> str:
        """Return the recommendation as Markdown: verdict, reasons, gaps, answers."""
        lines = [f"# {say('decision.title')}", "", f"**{self.headline}**", ""]
        if self.answers.use_case:
            lines += [_plain(self.answers.use_case), ""]
        for key, signs in SECTIONS.items():
            found = self.signed(*signs)
            if found:
                lines += [f"## {say(key)}", ""]
                lines += [
                    f"- **{say(f'decision.group.{reason.group}')}**: "
                    + _plain(reason.text)
                    for reason in found
                ]
                lines.append("")
        if self.missing:
            lines += [f"## {say('decision.missing')}", ""]
            lines += [f"- {say(f'decision.ask.{name}')}" for name in self.missing]
            lines.append("")
        lines += [f"## {say('decision.next')}", ""]
        lines += [f"{n}. {_plain(s)}" for n, s in enumerate(self.next_steps(), start=1)]
        lines += ["", f"## {say('decision.answers')}", ""]
        question, answer = say("decision.question"), say("decision.answer")
        lines += [f"| {question} | {answer} |", "|---|---|"]
        lines += [
            f"| {say(f'decision.ask.{name}')} | {_plain(shown(self.answers, name))} |"
            for name in QUESTIONS
        ]
        lines += ["", say("decision.made", day=self.day), ""]
        return "\n".join(lines)

    def save(self, path: str | Path) -> Path:
        """Write the recommendation as a Markdown file and return its path."""
        path = Path(path)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(self.markdown(), encoding="utf-8", newline="\n")
        return path

    def _repr_html_(self) -> str:
        parts = [f"<p><b>{html.escape(self.headline)}</b></p>"]
        for title, items in self._blocks():
            listed = "".join(f"<li>{html.escape(item)}</li>" for item in items)
            parts.append(f"<p>{html.escape(title)}</p>\n<ul>{listed}</ul>")
        return "\n".join(parts)

    def __repr__(self) -> str:
        lines = textwrap.wrap(self.headline, LINE)
        for title, items in self._blocks():
            lines += ["", title]
            for item in items:
                lines += textwrap.wrap(
                    item, LINE, initial_indent="  - ", subsequent_indent="    "
                )
        return "\n".join(lines)

    def _blocks(self) -> Iterator[tuple[str, list[str]]]:
        """Yield title and items of what is shown in a notebook; nothing comes twice."""
        for key, signs in SECTIONS.items():
            found = [
                f"{say(f'decision.group.{reason.group}')}: {reason.text}"
                for reason in self.signed(*signs)
            ]
            if found:
                yield say(key), found
        if self.missing:
            asked = [say(f"decision.ask.{name}") for name in self.missing]
            yield say("decision.missing"), asked
        if self.verdict != "not yet":
            yield say("decision.next"), self.next_steps()


SECTIONS: dict[str, tuple[str, ...]] = {
    "decision.stops": ("stop",),
    "decision.waits": ("wait",),
    "decision.doubts": ("doubt",),
    "decision.for": ("for",),
    "decision.against": ("against",),
}


def recommend(
    answers: Answers | Mapping[str, object], today: datetime.date | None = None
) -> Recommendation:
    """Return what the checklist comes to.

    A reason to stop outweighs everything. Then comes what has to be done or answered
    first, then what was measured without deciding. What is left is a yes where the
    fine-tuned model was measured, and else the advice to try it.

    Args:
        answers: the answers, or a dict of them.
        today: the day that closing dates are compared with; this one without it.

    Raises:
        ValueError: an answer is not of the kind that its question asks for.
    """
    if not isinstance(answers, Answers):
        answers = answers_from(answers)
    today = today or datetime.date.today()
    reasons = reasons_of(answers, today)
    signs = {reason.sign for reason in reasons}
    missing = answers.missing()
    if "stop" in signs:
        verdict = "no"
    elif "wait" in signs or missing:
        verdict = "not yet"
    elif "doubt" in signs:
        verdict = "cannot tell"
    else:
        verdict = "yes" if isinstance(answers.fine_tuned, Score) else "try it"
    return Recommendation(verdict, tuple(reasons), tuple(missing), answers, today)


def shown(answers: Answers, name: str) -> str:
    """Return an answer as people read it."""
    value = getattr(answers, name)
    if value is None or value == "":
        return "–"
    if isinstance(value, bool):
        return say("decision.yes" if value else "decision.no")
    if isinstance(value, float):
        return (
            say("decision.never") if value == math.inf else f"{round(value, 2):,.10g}"
        )
    return str(value)


def _plain(text: str) -> str:
    """Return text that Markdown shows as it is, on one line."""
    one_line = " ".join(text.split())
    return re.sub(r"([\\`*_|<>\[\]#])", r"\\\1", one_line)
