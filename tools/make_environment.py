"""Make an environment of its own for a tool whose pins do not fit ours.

    python tools/make_environment.py autotrain     into out/autotrain
    python tools/make_environment.py llamafactory  into out/llamafactory

What goes in stands in requirements-NAME.txt, every package with its version, and is
installed with --no-deps: nothing comes that the file does not name. torch is found as
for our own environment (tools/install_torch.py), so without CUDA. Run it again after
an interruption, and it goes on; when nothing has changed, it does nothing. It uses the
standard library only, because nothing is installed yet.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import subprocess
import sys
import venv
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
MARK = ".installed"  # written last: an environment without it is not whole


@dataclass(frozen=True)
class Kind:
    """An environment that can be made.

    Attributes:
        pythons: versions of Python that all of its pins have wheels for.
        proof: arguments of its Python that fail when something is missing.
        empty: modules that it imports and does not use for text; empty files stand
            in for them.
    """

    pythons: tuple[tuple[int, int], ...]
    proof: tuple[str, ...]
    empty: tuple[str, ...] = ()


# pip found a wheel of every line for these versions on 2026-11-23, on Linux; pandas
# 2.2.3 and pydantic-core 2.27.2 have none for 3.14.
OLD_PYTHONS = ((3, 11), (3, 12), (3, 13))
KINDS = {
    "autotrain": Kind(
        OLD_PYTHONS,
        ("-c", "import autotrain.cli.autotrain, autotrain.trainers.clm.train_clm_sft"),
    ),
    "llamafactory": Kind(
        OLD_PYTHONS,
        ("-c", "import llamafactory.train.tuner, llamafactory.webui.interface"),
        # Its part for sounds; torchaudio itself would have to fit torch's build.
        ("torchaudio",),
    ),
}

# Writes an empty module into the environment that runs it.
EMPTY = (
    "import pathlib, sys, sysconfig; "
    "path = pathlib.Path(sysconfig.get_paths()['purelib'], sys.argv[1] + '.py'); "
    "path.write_text('# Empty: see tools/make_environment.py.\\n')"
)


class CannotMake(Exception):
    """Why there is no environment, in words for the user."""


def python_of(folder: Path) -> Path:
    """Return the Python of an environment."""
    if os.name == "nt":
        return folder / "Scripts" / "python.exe"
    return folder / "bin" / "python"


def check_python(
    name: str, version: tuple[int, ...] = tuple(sys.version_info[:2])
) -> None:
    """Refuse a version of Python that some of the old pins have no wheel for.

    Args:
        name: of the environment.
        version: of the Python that makes it.

    Raises:
        CannotMake: it would have to compile, or fail after minutes.
    """
    fit = KINDS[name].pythons
    if version[:2] in fit:
        return
    known = ", ".join(f"{major}.{minor}" for major, minor in fit)
    raise CannotMake(
        f"{name} needs Python {known}; this is {version[0]}.{version[1]}, for which "
        f"some of its old packages were never built.\n"
        f"Name another one: make {name} HOST_PYTHON=/path/to/python{fit[-1][0]}."
        f"{fit[-1][1]}"
    )


def wanted(requirements: Path, torch: Path = ROOT / "requirements.txt") -> str:
    """Return a sign of what is to be installed; it changes with the pins.

    Args:
        requirements: the packages of the environment.
        torch: where torch is pinned.
    """
    content = requirements.read_bytes() + b"\0" + _torch_line(torch)
    version = ".".join(map(str, sys.version_info[:2])).encode()
    return hashlib.sha256(content + b"\0" + version).hexdigest()


def _torch_line(path: Path) -> bytes:
    lines = path.read_bytes().splitlines()
    return next(line for line in lines if line.startswith(b"torch=="))


def is_whole(folder: Path, sign: str) -> bool:
    """Tell whether an environment was made to its end, with these very pins."""
    mark = folder / MARK
    return (
        python_of(folder).exists()
        and mark.is_file()
        and mark.read_text(encoding="utf-8").strip() == sign
    )


Run = Callable[[Sequence[str | Path]], int]


def _run(command: Sequence[str | Path]) -> int:
    return subprocess.run([str(word) for word in command], cwd=ROOT).returncode


def make(name: str, folder: Path, requirements: Path, run: Run = _run) -> bool:
    """Make an environment, or mend one that is not whole.

    Args:
        name: key of KINDS.
        folder: where it goes.
        requirements: what goes in.
        run: runs a command and returns its exit status.

    Returns:
        False when it was there already.

    Raises:
        CannotMake: a step failed; running again goes on from there.
    """
    sign = wanted(requirements)
    if is_whole(folder, sign):
        return False
    (folder / MARK).unlink(missing_ok=True)
    python = python_of(folder)
    if not python.exists() or run([python, "-m", "pip", "--version"]):
        # Cleared: what another version of Python, or a broken run, has left.
        venv.EnvBuilder(with_pip=True, clear=True).create(folder)
    pip = [python, "-m", "pip", "install", "--no-deps"]
    steps: list[tuple[str, Sequence[str | Path]]] = [
        ("torch", [python, ROOT / "tools" / "install_torch.py"]),
        ("the packages", [*pip, "-r", requirements]),
        *(("an empty " + one, [python, "-c", EMPTY, one]) for one in KINDS[name].empty),
        ("a first import", [python, *KINDS[name].proof]),
    ]
    for what, command in steps:
        print(f"{name}: {what}", flush=True)
        if run(command):
            raise CannotMake(
                f"{name}: {what} did not succeed; the reason stands above. "
                f"Run 'make {name}' again: it goes on from here."
            )
    (folder / MARK).write_text(sign + "\n", encoding="utf-8")
    return True


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; return its exit code."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("name", choices=KINDS)
    parser.add_argument("--folder", type=Path, help="default: out/NAME")
    told = parser.parse_args(arguments)
    folder = told.folder or ROOT / "out" / told.name
    try:
        check_python(told.name)
        made = make(told.name, folder, ROOT / f"requirements-{told.name}.txt")
    except CannotMake as error:
        print(error, file=sys.stderr)
        return 1
    print(f"{folder}: {'ready' if made else 'nothing to do'}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
