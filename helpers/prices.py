"""What hosted models cost and until when they can be had, from dated tables in data/.

Purpose: no promise without a date. `data/models.csv` and `data/closing_dates.csv` say
when a name or a service ends, who said so and when that was read. Prices change too
often to be shipped: put the ones of your provider into `data/prices.csv`, with the
columns model, kind (training, input or output), usd_per_million (tokens), as_of (date)
and source, and estimates will use them. Nothing here looks at the network.
"""

from __future__ import annotations

import csv
import datetime
from dataclasses import dataclass
from pathlib import Path

from helpers.messages import say
from helpers.recipes import DATA_DIR

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


@dataclass(frozen=True, slots=True)
class Price:
    """What a million tokens cost, in US dollars, by whom and when it was said."""

    usd_per_million: float
    as_of: datetime.date
    source: str


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
    """Say until when a model can be had, with the source; empty when it is not listed.

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
        return say(
            key,
            model=name,
            date=row.shutdown_date,
            read_on=row.read_on,
            source=row.source,
        )
    return ""


def training_price(model: str, path: Path = PRICES) -> Price | None:
    """Return what training a model costs, or None where no price is known."""
    return price(model, "training", path)


def price(model: str, kind: str, path: Path = PRICES) -> Price | None:
    """Return a price from the reader's own table, or None where there is none.

    Args:
        model: its name.
        kind: "training", "input" or "output".
        path: the table; it may be missing.

    Raises:
        ValueError: the price or its date cannot be read.
    """
    for row in _rows(path):
        if (row["model"], row["kind"]) == (model, kind):
            try:
                return Price(
                    float(row["usd_per_million"]),
                    datetime.date.fromisoformat(row["as_of"]),
                    row.get("source", ""),
                )
            except ValueError as error:
                raise ValueError(
                    say("price.unreadable", path=path, row=row, error=error)
                ) from error
    return None


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
