"""The corpus of the base model: text that tools make, and what share each kind has.

`documents(seed, stage)` yields documents as lists of (role, text) pairs; role "text" is
plain text without chat. Everything comes from one seed, so that a shard of the corpus
can be made again byte for byte. A new domain is one more module and one more line in
MIXTURE.
"""

from collections.abc import Callable, Iterator
from random import Random

from tools.corpus import copying, examples, requests, tables, talk
from tools.corpus.requests import Chat
from tools.corpus.words import Writer

Shares = tuple[tuple[float, Callable[[Random], Chat]], ...]
MAIN: Shares = (
    (0.07, copying.chat),
    (0.12, lambda r: [("text", requests.page(r))]),
    (0.42, requests.chat),
    (0.27, examples.chat),
    (0.06, tables.chat),
    (0.03, lambda r: [("text", tables.page(r))]),
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
}
UNTIDY = {"late", "late long"}


def documents(seed: int, stage: str = "main") -> Iterator[Chat]:
    """Yield documents without end; the same seed yields the same documents.

    stage: "copying", "main", "long", "late" or "late long", the keys of MIXTURE.
    """
    r = Writer(f"{stage}-{seed}", untidy=stage in UNTIDY)
    shares, makers = zip(*MIXTURE[stage], strict=True)
    while True:
        yield r.choices(makers, shares)[0](r)
