"""A hand-written rule for generic ingredient names: what fine-tuning has to beat.

Some twenty lines of regular expressions, as somebody would write them after an hour
with the training rows. It is a fair opponent, not a straw man: common units, states and
phrases are in it. It must never learn from data, nor know the recipes' word lists.
"""

import re

AMOUNT = r"plus|[\d./]+(?:[ -]\d+/\d+)?|an?|one|two|three|six|half|dozen|doz"
UNIT = (
    r"c|cups?|t|tsps?|teaspoons?|tbsps?|tablespoons?|lbs?|pounds?|oz|ounces?|pts?|pints?|"
    r"qts?|quarts?|gal|ml|dl|l|g|kg|liters?|pkgs?|packages?|cans?|jars?|box(?:es)?|tubs?|"
    r"cartons?|containers?|envelopes?|env|bags?|bottles?|sticks?|cloves?|slices?|stalks?|"
    r"ribs?|heads?|bunch(?:es)?|sprigs?|squares?|loaf|dash(?:es)?|pinch(?:es)?|strips?|"
    r"pieces?"
)
STATE = (
    r"large|small|medium|lg|med|sm|big|finely|coarsely|thinly|freshly|slightly|lightly|"
    r"firmly|well|very|chopped|diced|minced|sliced|grated|shredded|crumbled|cubed|mashed|"
    r"crushed|peeled|melted|softened|soft|cold|hot|warm|boiling|chilled|cooked|uncooked|"
    r"beaten|sifted|packed|drained|frozen|fresh|thawed|ripe|toasted|boneless|skinless|raw|"
    r"whole|canned|divided|optional|boiled|hard-boiled|baked|chunk|mini|miniature"
)
MORE = r"about|approx|scant|heaping|each|few|little|juice|rind|zest|peel|of|or|to|and"
LEAD = re.compile(
    rf"^(?:(?:{AMOUNT}|{UNIT}|{STATE}|{MORE})(?=[\s.,:]|$)[\s.,:-]*)+", re.I
)
TAIL = re.compile(
    r"\s*(?: - |--|:| or | for | to | in | plus | cut | if | as needed| optional).*$",
    re.I,
)
LAST = re.compile(rf"(?:[\s,]+(?:{STATE}))+$", re.I)


def extract(lines: list[str]) -> list[str]:
    """Return the generic names that the rule finds in ingredient lines.

    lines: the lines of one recipe, as written. Names come in the order of the lines,
    each once whatever its capitals; a line in which the rule finds nothing yields none.
    """
    names: dict[str, str] = {}
    for line in lines:
        text = re.sub(r"\([^)]*\)", " ", line)
        text = LEAD.sub("", re.sub(r"(?<=\d)(?=[A-Za-z])", " ", text.strip()))
        text = TAIL.sub("", re.sub(r"\s+", " ", text))
        listed = re.fullmatch(r"[^,]+(,[^,]+)*,? and [^,]+", text)
        for part in re.split(r",? and |, ", text) if listed else [text.split(",")[0]]:
            name = LAST.sub("", LEAD.sub("", part)).strip(" .,*")
            if name:
                names.setdefault(name.lower(), name)
    return list(names.values())
