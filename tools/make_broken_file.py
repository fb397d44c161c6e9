"""Make data/broken_recipes.jsonl: a training file with a fault of each kind in it.

    python -m tools.make_broken_file            writes the file
    python -m tools.make_broken_file --check    compares instead, fails on a difference

The examples are recipes of the train pool; between good ones stand faulty ones, one for
each kind of fault that a reader of `notebooks/10_prepare_data.ipynb` is to mend.
`make_lines` says which line has which fault, so that a test can prove that the check
finds these and no others. What looks like personal data belongs to nobody: a reserved
domain, a number kept for films, a test card, the IBAN registry's own example, a key
that was made up. The same recipes give the same bytes on every machine.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from random import Random
from typing import Any

from helpers.recipes import DATA_DIR, load_recipes, take, to_example
from tools.generated import write_or_compare

PATH = DATA_DIR / "broken_recipes.jsonl"
SEED = 20261122
FIRST_ROW = 300  # of the train pool: other notebooks train on the first rows
MENU = range(500, 560)  # rows that one careless example holds together
LEAKED_ROW = 7  # of the frozen test set
WINDOWS = range(21, 27)  # lines that end with CR LF
BOM = b"\xef\xbb\xbf"
Example = dict[str, Any]


@dataclass(frozen=True)
class Line:
    """One line of the file.

    Attributes:
        raw: its bytes, without the end of the line.
        fault: what is wrong; empty for a good line.
        codes: problems that a check reports for this line.
        stays: a mended file still has this example.
    """

    raw: bytes
    fault: str = ""
    codes: tuple[str, ...] = ()
    stays: bool = True


def dump(example: Mapping[str, Any]) -> bytes:
    """Return an example as the bytes of a line."""
    return json.dumps(example, ensure_ascii=False).encode()


def roles(example: Example) -> tuple[Example, Example, Example]:
    """Return the messages of system, user and assistant."""
    system, user, assistant = example["messages"]
    return system, user, assistant


# --- faults of one line -----------------------------------------------------------


def old_encoding(example: Example) -> bytes:
    """Write an accent as old Windows programs do."""
    user = roles(example)[1]
    user["content"] = user["content"].replace("Title: ", "Title: Entrée: ", 1)
    return json.dumps(example, ensure_ascii=False).encode("cp1252")


def cut_off(example: Example) -> bytes:
    """Lose the second half of the line."""
    whole = dump(example)
    return whole[: len(whole) // 2]


def python_quotes(example: Example) -> bytes:
    """Write what Python prints instead of JSON."""
    return repr(example).encode()


def lost_comma(example: Example) -> bytes:
    """Leave out the comma before the answer."""
    return dump(example).replace(b'}, {"role": "assistant"', b'} {"role": "assistant"')


def misspelt_role(example: Example) -> bytes:
    """Misspell a role."""
    roles(example)[2]["role"] = "asistant"
    return dump(example)


def other_names(example: Example) -> bytes:
    """Call the roles what another data format calls them."""
    roles(example)[1]["role"] = "human"
    roles(example)[2]["role"] = "gpt"
    return dump(example)


def remark(example: Example) -> bytes:
    """Put a key into a message that no service knows."""
    roles(example)[2]["source"] = "recipes.csv"
    return dump(example)


def list_as_answer(example: Example) -> bytes:
    """Write the answer as a list where text is needed."""
    answer = roles(example)[2]
    answer["content"] = json.loads(answer["content"])
    return dump(example)


def old_format(example: Example) -> bytes:
    """Write prompt and completion, as for models before the chat models."""
    _, user, assistant = roles(example)
    return dump({"prompt": user["content"], "completion": assistant["content"]})


def answer_before_question(example: Example) -> bytes:
    """Exchange question and answer."""
    system, user, assistant = roles(example)
    return dump({"messages": [system, assistant, user]})


def system_in_the_middle(example: Example) -> bytes:
    """Say what the model is after the question."""
    system, user, assistant = roles(example)
    return dump({"messages": [user, system, assistant]})


def question_in_two(example: Example) -> bytes:
    """Split the question into two messages."""
    system, user, assistant = roles(example)
    title, ingredients = user["content"].split("\n\n", 1)
    first = {"role": "user", "content": title}
    second = {"role": "user", "content": ingredients}
    return dump({"messages": [system, first, second, assistant]})


def no_answer(example: Example) -> bytes:
    """Leave the answer empty."""
    roles(example)[2]["content"] = ""
    return dump(example)


def weightless(example: Example) -> bytes:
    """Give the only answer the weight 0."""
    roles(example)[2]["weight"] = 0
    return dump(example)


def control_token(example: Example) -> bytes:
    """Let the answer end with a control token of OpenAI's models."""
    roles(example)[2]["content"] += "<|endoftext|>"
    return dump(example)


def other_system_prompt(example: Example) -> bytes:
    """Use another system prompt than everywhere else."""
    roles(example)[0]["content"] = "You are a cooking bot."
    return dump(example)


def with_note(note: str) -> Callable[[Example], bytes]:
    """Return a fault: one more line among the ingredients, which does not belong."""

    def fault(example: Example) -> bytes:
        user = roles(example)[1]
        head, lines, tail = user["content"].rsplit("\n\n", 2)
        listed = json.loads(lines.removeprefix("Ingredients: "))
        text = "Ingredients: " + json.dumps([*listed, note])
        user["content"] = "\n\n".join((head, text, tail))
        return dump(example)

    return fault


# Put together, so that no scanner takes it for a key that somebody lost.
FAKE_KEY = "sk-" + "proj-" + 3 * "not4real"

# fault, its problems, whether a mended file still has the example, how to make it
FAULTS: tuple[tuple[str, tuple[str, ...], bool, Callable[[Example], bytes]], ...] = (
    ("old encoding", ("invalid_utf8",), True, old_encoding),
    ("cut off", ("invalid_json",), False, cut_off),
    ("python quotes", ("invalid_json",), True, python_quotes),
    ("lost comma", ("invalid_json",), True, lost_comma),
    ("misspelt role", ("role_unknown",), True, misspelt_role),
    ("other names", ("role_unknown", "role_unknown"), True, other_names),
    ("remark", ("unknown_key",), True, remark),
    ("list as answer", ("wrong_type",), True, list_as_answer),
    ("old format", ("wrong_method",), True, old_format),
    (
        "answer before question",
        ("answer_first", "last_not_assistant"),
        True,
        answer_before_question,
    ),
    (
        "system in the middle",
        ("system_not_first", "system_prompt_mixed"),
        True,
        system_in_the_middle,
    ),
    ("question in two", ("same_role_twice",), True, question_in_two),
    ("no answer", ("empty_answer",), False, no_answer),
    ("weightless", ("nothing_to_learn",), True, weightless),
    ("control token", ("reserved_token",), True, control_token),
    ("other system prompt", ("system_prompt_mixed",), True, other_system_prompt),
    (
        "address and number",
        ("personal_data", "personal_data"),
        True,
        with_note("Questions? a.cook@example.org or (212) 555-0142"),
    ),
    (
        "card",
        ("personal_data",),
        True,
        with_note("paid with 4111 1111 1111 1111"),
    ),
    (
        "account",
        ("personal_data",),
        True,
        with_note("prize money to DE89 3704 0044 0532 0130 00"),
    ),
    ("key", ("secret",), True, with_note(f"upload with {FAKE_KEY}")),
)
# Faults that need other lines to be seen; `_of_several` makes them.
OTHERS = (
    "blank", "menu", "duplicate", "duplicate in capitals", "contradiction", "leak",
    "near copy",
)  # fmt: skip


# --- the file ---------------------------------------------------------------------


def make_lines() -> list[Line]:
    """Return the lines of the file, in their order, each with what is wrong with it."""
    recipes = load_recipes(DATA_DIR / "recipes.csv")
    pool = take(recipes, "train").to_dict("records")
    fresh = (to_example(row) for row in pool[FIRST_ROW:])
    # The first lines are good: later ones repeat them.
    known = [next(fresh) for _ in range(5)]
    lines = [Line(dump(example)) for example in known]
    names = [fault[0] for fault in FAULTS] + list(OTHERS)
    random = Random(SEED)
    random.shuffle(names)
    one_line = {fault[0]: fault for fault in FAULTS}
    for name in names:
        if name in one_line:
            _, codes, stays, make = one_line[name]
            lines.append(Line(make(next(fresh)), name, codes, stays))
        else:
            lines += _of_several(name, fresh, known, recipes)
        lines += [Line(dump(next(fresh))) for _ in range(random.randrange(3))]
    return [
        replace(line, codes=(*line.codes, "windows_line_endings"))
        if number == WINDOWS[0]
        else line
        for number, line in enumerate(lines, start=1)
    ]


def _of_several(
    name: str, fresh: Iterator[Example], known: list[Example], recipes: Any
) -> list[Line]:
    """Return the lines of a fault that only several lines or files show."""
    if name == "blank":
        return [Line(b"", name, ("blank_line",), False)]
    if name == "menu":
        pool = take(recipes, "train").iloc[MENU.start : MENU.stop]
        row = {
            "title": "A menu for every day",
            "ingredients": _joined(pool["ingredients"]),
            "NER": _joined(pool["NER"]),
        }
        return [Line(dump(to_example(row)), name, ("too_long",), False)]
    if name == "duplicate":
        return [Line(dump(known[1]), name, ("duplicate_example",), False)]
    if name == "duplicate in capitals":
        system, user, assistant = roles(_copy(known[2]))
        user["content"] = user["content"].upper()
        copied = {"messages": [system, user, assistant]}
        return [Line(dump(copied), name, ("duplicate_example",), False)]
    if name == "contradiction":
        right = next(fresh)
        wrong = _copy(right)
        lines = roles(wrong)[1]["content"].split("Ingredients: ")[1]
        roles(wrong)[2]["content"] = lines.split("\n\n")[0]
        return [
            Line(dump(wrong), name, (), False),
            Line(dump(next(fresh))),
            # The check names the later line; the earlier one is wrong.
            Line(dump(right), "", ("contradicting_answers",), True),
        ]
    if name == "leak":
        row = take(recipes, "test").iloc[LEAKED_ROW]
        return [Line(dump(to_example(row)), name, (), False)]
    copied = _copy(known[3])
    _, user, assistant = roles(copied)
    title, rest = user["content"].split("\n", 1)
    user["content"] = f"{title} II\n{rest}"
    names = json.loads(assistant["content"])
    assistant["content"] = json.dumps(names[:-2])
    return [Line(dump(copied), name, (), False)]


def _joined(lists: Any) -> str:
    return json.dumps([item for text in lists for item in json.loads(text)])


def _copy(example: Example) -> Example:
    return json.loads(json.dumps(example))


def as_bytes(lines: list[Line]) -> bytes:
    """Return the bytes of the file: a mark at its start, two kinds of line ends."""
    ended = (
        line.raw + (b"\r\n" if number in WINDOWS else b"\n")
        for number, line in enumerate(lines, start=1)
    )
    return BOM + b"".join(ended)


def main(arguments: list[str] | None = None) -> int:
    """Write the file, or compare it with --check; return the exit status."""
    lines = make_lines()
    what = f"{len(lines)} lines"
    return write_or_compare(as_bytes(lines), what, PATH, __doc__, arguments)


if __name__ == "__main__":
    sys.exit(main())
