"""The order in which tools/install_torch.py looks for a build of torch."""

import socket
import time
from collections.abc import Iterator

import pytest

from tools import install_torch

PLAIN = ["install", "torch==1.2.3"]


def plan(**changes: object) -> list[list[str]]:
    """Return the plan for a Linux machine that has and reaches nothing."""
    wishes = {
        "platform": "linux",
        "lies_locally": lambda version: False,
        "offers": lambda version: False,
    }
    return install_torch.plan("1.2.3", **(wishes | changes))


def must_not_ask(version: str) -> bool:
    raise AssertionError("this question costs time and its answer changes nothing")


def test_an_installed_torch_is_left_alone() -> None:
    got = plan(installed="1.2.3", lies_locally=must_not_ask, offers=must_not_ask)
    assert got == []


def test_another_version_of_torch_is_replaced() -> None:
    assert plan(installed="1.2.2") == [PLAIN]


@pytest.mark.parametrize("platform", ["darwin", "win32"])
def test_only_linux_looks_for_a_cpu_build(platform: str) -> None:
    got = plan(platform=platform, lies_locally=must_not_ask, offers=must_not_ask)
    assert got == [PLAIN]


def test_a_wheel_on_this_machine_is_taken_without_asking_an_index() -> None:
    assert plan(lies_locally=lambda version: True, offers=must_not_ask) == [PLAIN]


def test_the_cpu_index_comes_before_the_plain_installation() -> None:
    first, second = plan(offers=lambda version: True)
    assert install_torch.CPU_INDEX in first
    assert first[: len(install_torch.PIP_PATIENCE)] == install_torch.PIP_PATIENCE
    assert second == PLAIN


def test_an_unreachable_cpu_index_leaves_the_plain_installation() -> None:
    assert plan() == [PLAIN]


def test_a_wish_for_the_default_build_is_respected() -> None:
    assert plan(wish="default", offers=must_not_ask) == [PLAIN]


@pytest.fixture
def silent_address() -> Iterator[str]:
    """Give the address of a server that accepts a connection and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield f"http://127.0.0.1:{server.getsockname()[1]}"


def test_an_index_that_never_answers_costs_seconds_only(
    silent_address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(install_torch, "PROBE_SECONDS", 0.3)
    begin = time.monotonic()
    assert not install_torch.index_offers("1.2.3", silent_address)
    assert time.monotonic() - begin < 3


def test_the_patience_with_an_index_stays_below_twenty_seconds() -> None:
    seconds, retries = (int(install_torch.PIP_PATIENCE[i]) for i in (1, 3))
    assert install_torch.PROBE_SECONDS + 1 + seconds * (retries + 1) < 20


def test_the_pinned_version_is_read_from_the_requirements() -> None:
    assert install_torch.pinned_version() == "2.13.0"
