"""Lists of other trades: tools, clothes, guests, animals, and what stands in each line.

They show what the kitchen documents must not show: that a JSON list can hold what was
picked out of lines. Half of the things have made-up names, so that picking is learned
and not the names. No thing here is a food; a test looks.
"""

import json
from random import Random

from tools.corpus import words
from tools.corpus.kitchen import Line, Recipe
from tools.corpus.requests import Chat, bullets

THINGS = {
    "Tools": "hammer|nails|saw|screws|wrench|drill|tape measure|file|chisel|pliers|"
    "ladder|bolts|wood glue|sandpaper|paint|paint brush|hinges|clamp|level|bucket",
    "Clothes": "shirt|socks|coat|rain coat|scarf|gloves|boots|wool hat|belt|dress|"
    "skirt|tie|jacket|sandals|swim suit|sweater|jeans|apron|slippers|vest",
    "Office": "paper|pens|pencils|stapler|folders|envelopes|stamps|ink|desk lamp|"
    "chair|scissors|calendar|notebooks|ruler|tape|paper clips|eraser|markers",
    "Garden": "rake|hose|flower pots|spade|seeds|fence|hedge shears|gravel|bench|"
    "wheelbarrow|lawn mower|sprinkler|bird house|stakes|twine|compost bin|lantern",
    "Animals": "horse|owl|fox|hare|wolf|bear|sparrow|crow|frog|lizard|beetle|moth|"
    "badger|otter|heron|hawk|mole|squirrel|hedgehog|bat",
    "Furniture": "table|sofa|bed frame|mattress|shelf|lamp|rug|mirror|curtains|stool|"
    "wardrobe|chest of drawers|clock|picture frame|pillow|blanket|cradle|desk",
    "Camping": "tent|sleeping bag|rope|compass|map|torch|matches|knife|whistle|"
    "first aid kit|water bottle|batteries|camp stove|hammock|binoculars",
    "Toys": "kite|doll|ball|puzzle|blocks|train set|marbles|drum|teddy bear|yo-yo|"
    "playing cards|spinning top|rocking horse|jump rope|toy boat|robot",
}
KINDS = (
    "old new red blue green black white wooden rusty broken clean used spare long short"
    " heavy light folded painted empty second-hand good cheap dirty strong wet dry worn"
    " striped plain round square small large big medium thick thin"
).split()
BOXES = (
    "box boxes bag bags case cases crate crates pair pairs set sets roll rolls bundle "
    "bundles pack packs stack drawer pile dozen"
).split()
REMARKS = (
    "in the shed|on the top shelf|for Monday|to be mended|not mine|sold|borrowed|"
    "from last year|at the back|with a label|if there is room|as agreed|by the door|"
    "ordered|paid|for the children|the better one|without lid|cut to size|washed|"
    "folded twice|to return|upstairs|in good order|almost new|seen twice|left over"
).split("|")
FIRST = (
    "Ada Ben Cora Dan Ella Finn Grace Hugo Iris Jon Kate Leo Mia Ned Olga Paul Rosa Sam"
    " Tess Udo Vera Will Yara Zoe"
).split()
RANKS = ("Mr.", "Mrs.", "Dr.", "Ms.", "Prof.", "Capt.", "")
PLACES = ("room {n}", "table {n}", "seat {n}", "by train", "by car", "arrives at {n}")
HEADS = "List|Notes|Inventory|For sale|What we have|Bring along|Seen today|Order".split(
    "|"
)


def _thing(r: Random, kind: str) -> str:
    x = r.random()
    if x < 0.5:
        return r.choice(THINGS[kind].split("|"))
    if x < 0.75:
        return words.made_up(r)
    if x < 0.9:
        return f"{words.made_up(r)} {words.made_up(r)}"
    return f"{words.made_up(r)} {r.choice(THINGS[kind].split('|'))}"


def _thing_line(r: Random, kind: str) -> Line:
    name = words.any_case(r, _thing(r, kind), 0.1, 0.01)
    count = str(r.choice((1, 1, 1, 2, 2, 3, 4, 5, 6, 8, 10, 12, 20, r.randint(1, 99))))
    if r.random() < 0.12:
        count = r.choice(("about ", "a ", "some ", "1/2 ", "2 or 3 ", "")).strip()
    box = r.choice(BOXES) if r.random() < 0.35 else ""
    state = r.choice(KINDS) if r.random() < 0.4 else ""
    if state and r.random() < 0.15:
        state += f"{r.choice((', ', ' ', ' and '))}{r.choice(KINDS)}"
    if r.random() < 0.08:
        state = words.made_up(r)
    tail = ""
    if r.random() < 0.4:
        tail = r.choice(REMARKS)
    mark = r.choice((", ", ", ", ", ", " ", " - ", " ({})", " ({})", "; "))
    end = "" if not tail else mark.format(tail) if "{" in mark else mark + tail
    of = "of " if box and r.random() < 0.5 else ""
    size = f"({r.randint(2, 40)} {r.choice(('cm', 'kg', 'in.', 'm', 'lb.'))})"
    size = size if r.random() < 0.1 else ""
    parts = [count, size, box, f"{of}{state}".strip(), name]
    text = " ".join(part for part in parts if part) + end
    x = r.random()
    if x < 0.06:
        text = f"{name} x {count or 1}{end}"
    elif x < 0.1:
        text = f"{name}: {count} {box}".strip() + end
    elif x < 0.14:
        other = _thing(r, kind)
        text = " ".join(part for part in parts if part) + f" and {other}{end}"
        return Line(text, [name, other], count, box, size, state, tail)
    elif x < 0.18:
        text = " ".join(part for part in parts if part) + f" or {_thing(r, kind)}{end}"
    return Line(text, [name], count, box, size, state, tail)


def _guest_line(r: Random, kind: str) -> Line:
    first = r.choice(FIRST) if r.random() < 0.6 else words.made_up(r).title()
    name = f"{first} {words.made_up(r).title()}"
    rank = r.choice(RANKS)
    place = r.choice(PLACES).format(n=r.randint(1, 40))
    tail = r.choice(REMARKS) if r.random() < 0.3 else ""
    form = r.choice(
        ("{rank} {name}, {place}", "{n}. {rank} {name} ({place})", "{place}: {name}")
        + ("{name} - {place}", "{rank} {name} + {n}, {place}", "{rank} {name}")
    )
    text = form.format(rank=rank, name=name, place=place, n=r.randint(1, 9)).strip()
    text = text.replace(".  ", ". ") + (f", {tail}" if tail else "")
    return Line(text, [name], place, rank, "", "", tail)


def note(r: Random, low: int = 2, high: int = 9) -> Recipe:
    """Return a titled list with between `low` and `high` lines; things for foods."""
    kind = r.choice((*THINGS, "Guests", "Guests"))
    make = _guest_line if kind == "Guests" else _thing_line
    lines = [make(r, kind) for _ in range(r.randint(low, high))]
    if r.random() < 0.12:
        lines = [
            Line(line.text.upper(), [f.upper() for f in line.foods]) for line in lines
        ]
    head = r.choice((kind, r.choice(HEADS), f"{kind} of {r.choice(FIRST)}"))
    return Recipe(head, lines)


def dumped(items: list[str]) -> str:
    """Return the items as JSON, each once."""
    return json.dumps(list(dict.fromkeys(items)), ensure_ascii=False)


def chat(r: Random) -> Chat:
    """Return a chat in which a list is read and its things are named."""
    made = note(r, 2, 14)
    things = list(dict.fromkeys(made.foods))
    body = "\n".join(made.texts)
    if r.random() < 0.5:
        body = json.dumps(made.texts, ensure_ascii=False)
    k = r.randrange(5)
    if k == 0:
        ask, answer = "What is on it?", bullets(things)
    elif k == 1:
        ask, answer = "Name all.", ", ".join(things)
    elif k == 2:
        line = r.choice(made.lines)
        ask, answer = f"Where is {line.foods[0]}?", line.text
    elif k == 3:
        ask, answer = "What comes last?", things[-1]
    else:
        ask, answer = "How many lines?", str(len(made.lines))
    return [("user", f"{made.title}\n{body}\n\n{ask}"), ("assistant", answer)]
