"""The decision guide and the cost calculator: forms over `decision` and `costs`.

Purpose: put the questions of the lesson's checklist and the numbers of the money model
into a form that answers at once, and into plain text where no form can be shown. Both
start from a dict, and editing that dict does the same as filling in the form.
It must never hold a rule or a formula: those are in `decision` and in `costs`.
"""

from __future__ import annotations

import datetime
import html
from collections.abc import Mapping
from dataclasses import asdict, fields

import pandas as pd

from helpers.costs import Numbers, money, numbers_from
from helpers.decision import LACKS, QUESTIONS, recommend
from helpers.messages import say
from helpers.tables import TextTable
from helpers.widgets.forms import Field, Form


def decision_guide(
    answers: Mapping[str, object], today: datetime.date | None = None
) -> Form:
    """Ask the lesson's checklist, and show the recommendation below it.

    Args:
        answers: name of a question -> answer to start with (`decision.answers_from`).
        today: the day that closing dates are compared with; this one without it.

    Returns:
        The form, for the last line of a cell; `recommend(form.values)` is what it
        shows.

    Raises:
        ValueError: an answer is not of the kind that its question asks for.
    """
    unknown = ((say("decision.open"), None),)
    yes_no = (*unknown, (say("decision.yes"), True), (say("decision.no"), False))
    lacks = (
        *unknown,
        *((say(f"decision.lack.{name.replace(' ', '_')}"), name) for name in LACKS),
    )
    asked = [
        Field(
            name,
            say(f"decision.ask.{name}"),
            say(f"decision.group.{question.group}"),
            {"yes_no": yes_no, "choice": lacks}.get(question.kind, ()),
        )
        for name, question in QUESTIONS.items()
    ]
    # A blank in the dict, an empty field and "not answered" are the same.
    start = {name: None if v is ... or v == "" else v for name, v in answers.items()}
    return Form(asked, start, lambda values: recommend(values, today))


def cost_calculator(numbers: Mapping[str, object] | Numbers) -> Form:
    """Ask the numbers of the money model, and show costs and break-even below them.

    Args:
        numbers: the reader's numbers to start with, as a dict or as `Numbers`.

    Returns:
        The form, for the last line of a cell; `numbers_from(form.values)` is what it
        shows.

    Raises:
        ValueError: a name is unknown, or a value is no number from 0 up.
    """
    if not isinstance(numbers, Numbers):
        numbers = numbers_from(numbers)
    asked = [
        Field(field.name, say(f"cost.field.{field.name}")) for field in fields(Numbers)
    ]
    return Form(
        asked,
        asdict(numbers),
        lambda values: CostSheet(numbers_from(values)),
        lambda values: numbers_from(values).chart(),
    )


class CostSheet:
    """What the reader's numbers come to, as a small table and a sentence."""

    def __init__(self, numbers: Numbers) -> None:
        self.numbers = numbers
        table = numbers.table().rename_axis(say("cost.column.way"))
        self.frame = pd.DataFrame(
            {
                say(f"cost.column.{name}"): [
                    money(amount, numbers.currency) for amount in table[name]
                ]
                for name in table
            },
            index=table.index,
        )

    def _repr_html_(self) -> str:
        table = TextTable(self.frame, index=True)._repr_html_()
        return f"{table}\n<p>{html.escape(self.numbers.reading())}</p>"

    def __repr__(self) -> str:
        return f"{TextTable(self.frame, index=True)!r}\n\n{self.numbers.reading()}"
