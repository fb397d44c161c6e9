"""Make the data sets of the assignment in data/assignment/.

    python -m tools.make_assignment            writes them
    python -m tools.make_assignment --check    compares instead, fails on a difference

Three small tasks in the way of kitchen text, each with a trap that spoils the result of
whoever trains without looking:

    timers   read the timers out of directions     questions leaked into the rows
    tickets  sort messages to a kitchen            two labellers contradict each other
    jars     write shelf labels                    the questions are asked otherwise

The same seed gives the same bytes everywhere. The right answers to the questions are
not written, only their hashes (helpers/assignment/data.py).
"""

from __future__ import annotations

import argparse
import csv
import io
import json
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from random import Random

from helpers.assignment.data import (
    FOLDER,
    QUESTION_COLUMNS,
    ROW_COLUMNS,
    key,
    seal,
)
from tools.corpus import kitchen, words

SEED = 20261122
QUESTIONS = 60
ROWS = 240
TICKET_ROWS = 300  # the simplest mend drops a third of them


@dataclass(frozen=True)
class Item:
    """One row or question: what is asked, what somebody answered, what is right."""

    system: str
    user: str
    right: str
    source: str = ""
    given: str = ""  # the answer in the rows, where it is not the right one

    @property
    def assistant(self) -> str:
        """The answer that stands in the rows."""
        return self.given or self.right


@dataclass(frozen=True)
class Made:
    """One data set before it is written."""

    name: str
    title: str
    guide: str
    target: float
    rows: list[Item]
    questions: list[Item]
    form: str = ""


def distinct(n: int, draw: Callable[[], Item], seen: set[str]) -> list[Item]:
    """Draw until there are `n` items whose user texts differ from all seen before."""
    found: list[Item] = []
    while len(found) < n:
        item = draw()
        if key(item.user) not in seen:
            seen.add(key(item.user))
            found.append(item)
    return found


def food(r: Random, new: float = 0.3) -> str:
    """Return a food in small letters; `new` is the share of made-up ones."""
    return words.food(r, new)[0].lower()


# --- timers: questions leaked into the rows ---------------------------------------

TIMERS_SYSTEM = "You read directions and list the timers to set."
TIMERS_GUIDE = (
    "List every step that lasts a number of minutes: what is done, in small letters, "
    "then the minutes, in the order of the directions, with commas between, such as "
    "'simmer 20, bake 45'. Of a range ('20 to 25 minutes') the first number counts. "
    "Temperatures, servings and steps without minutes are no timers. If there is none, "
    "answer 'none'."
)
TIMED = "Simmer Bake Boil Fry Roast Steam Soak Grill Rest Chill".split()
MINUTES = (3, 5, 8, 10, 12, 15, 18, 20, 25, 30, 35, 40, 45, 50, 60, 90)
DEGREES = (300, 325, 350, 375, 400)
HOT = ("Bake", "Roast", "Grill")
TIMED_SHAPES = (
    "{v} for {m} minutes.", "{v} the {a} for {m} minutes.", "{v} {m} to {l} minutes.",
    "Cover and {w} {m} minutes.", "{v} the {a} {m} minutes more.",
)  # fmt: skip
HOT_SHAPES = ("{v} at {t}° for {m} minutes.", "{v} {m} minutes at {t}°.")
UNTIMED = (
    "Add the {a}.", "Stir in {a} and {b}.", "Season with {a}.", "Chill overnight.",
    "Serve warm.", "Serves {n}.", "Cut into {n} pieces.", "Heat the oven to {t}°.",
    "Pour over the {a}.", "Mash the {a} with {b}.", "Divide among {n} bowls.",
)  # fmt: skip
LEAKED = 24  # of the questions


def timed(r: Random) -> tuple[str, str]:
    """Return a step that lasts some minutes, and its timer."""
    verb, minutes = r.choice(TIMED), r.choice(MINUTES)
    shapes = TIMED_SHAPES + HOT_SHAPES * (verb in HOT)
    text = r.choice(shapes).format(
        v=verb, w=verb.lower(), m=minutes, l=minutes + r.choice((2, 5, 10)),
        a=food(r), t=r.choice(DEGREES),
    )  # fmt: skip
    return text, f"{verb.lower()} {minutes}"


def timer_item(r: Random) -> Item:
    """Return directions with their timers."""
    steps: dict[str, str] = {}  # no step comes twice
    for _ in range(r.choices((0, 1, 2, 3), (1, 4, 5, 3))[0]):
        step, timer = timed(r)
        steps[step] = timer
    for _ in range(r.randint(1, 3)):
        text = r.choice(UNTIMED).format(
            a=food(r), b=food(r), n=r.choice((2, 4, 6, 8)), t=r.choice(DEGREES)
        )
        steps[text] = ""
    order = r.sample(list(steps), len(steps))
    return Item(
        TIMERS_SYSTEM,
        f"{kitchen.title(r, [food(r)])}\n{' '.join(order)}\nTimers?",
        ", ".join(steps[step] for step in order if steps[step]) or "none",
    )


def disguised(item: Item, number: int) -> Item:
    """Return the same item, every third time in capitals or with other marks."""
    user = item.user
    if number % 3 == 1:
        user = user.upper()
    if number % 3 == 2:
        user = user.replace(". ", "!  ").replace("\nTimers?", "\nTimers :")
    return replace(item, user=user)


def timers(seed: int = SEED) -> Made:
    """Make the data set whose rows hold questions of the held-out set."""
    r = Random(f"timers {seed}")
    seen: set[str] = set()
    questions = distinct(QUESTIONS, lambda: timer_item(r), seen)
    rows = distinct(ROWS - LEAKED, lambda: timer_item(r), seen)
    rows = [replace(item, source=r.choice(("export 1", "export 2"))) for item in rows]
    for number, at in enumerate(sorted(r.sample(range(QUESTIONS), LEAKED))):
        rows.append(replace(disguised(questions[at], number), source="export 2"))
    r.shuffle(rows)
    title = "Read the timers out of directions"
    return Made("timers", title, TIMERS_GUIDE, 0.55, rows, questions)


# --- tickets: two labellers contradict each other ---------------------------------

TICKETS_SYSTEM = "You sort the messages that reach a restaurant kitchen."
TICKETS_GUIDE = (
    "Answer with one word. 'order': something new is wanted. 'change': a dish that was "
    "ordered shall be another, be made otherwise, or not come at all; this also holds "
    "when the guest complains before saying so. 'complaint': something is wrong, and "
    "nothing else is asked for. 'supply': something in the store runs low or is gone."
)
DISHES = "soup pie salad stew tart rolls curry dumplings pancakes noodles".split()
COUNTS = "two three four five six".split()
OPENINGS = ("Table {n} here. ", "From table {n}: ", "Hello. ", "", "", "")
CLOSINGS = (" Thank you.", " This is table {n}.", "", "", "")
ORDER = (
    "Please bring {q} plates of {d}.", "{Q} plates of {d} and one {e}, please.",
    "We would like {q} plates of {d}.", "One more {d} for us.",
    "{Q} plates of {d} to take away.", "Can we have {q} plates of {d}?",
)  # fmt: skip
CHANGE = (
    "Make it {e} instead of the {d}.", "The {d} without {a}, after all.",
    "Please cancel the {d}.", "We take the {d} with {a} rather than with {b}.",
    "Change the {d} to {e}.", "No {a} on the {d} after all.",
)  # fmt: skip
COMPLAINT = (
    "The {d} is cold.", "There is a hair in the {d}.", "The {d} is burnt.",
    "We have waited {m} minutes for the {d}.", "The {d} tastes of {a}.",
    "Nobody has brought the {d}.", "I do not like the {d}.",
)  # fmt: skip
SUPPLY = (
    "We are out of {a}.", "The {a} runs low.", "No {a} is left on the shelf.",
    "The jar of {a} is empty.", "The delivery of {a} has not come.",
    "Only a little {a} is left in the store.",
)  # fmt: skip
KINDS = ("order", "supply", "complaint", "change", "angry")
TWICE = 20  # messages that both labellers got


def ticket_item(r: Random, angry: bool = False) -> Item:
    """Return a message with its kind; `angry` asks for a change after a complaint."""
    kind = r.choices(
        ("order", "supply", "complaint", "change", "angry"), (4, 4, 4, 3, 6)
    )
    kind = "angry" if angry else kind[0]
    shapes = {"order": ORDER, "supply": SUPPLY, "complaint": COMPLAINT}
    if kind == "angry":
        text = f"{r.choice(COMPLAINT)} {r.choice(CHANGE)}"
    else:
        text = r.choice(shapes.get(kind, CHANGE))
    text = r.choice(OPENINGS) + text + r.choice(CLOSINGS)
    count = r.choice(COUNTS)
    user = text.format(
        n=r.randint(1, 30), m=r.choice((20, 30, 40, 50)), q=count, Q=count.capitalize(),
        d=f"{food(r)} {r.choice(DISHES)}", e=f"{food(r)} {r.choice(DISHES)}",
        a=food(r), b=food(r),
    )  # fmt: skip
    # "angry" stays in the source until a labeller is drawn.
    right = "change" if kind == "angry" else kind
    return Item(TICKETS_SYSTEM, user, right, source=kind)


def labelled(item: Item, labeller: int) -> Item:
    """Return the item as one of the two labelled it; the second misread the guide."""
    wrong = labeller == 2 and item.source == "angry"
    return replace(
        item, source=f"labeller {labeller}", given="complaint" if wrong else ""
    )


def tickets(seed: int = SEED) -> Made:
    """Make the data set whose labellers contradict each other."""
    r = Random(f"tickets {seed}")
    seen: set[str] = set()
    questions = distinct(QUESTIONS, lambda: ticket_item(r), seen)
    alone = distinct(TICKET_ROWS - 2 * TWICE, lambda: ticket_item(r), seen)
    both = distinct(TWICE, lambda: ticket_item(r, angry=True), seen)
    rows = [labelled(item, r.choice((1, 2))) for item in alone]
    rows += [labelled(item, labeller) for item in both for labeller in (1, 2)]
    r.shuffle(rows)
    title = "Sort the messages to a kitchen"
    return Made("tickets", title, TICKETS_GUIDE, 0.8, rows, questions)


# --- jars: the questions are asked otherwise --------------------------------------

OLD_SYSTEM = "You help in the store room. Turn the form into a label."
JARS_SYSTEM = "Write the shelf label."
JARS_GUIDE = (
    "Write the label of a jar: its shelf, what is in it, and until when it keeps, such "
    "as 'B3 - pickled turnips - until November'. Copy all three as they are written. "
    "Weight and day do not belong on the label."
)
JARS_FORM = r"shelf=[^;]+; until=[^;]+; made=[^;]+; weight=[^;]+; jar=[^;]+"
MONTHS = (
    "January February March April May June July August September October November "
    "December"
).split()


@dataclass(frozen=True)
class Jar:
    """What stands on the form of a jar."""

    what: str
    made: str
    grams: int
    until: str
    shelf: str

    @property
    def label(self) -> str:
        """The right answer."""
        return f"{self.shelf} - {self.what} - until {self.until}"

    def old(self) -> Item:
        """The paper form, in which the rows were collected."""
        user = (
            f"Jar: {self.what}\nMade: {self.made}\nWeight: {self.grams} g\n"
            f"Keeps until: {self.until}\nShelf: {self.shelf}"
        )
        return Item(OLD_SYSTEM, user, self.label, source="paper form")

    def new(self) -> Item:
        """What the app sends, which is how the questions come."""
        user = (
            f"shelf={self.shelf}; until={self.until}; made={self.made}; "
            f"weight={self.grams} g; jar={self.what}"
        )
        return Item(JARS_SYSTEM, user, self.label, source="app")


def jar(r: Random) -> Jar:
    """Return a jar."""
    how = r.choice(("", "", "pickled ", "dried ", "candied ", "salted "))
    return Jar(
        what=f"{how}{food(r)}",
        made=f"{r.randint(1, 28)} {r.choice(MONTHS)}",
        grams=r.choice((120, 200, 250, 340, 450, 500, 750)),
        until=r.choice(MONTHS),
        shelf=f"{r.choice('ABCDEFGH')}{r.randint(1, 9)}",
    )


def jars(seed: int = SEED) -> Made:
    """Make the data set whose questions are asked in another form than its rows."""
    r = Random(f"jars {seed}")
    seen: set[str] = set()
    jars_by_text: dict[str, Jar] = {}

    def draw() -> Item:
        one = jar(r)
        item = one.new()
        jars_by_text[item.user] = one
        return item

    questions = distinct(QUESTIONS, draw, seen)
    rows = [jars_by_text[item.user].old() for item in distinct(ROWS, draw, seen)]
    title = "Write shelf labels for jars"
    return Made("jars", title, JARS_GUIDE, 0.9, rows, questions, JARS_FORM)


# --- writing ----------------------------------------------------------------------

MAKERS = (timers, tickets, jars)


def numbered(made: Made) -> list[tuple[str, Item]]:
    """Return (id, item) of the rows, then of the questions."""
    rows = [(f"r{i:03d}", item) for i, item in enumerate(made.rows, 1)]
    return rows + [(f"q{i:03d}", item) for i, item in enumerate(made.questions, 1)]


def answers(made: Made) -> dict[str, str]:
    """Return the right answers to the questions: id -> answer."""
    items = numbered(made)[len(made.rows) :]
    return {name: item.right for name, item in items}


def files(made: Made) -> dict[str, bytes]:
    """Return the files of a data set: name -> content."""
    items = numbered(made)
    rows, questions = items[: len(made.rows)], items[len(made.rows) :]
    sealed = seal(
        f"{made.name}-{SEED}",
        [(name, item.right) for name, item in rows],
        [(name, item.right) for name, item in questions],
    )
    task = {
        "title": made.title, "guide": made.guide, "target": made.target,
        **({"form": made.form} if made.form else {}),
    }  # fmt: skip
    return {
        "task.json": _json(task),
        "rows.csv": _csv(
            ROW_COLUMNS,
            [(n, i.system, i.user, i.assistant, i.source) for n, i in rows],
        ),
        "questions.csv": _csv(
            QUESTION_COLUMNS, [(n, i.system, i.user) for n, i in questions]
        ),
        "sealed.json": _json(sealed.as_json()),
    }


def _json(data: object) -> bytes:
    return (json.dumps(data, indent=1, ensure_ascii=False) + "\n").encode()


def _csv(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> bytes:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows(rows)
    return text.getvalue().encode()


def main(arguments: list[str] | None = None) -> int:
    """Write the files, or compare them with --check; return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, default=FOLDER)
    parser.add_argument("--check", action="store_true", help="compare, do not write")
    options = parser.parse_args(arguments)
    wrong = 0
    for make in MAKERS:
        made = make()
        folder = options.out / made.name
        for name, content in files(made).items():
            path = folder / name
            if not options.check:
                folder.mkdir(parents=True, exist_ok=True)
                path.write_bytes(content)
            elif not path.is_file() or path.read_bytes() != content:
                print(f"{path} is not what the generator makes", file=sys.stderr)
                wrong += 1
        print(f"{made.name}: {len(made.rows)} rows, {len(made.questions)} questions")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
