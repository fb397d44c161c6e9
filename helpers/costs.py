"""The money model: what answers cost, and from how many calls on fine-tuning pays.

Purpose: compare two ways to get the same answers, a base model with a long prompt and
a fine-tuned model with a short one, with the reader's own numbers. Use:

    mine = numbers_from({"calls_per_month": 10_000, "prompt_tokens": 150, ...})
    break_even(mine.long_prompt, mine.fine_tuned, mine.months)

The model is plain arithmetic. A way has a cost per call c, a cost per month h that runs
whether anybody calls or not, and a cost o that is paid once. In m months with n calls
in all it costs  o + h·m + c·n.  The formulas below are our own, from that line; how
services bill (tokens of a file × epochs × price; hosting by the hour) was read on
2026-11-22 on Microsoft's page on the cost of fine-tuning (azure-ai-docs, 2026-03-19).
It must never know a table of prices or a provider: numbers come in, numbers go out.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING

import pandas as pd

from helpers.messages import say

if TYPE_CHECKING:
    from helpers.charts import Chart

MILLION = 1_000_000
HOURS_PER_MONTH = 365 * 24 / 12  # 730: a model that is hosted all the time
CROSSING = ("from", "until")  # kinds of break-even at which two lines cross


@dataclass(frozen=True, slots=True)
class Way:
    """One way to get answers, with everything that it costs, in one currency.

    Attributes:
        name: for tables and charts.
        prompt_tokens: tokens sent per call.
        answer_tokens: tokens answered per call.
        input_price: money per million tokens sent.
        output_price: money per million tokens answered.
        cached_tokens: those of `prompt_tokens` that are billed at `cached_price`,
            because the calls before began with the same tokens.
        cached_price: money per million of them.
        once: money paid once: training, and the work of people.
        hosting_price: money per hour in which the model stands ready.
        hosting_hours: such hours per month.
    """

    name: str
    prompt_tokens: float
    answer_tokens: float
    input_price: float
    output_price: float
    cached_tokens: float = 0.0
    cached_price: float = 0.0
    once: float = 0.0
    hosting_price: float = 0.0
    hosting_hours: float = 0.0

    def __post_init__(self) -> None:
        for field in fields(self):
            if field.name != "name":
                _check(field.name, getattr(self, field.name))
        if self.cached_tokens > self.prompt_tokens:
            raise ValueError(
                say(
                    "cost.cached",
                    cached=f"{self.cached_tokens:g}", prompt=f"{self.prompt_tokens:g}",
                )
            )  # fmt: skip

    @property
    def per_call(self) -> float:
        """Money per call: c = ((p − k)·i + k·j + a·u) / 1,000,000.

        p, k and a are the tokens of the prompt, those of them that are cached, and of
        the answer; i, j and u their prices per million.
        """
        fresh = self.prompt_tokens - self.cached_tokens
        return (
            fresh * self.input_price
            + self.cached_tokens * self.cached_price
            + self.answer_tokens * self.output_price
        ) / MILLION

    @property
    def per_month(self) -> float:
        """Money per month without a single call: h = hours × price of an hour."""
        return self.hosting_hours * self.hosting_price

    def total(self, calls: float, months: float) -> float:
        """Return what it costs in all: o + h·m + c·n.

        Args:
            calls: calls in the whole time (n).
            months: how long it is hosted (m).
        """
        return self.once + self.per_month * months + self.per_call * calls


def training_cost(tokens: float, price: float) -> float:
    """Return the bill of a training job.

    Args:
        tokens: billed tokens, all epochs together (`helpers.tokens.estimate`).
        price: money per million of them.
    """
    return _check("tokens", tokens) * _check("price", price) / MILLION


@dataclass(frozen=True, slots=True)
class BreakEven:
    """From how many calls on, or up to how many, the second way is the cheaper one.

    Attributes:
        kind: "from" (cheaper from `calls` on), "always", "never", or "until" (cheaper
            up to `calls`).
        calls: calls in the whole time; 0 for "always", infinite for "never".
        months: the whole time, in months.
    """

    kind: str
    calls: float
    months: float

    @property
    def calls_per_month(self) -> float:
        """The same in calls per month."""
        return self.calls / self.months

    def __str__(self) -> str:
        return say(
            f"cost.{self.kind}",
            calls=_whole(self.calls),
            monthly=_whole(self.calls_per_month),
            months=f"{self.months:g}",
        )


def break_even(first: Way, second: Way, months: float = 12.0) -> BreakEven:
    """Return the number of calls at which two ways cost the same.

    Both lines o + h·m + c·n meet at

        n = ((o₂ − o₁) + (h₂ − h₁)·m) / (c₁ − c₂)

    The numerator is what the second way costs more before the first call, the
    denominator what it saves per call. Where both are above zero it pays from n on.

    Args:
        first: what there is now, such as a base model with examples in its prompt.
        second: what would take its place, such as a fine-tuned model.
        months: the time over which hosting is paid (m), above 0.

    Raises:
        ValueError: `months` is not above 0.
    """
    if not 0 < months < math.inf:
        raise ValueError(say("cost.months", found=months))
    ahead = second.total(0, months) - first.total(0, months)
    saving = first.per_call - second.per_call
    if saving > 0:
        return (
            BreakEven("from", ahead / saving, months)
            if ahead > 0
            else BreakEven("always", 0.0, months)
        )
    if ahead >= 0:
        return BreakEven("never", math.inf, months)
    if saving == 0:
        return BreakEven("always", 0.0, months)
    return BreakEven("until", ahead / saving, months)


def months_to_pay_back(first: Way, second: Way, calls_per_month: float) -> float:
    """Return after how many months the second way has earned back what it cost once.

        t = (o₂ − o₁) / (v·(c₁ − c₂) − (h₂ − h₁))

    with v calls per month. The denominator is what is saved per month, hosting paid.

    Returns:
        Months; 0 where nothing has to be earned back, infinite where nothing is saved.
    """
    calls = _check("calls_per_month", calls_per_month)
    once = second.once - first.once
    monthly = calls * (first.per_call - second.per_call) - (
        second.per_month - first.per_month
    )
    return max(0.0, once / monthly) if monthly > 0 else math.inf


def cost_table(
    ways: Sequence[Way], calls_per_month: float, months: float
) -> pd.DataFrame:
    """Return what each way costs, one row per way.

    Args:
        ways: what to compare.
        calls_per_month: how often it is asked.
        months: how long.

    Returns:
        DataFrame indexed by the way's name with the columns per_1000_calls, once,
        hosting_per_month and total (of all months), in money.
    """
    calls = _check("calls_per_month", calls_per_month) * _check("months", months)
    rows = [
        {
            "way": way.name,
            "per_1000_calls": 1000 * way.per_call,
            "once": way.once,
            "hosting_per_month": way.per_month,
            "total": way.total(calls, months),
        }
        for way in ways
    ]
    return pd.DataFrame(rows).set_index("way")


# --- the reader's own numbers -----------------------------------------------------


@dataclass(frozen=True, slots=True)
class Numbers:
    """The reader's own numbers: one flat list, to be edited as a dict or in a form.

    Tokens are per call, prices per million tokens, all money in `currency`.
    """

    calls_per_month: float = 10_000
    months: float = 12
    long_prompt_tokens: float = 600  # with examples
    prompt_tokens: float = 150  # without
    answer_tokens: float = 40
    cached_tokens: float = 0  # of the long prompt
    input_price: float = 0.0  # of the base model, which gets the long prompt
    cached_price: float = 0.0
    output_price: float = 0.0
    tuned_input_price: float = 0.0  # of the fine-tuned model, which gets the short one
    tuned_output_price: float = 0.0
    training_tokens: float = 0  # all epochs together
    training_price: float = 0.0
    work_hours: float = 0  # of people: data, evaluation, improvement
    work_price: float = 0.0  # of such an hour
    hosting_hours: float = 0  # per month
    hosting_price: float = 0.0  # per hour
    currency: str = "USD"

    @property
    def long_prompt(self) -> Way:
        """The base model, with examples in every prompt."""
        return Way(
            name=say("cost.way.long"),
            prompt_tokens=self.long_prompt_tokens,
            answer_tokens=self.answer_tokens,
            input_price=self.input_price,
            output_price=self.output_price,
            cached_tokens=self.cached_tokens,
            cached_price=self.cached_price,
        )

    @property
    def fine_tuned(self) -> Way:
        """The fine-tuned model, whose examples are in its weights."""
        training = training_cost(self.training_tokens, self.training_price)
        return Way(
            name=say("cost.way.tuned"),
            prompt_tokens=self.prompt_tokens,
            answer_tokens=self.answer_tokens,
            input_price=self.tuned_input_price,
            output_price=self.tuned_output_price,
            once=training + self.work_hours * self.work_price,
            hosting_price=self.hosting_price,
            hosting_hours=self.hosting_hours,
        )

    def break_even(self) -> BreakEven:
        """Return from how many calls on the fine-tuned model is the cheaper one."""
        return break_even(self.long_prompt, self.fine_tuned, self.months)

    def months_to_pay_back(self) -> float:
        """Return after how many months fine-tuning has earned back its cost."""
        return months_to_pay_back(
            self.long_prompt, self.fine_tuned, self.calls_per_month
        )

    def table(self) -> pd.DataFrame:
        """Return what both ways cost, as `cost_table` does."""
        return cost_table(
            [self.long_prompt, self.fine_tuned], self.calls_per_month, self.months
        )

    def reading(self) -> str:
        """Say in a few sentences what the numbers come to."""
        totals = self.table()["total"]
        return say(
            "cost.reading",
            calls=_whole(self.calls_per_month), months=f"{self.months:g}",
            long=money(totals.iloc[0], self.currency),
            tuned=money(totals.iloc[1], self.currency),
            verdict=self.break_even(),
        )  # fmt: skip

    def chart(self) -> Chart:
        """Draw what both ways cost against the calls per month."""
        from helpers.charts import cost_chart

        ways = (self.long_prompt, self.fine_tuned)
        lines = pd.DataFrame(
            {
                "start": [way.total(0, self.months) for way in ways],
                "slope": [way.per_call * self.months for way in ways],
            },
            index=[way.name for way in ways],
        )
        meeting = self.break_even()
        return cost_chart(
            lines,
            self.calls_per_month,
            self.reading(),
            crossing=meeting.calls_per_month if meeting.kind in CROSSING else None,
            title=say(
                "chart.cost.title", months=f"{self.months:g}", currency=self.currency
            ),
        )


def numbers_from(given: Mapping[str, object]) -> Numbers:
    """Read the reader's numbers from a dict, and say which entry is wrong.

    Args:
        given: field of `Numbers` -> number; what is left out keeps its default.

    Raises:
        ValueError: a name is unknown, or a value is no number from 0 up.
    """
    known = [field.name for field in fields(Numbers)]
    unknown = [name for name in given if name not in known]
    if unknown:
        raise ValueError(say("cost.unknown", name=unknown[0], known=", ".join(known)))
    values = {
        name: str(value) if name == "currency" else _check(name, value)
        for name, value in given.items()
    }
    numbers = Numbers(**values)
    numbers.break_even()  # what does not fit together shows up here
    return numbers


def money(amount: float, currency: str = "USD") -> str:
    """Return an amount of money for people: "0.14 USD", "1,241 USD".

    Args:
        amount: any number; small ones keep two digits that say something.
        currency: its name.
    """
    if not math.isfinite(amount):
        return say("cost.endless")
    if amount and abs(amount) < 0.01:
        return f"{amount:.2g} {currency}"
    return f"{amount:,.{2 if abs(amount) < 100 else 0}f} {currency}"


def _whole(calls: float) -> str:
    return f"{math.ceil(calls):,}" if math.isfinite(calls) else say("cost.endless")


def _check(name: str, value: object) -> float:
    """Return a value as a number from 0 up, or say which one is none."""
    try:
        number = math.nan if isinstance(value, bool) else float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        number = math.nan
    if not 0 <= number < math.inf:
        raise ValueError(say("cost.number", name=name, found=repr(value)))
    return number
