"""Contents of files on disk: whole or not there at all.

Purpose: bytes go to a temporary file, are flushed to the disk, and only then get their
final, random name (temp → fsync → rename → fsync of the folder). The database knows the
names; this module knows no ids, no database and no HTTP.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
import secrets
import shutil
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import BinaryIO

_TEMPORARY = ".part"
CHUNK = 1024 * 1024


class DiskFull(OSError):
    """Less than the reserve would be left free."""

    def __init__(self) -> None:
        super().__init__(errno.ENOSPC, os.strerror(errno.ENOSPC))


class BlobStore:
    """A folder of immutable blobs.

    Args:
        folder: where they lie; it must exist.
        free_disk_bytes: what has to stay free on that disk.
    """

    def __init__(self, folder: Path, free_disk_bytes: int = 0) -> None:
        self._folder = folder
        self._free_disk_bytes = free_disk_bytes

    def check_space(self, size: int) -> None:
        """Raise DiskFull if `size` more bytes would eat into the reserve."""
        if shutil.disk_usage(self._folder).free - size < self._free_disk_bytes:
            raise DiskFull

    @contextlib.contextmanager
    def writing(self) -> Iterator[Draft]:
        """Give a draft to write to; what is not kept in the end is removed."""
        draft = Draft(self._folder)
        try:
            yield draft
        finally:
            draft.discard()

    def write(self, content: bytes) -> str:
        """Store `content` and return the blob's name.

        Raises:
            OSError: the disk is full; nothing is left behind.
        """
        self.check_space(len(content))
        with self.writing() as draft:
            draft.file.write(content)
            return draft.keep()

    def path(self, name: str) -> Path:
        """Return where a blob lies; `name` comes from the database, never a request.

        Raises:
            FileNotFoundError: a link stands there, which this program never makes.
        """
        path = self._folder / name
        if path.is_symlink():
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), name)
        return path

    def read(self, name: str) -> Iterator[bytes]:
        """Open a blob and return its content in pieces of a mebibyte.

        Raises:
            FileNotFoundError: it is gone.
        """
        return _pieces(open(self.path(name), "rb"))

    def join(self, names: Iterable[str], draft: Draft) -> str:
        """Append blobs to a draft, in this order and in flat memory.

        Returns:
            The MD5 of all their bytes in hexadecimal digits, which guards against
            mix-ups and broken transfers, not against malice.

        Raises:
            FileNotFoundError: one of them is gone.
            OSError: the disk is full.
        """
        digest = hashlib.md5(usedforsecurity=False)
        for name in names:
            for piece in self.read(name):
                digest.update(piece)
                draft.file.write(piece)
        return digest.hexdigest()

    def delete(self, name: str) -> None:
        """Remove a blob; one that is gone already is no fault."""
        with contextlib.suppress(FileNotFoundError):
            (self._folder / name).unlink()

    def sweep(self, known: Iterable[str]) -> int:
        """Remove drafts and blobs nobody knows, as a crash leaves them.

        Returns:
            How many files were removed.
        """
        keep = set(known)
        stray = [path for path in self._folder.iterdir() if path.name not in keep]
        for path in stray:
            path.unlink(missing_ok=True)
        return len(stray)


def _pieces(file: BinaryIO) -> Iterator[bytes]:
    with file:
        while piece := file.read(CHUNK):
            yield piece


class Draft:
    """A blob being written."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._name = secrets.token_hex(16)
        self._path = folder / (self._name + _TEMPORARY)
        self.file: BinaryIO = open(self._path, "xb")  # noqa: SIM115 - closed by its owner

    def keep(self) -> str:
        """Make the draft a blob that survives a power cut, and return its name."""
        self.file.flush()
        os.fsync(self.file.fileno())
        self.file.close()
        os.replace(self._path, self._folder / self._name)
        sync_folder(self._folder)
        return self._name

    def discard(self) -> None:
        """Remove the draft; after `keep` there is nothing to remove."""
        with contextlib.suppress(OSError):
            # Closing flushes, which a full disk refuses a second time.
            self.file.close()
        self._path.unlink(missing_ok=True)


def sync_folder(folder: Path) -> None:
    """Flush a folder's list of names to the disk (where the system can do that)."""
    try:
        descriptor = os.open(folder, os.O_RDONLY)
    except OSError:  # Windows opens no folders
        return
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
