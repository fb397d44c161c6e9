"""The answers of a batch: kept one by one, in the end joined to two files.

Purpose: each answer goes to a journal as soon as it is there, so that a killed server
loses none and asks for none twice. `write_files` puts them into the order of the
requests: what was answered with success into one file, the rest into the other.
Source of both formats: OpenAI's batch guide and API reference, read 2026-11-23.
It must never know about HTTP or the database.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

from helpers.provider.batch_input import BatchRequest
from helpers.provider.ids import new_id
from helpers.provider.journal import JournalWriter

USAGE = (
    "input_tokens",
    "cached_tokens",
    "output_tokens",
    "reasoning_tokens",
    "total_tokens",
)
NOT_RUN = {
    "batch_expired": "This request could not be executed before the completion window "
    "expired.",
    "batch_cancelled": "The batch was cancelled before this request executed.",
}


def result(
    custom_id: str,
    response: dict[str, Any] | None,
    error: dict[str, Any] | None = None,
) -> dict[str, Any]:
    """Return a line of an output or error file."""
    return {
        "id": new_id("batch_req_"),
        "custom_id": custom_id,
        "response": response,
        "error": error,
    }


def not_run(custom_id: str, code: str) -> dict[str, Any]:
    """Return the line of a request that the batch did not come to."""
    return result(custom_id, None, {"code": code, "message": NOT_RUN[code]})


def usage_of(body: Any) -> dict[str, int] | None:
    """Return the tokens that an answer of any endpoint says it took."""
    usage = body.get("usage") if isinstance(body, dict) else None
    if not isinstance(usage, dict):
        return None

    def number(source: Any, *names: str) -> int:
        for name in names:
            value = source.get(name) if isinstance(source, dict) else None
            if isinstance(value, int):
                return value
        return 0

    def detail(name: str, *places: str) -> int:
        return max(number(usage.get(place), name) for place in places)

    # Responses count input and output, the older endpoints prompt and completion.
    read = number(usage, "input_tokens", "prompt_tokens")
    said = number(usage, "output_tokens", "completion_tokens")
    cached = detail("cached_tokens", "input_tokens_details", "prompt_tokens_details")
    reasoned = detail(
        "reasoning_tokens", "output_tokens_details", "completion_tokens_details"
    )
    return dict(zip(USAGE, (read, cached, said, reasoned, read + said), strict=True))


@dataclass
class Tally:
    """How many requests ended well and badly, and the tokens of all of them."""

    completed: int = 0
    failed: int = 0
    usage: dict[str, int] = field(default_factory=lambda: dict.fromkeys(USAGE, 0))

    def add(self, entry: dict[str, Any]) -> None:
        """Count an entry of the journal in."""
        if entry["good"]:
            self.completed += 1
        else:
            self.failed += 1
        for name, value in (entry["usage"] or {}).items():
            self.usage[name] += value


class Answers:
    """The journal of an open batch; its methods may be called from any thread.

    Args:
        path: the journal; what an earlier server wrote is counted, a torn end cut off.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.Lock()
        self._writer: JournalWriter | None = JournalWriter(path)
        self._places: dict[int, int] = {}
        self._end = 0
        self.tally = Tally()
        with open(path, "rb") as file:
            for line in file:
                self._read(line)

    def _read(self, line: bytes) -> None:
        try:
            self._count(json.loads(line), len(line))
        except (ValueError, TypeError, KeyError):
            # A power cut can leave anything in what was not flushed: asked again.
            self._end += len(line)

    def _count(self, entry: dict[str, Any], size: int) -> None:
        self.tally.add(entry)
        self._places[entry["line"]] = self._end
        self._end += size

    def __contains__(self, number: int) -> bool:
        return number in self._places

    def __len__(self) -> int:
        return len(self._places)

    def add(self, request: BatchRequest, answer: dict[str, Any]) -> None:
        """Keep the answer of a request.

        Args:
            request: a line of the batch's file.
            answer: as `result` returns it.

        Raises:
            OSError: the disk is full; nothing of the answer is kept.
        """
        response = answer["response"]
        entry = {
            "line": request.number,
            "good": response is not None and 200 <= response["status_code"] < 300,
            "usage": usage_of(response and response["body"]),
            "result": answer,
        }
        with self._lock:
            # Closed while the answer was on its way: the batch was stopped before.
            if self._writer is not None:
                self._count(entry, self._writer.append(entry))

    def sync(self) -> None:
        """Flush to the disk what a power cut could still take."""
        with self._lock:
            if self._writer is not None:
                self._writer.sync()

    def close(self) -> None:
        """Take no further answers."""
        with self._lock:
            if self._writer is not None:
                self._writer.close()
                self._writer = None

    def in_order(
        self, requests: Iterable[BatchRequest], missing: str
    ) -> Iterator[tuple[bool, dict[str, Any]]]:
        """Yield for each request whether it ended well, and its line.

        Args:
            requests: all requests of the batch.
            missing: code of the error of those that were not answered.
        """
        with open(self._path, "rb") as file:
            for request in requests:
                place = self._places.get(request.number)
                if place is None:
                    yield False, not_run(request.custom_id, missing)
                    continue
                file.seek(place)
                entry = json.loads(file.readline())
                yield entry["good"], entry["result"]


def write_files(
    lines: Iterable[tuple[bool, dict[str, Any]]], output: BinaryIO, errors: BinaryIO
) -> tuple[int, int]:
    """Write the two files that a batch ends with.

    Args:
        lines: as `Answers.in_order` yields them.
        output: for what was answered with success.
        errors: for the rest.

    Returns:
        The number of lines in each.
    """
    good, bad = 0, 0
    for well, line in lines:
        good, bad = good + well, bad + (not well)
        # As it was in the journal, so that it can be told from no other.
        data = json.dumps(line, separators=(",", ":")).encode() + b"\n"
        (output if well else errors).write(data)
    return good, bad
