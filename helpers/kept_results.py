"""Results that took long to compute: kept in a file, with machine, date and command.

Purpose: a notebook that needs many jobs for one chart reads what a benchmark has kept,
says where that comes from, and names the command that computes it anew. It must never
compute anything itself.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd

from helpers.messages import say
from helpers.recipes import DATA_DIR

BASE_MODEL = DATA_DIR / "base_model" / "model.safetensors"
RESULTS = Path(__file__).resolve().parent.parent / "benchmarks" / "results"
QUALITY_COMMAND = "python benchmarks/bench_quality.py"
QUALITY_COLUMNS = ["rows", "seed", "f1", "exact", "training_seconds"]


@dataclass(frozen=True)
class KeptQuality:
    """How good models got with how many rows, computed once.

    Attributes:
        runs: one row per job: rows, seed, f1, exact (0 to 1), training_seconds.
        untrained: F1 of the base model, asked as the fine-tuned models are.
        known_words: F1 of the base model, asked in words of its pre-training.
        test_recipes: how many recipes of the frozen test set each model was asked.
        where: day, machine and versions, in a sentence.
        base_model: `fingerprint` of the weights that were fine-tuned.
        command: computes it anew.
    """

    runs: pd.DataFrame = field(repr=False)
    untrained: float
    known_words: float
    test_recipes: int
    where: str
    base_model: str
    command: str = QUALITY_COMMAND

    def by_rows(self, metric: str = "f1") -> pd.DataFrame:
        """Return mean, lowest and highest value over the seeds, by number of rows.

        Args:
            metric: "f1" or "exact".

        Returns:
            DataFrame indexed by rows with seeds (how many), mean, low, high and spread
            (high minus low).
        """
        found = self.runs.groupby("rows")[metric].agg(
            seeds="count", mean="mean", low="min", high="max"
        )
        return found.assign(spread=found["high"] - found["low"])


def fingerprint(path: Path = BASE_MODEL) -> str:
    """Return the first 16 digits of the SHA-256 of weights; empty without the file.

    By it a kept result tells whether it belongs to the base model that is here now.
    """
    if not path.is_file():
        return ""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()[:16]


def measured_where(machine: Mapping[str, Any]) -> str:
    """Return day, machine and versions of a kept result, in a sentence.

    Args:
        machine: what `benchmarks/machine.py` has kept beside the figures.
    """
    versions = ", ".join(f"{k} {v}" for k, v in machine["versions"].items())
    return say(
        "kept.where",
        date=machine["date"], processor=machine["processor"],
        cores=machine["cores"], versions=versions,
    )  # fmt: skip


def kept_quality(path: str | Path | None = None) -> KeptQuality:
    """Read what `benchmarks/bench_quality.py` has measured.

    Args:
        path: its JSON file; the one of the repository without it.

    Raises:
        FileNotFoundError: nothing was kept; the message names the command.
        ValueError: the file does not hold what it should.
    """
    path = Path(path) if path is not None else RESULTS / "quality.json"
    if not path.is_file():
        raise FileNotFoundError(
            say("kept.missing", path=path.name, command=QUALITY_COMMAND)
        )
    try:
        result = json.loads(path.read_text(encoding="utf-8"))
        where = measured_where(result["machine"])
        runs = pd.DataFrame(result["fine_tuned"])[QUALITY_COLUMNS]
        cold = [one["f1"] for one in result["prompted"] if one["examples"] == 0]
        return KeptQuality(
            runs=runs,
            untrained=float(cold[0]),
            known_words=float(result["known_words"]["f1"]),
            test_recipes=int(result["test_recipes"]),
            where=where,
            base_model=str(result.get("base_model", "")),
        )
    except (ValueError, LookupError, TypeError, AttributeError) as error:
        raise ValueError(
            say(
                "kept.unreadable",
                path=path.name, error=repr(error), command=QUALITY_COMMAND,
            )
        ) from error  # fmt: skip
