"""Blobs are whole or not there, and a full disk leaves nothing behind."""

from __future__ import annotations

import errno

import pytest

from helpers.provider.blobs import BlobStore


@pytest.fixture
def blobs(tmp_path):
    return BlobStore(tmp_path)


def test_a_blob_comes_back_as_it_was_written(blobs):
    content = b"x" * 3_000_000 + b"end"
    assert b"".join(blobs.read(blobs.write(content))) == content


def test_a_draft_that_is_not_kept_leaves_nothing(blobs, tmp_path):
    with blobs.writing() as draft:
        draft.file.write(b"half")
        draft.file.flush()
    assert list(tmp_path.iterdir()) == []


def test_a_draft_that_fails_midway_leaves_nothing(blobs, tmp_path):
    def cut_off():
        with blobs.writing() as draft:
            draft.file.write(b"half")
            raise ValueError("cut off")

    with pytest.raises(ValueError, match="cut off"):
        cut_off()
    assert list(tmp_path.iterdir()) == []


def test_the_reserve_of_free_space_is_kept(tmp_path):
    blobs = BlobStore(tmp_path, free_disk_bytes=2**62)
    with pytest.raises(OSError, match="space") as caught:
        blobs.write(b"x")
    assert caught.value.errno == errno.ENOSPC
    assert list(tmp_path.iterdir()) == []


def test_a_sweep_removes_what_a_crash_left_and_nothing_else(blobs, tmp_path):
    known = blobs.write(b"known")
    blobs.write(b"stray")
    (tmp_path / "abc.part").write_bytes(b"half")
    assert blobs.sweep([known]) == 2
    assert [path.name for path in tmp_path.iterdir()] == [known]


def test_deleting_twice_is_no_fault(blobs):
    name = blobs.write(b"x")
    blobs.delete(name)
    blobs.delete(name)
    with pytest.raises(FileNotFoundError):
        blobs.read(name)
