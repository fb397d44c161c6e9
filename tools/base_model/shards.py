"""The corpus as numbered files of token ids, made ahead of the training beside it.

A shard depends on its number alone, so an interrupted run makes the same shards again.
Rows are cut from one stream of documents; a row has `width` tokens.
"""

import os
from pathlib import Path
from random import Random

import numpy as np
from safetensors.numpy import load_file, save_file
from tokenizers import Tokenizer

from tools.base_model.tokenizer import ASSISTANT, END, SYSTEM, USER
from tools.corpus import copying, documents

SHARD_TOKENS = 500_000
WIDTH = {"copying": 384, "main": 384, "late": 384, "long": 1536, "late long": 1536}
ROLES = {"system": SYSTEM, "user": USER, "assistant": ASSISTANT}
EVERY_LONG = 8  # one shard in eight is long,
LATE_EVERY_LONG = 4  # later one in four
LATE_FROM = 16  # from this shard on the writers are untidy
SHARE_OF_RANDOM = {"copying": 0.5, "main": 0.02, "late": 0.02, "long": 0.0}
FIRST_WORD = 262  # the first id after special tokens and single bytes


def stage_of(number: int, copying_shards: int) -> str:
    """Return which stage of the corpus a shard is drawn from."""
    if number < copying_shards:
        return "copying"
    if number < LATE_FROM:
        return "long" if number % EVERY_LONG == EVERY_LONG - 1 else "main"
    long = number % LATE_EVERY_LONG == LATE_EVERY_LONG - 1
    return "late long" if long else "late"


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


def make(tokenizer: Tokenizer, number: int, copying_shards: int) -> np.ndarray:
    """Return the shard's rows, an array of shape (rows, width) of uint16."""
    stage = stage_of(number, copying_shards)
    width = WIDTH[stage]
    r = Random(f"shard-{number}")
    stream = documents(number, stage)
    ids: list[int] = []
    size = tokenizer.get_vocab_size()
    while len(ids) < SHARD_TOKENS:
        chats = [next(stream) for _ in range(256)]
        for document in encode(tokenizer, chats):
            # Some copying of random tokens goes on to the end; at first it is half.
            share = SHARE_OF_RANDOM[stage.removeprefix("late ")]
            if r.random() < share:
                ids += copying.random_tokens(r, FIRST_WORD, size)
                ids.append(END)
            ids += document
    rows = len(ids) // width
    return np.asarray(ids[: rows * width], dtype=np.uint16).reshape(rows, width)


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


def load(file: Path) -> np.ndarray:
    """Return the rows of a shard."""
    return load_file(file)["ids"]
