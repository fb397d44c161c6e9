"""The foods of the recipes: which are common, which are rare, which the test set keeps.

A group is a shelf: foods that play the same part in a dish ("flour", "spice", "meat").
Each has staples, which turn up often, and a long tail from tools/lexicon. A part of
every tail is held out: those foods appear in the frozen test set only.
"""

import re
from dataclasses import dataclass
from functools import cache
from random import Random

from tools import lexicon
from tools.lexicon import Food

HELD_OUT = 0.3  # share of the rare foods of each category that only the test set has

# A food whose name has a word that the labelling rules drop would contradict them
# ("crushed pineapple"), except where the word makes another food of it ("hot sauce").
FIXED_NAMES = tuple(
    "hot dog|hot sauce|hot pepper|hot mustard|hot paprika|hot Italian|hot roll|"
    "hot cocoa|"
    "whole milk|whole wheat|whole grain|whole kernel|white whole wheat|extra virgin|"
    "extra lean|extra-firm|firm tofu|whipped|baked beans|vegetarian baked|"
    "thin spaghetti|"
    "instant mashed|soft-shell".split("|")
)
# Words of the adjective list that belong to names as well: "extra virgin", "thin".
NOT_A_STATE = frozenset("extra good thick thin big level".split())
# Pieces that are counted, not bought ("parsley sprigs"): such names are left out.
COUNTED = frozenset("leaves sprigs slices sheets threads stalks hearts ears".split())
BOUGHT = re.compile("bay|curry|lime|grape|banana|artichoke|palm|romaine")
BRANDS_THAT_ARE_FOODS = frozenset(
    "Bisquick|Crisco|Velveeta|Grape-Nuts|Rice Krispies|Corn Chex|Rice Chex|Cheerios|"
    "Kitchen Bouquet|Egg Beaters|Dream Whip|Cheez Whiz|Marmite|Nutella|Ovaltine|"
    "Splenda|"
    "Sure-Jell|Shake 'n Bake|Boursin|Karo|Wheat Chex|Special K".split("|")
)


@cache
def _dropped_words() -> frozenset[str]:
    words = {
        word.strip(",").lower()
        for entry in lexicon.entries("adjectives_dropped")
        for word in entry.split()
    }
    return frozenset(words - NOT_A_STATE)


def follows_the_rules(food: Food) -> bool:
    """Tell whether a name has none of the words that the labelling rules leave out."""
    name = food.many
    if food.category == "brand_names":
        return food.one in BRANDS_THAT_ARE_FOODS
    if name.startswith(FIXED_NAMES):
        return True
    words = name.lower().split()
    if any(word in _dropped_words() for word in words) or " in " in name:
        return False
    if name.startswith("ears of"):
        return False
    return words[-1] not in COUNTED or len(words) == 1 or bool(BOUGHT.search(name))


@cache
def shelf(category: str) -> tuple[Food, ...]:
    """Return the foods of a lexicon category that agree with the labelling rules."""
    return tuple(food for food in lexicon.foods(category) if follows_the_rules(food))


@cache
def _by_name() -> dict[str, Food]:
    return {food.one: food for food in lexicon.foods()}


@dataclass(frozen=True)
class Group:
    """A shelf with staples and a tail.

    common: how often a staple is taken rather than a food of the tail; profiles: pairs
    of a pattern and the section of profiles.ini for names that it matches; the first
    match wins.
    """

    staples: tuple[Food, ...]
    tail: tuple[Food, ...]
    common: float
    profiles: tuple[tuple[str, str], ...]

    def profile(self, food: Food) -> str:
        """Return the section of profiles.ini that says how a food is measured."""
        for pattern, profile in self.profiles:
            if re.search(pattern, food.one):
                return profile
        raise ValueError(f"no profile for {food.one}: end the list with a pattern ''")


def _group(
    categories: str,
    staples: str,
    common: float,
    *profiles: tuple[str, str],
    having: str = "",
    without: str = "^$",
) -> Group:
    often = tuple(_by_name()[name] for name in staples.split("|"))
    tail = tuple(
        food
        for category in categories.split()
        for food in shelf(category)
        if food not in often
        and re.search(having, food.one)
        and not re.search(without, food.one)
    )
    return Group(often, tail, common, profiles)


TIN_MILK = ("evaporated|condensed|coconut|Pet milk", "tinmilk")
POWDERED = ("powder", "powder")
LEAFY = (
    "lettuce|spinach|kale|greens|abbage|chard|arugula|watercress|endive|escarole|choy|"
    "radicchio|frisee|sorrel|slaw"
)
FLORETS = "broccoli|cauliflower|sprouts|asparagus|artichoke"
SHELLED = " beans|peas|corn|vegetables|okra|edamame|chestnuts|shoots|beans"
BERRIES = "berries|currants|cherries|grapes|lychees|cherry"
DRIED = "raisins|dried|dates|prunes|figs|oconut|andied|chips|citron|currants"
TIN_FRUIT = "pineapple|cocktail|mandarin|halves|crab apples|tropical"


@cache
def groups() -> dict[str, Group]:
    """Return every group under its name."""
    return {
        "flour": _group(
            "baking",
            "flour|all-purpose flour|flour|self-rising flour",
            0.7,
            ("", "powder"),
            having="flour$|meal$| bran$|wheat germ|semolina|masa",
        ),
        "sugar": _group(
            "baking",
            "sugar|sugar|brown sugar|powdered sugar|granulated sugar|white sugar",
            0.75,
            ("syrup|honey|molasses|nectar", "sauce"),
            ("", "powder"),
            having="sugar|syrup|honey|molasses|nectar|piloncillo|jaggery",
        ),
        "sweetener": _group(
            "baking",
            "honey|molasses|corn syrup|brown sugar",
            0.6,
            ("sugar", "powder"),
            ("", "sauce"),
            having="syrup|honey|molasses|nectar|caramel sauce|sorghum|grenadine",
        ),
        "starch": _group(
            "baking",
            "cornstarch|flour|gelatin",
            0.6,
            ("gelatin|pectin", "envelope"),
            ("", "powder"),
            having="starch|gelatin|tapioca|arrowroot|agar|pectin",
        ),
        "leaven": _group(
            "baking",
            "baking powder|baking soda|soda|yeast|dry yeast|cream of tartar",
            0.88,
            ("yeast", "yeast"),
            ("", "spoon"),
            having="yeast|cream of tartar",
        ),
        "salt": _group(
            "spices",
            "salt|salt|salt|pepper|black pepper",
            0.85,
            ("", "pinch"),
            having="salt",
        ),
        "spice": _group(
            "spices",
            "cinnamon|nutmeg|chili powder|garlic powder|paprika|cumin|cloves|pepper|"
            "ginger|allspice|curry powder|garlic salt|dry mustard|onion powder",
            0.45,
            ("taco seasoning|fajita|chili seasoning", "envelope"),
            ("stick|bean|star anise", "leaf"),
            ("", "spice"),
            without="stick cinnamon|salad herbs|Liquid|liquid",
        ),
        "herb": _group(
            "herbs",
            "parsley|oregano|basil|thyme|bay leaf|cilantro|chives",
            0.5,
            ("bay|leaves|garni", "leaf"),
            ("", "herb"),
            without="husks|banana|grape",
        ),
        "flavour": _group(
            "baking",
            "vanilla|vanilla|vanilla extract|almond extract",
            0.7,
            ("", "spoon"),
            having="extract|flavoring|coloring|water",
        ),
        "chocolate": _group(
            "baking",
            "chocolate chips|cocoa|semi-sweet chocolate chips|marshmallows",
            0.4,
            ("ocoa", "powder"),
            ("chips|bits|marshmallow|sprinkles|nonpareils", "chips"),
            ("", "square"),
            having="chocolate$|chips|ocoa|marshmallow|sprinkles|bits|bark",
        ),
        "fat": _group(
            "oils_vinegars dairy diet_and_other",
            "butter|margarine|butter|shortening|oil|vegetable oil",
            0.7,
            ("oil|drippings|fat|grease", "oil"),
            ("", "fat"),
            having="butter$|margarine$|oil$|bacon fat|ghee|drippings|shortening",
            without="truffle|chili|garlic|mustard|pecan",
        ),
        "oil": _group(
            "oils_vinegars",
            "olive oil|oil|vegetable oil",
            0.6,
            ("", "oil"),
            having=" oil$|fat$",
        ),
        "vinegar": _group(
            "oils_vinegars",
            "vinegar|white vinegar|cider vinegar",
            0.45,
            ("", "sour"),
            having="vinegar|verjuice|pickle juice",
        ),
        "egg": _group("eggs", "egg|egg|egg|egg yolk|egg white", 0.92, ("", "count")),
        "milk": _group(
            "dairy diet_and_other",
            "milk|milk|buttermilk|evaporated milk|heavy cream|half and half",
            0.5,
            POWDERED,
            TIN_MILK,
            ("dry", "powder"),
            ("", "liquid"),
            having="milk|cream$|half and half|kefir|eggnog|creamer",
            without="ice cream|sour|cheese|whipped",
        ),
        "cream": _group(
            "dairy cheese diet_and_other",
            "sour cream|cream cheese|cream cheese|yogurt|cottage cheese",
            0.5,
            ("topping|whipped cream", "whipped"),
            ("", "creamy"),
            having="sour cream|cream cheese|ogurt|topping|icotta|mascarpone|fraiche|"
            "labneh|"
            "cottage|Neufchatel|spread|farmer|skyr",
        ),
        "ice": _group(
            "dairy",
            "vanilla ice cream|whipped cream|whipped topping|ice cream",
            0.4,
            ("whipped", "whipped"),
            ("", "ice"),
            having="ice cream|sherbet|sorbet",
        ),
        "cheese": _group(
            "cheese diet_and_other brand_names",
            "Cheddar cheese|Parmesan cheese|Mozzarella cheese|cheese|Swiss cheese",
            0.35,
            ("", "cheese"),
            having="cheese|Gouda|Brie|feta|Pecorino|paneer|halloumi|Stilton|Camembert|"
            "Emmental|queso|Manchego|Taleggio|bocconcini|burrata|Velveeta|Boursin",
            without="cottage|ricotta|cream cheese|Neufchatel|spread|farmer|head",
        ),
        "meat": _group(
            "beef pork_lamb",
            "ground beef|bacon|ham|hamburger|pork chop|sausage|ground beef",
            0.35,
            ("round (beef|chuck|sirloin|veal|bison|venison|pork|lamb)", "mince"),
            ("ground|hamburger|bulk|chorizo|breakfast", "mince"),
            (
                "acon|ham$|alami|prosciutto|pancetta|pepperoni|bologna|pastrami|speck|"
                "mortadella|capicola|guanciale|chipped|dried beef|jerky|salt pork",
                "sliced",
            ),
            (
                "hot dog|frank|wiener|wurst|sausage|kielbasa|links|meatball|linguica",
                "links",
            ),
            ("", "meat"),
            without="lard|suet|rinds|fat$|fatback|bones|head|tripe|Spam|deviled",
        ),
        "poultry": _group(
            "poultry",
            "chicken|chicken breast|chicken|turkey|chicken breast",
            0.5,
            ("ground", "mince"),
            ("sausage", "links"),
            ("ham|smoked", "sliced"),
            ("", "poultry"),
            without="fat$|schmaltz|foie|giblets|pieces|stewing hen",
        ),
        "fish": _group(
            "fish",
            "shrimp|tuna|crabmeat|salmon",
            0.35,
            (
                "una$|sardines|nchov|rabmeat|clams|oysters|caviar|tuna|herring",
                "tinfish",
            ),
            ("", "seafood"),
            without="sauce|paste|juice|stock|flakes|dashi|roe|dried|sticks|jumbo",
        ),
        "vegetable": _group(
            "vegetables",
            "onion|onion|celery|green pepper|carrot|tomato|potato|mushroom|broccoli|"
            "cabbage|zucchini|spinach|corn|cucumber|green onion|green beans|peas",
            0.45,
            ("^celery$", "stalks"),
            (LEAFY, "leafy"),
            (FLORETS, "florets"),
            (SHELLED, "shelled"),
            ("sun-dried|nori|kombu|wakame|seaweed|kimchi|sauerkraut|pearl", "can"),
            ("ginger|lemon ?grass|galangal|horseradish", "garlic"),
            ("", "vegetable"),
            without="juice|puree|flesh|garlic|ginger|grass|galangal|horseradish",
        ),
        "onion": _group(
            "vegetables",
            "onion|onion|green onion",
            0.75,
            ("", "vegetable"),
            having="onion|leek|shallot|scallion",
            without="pearl",
        ),
        "garlic": _group("", "garlic", 1.0, ("", "garlic")),
        "fruit": _group(
            "fruit",
            "apple|banana|raisins|strawberries|lemon|orange|pineapple|blueberries|"
            "peach|"
            "cranberries|coconut|cherries|dates",
            0.4,
            ("filling|sauce|glaze|butter|pumpkin|puree|paste", "can"),
            ("peel|rind|zest", "zest"),
            (DRIED, "dried"),
            (BERRIES, "berries"),
            (TIN_FRUIT, "tinfruit"),
            ("", "fruit"),
            without="juice|cider|olives|water|avocado|salad|puree|canned|paste",
        ),
        "zest": _group(
            "fruit",
            "lemon rind|orange rind|lemon peel",
            0.5,
            ("", "zest"),
            having="peel|rind|zest",
            without="andied",
        ),
        "juice": _group(
            "fruit",
            "lemon juice|orange juice|lemon juice|lime juice",
            0.6,
            ("", "juice"),
            having="juice|cider",
        ),
        "nuts": _group(
            "nuts",
            "nuts|pecans|walnuts|almonds|pecans",
            0.5,
            ("seed|meal|pepitas", "cereal"),
            ("", "nuts"),
            without="candlenuts",
        ),
        "sweets": _group(
            "sweets brand_names",
            "Cool Whip|Jell-O|caramels",
            0.3,
            ("Cool Whip|Dream Whip", "whipped"),
            ("Jell-O", "pack"),
            ("", "sweet"),
            having="Cool|Jell-O|Dream|caramel|cand|drops|mints|bars|kisses|toffee|"
            "brittle|"
            "gum|beans|corn|balls|raisins|halva|nougat|butterscotch|brownies|M&M",
        ),
        "crumbs": _group(
            "bread",
            "bread crumbs|graham cracker crumbs|crackers",
            0.4,
            ("crumbs|meal|panko|croutons|crackling", "crumbs"),
            ("", "crackers"),
            having="crumbs|crackers|chips|wafers|croutons|panko|saltines|pretzels|"
            "snaps|"
            "Fritos|Doritos|Oreos|cookies|zwieback",
            without="dough",
        ),
        "bread": _group(
            "bread",
            "bread|white bread|French bread|hamburger bun|English muffin",
            0.35,
            ("bun|muffin|bagel|croissant|pita|naan|baguette|rolls|tortilla", "rolls"),
            ("", "loaf"),
            having="bread$|bun|muffin|bagel|croissant|pita|naan|baguette|rolls$|"
            "brioche|"
            "ciabatta|focaccia|challah|toast",
            without="corn ?bread|melba|crescent|points",
        ),
        "tortilla": _group(
            "bread",
            "flour tortilla|corn tortilla|tortillas|taco shell|tortilla chips",
            0.7,
            ("chips", "crackers"),
            ("", "rolls"),
            having="tortilla|tostada|pitas|naan|lavash|flatbread|taco",
        ),
        "crust": _group(
            "bread",
            "pie crust|pie shell|graham cracker crust|pie shell",
            0.7,
            ("dough|puff|phyllo|filo", "dough"),
            ("", "crust"),
            having="crust|shell|pastry|dough|phyllo|filo",
            without="taco|tostada|cookie|crescent|sour",
        ),
        "dough": _group(
            "bread",
            "crescent rolls|biscuit|pizza dough",
            0.5,
            ("", "dough"),
            having="dough|crescent|biscuits|hash browns|potatoes|Tots|fries|puffs",
            without="cookie|sour",
        ),
        "cake": _group(
            "bread",
            "angel food cake|pound cake|ladyfingers",
            0.4,
            ("cake|bread", "loaf"),
            ("", "crackers"),
            having="cake$|ladyfingers|macaroons|biscotti|amaretti|waffles|wafers|"
            "cookies",
            without="rice cakes",
        ),
        "mix": _group(
            "mixes",
            "yellow cake mix|vanilla pudding|white cake mix|lemon gelatin",
            0.25,
            ("", "pack"),
            having="cake|pudding|gelatin|jello|brownie|muffin mix|gingerbread|frosting|"
            "biscuit mix|pancake",
            without="^vanilla pudding mix$",
        ),
        "seasoning": _group(
            "mixes",
            "onion soup mix|ranch dressing mix|gravy mix|stuffing mix",
            0.3,
            ("stuffing|dinner|potato", "pack"),
            ("", "envelope"),
            having="soup mix|dressing mix|gravy|chili mix|sauce mix|stuffing|sloppy|"
            "au jus|"
            "dinner|potato|falafel|dip",
        ),
        "cereal": _group(
            "grains brand_names",
            "oats|quick oats|oatmeal|cornflakes|rolled oats",
            0.4,
            ("", "cereal"),
            having="oat|flakes|cereal|granola|muesli|wheat$|puffed|Chex|Cheerios|"
            "Krispies|"
            "Grape-Nuts|Special K|bran|popcorn|noodles",
        ),
        "grain": _group(
            "grains",
            "rice|rice|brown rice|wild rice",
            0.45,
            ("mix", "pack"),
            ("", "grain"),
            having="rice$|quinoa|couscous|bulgur|barley|farro|millet|grits|polenta|"
            "hominy|"
            "berries|kasha|groats|freekeh|amaranth|mix|teff|spelt",
        ),
        "pasta": _group(
            "pasta",
            "macaroni|spaghetti|egg noodles|noodles|elbow macaroni",
            0.4,
            ("wrappers|skins|pierogies", "rolls"),
            ("", "pasta"),
        ),
        "legume": _group(
            "legumes",
            "kidney beans|black beans|pinto beans|chickpeas",
            0.35,
            ("lentils|split|dal|dried|mung|adzuki", "grain"),
            ("tofu|tempeh|seitan|curd", "creamy"),
            ("", "can"),
            without="miso|natto|protein|noodles|sauce|dip|hummus|curd",
        ),
        "can": _group(
            "canned",
            "tomato sauce|tomato paste|whole kernel corn|green chilies|stewed tomatoes",
            0.35,
            ("", "can"),
            without="halves|nectar|apples|pudding|filling|peach|cherries|yams|"
            "mincemeat|"
            "papaya|sticks|fried|shoestring",
        ),
        "soup": _group(
            "soups",
            "cream of mushroom soup|cream of chicken soup|tomato soup",
            0.4,
            ("", "soup"),
            having="soup$|bisque|chowder|consomme",
        ),
        "broth": _group(
            "soups",
            "chicken broth|beef broth|water|chicken broth",
            0.55,
            ("water", "water"),
            ("", "broth"),
            having="broth|stock",
        ),
        "bouillon": _group(
            "soups",
            "chicken bouillon cube|beef bouillon cube|chicken bouillon",
            0.6,
            ("cube", "cube"),
            ("", "spoon"),
            having="bouillon|base",
        ),
        "sauce": _group(
            "sauces brand_names",
            "mayonnaise|soy sauce|Worcestershire sauce|ketchup|mustard|salsa|catsup",
            0.4,
            ("", "sauce"),
            without="pickle|jam$|jelly|preserves|marmalade|capers|gherkins|cornichons|"
            "Cool|Chex|Krispies|Whip$|Beaters|Jell|Bake|Velveeta|Boursin|Special|"
            "Cheerios|"
            "Grape|Bisquick|Crisco|curd|fig|Splenda|Ovaltine",
        ),
        "pickle": _group(
            "sauces fruit canned",
            "dill pickle|sweet pickle|capers|black olives|pickles",
            0.4,
            ("", "pickle"),
            having="pickle|capers|gherkins|cornichons|olives|piment|pepperoncini|beets",
            without="relish|sauce",
        ),
        "jam": _group(
            "sauces",
            "peanut butter|grape jelly|orange marmalade",
            0.35,
            ("", "jam"),
            having="jam$|jelly|preserves|marmalade|peanut butter|almond butter|curd|"
            "cashew",
        ),
        "water": _group("", "water", 1.0, ("", "water")),
        "drink": _group(
            "drinks fruit",
            "ginger ale|pineapple juice|orange juice|lemonade|club soda",
            0.3,
            ("ice$|cubes", "grain"),
            ("coffee|tea|chai|espresso", "liquid"),
            ("", "drink"),
            having="ale$|soda|juice|lemonade|limeade|punch|water$|Sprite|7-Up|Coke|"
            "cola|"
            "coffee$|tea$|beer|seltzer|cider|concentrate|Pepper|chai",
            without="lemon juice|lime juice|ice water|coconut water|^water$|Orange|"
            "melon",
        ),
        "wine": _group(
            "drinks",
            "white wine|red wine|sherry|beer",
            0.35,
            ("", "wine"),
            without="root beer|Shaoxing|Dr Pepper|vinegar",
            having="wine|rum|brandy|sherry|Marsala|Madeira|vermouth|cognac|whiskey|"
            "bourbon|"
            "liqueur|Amaretto|Kahlua|vodka|sake|port|Burgundy|Chablis|beer|stout|"
            "tequila",
        ),
        "special": _group(
            "diet_and_other brand_names",
            "Bisquick|Crisco",
            0.25,
            ("", "powder"),
            having="powder|flour|Splenda|Bisquick|Crisco|Ovaltine|yeast|gluten|crumbs",
        ),
    }


@cache
def held_out(seed: int) -> frozenset[str]:
    """Return the names (lower case) of the foods that only the test set may have.

    They are drawn from the tails, category by category, never from the staples.
    """
    random = Random(f"held out {seed}")
    staples = {food for group in groups().values() for food in group.staples}
    tails = {food for group in groups().values() for food in group.tail} - staples
    names: set[str] = set()
    for category in lexicon.categories():
        rare = sorted(food.one for food in tails if food.category == category)
        names.update(random.sample(rare, round(len(rare) * HELD_OUT)))
    chosen = {food for food in tails if food.one in names}
    return frozenset(name.lower() for food in chosen for name in (food.one, food.many))
