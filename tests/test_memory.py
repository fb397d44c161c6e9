"""The meter sees memory that a block takes."""

import pytest

from helpers.memory import MemoryMeter


def test_memory_that_a_block_takes_is_seen() -> None:
    with MemoryMeter() as memory:
        block = bytearray(b"x") * 80_000_000
    assert memory.grown_mb > 60
    assert memory.peak_mb == pytest.approx(memory.before_mb + memory.grown_mb)
    assert len(block) == 80_000_000


def test_a_block_that_takes_nothing_grows_little() -> None:
    with MemoryMeter() as memory:
        pass
    assert 0 <= memory.grown_mb < 20


def test_an_error_in_the_block_ends_the_watching_and_comes_through() -> None:
    meter = MemoryMeter()
    with pytest.raises(KeyError), meter:
        raise KeyError("x")
    assert not meter._thread.is_alive()
