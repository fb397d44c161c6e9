"""The state of a training run on disk, so that it can go on after a kill.

Purpose: tensors in a safetensors file, everything else and the checksums in a JSON
manifest beside it. The manifest is written last and appears at once, so it is the point
at which a snapshot exists; the two newest are kept, and one that is torn or changed is
passed over for the one before it. Nothing is ever pickled.
It must never know what is being trained.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from safetensors.torch import load, save
from torch import Tensor

GENERATIONS = 2
FORMAT = 1


def save_snapshot(
    folder: Path, number: int, tensors: dict[str, Tensor], facts: dict[str, Any]
) -> None:
    """Write a snapshot; a crash at any point leaves the older ones as they were.

    Args:
        folder: made if it is not there.
        number: grows from snapshot to snapshot.
        tensors: by name.
        facts: whatever JSON can hold.

    Raises:
        OSError: the disk is full; nothing of the new snapshot is left behind.
    """
    folder.mkdir(parents=True, exist_ok=True)
    data = save({name: t.contiguous() for name, t in tensors.items()})
    file = folder / f"{number:010d}.safetensors"
    manifest = {
        "format": FORMAT,
        "number": number,
        "tensors": {"sha256": hashlib.sha256(data).hexdigest(), "bytes": len(data)},
        "facts": facts,
    }
    text = json.dumps(manifest, sort_keys=True)
    manifest["sha256"] = hashlib.sha256(text.encode()).hexdigest()
    write_whole(file, data)
    write_whole(file.with_suffix(".json"), json.dumps(manifest).encode())
    _prune(folder)


def load_snapshot(folder: Path) -> tuple[dict[str, Tensor], dict[str, Any]] | None:
    """Read the newest snapshot that is whole, and remove newer ones that are not.

    Returns:
        (tensors, facts), or None where there is none.
    """
    for manifest_file in sorted(folder.glob("*.json"), reverse=True):
        with contextlib.suppress(OSError, ValueError, KeyError, TypeError):
            manifest = json.loads(manifest_file.read_text("utf-8"))
            claimed = manifest.pop("sha256")
            text = json.dumps(manifest, sort_keys=True)
            data = manifest_file.with_suffix(".safetensors").read_bytes()
            if (
                manifest["format"] == FORMAT
                and hashlib.sha256(text.encode()).hexdigest() == claimed
                and hashlib.sha256(data).hexdigest() == manifest["tensors"]["sha256"]
            ):
                return load(data), manifest["facts"]
        # Left there, it would be taken for newer than those that are still to come.
        with contextlib.suppress(OSError):
            manifest_file.unlink()
    return None


def _prune(folder: Path) -> None:
    """Remove all but the newest snapshots, and what a crash left behind."""
    kept = sorted(folder.glob("*.json"), reverse=True)[:GENERATIONS]
    stems = {file.stem for file in kept}
    for file in folder.iterdir():
        if file.stem not in stems or file.suffix not in (".json", ".safetensors"):
            with contextlib.suppress(OSError):
                file.unlink()


def write_whole(file: Path, data: bytes) -> None:
    """Write a file that is either the old one or whole: temporary, flush, rename."""
    temporary = file.with_name(file.name + ".part")
    try:
        with open(temporary, "wb") as out:
            out.write(data)
            out.flush()
            os.fsync(out.fileno())
        os.replace(temporary, file)
    except OSError:
        with contextlib.suppress(OSError):
            temporary.unlink()
        raise
    sync_folder(file.parent)


@contextlib.contextmanager
def whole_folder(folder: Path) -> Iterator[Path]:
    """Give a temporary folder that becomes `folder` when the block ends well.

    If `folder` is there already, the new one is thrown away.
    """
    temporary = folder.with_name(f".{folder.name}.part")
    shutil.rmtree(temporary, ignore_errors=True)
    temporary.mkdir(parents=True)
    try:
        yield temporary
        for file in temporary.iterdir():
            with open(file, "rb") as written:
                os.fsync(written.fileno())
        sync_folder(temporary)
        if not folder.exists():
            os.rename(temporary, folder)
            sync_folder(folder.parent)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def sync_folder(folder: Path) -> None:
    """Make names in a folder last through a power cut, where the system can."""
    if os.name != "posix":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
