"""Training data from one file format into another, and back, with nothing lost.

Purpose: the same conversations in the form that each way of fine-tuning reads.

    chat               JSON Lines, messages in a line     this provider, OpenAI, Azure
    prompt_completion  JSON Lines, the last answer apart  TRL
    text_csv           CSV, a column with the messages    AutoTrain
    text_jsonl         JSON Lines, the same column        AutoTrain
    dataset            a folder of the datasets library   TRL, data larger than memory

What a form cannot say is refused, with the line: weights of messages and tools stand in
OpenAI's format alone, and a prompt with a completion has one answer to learn. All
conversations are in memory at once. It must never know a provider or a tokenizer, and
never guesses what a file might have meant.
"""

from __future__ import annotations

import csv
import hashlib
import json
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from helpers.chat_format import Problem, read_examples
from helpers.messages import say
from helpers.recipes import write_jsonl

Conversation = list[dict[str, str]]

CHAT, PAIRS, DATASET = "chat", "prompt_completion", "dataset"
TEXT_CSV, TEXT_JSONL = "text_csv", "text_jsonl"
FORMS = (CHAT, PAIRS, TEXT_CSV, TEXT_JSONL, DATASET)
ROLES = ("system", "user", "assistant")
COLUMN = "text"  # AutoTrain's default name
# Words of the message about what stands in OpenAI's format alone.
ONLY_THERE = {"weight": "convert.weight", "tool_calls": "convert.tools"}


class CannotConvert(ValueError):
    """A file holds what another form cannot say, or is not of the form it should be."""


def form_of(path: str | Path) -> str:
    """Return the form of a file or folder, by what stands in it.

    Raises:
        CannotConvert: it is none of FORMS; what was found is named.
        OSError: it cannot be read.
    """
    path = Path(path)
    if path.is_dir():
        return DATASET
    if path.suffix.lower() == ".csv":
        return TEXT_CSV
    keys = set(next(_objects(path), (0, {}))[1])
    if "messages" in keys:
        return CHAT
    if {"prompt", "completion"} <= keys:
        return PAIRS
    if len(keys) == 1:
        return TEXT_JSONL
    raise CannotConvert(say("convert.form", path=path.name, keys=", ".join(keys)))


def convert(
    source: str | Path, target: str | Path, form: str, column: str = COLUMN
) -> Path:
    """Write the conversations of one file in another form.

    Args:
        source: a file or folder of any of FORMS.
        target: where to write; a folder for "dataset".
        form: one of FORMS.
        column: name of the column, for the two forms of AutoTrain.

    Returns:
        The target.

    Raises:
        CannotConvert: a line holds what the form cannot say; file and line are named.
        OSError: a file cannot be read or written.
    """
    numbered = _numbered(Path(source), column)
    if form == PAIRS:
        for line, messages in numbered:
            _pair(messages, Path(source).name, line)
    return write([messages for _, messages in numbered], target, form, column)


def digest(path: str | Path, column: str = COLUMN) -> str:
    """Return a hash of the conversations in a file, the same in every form.

    Args:
        path: a file or folder of any of FORMS.
        column: name of the column, for the two forms of AutoTrain.
    """
    text = "\n".join(json.dumps(one, sort_keys=True) for one in read(path, column))
    return hashlib.sha256(text.encode()).hexdigest()


# --- reading ----------------------------------------------------------------------


def read(path: str | Path, column: str = COLUMN) -> list[Conversation]:
    """Read the conversations of a file or folder of any of FORMS.

    Args:
        path: the file or folder.
        column: name of the column, for the two forms of AutoTrain.

    Returns:
        A list of messages for each line: role and content, in that order.

    Raises:
        CannotConvert: a line is not of the file's form, or says what others cannot.
        OSError: it cannot be read.
    """
    return [messages for _, messages in _numbered(Path(path), column)]


def _numbered(path: Path, column: str) -> list[tuple[int, Conversation]]:
    form = form_of(path)
    rows = {
        CHAT: _chat, PAIRS: _pairs, DATASET: _dataset,
        TEXT_CSV: _column_of_csv, TEXT_JSONL: _column_of_jsonl,
    }[form](path, column)  # fmt: skip
    return [(line, _plain(messages, path.name, line)) for line, messages in rows]


def _chat(path: Path, column: str) -> Iterator[tuple[int, Any]]:
    for item in read_examples(path):
        if isinstance(item, Problem):
            if item.severity == "error":
                raise CannotConvert(
                    say(
                        "convert.bad_line",
                        path=path.name, line=item.line, reason=item.reason,
                    )
                )  # fmt: skip
            continue
        for key in item.data:
            if key != "messages":
                raise _unsayable(path.name, item.line, key)
        yield item.line, item.data["messages"]


def _pairs(path: Path, column: str) -> Iterator[tuple[int, Any]]:
    for line, row in _objects(path):
        for key in row:
            if key not in ("prompt", "completion"):
                raise _unsayable(path.name, line, key)
        prompt, completion = row["prompt"], row["completion"]
        if not isinstance(prompt, list) or not isinstance(completion, list):
            raise CannotConvert(say("convert.no_roles", path=path.name, line=line))
        yield line, prompt + completion


def _column_of_csv(path: Path, column: str) -> Iterator[tuple[int, Any]]:
    limit = csv.field_size_limit(min(sys.maxsize, 2**31 - 1))
    try:
        with open(path, encoding="utf-8-sig", newline="") as lines:
            rows = csv.DictReader(lines)
            _has_column(path, column, rows.fieldnames or ())
            for row in rows:
                yield rows.line_num, _parsed(row[column], path, rows.line_num)
    finally:
        csv.field_size_limit(limit)


def _column_of_jsonl(path: Path, column: str) -> Iterator[tuple[int, Any]]:
    for line, row in _objects(path):
        _has_column(path, column, row)
        cell = row[column]
        yield line, _parsed(cell, path, line) if isinstance(cell, str) else cell


def _dataset(path: Path, column: str) -> Iterator[tuple[int, Any]]:
    import datasets

    rows = datasets.load_from_disk(str(path))
    if isinstance(rows, datasets.DatasetDict):
        names = ", ".join(rows)
        raise CannotConvert(say("convert.splits", path=path.name, names=names))
    _has_column(path, "messages", rows.column_names)
    yield from enumerate(rows["messages"], start=1)


def _objects(path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    with open(path, encoding="utf-8-sig") as lines:
        for number, line in enumerate(lines, start=1):
            if not line.strip():
                continue
            found = _parsed(line, path, number)
            if not isinstance(found, dict):
                raise CannotConvert(say("convert.object", path=path.name, line=number))
            yield number, found


def _parsed(text: str, path: Path, line: int) -> Any:
    try:
        return json.loads(text)
    except ValueError as error:
        raise CannotConvert(
            say("convert.json", path=path.name, line=line, error=error)
        ) from None


def _has_column(path: Path, column: str, names: Any) -> None:
    if column not in names:
        raise CannotConvert(
            say(
                "convert.column",
                path=path.name, column=column, found=", ".join(map(str, names)),
            )
        )  # fmt: skip


def _plain(messages: Any, name: str, line: int) -> Conversation:
    """Return messages that every form can say, or refuse them with their line."""
    if not isinstance(messages, list) or not messages:
        raise CannotConvert(say("convert.messages", path=name, line=line))
    plain = []
    for message in messages:
        if not isinstance(message, dict):
            raise CannotConvert(say("convert.messages", path=name, line=line))
        for key, value in message.items():
            # A table has a cell for each key of any row; empty ones say nothing.
            if key not in ("role", "content") and value is not None:
                raise _unsayable(name, line, key)
        role, content = message.get("role"), message.get("content")
        if role not in ROLES:
            raise CannotConvert(say("convert.role", path=name, line=line, role=role))
        if not isinstance(content, str):
            raise CannotConvert(say("convert.content", path=name, line=line))
        plain.append({"role": role, "content": content})
    if plain[-1]["role"] != "assistant":
        raise CannotConvert(say("convert.no_answer", path=name, line=line))
    return plain


def _unsayable(name: str, line: int, key: str) -> CannotConvert:
    message = ONLY_THERE.get(key, "convert.key")
    if key in ("tools", "functions", "parallel_tool_calls", "function_call"):
        message = "convert.tools"
    return CannotConvert(say(message, path=name, line=line, key=key))


# --- writing ----------------------------------------------------------------------


def write(
    conversations: Sequence[Conversation],
    target: str | Path,
    form: str,
    column: str = COLUMN,
) -> Path:
    """Write conversations in one of FORMS.

    Args:
        conversations: a list of messages each; the last one is the assistant's.
        target: the file, or the folder for "dataset"; folders are made.
        form: one of FORMS.
        column: name of the column, for the two forms of AutoTrain.

    Returns:
        The target.

    Raises:
        CannotConvert: the form cannot say what a conversation does; its number stands
            for the line.
        ValueError: there is no such form.
    """
    if form not in FORMS:
        raise ValueError(say("convert.forms", found=form, known=", ".join(FORMS)))
    target = Path(target)
    target.parent.mkdir(parents=True, exist_ok=True)
    if form == DATASET:
        return _write_dataset(conversations, target)
    if form == TEXT_CSV:
        return _write_csv(conversations, target, column)
    if form == PAIRS:
        rows: list[dict[str, Any]] = [
            _pair(one, target.name, number)
            for number, one in enumerate(conversations, start=1)
        ]
    else:
        key = "messages" if form == CHAT else column
        rows = [{key: one} for one in conversations]
    return write_jsonl(rows, target)


def _pair(messages: Conversation, name: str, line: int) -> dict[str, Any]:
    prompt, answer = messages[:-1], messages[-1:]
    # Chat formats learn every answer of a conversation, a completion only the last.
    if any(message["role"] == "assistant" for message in prompt):
        raise CannotConvert(say("convert.answers", path=name, line=line))
    return {"prompt": prompt, "completion": answer}


def _write_csv(
    conversations: Sequence[Conversation], target: Path, column: str
) -> Path:
    with open(target, "w", encoding="utf-8", newline="") as lines:
        table = csv.writer(lines, lineterminator="\n")
        table.writerow([column])
        table.writerows([json.dumps(one, ensure_ascii=False)] for one in conversations)
    return target


def _write_dataset(conversations: Sequence[Conversation], target: Path) -> Path:
    import datasets

    shown = not datasets.are_progress_bars_disabled()
    datasets.disable_progress_bars()
    try:
        rows = datasets.Dataset.from_list([{"messages": one} for one in conversations])
        rows.save_to_disk(str(target))
    finally:
        if shown:
            datasets.enable_progress_bars()
    return target
