"""Rows that stand on disk: written once, mapped by several processes, read as a stream.

Purpose: what to do when a training file no longer fits into memory, or its preparation
takes longer than the training. `datasets` keeps rows as Arrow files and maps them into
memory piece by piece. Whether more processes gain anything is a question for
`compare`, not for belief. It must never know what the rows are about.
"""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from helpers.memory import MemoryMeter
from helpers.messages import say

if TYPE_CHECKING:
    from datasets import Dataset, IterableDataset
    from transformers import PreTrainedTokenizerBase

WAYS = ("list", "disk", "stream")
BATCH = 1000  # rows that a process tokenizes at once; the default of datasets


def to_disk(file: Path, folder: Path, processes: int | None = None) -> Dataset:
    """Write a JSONL file as a data set on disk, and open it.

    Args:
        file: one JSON object a line.
        folder: takes the Arrow files, and those that `datasets` makes on the way.
        processes: how many write; None writes in this process.

    Returns:
        The data set, mapped into memory, not read into it.
    """
    from datasets import load_dataset, load_from_disk

    rows = load_dataset(
        "json", data_files=str(file), split="train", cache_dir=str(folder / "cache")
    )
    rows.save_to_disk(str(folder / "rows"), num_proc=processes)
    return load_from_disk(str(folder / "rows"))


def stream(file: Path) -> IterableDataset:
    """Open a JSONL file as a stream: nothing is written, rows come as they are read.

    A stream has no length and no row number 7: shuffling goes by a buffer, and the
    trainer has to be told `max_steps`.
    """
    from datasets import load_dataset

    return load_dataset("json", data_files=str(file), split="train", streaming=True)


def tokenize(
    rows: Dataset | IterableDataset,
    tokenizer: PreTrainedTokenizerBase,
    processes: int | None = None,
) -> Dataset | IterableDataset:
    """Turn chats into token ids with the chat template of the tokenizer.

    Args:
        rows: with a column `messages`; on disk or as a stream.
        tokenizer: with a chat template.
        processes: how many work side by side; None works in this process. A stream
            takes None only.

    Returns:
        The rows with one column, `input_ids`.
    """

    def batch(found: dict[str, list[Any]]) -> dict[str, list[list[int]]]:
        texts = tokenizer.apply_chat_template(found["messages"], tokenize=False)
        ids = tokenizer(texts, add_special_tokens=False)["input_ids"]
        return {"input_ids": ids}

    more = {} if processes is None else {"num_proc": processes}
    return rows.map(
        batch, batched=True, batch_size=BATCH, remove_columns=["messages"], **more
    )


def compare(
    file: Path,
    folder: Path,
    tokenizer: PreTrainedTokenizerBase,
    way: str,
    processes: int | None,
) -> dict[str, Any]:
    """Tokenize a file in one way and say what it took; best in a process of its own.

    Args:
        file: JSONL with `messages`.
        folder: an empty folder, for what is written.
        tokenizer: with a chat template.
        way: "list" (all rows in memory), "disk" or "stream".
        processes: of `disk`; None for the others.

    Returns:
        way, processes, rows, tokens, seconds (reading the file included) and grown_mb,
        the memory of this process beyond what it had before (not of its helpers).

    Raises:
        ValueError: there is no such way.
    """
    if way not in WAYS:
        raise ValueError(say("disk.unknown_way", found=way, known=", ".join(WAYS)))
    from datasets import Dataset

    began = time.perf_counter()
    with MemoryMeter() as memory:
        if way == "stream":
            rows = tokenize(stream(file), tokenizer)
        elif way == "disk":
            rows = tokenize(to_disk(file, folder), tokenizer, processes)
        else:
            rows = tokenize(Dataset.from_list(_read(file)), tokenizer)
        lengths = [len(row["input_ids"]) for row in rows]
    return {
        "way": way,
        "processes": processes,
        "rows": len(lengths),
        "tokens": sum(lengths),
        "seconds": time.perf_counter() - began,
        "grown_mb": memory.grown_mb,
    }


def _read(file: Path) -> list[dict[str, Any]]:
    with file.open(encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]
