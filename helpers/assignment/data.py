"""A data set of the assignment: rows, questions, and right answers under a lock.

Purpose: read a folder such as `data/assignment/jars`, find what is wrong with its rows,
and tell whether an answer is right without showing the right one. A folder holds

    task.json      title, what is asked (guide), target, and the form of a question
    rows.csv       id, system, user, assistant, source: to learn from
    questions.csv  id, system, user: the held-out set
    sealed.json    for each id a hash of salt, id and right answer

The lock is a courtesy, not security: who wants to can hash every likely answer until
one fits, or run the tool that made the data. It only keeps answers out of sight.
It must never know a provider, a model or a notebook.
"""

from __future__ import annotations

import hashlib
import json
import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd

from helpers.messages import say
from helpers.recipes import DATA_DIR

FOLDER = DATA_DIR / "assignment"
ROLES = ("system", "user", "assistant")
ROW_COLUMNS = ("id", *ROLES, "source")
QUESTION_COLUMNS = ("id", "system", "user")
TRAPS = ("leak", "contradiction", "prompt")
DIGEST = 32  # hexadecimal digits that are kept of a hash
ALGORITHM = "sha256 of salt, id and plain answer, with line feeds between, 32 digits"


# --- comparing texts --------------------------------------------------------------


def plain(answer: str) -> str:
    """Return an answer as it is compared: small letters, single spaces, no stop."""
    return " ".join(str(answer).casefold().split()).rstrip(".")


def key(prompt: str) -> str:
    """Return a prompt as it is compared: its words and numbers in small letters.

    Capitals, spaces and punctuation do not count, so that a copy in disguise is found.
    """
    return " ".join(re.findall(r"\w+", str(prompt).casefold()))


def score_text(text: str, expected: str) -> dict[str, float]:
    """Score one answer as right or wrong, for `evaluation.score`.

    Args:
        text: the answer.
        expected: the right one.

    Returns:
        tp, fp, fn, exact and valid, so that F1 and exact are the same share.
    """
    right = float(plain(text) == plain(expected))
    return {
        "tp": right,
        "fp": 1 - right,
        "fn": 1 - right,
        "exact": right,
        "valid": float(bool(str(text).strip())),
    }


# --- the lock ---------------------------------------------------------------------


def digest(salt: str, item: str, answer: str) -> str:
    """Return the hash under which the right answer of an item is kept."""
    text = "\n".join((salt, str(item), plain(answer)))
    return hashlib.sha256(text.encode()).hexdigest()[:DIGEST]


@dataclass(frozen=True)
class Seal:
    """Right answers that can be compared with, and not read.

    Attributes:
        salt: makes the hashes of one data set its own.
        rows: id of a row -> hash of its right answer; may be empty.
        questions: id of a question -> hash of its right answer.
    """

    salt: str
    rows: Mapping[str, str] = field(repr=False)
    questions: Mapping[str, str] = field(repr=False)

    def right(self, item: str, answer: str) -> bool | None:
        """Tell whether an answer is right; None when the item has no sealed answer."""
        item = str(item)
        known = self.questions.get(item, self.rows.get(item))
        return None if known is None else digest(self.salt, item, answer) == known

    def as_json(self) -> dict[str, Any]:
        """Return what stands in sealed.json."""
        return {
            "algorithm": ALGORITHM,
            "salt": self.salt,
            "rows": dict(self.rows),
            "questions": dict(self.questions),
        }


def seal(
    salt: str,
    rows: Iterable[tuple[str, str]],
    questions: Iterable[tuple[str, str]],
) -> Seal:
    """Lock right answers up.

    Args:
        salt: any text that is used for this data set alone.
        rows: (id, right answer) of rows to learn from; may be empty.
        questions: (id, right answer) of the held-out set.
    """
    return Seal(
        salt,
        {item: digest(salt, item, answer) for item, answer in rows},
        {item: digest(salt, item, answer) for item, answer in questions},
    )


# --- reading ----------------------------------------------------------------------


@dataclass(frozen=True)
class DataSet:
    """One data set of the assignment.

    Attributes:
        name: of its folder.
        title: what the model should learn, in a few words.
        guide: what a right answer is, in sentences.
        target: share of the questions that has to be answered exactly right.
        form: regular expression that the user text of every question matches, if any.
        rows: DataFrame with ROW_COLUMNS.
        questions: DataFrame with QUESTION_COLUMNS.
        seal: the right answers under a lock.
    """

    name: str
    title: str
    guide: str
    target: float
    form: str
    rows: pd.DataFrame = field(repr=False)
    questions: pd.DataFrame = field(repr=False)
    seal: Seal = field(repr=False)

    @property
    def needed(self) -> int:
        """How many questions have to be answered exactly right."""
        # 0.7 * 60 may be a little more than 42 for a computer.
        return math.ceil(self.target * len(self.questions) - 1e-9)


def names() -> list[str]:
    """Return the names of the data sets that come along."""
    return sorted(path.parent.name for path in FOLDER.glob("*/task.json"))


def load(name: str | Path) -> DataSet:
    """Read a data set: one that comes along by its name, or your own by its folder.

    Args:
        name: such as "jars", or the path of a folder with the four files.

    Raises:
        ValueError: there is no such data set, or a file of it cannot be used; the
            message says which and why.
    """
    folder = FOLDER / name if str(name) in names() else Path(name).expanduser()
    if not (folder / "task.json").is_file():
        known = ", ".join(names())
        raise ValueError(say("assignment.data.unknown", name=name, known=known))
    task = _json(folder / "task.json", ("title", "guide", "target"))
    sealed = _json(folder / "sealed.json", ("salt", "questions"))
    rows = _table(folder / "rows.csv", ROW_COLUMNS)
    questions = _table(folder / "questions.csv", QUESTION_COLUMNS)
    missing = set(questions["id"]) - set(sealed["questions"])
    if missing:
        raise ValueError(
            say(
                "assignment.data.unsealed",
                path=folder / "sealed.json", n=len(missing), first=min(missing),
            )
        )  # fmt: skip
    return DataSet(
        name=folder.name,
        title=task["title"],
        guide=task["guide"],
        target=float(task["target"]),
        form=task.get("form", ""),
        rows=rows,
        questions=questions,
        seal=Seal(sealed["salt"], sealed.get("rows", {}), sealed["questions"]),
    )


def _json(path: Path, needed: Iterable[str]) -> dict[str, Any]:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ValueError(
            say("assignment.data.unreadable", path=path, error=error)
        ) from error
    missing = [name for name in needed if name not in found]
    if missing:
        raise ValueError(
            say("assignment.data.lacks", path=path, missing=", ".join(missing))
        )
    return found


def _table(path: Path, columns: tuple[str, ...]) -> pd.DataFrame:
    try:
        frame = pd.read_csv(path, dtype=str, keep_default_na=False)
    except (OSError, ValueError) as error:
        raise ValueError(
            say("assignment.data.unreadable", path=path, error=error)
        ) from error
    missing = [name for name in columns if name not in frame.columns]
    if missing:
        raise ValueError(
            say("assignment.data.lacks", path=path, missing=", ".join(missing))
        )
    if frame["id"].duplicated().any():
        twice = frame["id"][frame["id"].duplicated()].iloc[0]
        raise ValueError(say("assignment.data.twice", path=path, id=twice))
    return frame[list(columns)]


# --- what is wrong with rows ------------------------------------------------------


def leaked(rows: pd.DataFrame, questions: pd.DataFrame) -> list[int]:
    """Return the places of rows whose user text is a question of the held-out set."""
    asked = set(questions["user"].map(key))
    return [i for i, text in enumerate(rows["user"]) if key(text) in asked]


def contradicting(rows: pd.DataFrame) -> list[int]:
    """Return the places of rows that share their prompt but not their answer."""
    return [
        i
        for places in _by_prompt(rows).values()
        if len({plain(rows["assistant"].iloc[i]) for i in places}) > 1
        for i in places
    ]


def repeated(rows: pd.DataFrame) -> list[int]:
    """Return the places of rows whose prompt and answer stood there before."""
    found = []
    for places in _by_prompt(rows).values():
        seen: set[str] = set()
        for i in places:
            answer = plain(rows["assistant"].iloc[i])
            if answer in seen:
                found.append(i)
            seen.add(answer)
    return sorted(found)


def _by_prompt(rows: pd.DataFrame) -> dict[tuple[str, str], list[int]]:
    groups: dict[tuple[str, str], list[int]] = {}
    prompts = zip(rows["system"], rows["user"], strict=True)
    for i, (system, user) in enumerate(prompts):
        groups.setdefault((key(system), key(user)), []).append(i)
    return groups


def other_prompt(rows: pd.DataFrame, data: DataSet) -> list[int]:
    """Return the places of rows whose prompt is not shaped as those of the questions.

    The system text has to be one of the questions', letter by letter, and the user text
    has to have the form of theirs, where the data set names one.
    """
    systems = set(data.questions["system"])
    form = re.compile(data.form, re.S) if data.form else None
    return [
        i
        for i, (system, user) in enumerate(
            zip(rows["system"], rows["user"], strict=True)
        )
        if system not in systems or (form is not None and not form.fullmatch(user))
    ]


def mislabelled(rows: pd.DataFrame, data: DataSet) -> list[int]:
    """Return the places of rows whose answer is not the one that the guide asks for.

    Rows without an id, or with one that is not sealed, are not judged.
    """
    if "id" not in rows:
        return []
    judged = (
        data.seal.right(item, answer)
        for item, answer in zip(rows["id"], rows["assistant"], strict=True)
    )
    return [i for i, right in enumerate(judged) if right is False]


def traps(data: DataSet) -> dict[str, set[str]]:
    """Return what is wrong with the rows as they came: trap -> ids of rows."""
    found = {
        "leak": leaked(data.rows, data.questions),
        "contradiction": contradicting(data.rows),
        "prompt": other_prompt(data.rows, data),
    }
    ids = data.rows["id"]
    return {name: set(ids.iloc[places]) for name, places in found.items()}
