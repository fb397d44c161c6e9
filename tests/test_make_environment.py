"""Environments of their own: what is refused, what is done again, what is left."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

import pytest

from tools import make_environment as tool

ROOT = tool.ROOT
PIN = re.compile(r"^([a-z0-9.-]+)==(\S+)  # \S", re.M)


def requirements(folder: Path, text: str = "left-pad==1  # a reason\n") -> Path:
    """Write a requirements file."""
    path = folder / "requirements.txt"
    path.write_text(text, encoding="utf-8")
    return path


class Runs:
    """Notes commands; the one that contains `fails` does not succeed."""

    def __init__(self, fails: str = "") -> None:
        self.fails, self.commands = fails, []

    def __call__(self, command: Sequence[str | Path]) -> int:
        self.commands.append(" ".join(map(str, command)))
        return int(bool(self.fails) and self.fails in self.commands[-1])


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder that has a Python already, so that none is made."""
    folder = tmp_path / "environment"
    python = tool.python_of(folder)
    python.parent.mkdir(parents=True)
    python.touch()
    return folder


@pytest.mark.parametrize("name", tool.KINDS)
def test_a_python_without_wheels_is_refused_with_those_that_have_them(
    name: str,
) -> None:
    for version in ((3, 10), (3, 14)):
        with pytest.raises(tool.CannotMake, match=r"3\.11, 3\.12, 3\.13") as error:
            tool.check_python(name, version)
        assert f"make {name} HOST_PYTHON=" in str(error.value)
    for version in ((3, 11), (3, 12), (3, 13, 1)):
        tool.check_python(name, version)


def test_a_whole_environment_is_left_alone(folder: Path, tmp_path: Path) -> None:
    path = requirements(tmp_path)
    assert tool.make("autotrain", folder, path, Runs())
    again = Runs()
    assert not tool.make("autotrain", folder, path, again)
    assert again.commands == []


def test_changed_pins_are_installed(folder: Path, tmp_path: Path) -> None:
    tool.make("autotrain", folder, requirements(tmp_path), Runs())
    path = requirements(tmp_path, "left-pad==2  # a reason\n")
    assert tool.make("autotrain", folder, path, Runs())


@pytest.mark.parametrize("step", ["install_torch", "requirements.txt", "import"])
def test_an_interrupted_environment_is_not_whole_and_is_mended(
    folder: Path, tmp_path: Path, step: str
) -> None:
    path = requirements(tmp_path)
    with pytest.raises(tool.CannotMake, match="again"):
        tool.make("autotrain", folder, path, Runs(fails=step))
    assert not tool.is_whole(folder, tool.wanted(path))
    assert tool.make("autotrain", folder, path, Runs())
    assert tool.is_whole(folder, tool.wanted(path))


def test_nothing_comes_that_the_file_does_not_name(
    folder: Path, tmp_path: Path
) -> None:
    runs = Runs()
    tool.make("llamafactory", folder, requirements(tmp_path), runs)
    installs = [command for command in runs.commands if "pip install" in command]
    assert len(installs) == 1
    assert "--no-deps" in installs[0]


@pytest.mark.parametrize("name", tool.KINDS)
def test_the_pins_bring_no_cuda_and_nothing_for_pictures(name: str) -> None:
    text = (ROOT / f"requirements-{name}.txt").read_text(encoding="utf-8")
    pinned = {match[0] for match in PIN.findall(text)}
    assert len(pinned) > 50
    unwanted = {"torch", "torchvision", "torchaudio", "bitsandbytes", "xgboost", "timm"}
    assert not pinned & unwanted
    # nvidia-ml-py is a small reader of the driver, without CUDA.
    assert {one for one in pinned if one.startswith("nvidia")} <= {"nvidia-ml-py"}


def test_make_has_a_target_for_each_environment() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    for name in tool.KINDS:
        assert f"tools/make_environment.py {name}" in makefile
        assert (ROOT / f"requirements-{name}.txt").is_file()
