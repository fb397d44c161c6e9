"""Easy kitchen requests with right answers, as chats.

These are the skills a base model has before anyone fine-tunes it: read a recipe, find a
line, count, repeat, reformat, name the parts of a line. The lesson's own task (a JSON
list of the names, asked for in the lesson's words) is kept out on purpose; tests prove
it.
"""

import json
from random import Random

from tools.corpus import kitchen, words
from tools.corpus.kitchen import Line, Recipe

Chat = list[tuple[str, str]]
ORDINALS = "first second third fourth fifth sixth seventh eighth".split()
SYSTEMS = (
    "",
    "",
    "",
    "You help in a kitchen.",
    "You are a kitchen helper.",
    "You answer briefly.",
    "Answer in few words.",
    "You are a polite assistant who reads recipes.",
    "You read carefully and answer exactly.",
    "Follow the request.",
)


def bullets(items: list[str], mark: str = "- ") -> str:
    """Return the items as a list, one a line."""
    return "\n".join(mark + item for item in items)


def numbered(items: list[str]) -> str:
    """Return the items as a numbered list."""
    return "\n".join(f"{i}. {item}" for i, item in enumerate(items, 1))


def body(r: Random, made: Recipe) -> str:
    """Return a recipe as people paste it, in one of several layouts."""
    texts = made.texts
    x = r.random()
    if x < 0.25:
        return f"{made.title}\n\n{bullets(texts)}"
    if x < 0.4:
        return f"Recipe: {made.title}\nYou need:\n{bullets(texts, '* ')}"
    if x < 0.5:
        return f"{made.title}\n{numbered(texts)}"
    if x < 0.6:
        return f"{made.title}: {'; '.join(texts)}"
    if x < 0.8:
        return f"{made.title}\nlines = {json.dumps(texts, ensure_ascii=False)}"
    if x < 0.9:
        whole = {"name": made.title, "lines": texts}
        return json.dumps(whole, ensure_ascii=False)
    return "\n".join(texts)


def names(r: Random, made: Recipe) -> list[str]:
    """Return the foods of a recipe, once each."""
    return list(dict.fromkeys(made.foods)) or [words.phrase(r)]


def parts(line: Line) -> str:
    """Return the parts of a line, one a line, those that are there."""
    rows = [("amount", line.amount), ("measure", line.unit), ("size", line.size)]
    rows += [
        ("state", line.state),
        ("food", ", ".join(line.foods)),
        ("note", line.tail),
    ]
    return "\n".join(f"{name}: {value}" for name, value in rows if value)


def _about_one_line(r: Random) -> tuple[str, str]:
    line = kitchen.line(r, r.choice((0.2, 0.4)))
    k = r.randrange(6)
    if k == 0:
        ask = r.choice(
            ('What food is in "{}"?', "Which food is this: {}", "{}\nName it.")
        )
        return ask.format(line.text), " and ".join(line.foods)
    if k == 1:
        return f"Take apart: {line.text}", parts(line)
    if k == 2:
        ask = r.choice(('How much is it in "{}"?', "{}\nWhat is the amount?"))
        return ask.format(line.text), line.amount or "It does not say."
    if k == 3:
        return f"Repeat: {line.text}", line.text
    if k == 4:
        ask = r.choice(("{}\nWhat measure?", 'Which unit stands in "{}"?'))
        return ask.format(line.text), line.unit or "none"
    return f"Write in capitals: {line.text}", line.text.upper()


def _about_recipe(r: Random) -> tuple[str, str]:
    # Now and then a long one, so that no line is lost on the way through it.
    made = kitchen.recipe(r, 2, 11 if r.random() < 0.85 else 22)
    text, texts = body(r, made), made.texts
    with_food = [line for line in made.lines if line.foods]
    k = r.randrange(30)
    if k == 0:
        i = r.randrange(min(8, len(texts)))
        return f"{text}\n\nRepeat the {ORDINALS[i]} line.", texts[i]
    if k == 1:
        return f"{text}\n\nHow many lines are there?", str(len(texts))
    if k == 2:
        return f"{text}\n\nWrite the directions.", " ".join(made.directions)
    if k == 3:
        return f"{text}\n\nWrite the lines as a bullet list.", bullets(texts)
    if k == 4:
        return f"{text}\n\nNumber the lines.", numbered(texts)
    if k == 5:
        dumped = json.dumps(texts, ensure_ascii=False)
        return f"{text}\n\nWrite the lines as JSON.", dumped
    if k == 6 and with_food:
        line = r.choice(with_food)
        return f"{text}\n\nHow is {line.foods[0]} listed?", line.text
    if k == 7 and with_food:
        line = r.choice(with_food)
        answer = (
            " ".join(p for p in (line.amount, line.unit) if p) or "It does not say."
        )
        return f"{text}\n\nHow much {line.foods[0]}?", answer
    if k == 8:
        return f"{text}\n\nWhat is the dish called?", made.title
    if k in (9, 10, 11) or k > 20:
        ask = ("Write a shopping list.", "What do I have to buy?", "What goes into it?")
        listed = names(r, made)
        if k in (11, 23, 26, 29):
            return f"{text}\n\n{r.choice(ask)}", ", ".join(listed)
        return f"{text}\n\n{r.choice(ask)}", bullets(listed)
    if k == 12:
        wanted, there = words.phrase(r, 0.3), r.random() < 0.5
        if there and made.foods:
            wanted = r.choice(made.foods)
        return f"{text}\n\nIs there {wanted} in it?", (
            "Yes." if wanted in made.foods else "No."
        )
    if k == 13:
        rows = [
            f"{' and '.join(line.foods)} | {line.amount or '-'}" for line in with_food
        ]
        return f"{text}\n\nMake a table of food and amount.", "\n".join(rows) or "none"
    if k == 14 and with_food:
        return f"{text}\n\nWhich food comes last?", with_food[-1].foods[-1]
    if k == 15 and with_food:
        return f"{text}\n\nWhich food comes first?", with_food[0].foods[0]
    if k == 16:
        bare = [line.text for line in made.lines if not line.amount]
        return f"{text}\n\nWhich lines have no amount?", bullets(bare) or "none"
    if k == 17:
        return f"{text}\n\nCopy the recipe.", f"{made.title}\n{bullets(texts)}"
    if k == 18 and with_food:
        return f"{text}\n\nTake each line apart.", "\n\n".join(
            parts(line) for line in with_food[:4]
        )
    return f"{text}\n\nWrite the amounts in order.", ", ".join(
        line.amount or "-" for line in made.lines
    )


def shopping(r: Random) -> Chat:
    """Return a chat that asks what a recipe needs, as any list but a JSON list."""
    made = kitchen.recipe(r, 3, 11 if r.random() < 0.8 else 20)
    text, listed = body(r, made), names(r, made)
    ask, answer = r.choice(
        (
            ("Write a shopping list.", bullets(listed)),
            ("What do I have to buy?", bullets(listed)),
            ("What goes into it?", ", ".join(listed)),
            ("Name the foods with commas.", ", ".join(listed)),
            ("Name the foods, each in quotes.", ", ".join(f'"{n}"' for n in listed)),
            ("Name the foods, one a line.", "\n".join(listed)),
            ("Number the foods.", numbered(listed)),
            ("Write the foods in a row.", " / ".join(listed)),
            ("What is needed? Start with the last.", ", ".join(reversed(listed))),
        )
    )
    system = r.choice(SYSTEMS)
    messages = [("system", system)] if system else []
    return [*messages, ("user", f"{text}\n\n{ask}"), ("assistant", answer)]


def _reverse(r: Random) -> tuple[str, str]:
    """A request that starts from the foods instead of the lines."""
    foods = [words.phrase(r, 0.4) for _ in range(r.randint(2, 8))]
    joined = ", ".join(foods)
    k = r.randrange(6)
    if k == 0:
        return f"Write as JSON: {joined}", json.dumps(foods, ensure_ascii=False)
    if k == 1:
        return f"Write as a bullet list: {joined}", bullets(foods)
    if k == 2:
        return f"Name a dish with {joined}.", kitchen.title(r, foods)
    if k == 3:
        return f"How do I cook {joined}?", " ".join(kitchen.directions(r, foods))
    if k == 4:
        return f"Which comes after {foods[0]}: {joined}", foods[1]
    return f"Number these: {joined}", numbered(foods)


def chat(r: Random) -> Chat:
    """Return a chat of one to three easy requests as (role, text) pairs."""
    system = r.choice(SYSTEMS)
    messages = [("system", system)] if system else []
    turns = 1 if r.random() < 0.85 else r.randint(2, 3)
    for _ in range(turns):
        x = r.random()
        make = _about_recipe if x < 0.6 else _about_one_line if x < 0.85 else _reverse
        ask, answer = make(r)
        messages += [("user", ask), ("assistant", answer)]
    return messages


def page(r: Random) -> str:
    """Return a recipe as a page of a book, without any request."""
    made = kitchen.recipe(r, 3, 11)
    steps = " ".join(made.directions)
    x = r.random()
    if x < 0.4:
        return f"{made.title}\n\n{bullets(made.texts)}\n\n{steps}"
    if x < 0.7:
        texts = json.dumps(made.texts, ensure_ascii=False)
        done = json.dumps(made.directions, ensure_ascii=False)
        return f"{made.title}\nlines: {texts}\nsteps: {done}"
    foods = ", ".join(names(r, made))
    return f"{made.title} ({foods})\n{numbered(made.texts)}\n{steps}"
