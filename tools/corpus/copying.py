"""Documents that are nothing but copying: the skill everything else here stands on.

A model learns early, and only with words it has never met, to find a piece of its
prompt and to go on as the prompt went on (induction).
"""

import json
from random import Random

from tools.corpus import words
from tools.corpus.requests import Chat, bullets


def random_tokens(r: Random, low: int, high: int) -> list[int]:
    """Return a run of random token ids, repeated two to four times.

    low, high: first and last-plus-one token id to draw from.
    """
    run = [r.randrange(low, high) for _ in range(r.randint(6, 50))]
    return run * r.randint(2, 4)


def chat(r: Random) -> Chat:
    """Return a chat that asks for a list back, as it is or in another shape."""
    items = [words.phrase(r, 0.6) for _ in range(r.randint(2, 10))]
    joined = ", ".join(items)
    dumped = json.dumps(items, ensure_ascii=False)
    ask, answer = r.choice(
        (
            (f"Repeat: {joined}", joined),
            (f"Repeat: {dumped}", dumped),
            (f"Write as JSON: {joined}", dumped),
            (f"Write without brackets: {dumped}", joined),
            (f"Write as a bullet list: {joined}", bullets(items)),
            (f"Write as JSON:\n{bullets(items)}", dumped),
            (f"Repeat:\n{bullets(items)}", bullets(items)),
            (f"Which comes after {items[0]}? {joined}", items[1]),
        )
    )
    return [("user", ask), ("assistant", answer)]
