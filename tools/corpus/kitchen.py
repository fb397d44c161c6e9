"""Recipe lines with known parts, and recipes made of them.

Every line is built from parts (amount, measure, states, food, tail), so that requests
about any part have a right answer. The shapes were studied on real home recipes; no
line is taken from them.
"""

from dataclasses import dataclass, field
from random import Random

from tools import lexicon
from tools.corpus import words

FRACTIONS = ("1/2", "1/4", "3/4", "1/3", "2/3", "1/8", "1/2", "1/4")
WHOLES = ("1", "1", "1", "1", "2", "2", "2", "3", "3", "4", "5", "6", "8", "10", "12")
BRACKET_UNITS = ("oz.", "oz.", "oz.", "lb.", "c.", "g", "ounce", "oz", "qt.", "-oz.")
UNIT_STAPLES = ("c.", "c.", "c.", "tsp.", "tsp.", "Tbsp.", "Tbsp.", "lb.", "oz.", "cup")
UNIT_STAPLES += ("cups", "teaspoon", "tablespoons", "pkg.", "can", "can", "cups", "c")
SIZES = (
    "large",
    "small",
    "medium",
    "medium-size",
    "lg.",
    "sm.",
    "med.",
    "whole",
    "big",
)
PEEL = ("juice", "grated rind", "rind", "zest", "juice and rind", "grated peel")
HEADINGS = (
    "For the sauce",
    "Topping",
    "Filling",
    "Crust",
    "Dressing",
    "Glaze",
    "Icing",
)


@dataclass
class Line:
    """One ingredient line and what it is made of."""

    text: str
    foods: list[str]  # as the line spells them, kinds included
    amount: str = ""
    unit: str = ""
    size: str = ""
    state: str = ""
    tail: str = ""


@dataclass
class Recipe:
    """A title, ingredient lines and directions."""

    title: str
    lines: list[Line]
    directions: list[str] = field(default_factory=list)

    @property
    def texts(self) -> list[str]:
        """The lines as written."""
        return [line.text for line in self.lines]

    @property
    def foods(self) -> list[str]:
        """All foods in the order of the lines."""
        return [food for line in self.lines for food in line.foods]


def amount(r: Random) -> str:
    """Return an amount such as "1 1/2", "2 to 3" or "12"."""
    x = r.random()
    if x < 0.5:
        return r.choice(WHOLES)
    if x < 0.75:
        return r.choice(FRACTIONS)
    if x < 0.87:
        return f"{r.choice(WHOLES)} {r.choice(FRACTIONS)}"
    if x < 0.9:
        return f"{r.choice(WHOLES)}-{r.choice(FRACTIONS)}"
    if x < 0.93:
        return str(r.randint(1, 48))
    if x < 0.95:
        return f".{r.randint(1, 9)}"
    low = r.randint(1, 6)
    joint = r.choice((" to ", " or ", "-", " - "))
    return f"{low}{joint}{low + r.randint(1, 2)}"


def _state(r: Random) -> str:
    x = r.random()
    if x < 0.12:
        return words.made_up(r)
    return r.choice(lexicon.entries("adjectives_dropped"))


def _tail(r: Random) -> str:
    x = r.random()
    if x < 0.62:
        prep = r.choice(lexicon.entries("preparations"))
        if r.random() < 0.15:
            prep += " and " + r.choice(lexicon.entries("preparations"))
        if r.random() < 0.05:
            prep = words.made_up(r)
        return r.choice((", ", ", ", ", ", " ", "--", " - ")) + prep
    if x < 0.8:
        return " " + r.choice(lexicon.entries("notes"))
    if x < 0.84:
        inner = " ".join(words.made_up(r) for _ in range(r.randint(1, 3)))
        return f" ({inner})"
    if x < 0.88:
        return f" ({words.phrase(r, 0.2)} may be used)"
    return r.choice(("", " ", ", ")) + r.choice(lexicon.entries("tails"))


def _measure(r: Random) -> tuple[str, str, str]:
    """Return (text before the food, unit, size in brackets)."""
    x = r.random()
    if x < 0.16:
        n = r.choice(
            ("3", "4", "6", "8", "10", "12", "14 1/2", "16", "10 3/4", "20", "9")
        )
        size = f"{n} {r.choice(BRACKET_UNITS)}".replace(" -", "-")
        box = r.choice(lexicon.entries("containers"))
        shape = r.random()
        if shape < 0.7:
            return f"({size}) {box} ", box, size
        if shape < 0.8:
            return f"{box} ({size}) ", box, size
        if shape < 0.9:
            return f"{size} {box} ", box, size
        return f"({size}) ", "", size
    if x < 0.26:
        box = r.choice(lexicon.entries("containers"))
        if r.random() < 0.35:
            return f"{r.choice(SIZES)} {box} ", box, ""
        return f"{box} ", box, ""
    if x < 0.66:
        unit = r.choice(UNIT_STAPLES)
        return f"{unit} ", unit, ""
    if x < 0.78:
        unit = r.choice(lexicon.entries("units"))
        return f"{unit} ", unit, ""
    if x < 0.84:
        unit = r.choice(lexicon.entries("pieces"))
        return f"{unit} ", unit, ""
    if x < 0.92:
        size = r.choice(SIZES)
        return f"{size} ", "", size
    return "", "", ""


def _food(r: Random, new: float, many: bool) -> str:
    one, several = words.food(r, new)
    name = several if many else one
    if r.random() < 0.08:
        name = f"{r.choice(lexicon.entries('adjectives_kept'))} {name}"
    if r.random() < 0.04:
        name = words.any_case(r, name, 0.8, 0.1)
    return name


def _plain(r: Random, new: float) -> Line:
    count = amount(r) if r.random() < 0.94 else ""
    lead, unit, size = _measure(r)
    if not count and r.random() < 0.7:
        lead, unit, size = "", "", ""
    many = count not in ("1", "1/2", "1/4", "3/4", "1/3", "2/3", "1/8")
    name = _food(r, new, many)
    state = _state(r) if r.random() < 0.3 else ""
    if state and r.random() < 0.1:
        state += r.choice((", ", " ", " and ")) + _state(r)
    brand = ""
    if r.random() < 0.04:
        brand = r.choice(lexicon.entries("brands")) + " "
    of = "of " if lead and r.random() < 0.06 else ""
    tail = _tail(r) if r.random() < 0.3 else ""
    if tail and r.random() < 0.08:
        tail += _tail(r)
    text = f"{count} {lead}{of}{state + ' ' if state else ''}{brand}{name}{tail}"
    if count and lead and r.random() < 0.04:  # typed in haste: "1/2c. sugar"
        text = text.replace(f"{count} ", count, 1)
    return Line(
        text.strip(),
        [name],
        count,
        unit,
        size,
        state,
        tail.strip(" ,-") if tail else "",
    )


def line(r: Random, new: float = 0.25) -> Line:
    """Return one ingredient line; `new` is the share of made-up foods."""
    x = r.random()
    if x < 0.84:
        return _plain(r, new)
    if x < 0.88:  # two ways to choose
        first = _plain(r, new)
        other = _plain(r, new)
        if r.random() < 0.7:
            other = Line(other.foods[0], other.foods)
        return Line(
            f"{first.text} or {other.text}",
            first.foods,
            first.amount,
            first.unit,
            first.size,
            first.state,
            f"or {other.text}",
        )
    if x < 0.91:  # two foods in one line
        a = "salt" if r.random() < 0.4 else _food(r, new, False)
        b = "pepper" if a == "salt" else _food(r, new, False)
        tail = r.choice(("", " to taste", ", to taste", " (optional)", " as needed"))
        count = f"{amount(r)} {r.choice(UNIT_STAPLES)} " if r.random() < 0.3 else ""
        return Line(f"{count}{a} and {b}{tail}", [a, b], count.strip(), tail=tail)
    if x < 0.925:  # several at once
        names = [_food(r, new, False) for _ in range(r.randint(2, 4))]
        count, unit = amount(r), r.choice(UNIT_STAPLES)
        each = r.choice(("each", "each:", "each of", "each,"))
        joined = ", ".join(names[:-1]) + " and " + names[-1]
        return Line(f"{count} {unit} {each} {joined}", names, count, unit)
    if x < 0.945:
        name = _food(r, new, False)
        count = r.choice(("1", "2", "1/2", "3"))
        part = r.choice(PEEL)
        return Line(f"{part} of {count} {name}", [name], count, state=part)
    if x < 0.97:
        name = _food(r, new, False)
        unit = r.choice(("dash", "pinch", "few drops", "handful", "sprinkle", "few"))
        few = r.choice(("", "a ", "1 "))
        of = r.choice(("of ", "of ", ""))
        return Line(f"{few}{unit} {of}{name}", [name], few.strip(), unit)
    if x < 0.99:
        name = _food(r, new, r.random() < 0.5)
        lead = f"{_state(r)} " if r.random() < 0.4 else ""
        tail = _tail(r) if r.random() < 0.6 else ""
        return Line(f"{lead}{name}{tail}", [name], state=lead.strip(), tail=tail)
    first = _plain(r, new)
    extra = f"{amount(r)} {r.choice(UNIT_STAPLES)}"
    text = f"{first.amount} {r.choice(UNIT_STAPLES)} plus {extra} {first.foods[0]}"
    return Line(text.strip(), first.foods, first.amount)


BEFORE = (
    "about",
    "at least",
    "approximately",
    "more",
    "additional",
    "another",
    "up to",
)
MARKS = ("*", "**", ".", ";", " *", "!")
PURPOSES = (
    "for topping|for the top|to sprinkle on top|for coating|for the pan|"
    "for the filling|to serve|for rolling|for brushing|on the side|for the dough|"
    "for the sauce|to finish"
).split("|")


def _untidy(r: Random, made: Line) -> Line:
    """Return the line as a hasty hand writes it, its foods spelt as it spells them."""
    text, foods = made.text, list(made.foods)
    x = r.random()
    if len(foods) == 1 and x < 0.06 and made.amount and " or " not in text:
        behind = f"{made.amount} {made.unit or made.size}".strip()
        form = r.choice(("{} - {}", "{}, {}", "{} ({})", "{}: {}", "{} {}"))
        text = form.format(foods[0], behind)
    elif x < 0.12:
        text = f"{r.choice(BEFORE)} {text}"
    elif x < 0.17:
        text = f"{text} {r.choice(PURPOSES)}"
    elif x < 0.2:
        text += r.choice(MARKS)
    elif x < 0.23 and len(foods) == 1:
        word = r.choice(foods[0].split())
        wrong = words.misspelt(r, word)
        text, foods = text.replace(word, wrong), [foods[0].replace(word, wrong)]
    return Line(text, foods, made.amount, made.unit, made.size, made.state, made.tail)


def _hand(r: Random, lines: list[Line]) -> list[Line]:
    """Return the lines in one writer's hand: most plain, some all in capitals."""
    lines = [_untidy(r, line) for line in lines]
    x = r.random()
    if x > 0.16:
        return lines
    case = str.upper if x < 0.06 else str.title if x < 0.11 else _sentence
    return [
        Line(
            case(made.text),
            [case(f) if case is not _sentence else f for f in made.foods],
            case(made.amount) if case is not _sentence else made.amount,
            case(made.unit) if case is not _sentence else made.unit,
            case(made.size) if case is not _sentence else made.size,
            case(made.state) if case is not _sentence else made.state,
            case(made.tail) if case is not _sentence else made.tail,
        )
        for made in lines
    ]


def _sentence(text: str) -> str:
    """Return the text with a period, as sentences end."""
    return text if text.endswith(".") else f"{text}."


TITLE_FIRST = (
    "Easy Grandma's Quick Baked Old-Fashioned Creamy Spicy Sweet Best "
    "Company No-Bake Hot "
    "Cold Southern Favorite Mom's Italian Mexican Festive Holiday Crunchy "
    "Golden Simple "
    "Homemade Fresh Party Sunday Country Frozen Grilled Stuffed Overnight "
    "Microwave Lazy"
).split()
TITLE_LAST = (
    "Casserole Salad Soup Cake Pie Cookies Bread Dip Stew Chili Bars "
    "Muffins Pudding Sauce "
    "Punch Dressing Roll-Ups Candy Delight Surprise Dessert Squares Bake Spread Balls "
    "Pancakes Brownies Loaf Fudge Pickles Relish Jam Tarts Chowder Skillet Wings Ribs"
).split()
VERBS = (
    "Mix|Combine|Stir in|Add|Cream|Blend|Beat|Pour|Sprinkle|Fold in|Brown|"
    "Saute|Heat|Cook|"
    "Boil|Simmer|Spread|Layer|Toss|Chop|Drain|Whip|Melt|Place|Season with|Top with"
).split("|")
ENDS = (
    "Bake at {t}° for {m} minutes.|Chill until firm.|Serve warm.|"
    "Simmer for {m} minutes.|"
    "Pour into a greased pan.|Let stand {m} minutes.|Cool on a wire rack.|Mix well.|"
    "Refrigerate overnight.|Serves {n}.|Makes {n} servings.|Stir well.|"
    "Cover and cook {m} minutes.|Bake in a {t}° oven until brown.|Yields {n} dozen."
).split("|")
PLACES = ("the bowl", "a large pan", "a skillet", "the dough", "the sauce", "a blender")


def _end(r: Random) -> str:
    return r.choice(ENDS).format(
        t=r.choice((275, 300, 325, 350, 375, 400, 425)),
        m=r.choice((5, 10, 12, 15, 20, 25, 30, 40, 45, 60)),
        n=r.randint(2, 12),
    )


def title(r: Random, foods: list[str]) -> str:
    """Return a dish name that often names one of its foods."""
    named = r.choice(foods) if r.random() < 0.7 else words.phrase(r, 0.3)
    parts = [named.title()]
    if r.random() < 0.55:
        parts.insert(0, r.choice(TITLE_FIRST))
    if r.random() < 0.85:
        parts.append(r.choice(TITLE_LAST))
    return " ".join(parts)


def directions(r: Random, foods: list[str]) -> list[str]:
    """Return steps that use the foods in their order."""
    steps, rest = [], list(dict.fromkeys(foods))
    while rest:
        take = r.randint(1, 3)
        part, rest = rest[:take], rest[take:]
        named = part[0] if len(part) == 1 else ", ".join(part[:-1]) + " and " + part[-1]
        where = f" in {r.choice(PLACES)}" if r.random() < 0.2 else ""
        steps.append(f"{r.choice(VERBS)} {named}{where}.")
        if r.random() < 0.25:
            steps.append(_end(r))
    steps.append(_end(r))
    return steps


def recipe(r: Random, low: int = 2, high: int = 11, new: float | None = None) -> Recipe:
    """Return a recipe with between `low` and `high` lines."""
    if new is None:
        new = r.choice((0.1, 0.25, 0.25, 0.5))
    lines = [line(r, new) for _ in range(r.randint(low, high))]
    if r.random() < 0.03:
        lines.insert(r.randrange(len(lines)), Line(f"{r.choice(HEADINGS)}:", []))
    if getattr(r, "untidy", False):
        lines = _hand(r, lines)
    made = Recipe("", lines)
    made.title = title(r, made.foods)
    made.directions = directions(r, made.foods)
    return made
