"""The corpus of the base model: text that tools make, and what share each kind has.

`documents(seed, stage)` yields documents as lists of (role, text) pairs; role "text" is
plain text without chat. Everything comes from one seed, so that a shard of the corpus
can be made again byte for byte. A new domain is one more module and one more line in
MIXTURE.
"""

from collections.abc import Callable, Iterator
from random import Random

from tools.corpus import copying, examples, notes, requests, tables, talk
from tools.corpus.requests import Chat
from tools.corpus.words import Writer

Shares = tuple[tuple[float, Callable[[Random], Chat]], ...]
MAIN: Shares = (
    (0.06, copying.chat),
    (0.08, lambda r: [("text", requests.page(r))]),
    (0.41, requests.chat),
    (0.31, examples.chat),
    (0.03, notes.chat),
    (0.06, tables.chat),
    (0.02, lambda r: [("text", tables.page(r))]),
    (0.03, talk.chat),
)
# The end of the run counts most, so what a kitchen asks most often comes oftener then.
LAST: Shares = (
    (0.05, copying.chat),
    (0.04, lambda r: [("text", requests.page(r))]),
    (0.30, requests.chat),
    (0.16, requests.shopping),
    (0.32, examples.chat),
    (0.03, notes.chat),
    (0.05, tables.chat),
    (0.02, lambda r: [("text", tables.page(r))]),
    (0.03, talk.chat),
)
# Long few-shot documents, so that examples far up in the prompt are found.
LONG: Shares = ((1.0, lambda r: examples.chat(r, long=True)),)
MIXTURE: dict[str, Shares] = {
    # The first stretch: copying alone, until induction works.
    "copying": ((1.0, copying.chat),),
    "main": MAIN,
    "long": LONG,
    # The same once the tidy lines are learned, in untidy hands.
    "late": MAIN,
    "late long": LONG,
    "last": LAST,
}
UNTIDY = {"late", "late long", "last"}


def documents(seed: int, stage: str = "main") -> Iterator[Chat]:
    """Yield documents without end; the same seed yields the same documents.

    stage: one of the keys of MIXTURE.
    """
    r = Writer(f"{stage}-{seed}", untidy=stage in UNTIDY)
    shares, makers = zip(*MIXTURE[stage], strict=True)
    while True:
        yield r.choices(makers, shares)[0](r)
