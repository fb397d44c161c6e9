"""What hosted models cost and until when they can be had, from dated tables in data/.

Purpose: no promise without a date. `data/models.csv` and `data/closing_dates.csv` say
when a name or a service ends, who said so and when that was read; `data/prices.csv`
says the same of prices. Tables are edited by hand: look a price up at your provider,
write it into the table with its date, and estimates use it. Nothing here looks at the
network, nor computes with a price: that is `helpers.costs`.
"""

from __future__ import annotations

import csv
import datetime
import math
import textwrap
from dataclasses import dataclass
from pathlib import Path

from helpers.messages import say
from helpers.recipes import DATA_DIR

LINE = 88  # characters of a printed line

MODELS = DATA_DIR / "models.csv"
CLOSING_DATES = DATA_DIR / "closing_dates.csv"
PRICES = DATA_DIR / "prices.csv"


@dataclass(frozen=True, slots=True)
class HostedModel:
    """One row of the table of models."""

    name: str
    provider: str
    status: str  # "closing", "shut down" or "retired"
    shutdown_date: datetime.date | None
    read_on: datetime.date
    source: str
    verified: bool


PRICE_COLUMNS = (
    "provider", "model", "what", "unit", "price", "currency", "date", "source",
    "verified",
)  # fmt: skip
TOKENS, HOUR = "1M tokens", "hour"  # units that are in use


@dataclass(frozen=True, slots=True)
class Price:
    """One row of the table of prices.

    Attributes:
        provider: who bills, such as "openai".
        model: what is used: a model, or a machine.
        what: "training", "input", "cached input" or "output", the last three also with
            ", fine-tuned"; "hosting" for what is billed by the hour.
        unit: "1M tokens" or "hour".
        amount: money for one unit.
        currency: such as "USD".
        date: the day on which the source said so, not the day on which it was read.
        source: who said so.
        verified: it was seen in the primary text.
    """

    provider: str
    model: str
    what: str
    unit: str
    amount: float
    currency: str
    date: datetime.date
    source: str
    verified: bool

    def age(self, today: datetime.date | None = None) -> int:
        """Return how many days ago the source said so.

        Args:
            today: the day to judge by; this one without it.
        """
        return ((today or datetime.date.today()) - self.date).days

    def __str__(self) -> str:
        return say(
            "price.row",
            amount=f"{self.amount:g}", currency=self.currency, unit=self.unit,
            what=self.what, model=self.model, date=self.date,
            sure=say("price.verified" if self.verified else "price.unverified"),
        )  # fmt: skip


def hosted_models(path: Path = MODELS) -> list[HostedModel]:
    """Return the rows of the table of models.

    Raises:
        ValueError: a date is not of the form 2026-11-22.
    """
    return [
        HostedModel(
            name=row["model"],
            provider=row["provider"],
            status=row["status"],
            shutdown_date=_date(row["shutdown_date"]),
            read_on=datetime.date.fromisoformat(row["read_on"]),
            source=row["source"],
            verified=row["verified"] == "yes",
        )
        for row in _rows(path)
    ]


def closing_note(
    model: str,
    provider: str = "openai",
    today: datetime.date | None = None,
    path: Path = MODELS,
) -> str:
    """Say until when a model can be had, with the source, in lines of 88 characters.

    Empty when it is not listed.

    Args:
        model: its name; of "ft:…" names the base counts.
        provider: "openai" or "azure".
        today: the day to judge by; this one without it.
        path: the table.
    """
    name = model.split(":")[1] if model.startswith("ft:") else model
    today = today or datetime.date.today()
    for row in hosted_models(path):
        if (row.name, row.provider) != (name, provider) or not row.shutdown_date:
            continue
        key = "model.closes" if row.shutdown_date > today else "model.closed"
        note = say(
            key,
            model=name,
            date=row.shutdown_date,
            read_on=row.read_on,
            source=row.source,
        )
        # Notebooks would break a long line within words.
        return textwrap.fill(note, LINE)
    return ""


def prices(path: Path = PRICES) -> list[Price]:
    """Return the rows of the table of prices; none where there is no table.

    Raises:
        ValueError: a column is missing, or a row cannot be read; it is named.
    """
    found = []
    for line, row in enumerate(_rows(path), start=2):
        missing = [name for name in PRICE_COLUMNS if row.get(name) is None]
        if missing:
            raise ValueError(
                say("price.columns", path=path, line=line, missing=", ".join(missing))
            )
        found.append(_price(row, path, line))
    return found


def price(
    model: str, what: str = "training", path: Path = PRICES, provider: str = ""
) -> Price | None:
    """Return a price from the table, or None where there is none.

    Args:
        model: its name.
        what: "training", "input" …, as in the table.
        path: the table; it may be missing.
        provider: whose price; the first one in the table without it.

    Raises:
        ValueError: the price or its date cannot be read.
    """
    for row in prices(path):
        if (row.model, row.what) == (model, what) and provider in ("", row.provider):
            return row
    return None


def training_price(model: str, path: Path = PRICES) -> Price | None:
    """Return what training a model costs per million tokens, or None if unknown."""
    found = price(model, "training", path)
    return found if found is not None and found.unit == TOKENS else None


def _price(row: dict[str, str], path: Path, line: int) -> Price:
    try:
        amount = float(row["price"])
        if not 0 <= amount < math.inf:
            raise ValueError(row["price"])
        return Price(
            provider=row["provider"].strip(),
            model=row["model"].strip(),
            what=row["what"].strip(),
            unit=row["unit"].strip(),
            amount=amount,
            currency=row["currency"].strip(),
            date=datetime.date.fromisoformat(row["date"].strip()),
            source=row["source"].strip(),
            verified=row["verified"].strip().lower() == "yes",
        )
    except ValueError as error:
        raise ValueError(
            say("price.unreadable", path=path, line=line, row=row, error=error)
        ) from error


def dollars_per_1000_calls(
    prompt_tokens: float, answer_tokens: float, input_usd: float, output_usd: float
) -> float:
    """Return what a thousand calls cost, in US dollars.

    Args:
        prompt_tokens: tokens that one call sends, on average.
        answer_tokens: tokens that one call gives back, on average.
        input_usd: price of a million tokens sent, in US dollars.
        output_usd: price of a million tokens given back, in US dollars.

    Raises:
        ValueError: a number is below zero.
    """
    numbers = (prompt_tokens, answer_tokens, input_usd, output_usd)
    if min(numbers) < 0:
        raise ValueError(say("price.negative", numbers=numbers))
    return (prompt_tokens * input_usd + answer_tokens * output_usd) / 1000


def _rows(path: Path) -> list[dict[str, str]]:
    if not path.is_file():
        return []
    with open(path, encoding="utf-8-sig", newline="") as lines:
        return list(csv.DictReader(lines))


def _date(text: str) -> datetime.date | None:
    return datetime.date.fromisoformat(text) if text else None
