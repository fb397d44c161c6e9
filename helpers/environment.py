"""Whether this machine has what the notebooks need, and how to mend what it lacks.

Purpose: the first cells of every notebook. `install_missing` fills up a machine that
brings its own packages (Colab) and leaves those alone; `check_environment` tells, point
by point, what is there; `output_folder` says where a notebook may write.
It runs before anything is installed, so it needs nothing but the standard library, and
it must never know a provider or a data set.
"""

from __future__ import annotations

import importlib
import importlib.metadata
import importlib.util
import os
import platform
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from helpers.messages import say

ROOT = Path(__file__).resolve().parent.parent
REQUIREMENTS = ROOT / "requirements.txt"
BASE_MODEL = ROOT / "data" / "base_model" / "model.safetensors"
# Packages that a hosted notebook service builds upon: its own versions stay.
KEPT = (
    "torch", "numpy", "pandas", "scipy", "scikit-learn", "matplotlib",
    "jupyterlab", "ipykernel", "ipywidgets", "psutil", "tqdm", "rich",
)  # fmt: skip
# What a hosted service does without.
NOT_NEEDED_THERE = ("jupyterlab", "ipykernel")
FREE_DISK = 1.0  # GiB; a job keeps three checkpoints and its state
PINNED = re.compile(r"^([A-Za-z0-9._-]+)==([0-9][^\s;#]*)")


def pins(path: Path = REQUIREMENTS) -> dict[str, str]:
    """Return the pinned requirements: name of the package -> version."""
    lines = path.read_text(encoding="utf-8").splitlines()
    found = (PINNED.match(line) for line in lines)
    return {match[1]: match[2] for match in found if match}


def installed_version(name: str) -> str | None:
    """Return the installed version of a package, or None."""
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return None


def to_install(
    wanted: dict[str, str], installed: Callable[[str], str | None] = installed_version
) -> list[str]:
    """Return what a machine with packages of its own lacks.

    A package that is not there is taken as pinned. One that is older than the pin is
    brought up to it, unless the machine builds upon it (`KEPT`).

    Args:
        wanted: name -> pinned version.
        installed: returns the version of an installed package, or None.

    Returns:
        Requirements such as "openai==3.54.0".
    """
    lacking = []
    for name, version in wanted.items():
        there = installed(name)
        if there is None:
            if name not in NOT_NEEDED_THERE:
                lacking.append(f"{name}=={version}")
        elif name not in KEPT and _numbers(there) < _numbers(version):
            lacking.append(f"{name}=={version}")
    return lacking


def install_missing(
    run: Callable[[list[str]], object] = subprocess.check_call,
) -> list[str]:
    """Install what is missing and keep the machine's own torch, numpy and pandas.

    Args:
        run: runs a command.

    Returns:
        What was installed.

    Raises:
        subprocess.CalledProcessError: pip failed; its own words stand above.
    """
    lacking = to_install(pins())
    if not lacking:
        return []
    # pip must not "improve" on its way what it is not asked for.
    constraints = ROOT / "out" / "constraints.txt"
    constraints.parent.mkdir(exist_ok=True)
    own = {name: installed_version(name) for name in KEPT}
    constraints.write_text(
        "".join(f"{name}=={version}\n" for name, version in own.items() if version),
        encoding="utf-8",
    )
    run(
        [sys.executable, "-m", "pip", "install", "--quiet", "-c", str(constraints)]
        + lacking
    )
    importlib.invalidate_caches()
    loaded = [line for line in lacking if _module(line) in sys.modules]
    if loaded:
        print(say("environment.restart", names=", ".join(loaded)))
    return lacking


def _numbers(version: str) -> tuple[int, ...]:
    """Turn "2.13.0+cpu" into (2, 13, 0), to compare versions without a package."""
    public = re.match(r"[0-9.]*", version)[0]
    return tuple(int(part) for part in public.strip(".").split(".") if part)


def _module(requirement: str) -> str:
    return requirement.partition("==")[0].replace("-", "_").lower()


# --- the check --------------------------------------------------------------------


@dataclass(frozen=True)
class Finding:
    """One thing that is needed: whether it is there, and the mend if not."""

    ok: bool
    what: str
    mend: str = ""

    def __str__(self) -> str:
        if self.ok:
            return f"[OK]   {self.what}"
        return f"[FAIL] {self.what}\n       {self.mend}"


class Findings(list[Finding]):
    """What a check found; shows itself line by line."""

    @property
    def ok(self) -> bool:
        """True when nothing is missing."""
        return all(finding.ok for finding in self)

    def __repr__(self) -> str:
        last = "environment.ready" if self.ok else "environment.not_ready"
        return "\n".join([*map(str, self), say(last)])


def check_environment(every_package: bool = False) -> Findings:
    """Check Python, packages, base model, disk and the folder to write into.

    Args:
        every_package: give each required package a line of its own, with its version.

    Returns:
        The findings; the last expression of a cell shows them.
    """
    packages = check_packages() if every_package else [_packages()]
    return Findings([_python(), *packages, _model(), _writable(), _disk()])


def check_packages(
    installed: Callable[[str], str | None] = installed_version,
) -> Findings:
    """Check each required package: is it there, and new enough?

    Args:
        installed: returns the version of an installed package, or None.

    Returns:
        A finding for each pinned package. A newer version is fine, an older one only
        where a hosted notebook service builds upon it (`KEPT`); what such a service
        does without (`NOT_NEEDED_THERE`) is left out when it is not there.
    """
    return Findings(
        _package(name, version, installed(name))
        for name, version in pins().items()
        if name not in NOT_NEEDED_THERE or installed(name)
    )


def _package(name: str, wanted: str, there: str | None) -> Finding:
    if there is None:
        mend = say("environment.packages.mend", names=name)
        return Finding(False, say("environment.package.missing", name=name), mend)
    if there.partition("+")[0] == wanted:
        return Finding(True, f"{name} {there}")
    what = say("environment.package.other", name=name, there=there, wanted=wanted)
    new_enough = name in KEPT or _numbers(there) >= _numbers(wanted)
    return Finding(new_enough, what, say("environment.package.mend", name=name))


def _python(version: tuple[int, ...] = sys.version_info[:3]) -> Finding:
    text = ".".join(map(str, version))
    what = say("environment.python", version=text)
    return Finding(version >= (3, 11), what, say("environment.python.mend"))


def _packages() -> Finding:
    wanted = pins()
    missing = [
        name
        for name in wanted
        if installed_version(name) is None and name not in NOT_NEEDED_THERE
    ]
    what = say(
        "environment.packages", found=len(wanted) - len(missing), total=len(wanted)
    )
    mend = say("environment.packages.mend", names=", ".join(missing))
    return Finding(not missing, what, mend)


def _model(path: Path = BASE_MODEL) -> Finding:
    size = path.stat().st_size if path.is_file() else 0
    # A few hundred bytes are the pointer that Git LFS leaves, not weights.
    what = say("environment.model", size=size / 1e6)
    return Finding(size > 100_000, what, say("environment.model.mend"))


def _writable(folder: Path | None = None) -> Finding:
    what = say("environment.folder")
    try:
        folder = folder or output_folder()
        probe = folder / f"probe-{os.getpid()}"
        probe.write_text("", encoding="utf-8")
        probe.unlink()
    except OSError as error:
        reason = error.strerror or type(error).__name__
        return Finding(False, what, say("environment.folder.mend", error=reason))
    return Finding(True, what)


def _disk(free: float | None = None) -> Finding:
    if free is None:
        free = shutil.disk_usage(ROOT).free / 2**30
    what = say("environment.disk", free=free, needed=FREE_DISK)
    return Finding(free >= FREE_DISK, what, say("environment.disk.mend"))


def show_versions(names: Iterable[str]) -> None:
    """Print the versions of Python and of packages, for questions and bug reports.

    Args:
        names: names of packages.
    """
    print(f"Python {platform.python_version()} · {platform.system()}")
    parts = [f"{name} {installed_version(name) or '–'}" for name in names]
    print(" · ".join(parts))


def output_folder(name: str = "") -> Path:
    """Return the folder that a notebook writes into, and make it.

    COMPANION_OUT moves it; else it is `out` in the repository, which git ignores.

    Args:
        name: a folder in it.
    """
    told = os.environ.get("COMPANION_OUT")
    folder = (Path(told).expanduser() if told else ROOT / "out") / name
    folder.mkdir(parents=True, exist_ok=True)
    return folder
