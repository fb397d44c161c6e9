"""Words for the corpus: foods as often as kitchens use them, and words never seen.

Copying has to be learned with words the model has never met. So a good part of all
foods, adjectives and names here is made up on the spot from syllables.
"""

from random import Random

from tools import lexicon

# What most home recipes share; drawn far more often than the long tail of the lexicon.
STAPLES = (
    "sugar",
    "salt",
    "butter",
    "flour",
    "milk",
    "water",
    "pepper",
    "vanilla",
    "onion|onions",
    "egg|eggs",
    "egg|eggs",
    "garlic",
    "brown sugar",
    "baking powder",
    "baking soda",
    "soda",
    "cinnamon",
    "margarine",
    "oil",
    "vegetable oil",
    "olive oil",
    "sour cream",
    "cream cheese",
    "ground beef",
    "mayonnaise",
    "nuts",
    "pecans",
    "celery",
    "lemon juice",
    "powdered sugar",
    "cheese",
    "Cheddar cheese",
    "parsley",
    "carrot|carrots",
    "potato|potatoes",
    "tomato|tomatoes",
    "green pepper|green peppers",
    "paprika",
    "Worcestershire sauce",
    "cream of mushroom soup",
    "cornstarch",
    "shortening",
    "vinegar",
    "mustard",
    "bacon",
    "chicken",
    "rice",
    "raisins",
    "coconut",
    "pineapple",
    "cocoa",
    "chocolate chips",
    "nutmeg",
    "honey",
    "soy sauce",
    "Parmesan cheese",
    "tomato sauce",
    "mushrooms",
    "walnuts",
    "bread crumbs",
    "chicken breast|chicken breasts",
    "whipped topping",
    "gelatin",
    "oregano",
    "basil",
    "chili powder",
    "apple|apples",
    "banana|bananas",
    "garlic powder",
    "buttermilk",
    "yeast",
    "oats",
    "ketchup",
    "condensed milk",
    "evaporated milk",
    "whipping cream",
    "heavy cream",
    "cake mix",
    "pie shell",
)
CLASSES = (
    "sauce cheese soup seasoning beans bread oil dressing juice cake "
    "cookies flour seeds "
    "powder extract syrup crackers chips rolls noodles peppers vinegar "
    "paste cream milk "
    "mix steak roast sausage fillets leaves onions tomatoes squash melon berries nuts "
    "salt sugar rice wine gelatin pudding jam relish pickles meat fish"
).split()
ONSETS = (
    "b br c ch cl cr d dr f fl fr g gl gr h j k kl l m n p pl pr qu r s sc sh sk sl sm "
    "sn sp st str t th tr v w y z"
).split()
VOWELS = "a e i o u a e i o u ai ea ee ie oa oo ou au".split()
CODAS = (
    "n r l s t m d k p ck ll nd ng nt rd rk rn rt sh sk st ss x th mp lt".split()
    + "n r l s".split()
    + [""] * 14
)
ENDINGS = "a o i y e um on in er el ini etta ella ish ula ado ado ano ina ini".split()


class Writer(Random):
    """Whoever writes a document: the dice, and how tidy the handwriting is.

    untidy: whether recipes come with capitals, misspellings, amounts behind the food.
    """

    def __init__(self, seed: str, untidy: bool = False) -> None:
        super().__init__(seed)
        self.untidy = untidy


def misspelt(r: Random, word: str) -> str:
    """Return the word with a letter doubled, left out or swapped with the next."""
    at = r.randrange(len(word))
    shape = r.randrange(3)
    if shape == 0:
        return word[: at + 1] + word[at:]
    if shape == 1 and len(word) > 3:
        return word[:at] + word[at + 1 :]
    return word[:at] + word[at : at + 2][::-1] + word[at + 2 :]


def made_up(r: Random) -> str:
    """Return a pronounceable word that no dictionary holds, one to three syllables."""
    parts = []
    for _ in range(r.choice((1, 1, 2, 2, 2, 3))):
        parts.append(r.choice(ONSETS) + r.choice(VOWELS) + r.choice(CODAS))
    word = "".join(parts)
    if r.random() < 0.3:
        word += r.choice(ENDINGS)
    return word[:13]


def any_case(r: Random, word: str, title: float = 0.15, upper: float = 0.02) -> str:
    """Return the word as it is, now and then with a capital or in capitals."""
    x = r.random()
    if x < upper:
        return word.upper()
    return word.title() if x < upper + title else word


def known_food(r: Random) -> tuple[str, str]:
    """Return a real food as (one, many): staples half the time, else the lexicon."""
    if r.random() < 0.55:
        # The front of the list is drawn more often, as in kitchens.
        entry = STAPLES[int(len(STAPLES) * r.random() ** 1.6)]
        one, _, many = entry.partition("|")
        return one, many or one
    food = r.choice(lexicon.foods())
    return food.one, food.many


def new_food(r: Random) -> tuple[str, str]:
    """Return a food with at least one made-up word, as (one, many)."""
    x = r.random()
    if x < 0.3:
        name = any_case(r, made_up(r))
        return name, name + "s" if r.random() < 0.4 else name
    if x < 0.5:
        name = f"{made_up(r)} {made_up(r)}"
    elif x < 0.75:
        name = f"{any_case(r, made_up(r), 0.35)} {r.choice(CLASSES)}"
    elif x < 0.85:
        name = f"{made_up(r)} {known_food(r)[0]}"
    elif x < 0.95:
        name = f"{known_food(r)[0]} {made_up(r)}"
    else:
        name = f"{made_up(r)} {made_up(r)} {r.choice(CLASSES)}"
    return name, name


def food(r: Random, new: float = 0.25) -> tuple[str, str]:
    """Return a food as (one, many); made up with probability `new`."""
    return new_food(r) if r.random() < new else known_food(r)


def phrase(r: Random, new: float = 0.5) -> str:
    """Return a short name to copy: a food or made-up words."""
    one, many = food(r, new)
    return many if r.random() < 0.5 else one
