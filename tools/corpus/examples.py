"""Few-shot shaped documents: the task is shown by examples, not told.

Each document draws one hidden rule (which part of the input, in what format) and shows
it on several inputs. A model trained on them learns to look at examples in its prompt.
The lesson's own pairing (lines in, JSON list of food names out) is not among the rules;
lists of other trades (tools, guests) show that JSON can hold what a line names.
"""

import json
from collections.abc import Callable
from random import Random

from tools.corpus import kitchen, notes, requests, words
from tools.corpus.kitchen import Recipe
from tools.corpus.requests import Chat

HINTS = (
    "",
    "",
    "",
    "Do the same as in the examples.",
    "Look at the examples.",
    "Continue in the same way.",
    "You turn one text into another.",
    "Answer in the form of the examples.",
)
JOINTS = (", ", ", ", "; ", " / ", " | ", " + ", "\n", "\n- ", " & ")
WRAPS = (("", ""), ("", ""), ("(", ")"), ("[", "]"), ("<", ">"), ("{", "}"), ('"', '"'))
Rule = Callable[[Recipe], str]


def _show(r: Random) -> Rule:
    """Draw how a recipe is shown."""
    with_title = r.random() < 0.5
    label = r.choice(("Recipe", "Dish", "Name", "Called", words.made_up(r).title()))
    what = r.choice(("Lines", "Needs", "Input", "List", words.made_up(r).title()))
    ask = r.choice(
        ("", "", "", "Answer: ", "Output: ", f"{words.made_up(r).title()}: ")
    )
    k = r.randrange(4)

    def show(made: Recipe) -> str:
        if k in (0, 1):
            text = json.dumps(made.texts, ensure_ascii=False)
        elif k == 2:
            text = "\n" + requests.bullets(made.texts)
        else:
            text = "; ".join(made.texts)
        head = f"{label}: {made.title}\n\n" if with_title else ""
        return f"{head}{what}: {text}" + (f"\n\n{ask}" if ask else "")

    return show


def _answer(r: Random) -> Rule:
    """Draw what is answered: which part of the recipe, in which format."""
    joint = r.choice(JOINTS)
    left, right = r.choice(WRAPS)
    k = r.randrange(13)

    def foods(made: Recipe) -> list[str]:
        return list(dict.fromkeys(made.foods)) or ["none"]

    def joined(items: list[str]) -> str:
        return (
            f"{joint[1:]}" * (joint[0] == "\n") + left + joint.join(items) + right
        ).strip()

    def answer(made: Recipe) -> str:
        if k < 5:
            return joined(foods(made))
        if k == 5:
            return joined([f"{left or '<'}{f}{right or '>'}" for f in foods(made)])
        if k == 6:
            return joined([f.upper() for f in foods(made)])
        if k == 7:
            amounts = [line.amount or "-" for line in made.lines]
            return json.dumps(amounts) if left else joined(amounts)
        if k == 8:
            units = [line.unit or "-" for line in made.lines]
            return json.dumps(units, ensure_ascii=False) if left else joined(units)
        if k == 9:
            return joined([f"{f} ({len(f.split())})" for f in foods(made)])
        if k == 10:
            return foods(made)[0] if left else foods(made)[-1]
        if k == 11:
            return json.dumps(
                {" and ".join(n.foods): n.amount for n in made.lines if n.foods},
                ensure_ascii=False,
            )
        starts = [text.split()[0] for text in made.texts]
        return json.dumps(starts, ensure_ascii=False)

    return answer


def _listed(r: Random) -> Rule:
    """Draw a way to write the foods as a list: any but a JSON list of strings."""
    left, right = r.choice(
        (*WRAPS, ("<<", ">>"), ("list: ", ""), ("= ", " ."), ("", ""))
    )
    quote = r.choice(('"', '"', "'", "", "", "*", "`", "_"))
    if left == "[" and quote in "\"'" and quote:
        left, right = "(", ")"
    joint = r.choice((", ", ", ", ", ", "; ", " | ", ",", " / ", " "))
    case = r.choice((str, str, str, str.upper, str.lower))

    def answer(made: Recipe) -> str:
        foods = [case(f) for f in dict.fromkeys(made.foods)] or ["none"]
        return left + joint.join(f"{quote}{f}{quote}" for f in foods) + right

    return answer


def _picked(r: Random) -> Rule:
    """Draw what is picked out of each line of a list that is not about food."""
    k = r.randrange(10)

    def answer(made: Recipe) -> str:
        if k < 6:
            return notes.dumped(made.foods)
        if k == 6:
            return notes.dumped([thing.lower() for thing in made.foods])
        if k == 7:
            return notes.dumped([line.tail or "-" for line in made.lines])
        if k == 8:
            pairs = {n.foods[0]: n.amount for n in made.lines}
            return json.dumps(pairs, ensure_ascii=False)
        return notes.dumped([line.foods[-1].split()[-1] for line in made.lines])

    return answer


def _word_rule(r: Random) -> Callable[[], tuple[str, str]]:
    """Draw a rule over short lists of names."""
    k = r.randrange(7)
    joint = r.choice(JOINTS[:7])
    left, right = r.choice(WRAPS)

    def pair() -> tuple[str, str]:
        items = [words.phrase(r, 0.6) for _ in range(r.randint(2, 6))]
        ask = ", ".join(items)
        if k == 0:
            return ask, json.dumps(items, ensure_ascii=False)
        if k == 1:
            return ask, joint.join(f"{left}{i}{right}" for i in items)
        if k == 2:
            return ask, items[0]
        if k == 3:
            return ask, items[-1]
        if k == 4:
            return ask, joint.join(reversed(items))
        if k == 5:
            return json.dumps(items, ensure_ascii=False), joint.join(items)
        return ask, " ".join(items).upper()

    return pair


def chat(r: Random, long: bool = False) -> Chat:
    """Return a chat in which examples show the rule; all answers are right.

    long: with more and longer examples (up to about 1,500 tokens).
    """
    hint = r.choice(HINTS)
    turns = r.randint(3, 6) if long else r.randint(2, 4)
    x = r.random()
    if x < 0.15:
        pair = _word_rule(r)
        pairs = [pair() for _ in range(turns + 2)]
    elif x < 0.5:
        show = _show(r)
        answer = _picked(r) if r.random() < 0.7 else _answer(r)
        lists = [notes.note(r, 1, 9 if long else 5) for _ in range(turns)]
        pairs = [(show(m), answer(m)) for m in lists]
    else:
        late = getattr(r, "untidy", False)
        show = _show(r)
        answer = _listed(r) if late and r.random() < 0.6 else _answer(r)
        new = r.choice((0.1, 0.25, 0.5))
        high = 11 if long else 5 if late else 4
        made = [kitchen.recipe(r, 1, high, new) for _ in range(turns)]
        pairs = [(show(m), answer(m)) for m in made]
    if r.random() < 0.25:  # the examples stand in one message
        shown = "\n\n".join(f"{a}\n=> {b}" for a, b in pairs[:-1])
        ask, answer_text = pairs[-1]
        messages = [("user", f"{shown}\n\n{ask}\n=> "), ("assistant", answer_text)]
    else:
        messages = []
        for ask, answer_text in pairs:
            messages += [("user", ask), ("assistant", answer_text)]
    return ([("system", hint)] if hint else []) + messages
