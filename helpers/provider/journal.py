"""What the training process has to say, on disk before anyone reads it.

Purpose: the worker appends one JSON line per report; the server reads on from the
offset it has committed together with what it made of the lines. So a report is neither
lost nor taken twice, whichever of the two processes is killed, and when.
It must never know what a report means.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from helpers.provider.blobs import sync_folder

JOURNAL_FILE = "reports.jsonl"


class JournalWriter:
    """The worker's end.

    Args:
        path: the journal; a torn last line, as a kill leaves it, is cut off first.
    """

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
        self._size = self._cut_torn_line()
        self._dirty = False
        sync_folder(path.parent)

    def _cut_torn_line(self) -> int:
        end = _last_line_end(self._descriptor)
        os.ftruncate(self._descriptor, end)
        return end

    def append(self, report: dict[str, Any]) -> int:
        """Write one report: in the system's hands before this returns.

        Returns:
            The bytes that it takes.

        Raises:
            OSError: the disk is full; no part of the report is left.
        """
        line = json.dumps(report, separators=(",", ":")) + "\n"
        data = line.encode()
        try:
            written = 0
            while written < len(data):
                written += os.write(self._descriptor, data[written:])
        except OSError:
            os.ftruncate(self._descriptor, self._size)
            raise
        self._size += len(data)
        self._dirty = True
        return len(data)

    def sync(self) -> None:
        """Flush to the disk what a power cut could still take."""
        if self._dirty:
            self._dirty = False
            os.fsync(self._descriptor)

    def close(self) -> None:
        """Flush and close."""
        self.sync()
        os.close(self._descriptor)


def _last_line_end(descriptor: int) -> int:
    """Return the offset behind the last newline of an open file."""
    end = os.lseek(descriptor, 0, os.SEEK_END)
    block = 4096
    while end > 0:
        start = max(0, end - block)
        os.lseek(descriptor, start, os.SEEK_SET)
        data = os.read(descriptor, end - start)
        newline = data.rfind(b"\n")
        if newline >= 0:
            return start + newline + 1
        end = start
    return 0


def end_of_lines(path: Path) -> int:
    """Return where the last whole line of a journal ends, and a writer will go on.

    Args:
        path: the journal; a missing one is empty.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY)
    except FileNotFoundError:
        return 0
    try:
        return _last_line_end(descriptor)
    finally:
        os.close(descriptor)


def read_from(path: Path, offset: int) -> list[tuple[dict[str, Any], int]]:
    """Return the whole lines after `offset`, each with the offset behind it.

    Args:
        path: the journal; a missing one is empty.
        offset: bytes that were read before.
    """
    try:
        with open(path, "rb") as file:
            file.seek(offset)
            data = file.read()
    except FileNotFoundError:
        return []
    reports = []
    for line in data[: data.rfind(b"\n") + 1].splitlines(keepends=True):
        offset += len(line)
        reports.append((json.loads(line), offset))
    return reports
