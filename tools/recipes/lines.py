"""The grammar of ingredient lines: how a food is measured, described and written down.

A line is made together with its label, the generic names in it, so that both agree by
construction. The rules (data/README.md gives them with examples):

1. A name is what one would put on a shopping list: the food with the words that change
   what is bought (brown sugar, ground beef, cream of mushroom soup, unsalted butter).
2. Amounts, units, containers, sizes, brackets, headings and tails are left out.
3. Words for what a cook does to the food, or for a state in which the same food is sold
   (chopped, melted, fresh, frozen, boneless, canned), are left out wherever they stand.
4. A brand before a food is left out; a brand that is the only name stays (Velveeta).
5. "A or B" yields A. "A and B", "A, B and C" and "each: A, B" yield all.
6. "juice of 1 lemon", "grated rind of 2 oranges" yield the fruit; "lemon juice" stays.
7. Names are copied letter by letter from the line: its spelling, capitals and number.
8. A name that a recipe has twice, whatever its capitals, is kept once.

profiles.ini says how each kind of food is measured and described.
"""

import configparser
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from random import Random

from tools import lexicon
from tools.lexicon import Food
from tools.recipes import pantry

Pick = Callable[[str], Food]  # draws a food from a group, as split and chance allow


@dataclass(frozen=True)
class Line:
    """An ingredient line, the names that it yields, and their plain spelling."""

    text: str
    names: tuple[str, ...]
    foods: tuple[str, ...]


@dataclass(frozen=True)
class Profile:
    """How one kind of food is measured and described: a section of profiles.ini."""

    measures: dict[str, int]
    before: list[str]
    before_share: float
    after: list[str]
    after_share: float
    boxes: list[str]
    pieces: list[str]
    purposes: list[str]
    brand_share: float


@dataclass(frozen=True)
class Habit:
    """How one writer writes: the units, and what is done to every line."""

    units: dict[str, tuple[str, str]]
    case: Callable[[str], str]
    spell: float  # chance that a food is misspelt
    loose: float  # chance that the space after the amount is missing
    comma: float  # chance that a preparation follows a comma


def words(text: str) -> list[str]:
    """Return the parts of a list written with "|" between them."""
    return text.split("|") if text else []


@cache
def profile(name: str) -> Profile:
    """Return a section of profiles.ini."""
    parser = configparser.ConfigParser(interpolation=None)
    path = Path(__file__).with_name("profiles.ini")
    parser.read_string(path.read_text(encoding="utf-8"))
    section = parser[name]
    measures = dict(entry.split() for entry in section["measures"].split(","))
    return Profile(
        measures={kind: int(chances) for kind, chances in measures.items()},
        before=words(section["before"]),
        before_share=float(section["before_share"]),
        after=words(section["after"]),
        after_share=float(section["after_share"]),
        boxes=words(section["boxes"]),
        pieces=words(section["pieces"]),
        purposes=words(section["purposes"]),
        brand_share=float(section["brand_share"]),
    )


ABBREVIATED = {
    "cup": ("c.", "c."),
    "tsp": ("tsp.", "tsp."),
    "tbsp": ("Tbsp.", "Tbsp."),
    "lb": ("lb.", "lb."),
    "oz": ("oz.", "oz."),
    "pt": ("pt.", "pt."),
    "qt": ("qt.", "qt."),
}
BARE = {key: (one[:-1], many[:-1]) for key, (one, many) in ABBREVIATED.items()}
CAPITAL = {
    **ABBREVIATED,
    "cup": ("C.", "C."),
    "tsp": ("t.", "t."),
    "tbsp": ("T.", "T."),
}
SPELT = {
    "cup": ("cup", "cups"),
    "tsp": ("teaspoon", "teaspoons"),
    "tbsp": ("tablespoon", "tablespoons"),
    "lb": ("pound", "pounds"),
    "oz": ("ounce", "ounces"),
    "pt": ("pint", "pints"),
    "qt": ("quart", "quarts"),
}
METRIC = {
    **SPELT,
    "cup": ("ml", "ml"),
    "lb": ("g", "g"),
    "oz": ("g", "g"),
    "pt": ("dl", "dl"),
    "qt": ("l", "l"),
}

SPOONS = words("1/4|1/2|1/2|3/4|1|1|1|1 1/2|2|1/8|1/4|2|1|3")
TABLESPOONS = words("1|1|1|2|2|2|3|4|1 1/2|1/2|2 1/2|1 to 2|6|3 or 4")
CUPS = words(
    "1/4|1/3|1/2|1/2|2/3|3/4|1|1|1|1|1 1/2|1 1/4|2|2|2 1/2|3|4|1 3/4|2 to 3|1-1/2"
)
COUNTS = words("1|1|1|2|2|2|3|3|4|4|5|6|8|10|2 or 3|1 or 2|2 to 3|6 to 8|1/2|1 1/2|3-4")
POUNDS = words("1|1|1|2|1 1/2|1/2|3|2 to 3|1/4|2 1/2|3 to 4|4|3/4")
OUNCES = words("4|6|8|8|8|10|12|16|3|14|15|24")
SIZES = words("8|16|10|12|6|3|4|14|15|15 1/2|10 1/2|10 3/4|20|28|32|4 1/2|14 1/2")
METRIC_COUNTS = words("100|125|150|200|250|250|300|400|500|50|75|60")
BELOW_TWO = frozenset(words("1|1/2|1/4|1/3|1/8|3/4|2/3"))
IN_WORDS = {
    "1": words("one|a|1"),
    "2": words("two|2"),
    "3": words("three|3"),
    "1/2": words("half a|1/2 of a|one half"),
    "6": words("half dozen|six|6"),
}
ITEM_SIZES = words("large|small|medium|large|medium-size|lg.|big|med.|sm.|large-size")
ABOUT = words(
    "about|approximately|approx.|scant|heaping|a good|at least|generous|up to|rounded"
)
PINCHES = words(
    "dash|dash of|pinch|pinch of|a pinch of|few dashes|a little|few grains of|some|"
    "sprinkle of|dash or two of|a few shakes of|just a touch of|small amount of|1 dash"
)
TO_TASTE = words(
    " to taste| to taste|, to taste| as needed| (to taste)|, if desired| (optional)|"
    " to your liking|, as desired| or to taste|, a little| (a generous amount)||"
)
EACH = words("each|each:|each of|each,|of each:")
REMARKS = words(
    "(more if desired)|(optional)|(optional)|(I use less)|(do not substitute)|"
    "(may omit)|"
    "(see note)|(or more)|(no more)|(any kind)|(any brand)|(your favorite)|"
    "(about 3 medium)|"
    "(fresh or frozen)|(the real thing)|(small size)|(approx.)|(use more if needed)|"
    "(large)|"
    "(about 1 1/2 c.)|(about 2 lb.)|(the better the brand, the better the dish)|"
    "(level)|"
    "(less will do)|(leave out if you like)|(about 1 large)|(found in the deli)|"
    "(store brand)"
)
PEELS = words(
    "juice of|grated rind of|juice of|rind and juice of|juice and grated rind of|"
    "zest of|"
    "grated peel of|strained juice of|finely grated zest of|grated rind and juice of"
)
CITRUS = words("lemon|lemon|orange|lime|grapefruit|tangerine|lemon")
HEADINGS = words(
    "For the sauce:|Topping:|Filling:|Crust:|Dressing:|Glaze:|Frosting:|"
    "For the marinade:|"
    "Sauce|TOPPING|For the top|First layer:|Second layer:|Garnish:"
)
# Groups whose foods people put in one line, as in "1 tsp. each: cinnamon and cloves".
TOGETHER = frozenset("spice herb vegetable fruit cheese nuts sauce salt meat".split())


def misspell(name: str, random: Random) -> str:
    """Return a name with one slip of the pen in a longer word."""
    parts = name.split(" ")
    longer = [i for i, part in enumerate(parts) if len(part) > 5 and part.isalpha()]
    if not longer:
        return name
    i = random.choice(longer)
    word = parts[i]
    at = random.randrange(2, len(word) - 1)
    slip = random.randrange(4)
    if slip == 0:
        word = word[:at] + word[at + 1 :]
    elif slip == 1:
        word = word[:at] + word[at] + word[at:]
    elif slip == 2:
        word = word[:at] + word[at + 1] + word[at] + word[at + 2 :]
    else:
        swap = {"a": "e", "e": "a", "i": "e", "o": "u", "u": "o", "s": "z", "c": "s"}
        word = word[:at] + swap.get(word[at], word[at] * 2) + word[at + 1 :]
    parts[i] = word
    return " ".join(parts)


def title_case(text: str) -> str:
    """Return text with a capital at every word, but not after an apostrophe."""
    return text.title().replace("'S", "'s")


def habit(random: Random) -> Habit:
    """Draw the habits of one writer."""
    styles = (ABBREVIATED, SPELT, BARE, CAPITAL, METRIC)
    cases = (str, title_case, str.upper, str.lower)
    return Habit(
        units=random.choices(styles, (66, 14, 9, 6, 5))[0],
        case=random.choices(cases, (91, 3, 2, 4))[0],
        spell=random.choice((0.0, 0.0, 0.0, 0.02, 0.08)),
        loose=random.choice((0.0, 0.0, 0.0, 0.05, 0.2)),
        comma=random.choice((0.95, 0.85, 0.6, 0.3)),
    )


class Writer:
    """Writes the lines of one recipe.

    random: the source of chance; habit: how this writer writes; pick: draws a food from
    a group by the group's name.
    """

    def __init__(self, random: Random, habit: Habit, pick: Pick) -> None:
        self.random = random
        self.habit = habit
        self.pick = pick

    def chance(self, share: float) -> bool:
        """Tell whether something with this chance happens."""
        return self.random.random() < share

    def one_of(self, choices: list[str]) -> str:
        """Return one of the choices, all equally likely."""
        return self.random.choice(choices)

    def unit(self, key: str, amount: str) -> str:
        """Return a unit as this writer writes it, in the number the amount asks for."""
        one, many = self.habit.units[key]
        return one if amount in BELOW_TWO else many

    def name(self, food: Food, many: bool) -> str:
        """Return the food's name, with a misspelling now and then."""
        name = food.many if many else food.one
        return misspell(name, self.random) if self.chance(self.habit.spell) else name

    def state(self, how: Profile) -> str:
        """Return a state to stand before a food, with a space, or nothing."""
        if not self.chance(how.before_share):
            return ""
        state = self.one_of(how.before)
        if self.chance(0.12):
            other = self.one_of(how.before)
            if other != state:
                state += self.one_of([", ", " and ", " "]) + other
        return f"{state} "

    def tail(self, how: Profile, described: bool) -> str:
        """Return what follows a food: its preparation, purpose, a remark, or nothing.

        described: whether a state stands before the food already.
        """
        text = ""
        if self.chance(how.after_share * (0.4 if described else 1)):
            if self.chance(self.habit.comma):
                joint = self.random.choices((", ", "--", " - "), (92, 4, 4))[0]
            else:
                joint = " "
            text = joint + self.one_of(how.after)
        elif how.purposes and self.chance(0.07):
            text = " " + self.one_of(how.purposes)
        if self.chance(0.05):
            text += " " + self.one_of(REMARKS)
        return text

    def kind_of_measure(self, how: Profile, food: Food) -> str:
        """Draw how a food is measured."""
        weights = dict(how.measures)
        if food.one == food.many and len(weights) > 1 and "weight" in weights:
            weights.pop("count", None)  # nobody counts spinach
        return self.random.choices(list(weights), list(weights.values()))[0]

    def measure(self, kind: str, how: Profile) -> tuple[str, bool]:
        """Return the text before a food, and whether the food stands in the plural."""
        if kind == "box":
            return self.boxed(how), True
        if kind == "count":
            return self.counted()
        if kind == "piece":
            piece = self.one_of(how.pieces)
            plural = piece.split()[-1].endswith("s") or piece.startswith("few")
            count = str(self.random.randint(2, 8)) if plural else "1"
            of = "of " if self.chance(0.08) and not piece.endswith("of") else ""
            lead = piece if piece.startswith("few") else f"{count} {piece}"
            return f"{lead} {of}", piece in ("bunch", "slices", "strips")
        if kind == "pinch":
            return f"{self.one_of(PINCHES)} ", False
        if kind == "taste":
            return "", self.chance(0.6)
        return self.weighed(kind)

    def weighed(self, kind: str) -> tuple[str, bool]:
        """Return an amount with a unit, and whether the food stands in the plural."""
        metric = self.habit.units is METRIC
        if kind in ("tsp", "tbsp"):
            amount = self.one_of(SPOONS if kind == "tsp" else TABLESPOONS)
            unit = self.unit(kind, amount)
        elif kind == "weight":
            key = "lb" if self.chance(0.65) else "oz"
            amount = self.one_of(POUNDS if key == "lb" else OUNCES)
            if metric:
                amount = self.one_of(METRIC_COUNTS)
            unit = self.unit(key, amount)
        else:
            amount = self.one_of(CUPS if kind == "cup" else TABLESPOONS[:7])
            if metric and kind == "cup":
                amount = self.one_of(METRIC_COUNTS)
            unit = self.unit(
                kind if kind == "cup" else self.one_of(["pt", "qt"]), amount
            )
        of = "of " if self.chance(0.04) else ""
        return f"{amount} {unit} {of}", kind == "weight" or self.chance(0.6)

    def counted(self) -> tuple[str, bool]:
        """Return a count, such as "2 large ", and whether it is a plural."""
        amount = self.one_of(COUNTS)
        many = amount not in ("1", "1/2")
        if self.chance(0.1):
            amount = self.one_of(IN_WORDS.get(amount, [amount]))
        return (
            f"{amount} {self.one_of(ITEM_SIZES) + ' ' if self.chance(0.3) else ''}",
            many,
        )

    def boxed(self, how: Profile) -> str:
        """Return a measure with a container, such as "1 (8 oz.) pkg. "."""
        box = self.one_of(how.boxes)
        amount = self.one_of(words("1|1|1|1|2|2|1/2|3|2 or 3"))
        if amount not in BELOW_TWO and box.endswith(
            ("can", "jar", "bottle", "bag", "stick")
        ):
            box += "s"
        if self.habit.units is SPELT:
            box = box.replace("pkg.", "package").replace("env.", "envelope")
        sizes = METRIC_COUNTS if self.habit.units is METRIC else SIZES
        size = f"{self.one_of(sizes)} {self.habit.units['oz'][0]}"
        shape = self.random.random()
        if shape < 0.4 or "stick" in box or " " in box or "bar" in box:
            return f"{amount} {box} "
        if shape < 0.74:
            return f"{amount} ({size}) {box} "
        if shape < 0.84:
            return f"{amount} {box} ({size}) "
        if shape < 0.9:
            return f"{size} {box} "
        if shape < 0.95:
            return f"{amount} ({size}) "
        return f"{amount} {box} of "

    def plain(self, group: str, food: Food) -> Line:
        """Write the ordinary line: measure, states, brand, food, tail."""
        how = profile(pantry.groups()[group].profile(food))
        kind = self.kind_of_measure(how, food)
        lead, many = self.measure(kind, how)
        if kind in ("cup", "tsp", "tbsp", "weight") and self.chance(0.04):
            lead = f"{self.one_of(ABOUT)} {lead}"
        name = self.name(food, many)
        state = "" if kind == "pinch" else self.state(how)
        tail = "" if kind == "pinch" else self.tail(how, bool(state))
        if kind == "taste":
            tail = tail or self.one_of(TO_TASTE)
        brand = ""
        if self.chance(how.brand_share):
            brand = self.one_of(list(lexicon.entries("brands"))) + " "
        text = f"{brand}{state}" if self.chance(0.3) else f"{state}{brand}"
        return Line(
            f"{lead}{text}{name}{tail}", (name,), (food.many if many else food.one,)
        )

    def food_first(self, group: str, food: Food) -> Line:
        """Write a line that starts with its food, such as "Sugar - 1 c."."""
        how = profile(pantry.groups()[group].profile(food))
        kind = self.kind_of_measure(how, food)
        if kind == "count":
            lead, many = self.counted()
        else:
            known = kind in ("tsp", "tbsp", "weight")
            lead, many = self.weighed(kind if known else "cup")
        name = self.name(food, many)
        shape = self.random.randrange(4)
        if shape == 3 and how.purposes:
            text = f"{name} {self.one_of(how.purposes)}"
        elif shape == 0:
            text = f"{name}, {lead.strip()}"
        elif shape == 1:
            text = f"{name} ({self.one_of(ABOUT)} {lead.strip()})"
        else:
            text = f"{name} - {lead.strip()}"
        return Line(
            text.removesuffix(" of"), (name,), (food.many if many else food.one,)
        )

    def either(self, group: str, food: Food) -> Line:
        """Write a line with a choice; the first is the one that counts."""
        how = profile(pantry.groups()[group].profile(food))
        other = self.pick(group)
        if other == food:
            return self.plain(group, food)
        if food.one != food.many and "count" in how.measures and self.chance(0.3):
            size, less = self.random.choice((("large", "small"), ("small", "medium")))
            name = self.name(food, True)
            return Line(
                f"1 {size} or 2 {less} {name}{self.tail(how, False)}",
                (name,),
                (food.many,),
            )
        kind = self.kind_of_measure(how, food)
        lead, many = self.measure(kind, how)
        state = "" if kind == "pinch" else self.state(how)
        name, plain = self.name(food, many), food.many if many else food.one
        rival = other.many if many else other.one
        start, end = f"{lead}{state}{name}", ""
        if kind != "pinch":
            end = self.tail(how, True)
        shape = self.random.randrange(6)
        if shape == 0:
            again, _ = self.measure(kind, how)
            text = f"{start} or {again}{rival}"
        elif shape == 1:
            text = f"{start} (or {rival}){end}"
        elif shape == 2:
            third = self.pick(group).one
            choice = f"{rival} or {third}" if third != other.one else f"or {rival}"
            text = f"{start}, {choice}{end}"
        elif shape == 3:
            text = f"{start}{end} or {self.state(how)}{rival}"
        else:
            text = f"{start} or {rival}{end}"
        return Line(text, (name,), (plain,))

    def several(self, group: str, food: Food) -> Line:
        """Write a line that names several foods, all of which count."""
        how = profile(pantry.groups()[group].profile(food))
        foods = [food.one]
        if group == "salt":
            foods = ["salt", self.one_of(words("pepper|pepper|black pepper|paprika"))]
            if self.chance(0.2):
                foods.insert(1, self.pick("spice").one)
        else:
            foods += [
                self.pick(group).one for _ in range(self.random.choice((1, 1, 2, 3)))
            ]
        foods = list(dict.fromkeys(foods))
        if len(foods) < 2:
            return self.plain(group, food)
        names = tuple(self.name(Food(one, one, ""), False) for one in foods)
        joined = ", ".join(names) if self.chance(0.1) else ", ".join(names[:-1])
        if not joined.endswith(names[-1]) or len(names) == 1:
            joined += f" and {names[-1]}"
        small = how.measures.keys() & {"tsp", "tbsp"}
        lead, _ = self.weighed("tsp" if small else "cup")
        shape = self.random.randrange(4)
        if shape == 0 or (group == "salt" and shape < 3):
            text = f"{joined}{self.one_of(TO_TASTE)}"
        elif shape == 1 and how.purposes:
            text = f"{joined} {self.one_of(how.purposes)}"
        else:
            text = f"{lead.removesuffix('of ')}{self.one_of(EACH)} {joined}"
        return Line(text, names, tuple(foods))

    def peel(self) -> Line:
        """Write a line that asks for the juice or the rind of a fruit."""
        fruit = self.one_of(CITRUS)
        amount = self.one_of(words("1|1|2|1/2|3|1 large|1 small|one|half a|a"))
        many = amount in ("2", "3") and fruit != "grapefruit"
        name = f"{fruit}s" if many else fruit
        if self.chance(0.25):
            done = self.one_of(words("juiced|juice only|squeezed|juice and rind"))
            return Line(f"{amount} {name}, {done}", (name,), (name,))
        return Line(f"{self.one_of(PEELS)} {amount} {name}", (name,), (name,))

    def added(self, group: str, food: Food) -> Line:
        """Write a line with two amounts, or with an open one."""
        how = profile(pantry.groups()[group].profile(food))
        if not how.measures.keys() & {"cup", "tbsp", "tsp"}:
            return self.plain(group, food)
        first, many = self.weighed("cup" if "cup" in how.measures else "tbsp")
        second, _ = self.weighed("tbsp")
        second = second.removesuffix("of ")
        name, plain = self.name(food, many), food.many if many else food.one
        purposes = how.purposes or words("for the top|for the filling|to finish")
        shape = self.random.randrange(4)
        if shape == 0:
            text = f"{first.removesuffix('of ')}plus {second}{name}"
        elif shape == 1:
            text = f"{first}{name} plus {second}{self.one_of(purposes)}"
        elif shape == 2:
            enough = words(
                "enough|just enough|additional|extra|more|remaining|a little"
            )
            text = f"{self.one_of(enough)} {name} {self.one_of(purposes)}"
        else:
            text = f"{first}{name}, {self.one_of(words('divided|or more|plus extra'))}"
        return Line(text, (name,), (plain,))

    def finish(self, line: Line) -> Line:
        """Apply the writer's capitals and careless spacing to a line and its names."""
        text, names = line.text, line.names
        if self.chance(self.habit.loose):  # "1c. sugar"
            at = text.find(" ")
            if at > 0 and text[0].isdigit() and text[at + 1 : at + 2].isalpha():
                text = text[:at] + text[at + 1 :]
        if self.chance(0.25) and names and text.startswith(names[0]):
            first = names[0][0].upper() + names[0][1:]
            text, names = first + text[len(first) :], (first, *names[1:])
        case = self.habit.case
        return Line(case(text), tuple(case(name) for name in names), line.foods)

    def write(self, group: str) -> Line:
        """Write one line for a food of a group."""
        food = self.pick(group)
        shape = self.random.random()
        if group == "salt" and shape < 0.3:
            line = self.several(group, food)
        elif group in ("zest", "juice") and shape < 0.3:
            line = self.peel()
        elif shape < 0.08:
            line = self.either(group, food)
        elif shape < 0.12 and group in TOGETHER:
            line = self.several(group, food)
        elif shape < 0.15:
            line = self.food_first(group, food)
        elif shape < 0.18:
            line = self.added(group, food)
        else:
            line = self.plain(group, food)
        return self.finish(line)
