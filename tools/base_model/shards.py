"""The corpus as numbered files of token ids, made ahead of the training beside it.

A shard depends on its number alone, so an interrupted run makes the same shards again.
A row holds whole documents: one cut off in its middle would leave an answer without its
question, which teaches to make things up.
"""

import os
from pathlib import Path
from random import Random

import numpy as np
from safetensors.numpy import load_file, save_file
from tokenizers import Tokenizer

from tools.base_model.tokenizer import ASSISTANT, END, PAD, SYSTEM, USER
from tools.corpus import copying, documents

SHARD_TOKENS = 500_000
WIDTH = {"copying": 512, "main": 512, "late": 512, "last": 512}
WIDTH |= {"long": 1536, "late long": 1536}
ROLES = {"system": SYSTEM, "user": USER, "assistant": ASSISTANT}
EVERY_LONG = 8  # one shard in eight is long,
LATE_EVERY_LONG = 4  # later one in four
LATE_FROM = 16  # from this shard on the writers are untidy,
LAST_FROM = 60  # and from this one on more is asked about shopping
SHARE_OF_RANDOM = {"copying": 0.5, "main": 0.02, "late": 0.02, "last": 0.02}
WEIGHT_OF_REQUEST = 0.25
FIRST_WORD = 262  # the first id after special tokens and single bytes


def stage_of(number: int, copying_shards: int) -> str:
    """Return which stage of the corpus a shard is drawn from."""
    if number < copying_shards:
        return "copying"
    if number < LATE_FROM:
        return "long" if number % EVERY_LONG == EVERY_LONG - 1 else "main"
    long = number % LATE_EVERY_LONG == LATE_EVERY_LONG - 1
    return "late long" if long else "last" if number >= LAST_FROM else "late"


def encode(tokenizer: Tokenizer, chats: list) -> list[list[int]]:
    """Return the token ids of each document, roles and end marks included."""
    flat = [text for chat in chats for _, text in chat]
    encoded = iter(tokenizer.encode_batch_fast(flat, add_special_tokens=False))
    found = []
    for chat in chats:
        ids: list[int] = []
        for role, _ in chat:
            if role in ROLES:
                ids.append(ROLES[role])
            ids += next(encoded).ids
            ids.append(END)
        found.append(ids)
    return found


def packed(r: Random, found: list[list[int]], width: int) -> list[list[int]]:
    """Return rows of `width` ids that hold the documents whole, in little room.

    First fit, the longest first; what is longer than a row is cut at the row's end.
    """
    rows: list[list[list[int]]] = []
    left: list[int] = []
    for document in sorted(found, key=len, reverse=True):
        at = next((i for i, room in enumerate(left) if room >= len(document)), None)
        if at is None:
            rows.append([document[:width]])
            left.append(max(0, width - len(document)))
        else:
            rows[at].append(document)
            left[at] -= len(document)
    for row in rows:  # else no short document would ever stand first
        r.shuffle(row)
    return [
        [id_ for document in row for id_ in document] + [PAD] * room
        for row, room in zip(rows, left, strict=True)
    ]


def make(tokenizer: Tokenizer, number: int, copying_shards: int) -> np.ndarray:
    """Return the shard's rows, an array of shape (rows, width) of uint16."""
    stage = stage_of(number, copying_shards)
    width = WIDTH[stage]
    r = Random(f"shard-{number}")
    stream = documents(number, stage)
    rows: list[list[int]] = []
    size = tokenizer.get_vocab_size()
    share = SHARE_OF_RANDOM.get(stage, 0.0)
    while len(rows) * width < SHARD_TOKENS:
        found = encode(tokenizer, [next(stream) for _ in range(256)])
        # Some copying of random tokens goes on to the end; at first it is half.
        for _ in range(len(found)):
            if r.random() < share:
                run = copying.random_tokens(r, FIRST_WORD, size)
                found.append([*run, END])
        rows += packed(r, found, width)
    return np.asarray(rows, dtype=np.uint16)


def path(folder: Path, number: int) -> Path:
    """Return where a shard lies."""
    return folder / f"shard-{number:05d}.safetensors"


def ensure(
    tokenizer: Tokenizer, folder: Path, number: int, copying_shards: int
) -> Path:
    """Make the shard unless it is there, and return where it lies."""
    target = path(folder, number)
    if not target.exists():
        folder.mkdir(parents=True, exist_ok=True)
        rows = make(tokenizer, number, copying_shards)
        temporary = target.with_suffix(f".{os.getpid()}")
        save_file({"ids": rows}, temporary)
        temporary.replace(target)
    return target


def weights(rows: np.ndarray) -> np.ndarray:
    """Return how much each token counts in the loss: same shape, float32, 0 to 1.

    What a user says is mostly drawn by lot and cannot be foreseen, so it counts little;
    answers and plain text count in full, padding not at all.
    """
    marks = np.isin(rows, (END, SYSTEM, USER, ASSISTANT))
    places = np.where(marks, np.arange(rows.shape[1]), 0)
    before = np.maximum.accumulate(places, axis=1)
    # The mark that stands last before a token says who speaks.
    before = np.concatenate((np.zeros_like(before[:, :1]), before[:, :-1]), axis=1)
    asked = np.isin(np.take_along_axis(rows, before, axis=1), (SYSTEM, USER))
    found = np.where(asked, WEIGHT_OF_REQUEST, 1.0).astype(np.float32)
    found[rows == PAD] = 0.0
    return found


def load(file: Path) -> np.ndarray:
    """Return the rows of a shard."""
    return load_file(file)["ids"]
