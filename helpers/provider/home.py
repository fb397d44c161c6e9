"""The provider's folder: its lock, its key and the note that says where it listens.

Purpose: one server per folder, a key that only its owner can read, and a `server.json`
(pid, port, url, tls_url, version, never the key) for `status`, `stop` and notebooks.
It must never know about HTTP or jobs.
"""

from __future__ import annotations

import contextlib
import json
import os
import secrets
from pathlib import Path

from filelock import FileLock, Timeout

KEY_FILE = "key"
SERVER_FILE = "server.json"
SERVER_LOCK = "server.lock"
WORKER_LOCK = "worker.lock"


def folder_lock(path: Path) -> FileLock:
    """Return an exclusive lock that the system releases when its holder dies."""
    return FileLock(path, thread_local=False)


class NotPrivate(Exception):
    """The folder or the key can be read by others, and that cannot be changed."""


def prepare(home: Path) -> None:
    """Make the folder and those below it, readable by their owner alone.

    Raises:
        NotPrivate: the folder belongs to somebody else.
    """
    for folder in (home, home / "blobs", home / "jobs", home / "batches"):
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        make_private(folder, 0o700)


def make_private(path: Path, mode: int) -> None:
    """Take a path's permissions from everybody but its owner, or say why not.

    Raises:
        NotPrivate: it stays readable for others.
    """
    with contextlib.suppress(OSError):
        path.chmod(mode)
    if os.name != "posix":
        return  # Windows has no such bits; a user's data folder is private there
    found = path.stat()
    foreign = found.st_uid != os.geteuid() and os.geteuid() != 0
    if found.st_mode & 0o077 or foreign:
        raise NotPrivate(
            f"{path} can be read by other users of this machine, and its permissions "
            "cannot be changed. Choose a folder of your own with --home."
        )


def write_private(path: Path, text: str) -> None:
    """Write a file of mode 0600 so that readers see the old or the new text, whole."""
    temporary = path.with_name(f"{path.name}.{secrets.token_hex(4)}.tmp")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except OSError:
        temporary.unlink(missing_ok=True)
        raise


def remove_drafts(home: Path) -> None:
    """Remove what `write_private` left when it was killed; only under the lock."""
    for name in (KEY_FILE, SERVER_FILE, "tls-*.pem"):
        for path in home.glob(f"{name}.*.tmp"):
            path.unlink(missing_ok=True)


def load_or_make_key(home: Path, told: str | None = None) -> str:
    """Return the key of this folder; make a random one at the first start.

    Args:
        home: the provider's folder.
        told: a key chosen by the user; it replaces the stored one.

    Raises:
        NotPrivate: others can read the stored key, and that cannot be changed.
    """
    path = home / KEY_FILE
    if told:
        write_private(path, told)
        return told
    stored = "" if path.is_symlink() else _stored_key(path)
    if stored:
        return stored
    fresh = "sk-local-" + secrets.token_urlsafe(32)
    write_private(path, fresh)
    return fresh


def _stored_key(path: Path) -> str:
    try:
        stored = path.read_text(encoding="utf-8").strip()
    except FileNotFoundError:
        return ""
    make_private(path, 0o600)
    return stored


def write_server_note(
    home: Path, url: str, port: int, version: str, tls_url: str | None = None
) -> None:
    """Say in server.json where this process listens."""
    note = {"pid": os.getpid(), "port": port, "url": url, "version": version}
    if tls_url is not None:
        note["tls_url"] = tls_url
    write_private(home / SERVER_FILE, json.dumps(note))


def read_server_note(home: Path) -> dict | None:
    """Return server.json, or None where there is none or it is not readable."""
    try:
        note = json.loads((home / SERVER_FILE).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return note if isinstance(note, dict) and "pid" in note else None


def remove_server_note(home: Path) -> None:
    """Take server.json away if it is this process's own."""
    note = read_server_note(home)
    if note and note["pid"] == os.getpid():
        with contextlib.suppress(OSError):
            (home / SERVER_FILE).unlink()


def is_served(home: Path) -> bool:
    """Say whether a live server holds this folder."""
    if not (home / SERVER_LOCK).exists():
        return False
    lock = folder_lock(home / SERVER_LOCK)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        return True
    lock.release()
    return False
