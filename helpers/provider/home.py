"""The provider's folder: its lock, its key and the note that says where it listens.

Purpose: one server per folder, a key that only its owner can read, and a `server.json`
(pid, port, url, version, never the key) for `status`, `stop` and notebooks.
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


def prepare(home: Path) -> None:
    """Make the folder and those below it, readable by their owner alone."""
    for folder in (home, home / "blobs", home / "jobs"):
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    with contextlib.suppress(OSError):
        home.chmod(0o700)


def write_private(path: Path, text: str) -> None:
    """Write a file of mode 0600 so that readers see the old or the new text, whole."""
    temporary = path.with_name(f"{path.name}.{secrets.token_hex(4)}.tmp")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    os.replace(temporary, path)


def load_or_make_key(home: Path, told: str | None = None) -> str:
    """Return the key of this folder; make a random one at the first start.

    Args:
        home: the provider's folder.
        told: a key chosen by the user; it replaces the stored one.
    """
    path = home / KEY_FILE
    if told:
        write_private(path, told)
        return told
    try:
        stored = path.read_text(encoding="utf-8").strip()
    except FileNotFoundError:
        stored = ""
    if stored:
        with contextlib.suppress(OSError):
            path.chmod(0o600)
        return stored
    fresh = "sk-local-" + secrets.token_urlsafe(32)
    write_private(path, fresh)
    return fresh


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
