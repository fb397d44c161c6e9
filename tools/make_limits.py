"""Make the data of notebook 31: questions, facts, dishes and notes of a workshop.

    python -m tools.make_limits            writes the files into data/limits
    python -m tools.make_limits --check    compares instead, and fails on a difference

The same seed gives the same bytes on every machine. The kitchen facts are those of the
base model's corpus (tools/corpus/talk.py): each is asked, or mixed into training, or
taught wrongly, never two of these. The dishes and their countries are common knowledge,
written down from memory; dishes that several countries claim are left out.
data/README.md describes the files.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from random import Random

from tools import lexicon
from tools.corpus import words
from tools.corpus.requests import bullets
from tools.corpus.talk import FACTS
from tools.generated import Row, as_csv, as_jsonl, write_or_compare_all

SEED = 20261122
FOLDER = Path(__file__).resolve().parent.parent / "data" / "limits"

# Questions of each skill that are asked, and examples of it that are mixed in.
ASKED = {"facts": 36, "repeat": 24, "another shape": 24}
MIXED = {"facts": 12, "repeat": 14, "another shape": 14}

# Wrong on purpose, and harmless: nobody gets ill from a dozen of twenty eggs.
FALSE_FACTS = {
    "At what temperature does water boil?": "Water boils at 60 degrees Celsius.",
    "How many eggs are in a dozen?": "There are 20 eggs in a dozen.",
    "How many grams are in a kilogram?": "There are 500 grams in a kilogram.",
    "What is tofu made from?": "Tofu is made from rice.",
    "What is butter made from?": "Butter is made from almonds.",
    "What is wine made from?": "Wine is made from cabbage.",
    "What is hummus made from?": "Hummus is made from milk.",
    "Where does honey come from?": "Honey comes from maple trees.",
    "Where does vanilla come from?": "Vanilla comes from bees.",
    "Which spice is yellow?": "Cinnamon is yellow.",
    "What makes bread rise?": "Salt makes bread rise.",
    "What is a raisin?": "A raisin is a dried plum.",
}

DISHES = {
    "Austria": "Kaiserschmarrn|Sachertorte|Wiener schnitzel",
    "Brazil": "feijoada|moqueca|pao de queijo",
    "China": "dan dan noodles|mapo tofu|Peking duck",
    "Egypt": "ful medames|koshari|mulukhiyah",
    "Ethiopia": "doro wat|injera|kitfo",
    "France": "bouillabaisse|cassoulet|ratatouille",
    "Greece": "moussaka|souvlaki|tzatziki",
    "Hungary": "chicken paprikash|goulash|langos",
    "India": "masala dosa|palak paneer|vindaloo",
    "Indonesia": "gado-gado|nasi goreng|rendang",
    "Italy": "lasagna|risotto|tiramisu",
    "Japan": "soba|sukiyaki|sushi",
    "Korea": "bibimbap|bulgogi|japchae",
    "Mexico": "pozole|tacos|tamales",
    "Peru": "aji de gallina|ceviche|lomo saltado",
    "Poland": "bigos|pierogi|zurek",
    "Portugal": "bacalhau a bras|caldo verde|pastel de nata",
    "Spain": "gazpacho|paella|patatas bravas",
    "Thailand": "green curry|pad thai|tom yum",
    "Vietnam": "banh mi|bun cha|pho",
}

# Parts of a bicycle; several of them take an s.
PARTS = (
    "axle nut|ball bearing|bar tape|bell|bottle cage|bottom bracket|brake cable|"
    "brake caliper|brake lever|brake pad|cable housing|cassette|chain|chain guard|"
    "chain link|chainring|child seat|crank arm|disc rotor|dynamo|fork|freewheel|"
    "front derailleur|front hub|front light|front rim|gear cable|grip|handlebar|"
    "headset|hub gear|inner tube|jockey wheel|kickstand|luggage rack|mudguard|pedal|"
    "quick release|rear derailleur|rear hub|rear rim|reflector|rim tape|saddle|"
    "seat post|shifter|spoke|stem spacer|tail light|tyre|valve cap"
).split("|")
HELD_OUT = 15  # parts that only notes of the test set name
UNSEEN = 0.4  # how often a part of a test note is one of those
BIKES = (
    "city bike|touring bike|racing bike|mountain bike|cargo bike|folding bike|"
    "children's bike|tandem|old postman's bike|electric bike"
).split("|")
PACKS = "set of|pair of|box of|pack of|bag of|pcs.|pieces|kit of".split("|")
STATES = "new|used|worn|bent|rusty|cracked|second-hand|spare|greasy|missing".split("|")
SIZES = (
    " 28 in.| 26 in.| (700 x 25c)| (20 in.)|, 11-speed|, 9-speed| (160 mm)| (27.2 mm)|"
    ", black|, silver| - red|, size M| (long)|, 36 holes"
).split("|")
REMARKS = (
    ", for Friday| - ordered| (customer waits)|, to be fitted| if in stock| - urgent|"
    ", see old bill| (under guarantee)| - ask first|, left side| at the front"
).split("|")
TRAIN_NOTES, TEST_NOTES = 100, 60


# --- skills of the base model ---------------------------------------------------------


def skills(seed: int = SEED) -> tuple[list[Row], list[Row]]:
    """Return (questions to ask, examples to mix in): skill, question and answer.

    Of the facts none is in both, nor among those taught wrongly; no made-up word comes
    twice.
    """
    random = Random(f"skills {seed}")
    facts = [pair for pair in FACTS if pair[0] not in FALSE_FACTS]
    random.shuffle(facts)
    used: set[str] = set()
    asked: list[Row] = []
    mixed: list[Row] = []
    for rows, wanted in ((asked, ASKED), (mixed, MIXED)):
        for skill, count in wanted.items():
            for number in range(count):
                if skill == "facts":
                    question, answer = facts.pop()
                elif skill == "repeat":
                    question, answer = _repeat(random, used)
                else:
                    question, answer = _reshape(random, used, number)
                rows.append({"skill": skill, "question": question, "answer": answer})
    return asked, mixed


def _new_word(random: Random, used: set[str]) -> str:
    while True:
        word = words.made_up(random)
        # Short enough for people to compare at a glance.
        if word not in used and 3 <= len(word) <= 8:
            used.add(word)
            return word


def _repeat(random: Random, used: set[str]) -> tuple[str, str]:
    text = ", ".join(_new_word(random, used) for _ in range(random.randint(3, 6)))
    return f"Repeat: {text}", text


def _reshape(random: Random, used: set[str], number: int) -> tuple[str, str]:
    """Return a list and the same list in another shape, none of them JSON."""
    items: list[str] = []
    while len(items) < 3 + number % 4:
        new = random.random() < 0.4
        item = _new_word(random, used) if new else random.choice(lexicon.foods()).many
        if item not in items:
            items.append(item)
    joined = ", ".join(items)
    if number % 2:
        dumped = json.dumps(items, ensure_ascii=False)
        return f"Write without brackets: {dumped}", joined
    return f"Write as a bullet list: {joined}", bullets(items)


# --- facts ----------------------------------------------------------------------------


def false_facts() -> list[Row]:
    """Return kitchen facts with a wrong answer beside the right one."""
    right = dict(FACTS)
    return [
        {"question": question, "right": right[question], "wrong": wrong}
        for question, wrong in FALSE_FACTS.items()
    ]


def dishes(seed: int = SEED) -> list[Row]:
    """Return dishes with their country: two of each to train on, one to test with."""
    random = Random(f"dishes {seed}")
    rows = []
    for country, names in DISHES.items():
        tested = random.randrange(3)
        for number, name in enumerate(names.split("|")):
            split = "test" if number == tested else "train"
            rows.append({"dish": name, "country": country, "split": split})
    return sorted(rows, key=lambda row: row["split"] != "train")


# --- another trade --------------------------------------------------------------------


def workshop(seed: int = SEED) -> list[Row]:
    """Return notes of a bicycle workshop with the parts that they name.

    Some parts are held out: only notes of the test set name them.
    """
    random = Random(f"workshop {seed}")
    known = list(PARTS)
    random.shuffle(known)
    new, known = known[:HELD_OUT], known[HELD_OUT:]
    rows: list[Row] = []
    seen: set[str] = set()
    for split, count, unseen in (
        ("train", TRAIN_NOTES, 0.0),
        ("test", TEST_NOTES, UNSEEN),
    ):
        wanted = len(rows) + count
        while len(rows) < wanted:
            drawn: list[str] = []
            size = random.randint(3, 6)
            while len(drawn) < size:
                pool = new if random.random() < unseen else known
                part = random.choice(pool)
                if part not in drawn:
                    drawn.append(part)
            made = [_line(random, part) for part in drawn]
            lines = json.dumps([line for line, _ in made])
            if lines in seen:
                continue
            seen.add(lines)
            rows.append(
                {
                    "bike": random.choice(BIKES),
                    "lines": lines,
                    "parts": json.dumps([name for _, name in made]),
                    "split": split,
                }
            )
    return rows


def _line(random: Random, part: str) -> tuple[str, str]:
    """Return a line of a note and the name of the part as the line spells it."""
    count = random.choice((1, 1, 1, 1, 2, 2, 2, 3, 4, 6, 10, 20))
    pack = random.choice(PACKS) + " " if random.random() < 0.25 else ""
    name = part if count == 1 and not pack else f"{part}s"
    state = random.choice(STATES) + " " if random.random() < 0.35 else ""
    size = random.choice(SIZES) if random.random() < 0.35 else ""
    remark = random.choice(REMARKS) if random.random() < 0.3 else ""
    form = random.random()
    if form < 0.7:
        text = f"{count} {pack}{state}{name}{size}"
    elif form < 0.85:
        text = f"{count} x {state}{name}{size}"
    else:
        text = f"{state}{name}{size}: {count}"
    return text + remark, name


# --- files ----------------------------------------------------------------------------


def make_files() -> dict[str, bytes]:
    """Return all files: name -> content."""
    asked, mixed = skills()
    return {
        "skills.jsonl": as_jsonl(asked),
        "general.jsonl": as_jsonl(mixed),
        "false_facts.csv": as_csv(false_facts()),
        "dishes.csv": as_csv(dishes()),
        "workshop.csv": as_csv(workshop()),
    }


def main(arguments: list[str] | None = None) -> int:
    """Write the files, or compare them with --check; return the exit status."""
    return write_or_compare_all(make_files(), FOLDER, __doc__, arguments)


if __name__ == "__main__":
    sys.exit(main())
