"""The ways to fine-tune, side by side: steps, settings, moves, doors and costs.

Purpose: one map of the provider tutorials. Which call, setting and file of one way is
which of the other, who does a step, what can be taken along from one way to another,
who may still begin, and what is billed. All of it comes from the tables in `data/ways/`
and, for dates and prices, from the tables that other notebooks use as well:

    side_by_side("OpenAI", "Hugging Face TRL")
    move("OpenAI", "Hugging Face TRL")
    doors(on=datetime.date(2026, 11, 23))

It must never call a service, nor repeat a date or a price that stands elsewhere.
"""

from __future__ import annotations

import csv
import datetime
import importlib
import importlib.metadata
import inspect
import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import pandas as pd

from helpers.kept_results import RESULTS, measured_where
from helpers.messages import say
from helpers.prices import price
from helpers.recipes import DATA_DIR

WAYS_DIR = DATA_DIR / "ways"
HERE, OPENAI, AZURE = "here", "OpenAI", "Azure OpenAI"
TRL, AUTOTRAIN, TOGETHER = "Hugging Face TRL", "AutoTrain", "Together AI"
WAYS = (HERE, OPENAI, AZURE, TRL, AUTOTRAIN, TOGETHER)
NONE = "none"
# The local provider and Azure speak OpenAI's API, so their settings are OpenAI's.
SETTINGS_OF = {HERE: OPENAI, AZURE: OPENAI}
KINDS = ("client", "import", "command", NONE)
PLACES = ("you", "service", "nobody")
NEW, EXISTING = "new", "existing"
START, ASK = "start a job", "ask a model"
STAYS, CHANGES, LOST, NOTHING = "stays", "changes", "lost", "nothing there"
RAN, ON_PAPER = "ran here", "on paper"
DISTRIBUTED = RESULTS / "distributed.json"
DATED = ("read_on", "source", "verified")
COLUMNS = {
    "steps": (
        "step", "way", "kind", "package", "call", "arguments", "format", "where",
        "notebook", "note", *DATED,
    ),
    "settings": ("setting", "way", "name", "default", "note", *DATED),
    "moves": ("thing", "way", "form", "leaves", "enters", "how", *DATED),
    "doors": ("way", "who", "may", "closes", "note", *DATED),
    "costs": ("way", "what", "basis", "provider", "model", "price_of", "note", *DATED),
    "larger": ("what", "command", "status", "where", "note", *DATED),
    "old_calls": (
        "line", "written_for", "code", "kind", "package", "call", "arguments",
    ),
}  # fmt: skip
# What may stand in a column, where not everything may.
ALLOWED = {
    "kind": KINDS,
    "way": WAYS,
    "leaves": ("yes", "no"),
    "enters": ("yes", "no"),
    "who": (NEW, EXISTING),
    "may": (START, ASK),
    "basis": ("nothing", "tokens", "hours"),
    "status": (RAN, ON_PAPER),
    "verified": ("yes", "no"),
}
# What one row of a table is about: no two rows have it in common.
KEYS = {
    "steps": ("step", "way"),
    "settings": ("setting", "way"),
    "moves": ("thing", "way"),
    "doors": ("way", "who", "may"),
    "costs": ("way", "what"),
    "larger": ("what",),
    "old_calls": ("line",),
}


# --- the tables -------------------------------------------------------------------


def table(name: str, folder: Path = WAYS_DIR) -> pd.DataFrame:
    """Read one of the tables of the ways, and refuse a row that is not as described.

    Args:
        name: of the file, without its ending; a key of COLUMNS.
        folder: where the tables are.

    Returns:
        DataFrame of texts; what a row leaves empty is an empty text.

    Raises:
        KeyError: there is no such table.
        ValueError: a row is not as described; file, line and column are named.
    """
    columns, path = COLUMNS[name], folder / f"{name}.csv"
    with open(path, encoding="utf-8", newline="") as lines:
        rows = list(csv.DictReader(lines))
    seen: set[tuple[str, ...]] = set()
    for line, row in enumerate(rows, start=2):
        if tuple(row) != columns or None in row.values():
            raise ValueError(say("ways.columns", path=path.name, line=line))
        for column, allowed in ALLOWED.items():
            if column in row and row[column] not in allowed:
                raise ValueError(
                    say(
                        "ways.value", path=path.name, line=line, column=column,
                        found=row[column], known=", ".join(allowed),
                    )
                )  # fmt: skip
        key = tuple(row[column] for column in KEYS[name])
        if key in seen:
            raise ValueError(
                say("ways.twice", path=path.name, line=line, key=" · ".join(key))
            )
        seen.add(key)
    return pd.DataFrame(rows, columns=list(columns), dtype=object)


def check_complete(steps: pd.DataFrame) -> None:
    """Refuse a map with holes: every step has every way, if only with "none".

    Args:
        steps: what `table("steps")` returned.

    Raises:
        ValueError: a step lacks a way, or a call stands where there is none.
    """
    for step, rows in steps.groupby("step", sort=False):
        missing = [way for way in WAYS if way not in set(rows["way"])]
        if missing:
            raise ValueError(say("ways.hole", step=step, ways=", ".join(missing)))
    for row in steps.itertuples():
        if (row.kind == NONE) != (row.call == NONE) or row.where not in PLACES:
            raise ValueError(say("ways.call", step=row.step, way=row.way))


def known(*names: str) -> tuple[str, ...]:
    """Return the names of ways, or all of them when none is given.

    Raises:
        ValueError: there is no such way; those that there are are named.
    """
    for name in names:
        if name not in WAYS:
            raise ValueError(say("ways.unknown", found=name, known=", ".join(WAYS)))
    return names or WAYS


def side_by_side(*ways: str) -> pd.DataFrame:
    """Put the steps of some ways beside each other.

    Args:
        ways: names of WAYS; all of them without any. Two or three can be read.

    Returns:
        DataFrame: step, then a column for each way with its call and what to know.
    """
    steps = table("steps")
    return _wide(steps, "step", known(*ways), lambda row: _lines(row.call, row.note))


def compare_settings(*ways: str) -> pd.DataFrame:
    """Put the settings of some ways beside each other, with their defaults.

    Args:
        ways: names of WAYS; all that differ without any.

    Returns:
        DataFrame: setting, then a column for each way.
    """
    settings = table("settings")
    asked = known(*ways) if ways else (OPENAI, TRL, AUTOTRAIN, TOGETHER)
    blocks = [
        settings[settings["way"] == SETTINGS_OF.get(way, way)].assign(way=way)
        for way in asked
    ]

    def shown(row: Any) -> str:
        default = "" if row.default == NONE else f" = {row.default}"
        return _lines(row.name_ + default, row.note)

    rows = pd.concat(blocks).rename(columns={"name": "name_"})
    return _wide(rows, "setting", asked, shown)


def where_steps_happen() -> pd.DataFrame:
    """Return who does each step: index step, a column for each way, cells PLACES."""
    steps = table("steps")
    order = list(dict.fromkeys(steps["step"]))
    wide = steps.pivot(index="step", columns="way", values="where")
    return wide.loc[order, list(WAYS)]


def _wide(
    rows: pd.DataFrame, by: str, ways: Iterable[str], shown: Callable[[Any], str]
) -> pd.DataFrame:
    cells = {
        (getattr(row, by), row.way): shown(row) for row in rows.itertuples(index=False)
    }
    names = list(dict.fromkeys(rows[by]))
    columns = {way: [cells[name, way] for name in names] for way in ways}
    return pd.DataFrame({by: names, **columns})


def _lines(*texts: str) -> str:
    return "\n".join(text for text in texts if text)


# --- calls that exist -------------------------------------------------------------


def look_up(kind: str, package: str, call: str, arguments: str = "") -> bool:
    """Find a call, and its arguments, in what is installed here.

    Args:
        kind: "client" (an attribute of the package's client), "import" (a name to
            import), or "command" (a program that the package brings).
        package: as the package index calls it; "helpers" is ours.
        call: `client.files.create`, `trl.SFTTrainer` or `trl sft --config`.
        arguments: names that the call has to accept, with spaces between them.

    Returns:
        True when all of it is there; False when the package is not installed.

    Raises:
        LookupError: the package is here, and the call or an argument is not.
    """
    if not _installed(package):
        return False
    if kind == "command":
        program = call.split()[0]
        brought = importlib.metadata.distribution(package).entry_points
        if program not in {point.name for point in brought}:
            raise LookupError(say("ways.no_call", call=call, package=package))
        return True
    try:
        first, *rest = call.split(".")
        found = _client(package) if kind == "client" else importlib.import_module(first)
        for name in rest:
            found = _attribute(found, name)
        accepted = set(inspect.signature(found).parameters)
    # Whatever a package does when it is asked for a name that it has given up.
    except Exception as error:
        raise LookupError(say("ways.no_call", call=call, package=package)) from error
    unknown = [name for name in arguments.split() if name not in accepted]
    if unknown:
        names = ", ".join(unknown)
        raise LookupError(say("ways.no_argument", call=call, names=names))
    return True


def _installed(package: str) -> bool:
    if package == "helpers":
        return True
    try:
        importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return False
    return True


def _attribute(found: Any, name: str) -> Any:
    if inspect.ismodule(found) and not hasattr(found, name):
        return importlib.import_module(f"{found.__name__}.{name}")
    return getattr(found, name)


@cache
def _client(package: str) -> Any:
    """Return a client that is asked for names of calls, and for nothing else."""
    if package == "openai":
        return importlib.import_module("openai").OpenAI(api_key=NONE)
    if package == "azure-mgmt-cognitiveservices":
        module = importlib.import_module("azure.mgmt.cognitiveservices")
        return module.CognitiveServicesManagementClient(object(), NONE)
    if package == "together":
        return importlib.import_module("together").Together(api_key=NONE)
    raise LookupError(say("ways.no_client", package=package))


def checked_calls() -> pd.DataFrame:
    """Look up every call of the steps; return how many of each package are there.

    Returns:
        DataFrame indexed by package: calls (different ones), found, and version, which
        is empty where the package is not installed.

    Raises:
        LookupError: a call of the table is not in the package that is installed.
    """
    steps = table("steps")
    calls = steps[steps["kind"] != NONE].drop_duplicates(["package", "call"])
    found = [
        look_up(row.kind, row.package, row.call, row.arguments)
        for row in calls.itertuples()
    ]
    counted = (
        calls.assign(found=found)
        .groupby("package", sort=False)["found"]
        .agg(calls="size", found="sum")
    )
    counted["version"] = [
        importlib.metadata.version(name)
        if name != "helpers" and _installed(name)
        else ""
        for name in counted.index
    ]
    return counted


# --- from one way to another ------------------------------------------------------


def move(start: str, goal: str) -> pd.DataFrame:
    """Say what happens to each thing when somebody goes from one way to another.

    A thing stays when it has the same form at both; it changes when it can leave the
    one and enter the other; else it is lost, unless there was nothing to lose.

    Args:
        start: the way that is left.
        goal: the way that is taken.

    Returns:
        DataFrame: thing, outcome (STAYS, CHANGES, LOST, NOTHING), from, to, how.

    Raises:
        ValueError: there is no such way.
    """
    known(start, goal)
    things = table("moves").set_index(["way", "thing"])
    rows = []
    for thing in things.loc[start].index:
        old, new = things.loc[(start, thing)], things.loc[(goal, thing)]
        what = _outcome(old, new)
        rows.append(
            {
                "thing": thing, "outcome": what, "from": old["form"], "to": new["form"],
                "how": old["how"] if old["leaves"] == "no" else new["how"],
            }
        )  # fmt: skip
    return pd.DataFrame(rows)


def _outcome(old: pd.Series, new: pd.Series) -> str:
    if old["form"] == NONE:
        return NOTHING
    if old["form"] == new["form"]:
        return STAYS
    return CHANGES if old["leaves"] == new["enters"] == "yes" else LOST


def calls_to_change(start: str, goal: str) -> pd.DataFrame:
    """Return the steps whose call or file is another one after a move.

    Args:
        start: the way that is left.
        goal: the way that is taken.

    Returns:
        DataFrame: step, and the call of each of the two.
    """
    known(start, goal)
    steps = table("steps").set_index(["way", "step"])
    old, new = steps.loc[start], steps.loc[goal]
    order = list(dict.fromkeys(table("steps")["step"]))
    differ = [
        step
        for step in order
        if (old.call[step], old.format[step]) != (new.call[step], new.format[step])
    ]
    calls = {start: old.call, goal: new.call}
    return pd.DataFrame(
        {"step": differ, **{way: call[differ].to_list() for way, call in calls.items()}}
    )


# --- who may still begin ----------------------------------------------------------


def closing_dates(path: Path = DATA_DIR / "closing_dates.csv") -> pd.DataFrame:
    """Read the table of closing dates, with its dates as dates."""
    rows = pd.read_csv(path, dtype=str, keep_default_na=False)
    rows["date"] = [datetime.date.fromisoformat(day) for day in rows["date"]]
    return rows


def last_read() -> datetime.date:
    """Return the day on which the tables of the ways were last read anew."""
    return max(
        datetime.date.fromisoformat(day)
        for name, columns in COLUMNS.items()
        if "read_on" in columns
        for day in table(name)["read_on"]
    )


def doors(on: datetime.date, who: str = "", may: str = "") -> pd.DataFrame:
    """Say which doors are open on a day: who may do what, and until when.

    Args:
        on: the day to judge by; a door is shut from its date on.
        who: NEW or EXISTING; both without it.
        may: START or ASK; both without it.

    Returns:
        DataFrame: way, who, may, open (bool), until (a date, None without an end),
        note, verified (of the date, where there is one).

    Raises:
        ValueError: a row names an end that closing_dates.csv does not have.
    """
    ends = closing_dates().set_index(["service", "what"])
    rows = []
    for row in table("doors").itertuples():
        if (who and row.who != who) or (may and row.may != may):
            continue
        until, sure = None, row.verified
        if row.closes:
            if (row.way, row.closes) not in ends.index:
                raise ValueError(say("ways.no_end", way=row.way, what=row.closes))
            end = ends.loc[(row.way, row.closes)]
            until, sure = end["date"], end["verified"]
        rows.append(
            {
                "way": row.way, "who": row.who, "may": row.may,
                "open": until is None or on < until, "until": until,
                "note": row.note, "verified": sure,
            }
        )  # fmt: skip
    return pd.DataFrame(rows).astype({"until": object})


def open_to_new(on: datetime.date) -> list[str]:
    """Return the ways on which a new customer may start a job on a day."""
    found = doors(on, NEW, START)
    return found["way"][found["open"]].to_list()


def doors_table(on: datetime.date) -> pd.DataFrame:
    """Return the doors of a day, in words: a row for each way."""
    found = doors(on)
    words = {
        (row.way, row.who, row.may): _door(row.open, row.until)
        for row in found.itertuples()
    }
    return pd.DataFrame(
        {
            "way": WAYS,
            say("ways.column.new"): [words[way, NEW, START] for way in WAYS],
            say("ways.column.existing"): [words[way, EXISTING, START] for way in WAYS],
            say("ways.column.ask"): [words[way, EXISTING, ASK] for way in WAYS],
            say("ways.column.note"): [
                _lines(*dict.fromkeys(found["note"][found["way"] == way]))
                for way in WAYS
            ],
        }
    )


def _door(is_open: bool, until: datetime.date | None) -> str:
    if until is None:
        return say("ways.door.open")
    return say("ways.door.until" if is_open else "ways.door.closed", date=until)


# --- what it costs ----------------------------------------------------------------


def bills() -> pd.DataFrame:
    """Return what each way bills, with the price of prices.csv where there is one.

    Returns:
        DataFrame: way, what, basis, price (with unit and date, or why there is none),
        note.

    Raises:
        ValueError: a row names a price that prices.csv does not have.
    """
    rows = []
    for row in table("costs").itertuples():
        shown = say("ways.bill.nothing" if row.basis == "nothing" else "ways.bill.none")
        if row.price_of:
            found = price(row.model, row.price_of, provider=row.provider)
            if found is None:
                raise ValueError(say("ways.no_price", model=row.model))
            shown = say(
                "ways.bill", amount=f"{found.amount:.2f}", currency=found.currency,
                unit=found.unit, model=found.model, date=found.date,
            )  # fmt: skip
        rows.append(
            {
                "way": row.way, "what": row.what, "basis": row.basis, "price": shown,
                "note": row.note,
            }
        )  # fmt: skip
    return pd.DataFrame(rows)


# --- larger than one machine ------------------------------------------------------


@dataclass(frozen=True)
class Figures:
    """What was measured with several processes on one machine.

    Attributes:
        training: processes, threads (of each), rows_per_second, seconds, last_loss.
        data: rows, way, processes (of map; 0 is this one), seconds.
        where: day, machine and versions, in a sentence.
    """

    training: pd.DataFrame
    data: pd.DataFrame
    where: str


def distributed_figures(path: Path = DISTRIBUTED) -> Figures | None:
    """Return what was measured with several processes; None where nothing was kept.

    Args:
        path: where benchmarks/bench_distributed.py keeps it.
    """
    if not path.is_file():
        return None
    kept = json.loads(path.read_text(encoding="utf-8"))
    training = pd.DataFrame(kept["training"])
    training["last_loss"] = [losses[-1] for losses in training["losses"]]
    data = pd.DataFrame(kept["data"])
    data["processes"] = data["processes"].fillna(0).astype(int)
    columns = ["processes", "threads", "rows_per_second", "seconds", "last_loss"]
    return Figures(
        training=training[columns],
        data=data[["rows", "way", "processes", "seconds"]],
        where=measured_where(kept["machine"]),
    )
