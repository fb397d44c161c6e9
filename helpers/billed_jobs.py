"""What a token estimate is worth: jobs whose bill is known, beside their estimates.

Purpose: `helpers.tokens` estimates what a job will be billed. `data/billed_jobs.csv`
holds jobs of others with the number that they were billed, as far as it is public, and
a reader's own job can be put beside them. It must never know a provider or a price.
"""

from __future__ import annotations

import csv
import datetime
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from helpers.messages import say
from helpers.recipes import DATA_DIR
from helpers.tokens import Estimate

BILLED_JOBS = DATA_DIR / "billed_jobs.csv"


@dataclass(frozen=True, slots=True)
class BilledJob:
    """A training job and its bill.

    Attributes:
        name: what was trained on.
        n_examples: examples in the training file.
        n_epochs: passes over it.
        tokens_per_epoch: tokens of the file by the cookbook's formula.
        billed: tokens that were billed for training, all epochs together.
        stated_by: where that number stands.
        verified: it was seen in the job itself, not in a text about it.
        read_on: the day on which it was read.
    """

    name: str
    n_examples: int
    n_epochs: int
    tokens_per_epoch: int
    billed: int
    stated_by: str
    verified: bool
    read_on: datetime.date

    @property
    def formula(self) -> int:
        """The cookbook's estimate: tokens of the file × epochs."""
        return self.tokens_per_epoch * self.n_epochs

    @property
    def calibrated(self) -> int:
        """Our estimate: two tokens per example less (`helpers.tokens.Estimate`)."""
        return Estimate(self.n_examples, self.tokens_per_epoch, self.n_epochs).billed


def error_of(estimate: float, billed: float) -> float:
    """Return how far an estimate is off: (estimate − bill) / bill.

    Raises:
        ValueError: nothing was billed.
    """
    if billed <= 0:
        raise ValueError(say("bill.nothing", billed=billed))
    return (estimate - billed) / billed


def billed_jobs(path: Path = BILLED_JOBS) -> list[BilledJob]:
    """Return the jobs of the table.

    Raises:
        FileNotFoundError: there is no table.
        ValueError: a row cannot be read; it is named.
    """
    with open(path, encoding="utf-8-sig", newline="") as lines:
        rows = list(csv.DictReader(lines))
    found = []
    for line, row in enumerate(rows, start=2):
        try:
            found.append(
                BilledJob(
                    name=row["job"],
                    n_examples=int(row["n_examples"]),
                    n_epochs=int(row["n_epochs"]),
                    tokens_per_epoch=int(row["tokens_per_epoch"]),
                    billed=int(row["billed"]),
                    stated_by=row["stated_by"],
                    verified=row["verified"] == "yes",
                    read_on=datetime.date.fromisoformat(row["read_on"]),
                )
            )
        except (KeyError, TypeError, ValueError) as error:
            raise ValueError(
                say("bill.unreadable", path=path, line=line, error=repr(error))
            ) from error
    return found


def estimate_table(jobs: Iterable[BilledJob]) -> pd.DataFrame:
    """Return estimates beside bills, one row per job.

    Args:
        jobs: jobs with their bills.

    Returns:
        DataFrame indexed by the job's name: billed, formula and calibrated (tokens),
        formula_error and calibrated_error (shares of the bill; above 0: too high).
    """
    rows = [
        {
            "job": job.name,
            "billed": job.billed,
            "formula": job.formula,
            "formula_error": error_of(job.formula, job.billed),
            "calibrated": job.calibrated,
            "calibrated_error": error_of(job.calibrated, job.billed),
        }
        for job in jobs
    ]
    return pd.DataFrame(rows).set_index("job")
