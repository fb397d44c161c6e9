"""What goes together: kinds of dishes (dishes.ini), their titles and directions."""

import configparser
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from random import Random

from tools.recipes.lines import title_case, words


@dataclass(frozen=True)
class Dish:
    """A kind of dish: a section of dishes.ini."""

    nouns: tuple[str, ...]
    shelves: tuple[str, ...]
    main: tuple[str, ...]
    steps: tuple[str, ...]


STEPS = {
    "baking": (
        "Preheat oven to {heat}°.|Heat oven to {heat} degrees.",
        "Cream {a} and {b}.|Mix {a} with {b} until light.|Sift {a} and {b} together.",
        "Add {c}; mix well.|Stir in {c}.|Add {c}, a little at a time.",
        "Combine {a} with {b}.|Beat {a} and {b} together.",
        "Beat until smooth.|Beat well after each addition.|Do not overmix.",
        "Fold in {c}.|Add {c} last.",
        "Pour into a greased and floured {pan}.|Spread in a {pan}.",
        "Bake at {heat}° for {minutes} minutes.|"
        "Bake for {minutes} minutes or until done.",
        "Cool before cutting.|Cool on a wire rack.|Let cool.",
    ),
    "pot": (
        "Brown {a} in a large pot.|Heat {a} in a heavy kettle.|"
        "Put {a} in a slow cooker.",
        "Add {b} and {c}.|Stir in {b} and {c}; cook until tender.",
        "Bring to a boil; reduce heat.|Bring to a slow boil.",
        "Add {a} and {b}.|Add {a} with {b}.",
        "Simmer for {minutes} minutes.|"
        "Cover and cook for {minutes} minutes, stirring often.",
        "Stir in {a}.|Season with {a}.|Add {a} and heat through.",
        "Serve hot.|Serve over rice.|Serve with bread.|"
        "Taste and correct the seasoning.",
        "Serves {serves}.|Makes {serves} servings.",
    ),
    "oven": (
        "Mix {a}, {b} and {c}.|Combine {a} with {b} and {c}.",
        "Place in a {pan}.|Arrange in a buttered {pan}.|Spoon into a greased {pan}.",
        "Top with {a}.|Sprinkle with {a}.|Spread {a} over all.",
        "Stir together {b} and {c}; pour over the top.|Mix {b} with {c} and add.",
        "Cover with foil.|Cover.|Do not cover.",
        "Bake at {heat}° for {minutes} minutes or until bubbly.|"
        "Bake {minutes} minutes.",
        "Let stand a few minutes before serving.|Serve at once.",
    ),
    "cold": (
        "Combine {a} and {b} in a large bowl.|Blend {a} and {b} until smooth.",
        "Add {c}.|Toss with {c}.|Fold in {c}.",
        "Mix {a} with {b}.|Stir together {a} and {b}.",
        "Pour over {c}.|Top with {c}.|Garnish with {c}.",
        "Cover and chill for several hours.|Refrigerate overnight.|Chill until firm.",
        "Serve cold.|Keeps well for days.|Good with crackers.",
        "Makes {serves} servings.|Serves {serves}.",
    ),
    "stove": (
        "Melt {a} over low heat.|Put {a} in a heavy saucepan.",
        "Stir in {b}.|Add {b}, stirring all the time.",
        "Cook, stirring, until thick.|Bring to a full boil.|"
        "Boil for {minutes} minutes.",
        "Remove from heat and add {c}.|Blend in {c}.",
        "Beat in {a} and {b}.|Add {a} with {b}.",
        "Pour into a buttered dish.|Pour into a {pan}.|Let cool.",
        "Store in a covered jar.|Cut into squares when cool.|Serve warm.",
    ),
}
OPENINGS = words(
    "Easy|Grandma's|Quick|Baked|Old-Fashioned|Creamy|Spicy|Sweet|Best|Company|No-Bake|"
    "Hot|"
    "Southern|Favorite|Mom's|Italian|Mexican|Festive|Holiday|Crunchy|Golden|Simple|"
    "Country|"
    "Homemade|Party|Sunday|Overnight|Lazy|Microwave|Crock-Pot|Skillet|Never-Fail|"
    "Aunt's|"
    "Prize-Winning|Church Supper|Summer|Winter|Autumn|Amish|Cajun|Greek|Hawaiian|Thai|"
    "Rich|"
    "Indian|Korean|Polish|Swedish|Moroccan|Lebanese|Vietnamese|Cuban|Hungarian|French|"
    "Light|"
    "German|Irish|Texas|Million Dollar|Five-Minute|Two-Step|Six-Layer|Make-Ahead|"
    "Low-Fat|"
    "Double|Triple|Upside-Down|Mock|Impossible|Magic|Sour|Savory|Tangy|Zesty|Smoky|"
    "Crispy|"
    "Fluffy|Glazed|Stuffed|Marinated|Grilled|Barbecued|Braised|Deviled|Frosted|"
    "Chilled|Next"
    " Best|Busy Day|Camp|Harvest|Firehouse|Farmhouse|Budget|Potluck|Tailgate|Weeknight"
)
CLOSINGS = words(
    " Supreme| Surprise| Deluxe| for a Crowd| For Two| Delight| No. 2| (Quick)|"
    " (Serves 8)|"
    " (Very Easy)| (Microwave)| Special| with a Twist| My Way| (Low-Fat)|(Makes 2)  |"
    "  | II"
)
PANS = words(
    "13 x 9-inch pan|loaf pan|9-inch pie pan|2-quart casserole|cookie sheet|tube pan|"
    "shallow baking dish|square pan|muffin tin|Dutch oven"
)


@cache
def dishes() -> tuple[Dish, ...]:
    """Return every section of dishes.ini."""
    parser = configparser.ConfigParser(interpolation=None)
    path = Path(__file__).with_name("dishes.ini")
    parser.read_string(path.read_text(encoding="utf-8"))
    return tuple(
        Dish(
            nouns=tuple(words(section["nouns"])),
            shelves=tuple(section["shelves"].split()),
            main=tuple(section["main"].split()),
            steps=STEPS[section["steps"]],
        )
        for name, section in parser.items()
        if name != parser.default_section
    )


def shelves(random: Random, dish: Dish) -> list[str]:
    """Draw the shelves of one recipe, in the order in which the dish lists them."""
    drawn: list[str] = []
    for entry in dish.shelves:
        name, _, most = entry.rstrip("?").partition("*")
        if entry.endswith("?") and random.random() < 0.45:
            continue
        drawn += [name] * (random.randint(1, int(most)) if most else 1)
    if random.random() < 0.3:
        random.shuffle(drawn)  # some writers list what comes to mind
    return drawn


def title(random: Random, dish: Dish, main: list[str]) -> str:
    """Return a title that names the dish and, as a rule, one of its main foods."""
    parts = [random.choice(dish.nouns)]
    if main and random.random() < 0.8:
        parts.insert(0, title_case(random.choice(main)))
    if random.random() < 0.55 or len(parts) == 1:
        parts.insert(0, random.choice(OPENINGS))
    ending = random.choice(CLOSINGS) if random.random() < 0.12 else ""
    return " ".join(parts) + ending


def directions(random: Random, dish: Dish, foods: list[str]) -> list[str]:
    """Return the steps of a dish; every food that the recipe lists is put to use."""
    rest = list(foods)
    steps: list[str] = []
    for choices in dish.steps:
        template = random.choice(words(choices))
        slots = [slot for slot in "abc" if f"{{{slot}}}" in template]
        if len(rest) < len(slots) or (not slots and random.random() < 0.3):
            continue
        used, rest = rest[: len(slots)], rest[len(slots) :]
        steps.append(
            template.format(
                **dict(zip(slots, used, strict=True)),
                heat=random.choice((300, 325, 350, 350, 375, 400, 425)),
                minutes=random.choice((5, 10, 15, 20, 25, 30, 35, 45, 60)),
                pan=random.choice(PANS),
                serves=random.choice((4, 6, 8, 10, 12)),
            )
        )
    if rest:
        listed = rest[0] if len(rest) == 1 else f"{', '.join(rest[:-1])} and {rest[-1]}"
        steps.insert(max(1, len(steps) // 2), f"Add {listed}.")
    return steps
