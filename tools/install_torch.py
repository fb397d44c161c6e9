"""Install PyTorch without the gigabytes of CUDA, and never fail for want of an index.

On Linux, PyPI's torch brings some gigabytes of CUDA libraries that this project does
not need. This script takes the smaller CPU build where it can get one, in this order:

1. torch is there in the pinned version: nothing to do;
2. macOS, Windows, or COMPANION_TORCH=default: the plain wheel is the right one;
3. a wheel lies in a folder that pip is configured to look into: the plain installation
   finds it by itself, without a download;
4. PyTorch's CPU index answers within seconds and offers the version: from there;
5. otherwise the plain installation, from whatever indexes this machine uses.

It uses the standard library only, for it runs before anything is installed.
"""

import os
import subprocess
import sys
import threading
import urllib.request
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
# The address that pytorch.org/get-started names for CPU builds (read 2026-11-22).
CPU_INDEX = "https://download.pytorch.org/whl/cpu"
PROBE_SECONDS = 5.0
# A slow answer is a missing answer: the plain installation is waiting.
PIP_PATIENCE = ["--timeout", "5", "--retries", "1"]


def pinned_version(requirements: Path = ROOT / "requirements.txt") -> str:
    """Return the version of torch that requirements.txt pins.

    Raises SystemExit when the file has no line "torch==...".
    """
    for line in requirements.read_text(encoding="utf-8").splitlines():
        name, _, rest = line.partition("==")
        if name.strip() == "torch":
            return rest.partition("#")[0].strip()
    raise SystemExit(f"{requirements}: no line 'torch==VERSION'; add the pin")


def installed_version() -> str | None:
    """Return the version of torch in this environment without its "+cpu", or None."""
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version("torch").partition("+")[0]
    except PackageNotFoundError:
        return None


def index_offers(version: str, index: str = CPU_INDEX) -> bool:
    """Tell whether an index answers in PROBE_SECONDS and lists this torch version."""
    found: list[bool] = []

    def ask() -> None:
        try:
            url = f"{index}/torch/"
            with urllib.request.urlopen(url, timeout=PROBE_SECONDS) as answer:
                page = answer.read().decode("utf-8", "replace")
            found.append(f"torch-{version}" in page)
        except (OSError, ValueError):
            found.append(False)

    # The timeout of urlopen does not cover name resolution, which can hang for longer.
    thread = threading.Thread(target=ask, daemon=True)
    thread.start()
    thread.join(PROBE_SECONDS + 1)
    return bool(found and found[0])


def pip(*arguments: str, quiet: bool = False) -> bool:
    """Run pip in this environment and tell whether it succeeded."""
    command = [sys.executable, "-m", "pip", *arguments]
    output = subprocess.DEVNULL if quiet else None
    return subprocess.run(command, stdout=output, stderr=output).returncode == 0


def plan(
    version: str,
    *,
    platform: str = sys.platform,
    wish: str = "",
    installed: str | None = None,
    lies_locally: Callable[[str], bool],
    offers: Callable[[str], bool],
) -> list[list[str]]:
    """Return the pip argument lists to try, one after the other, until one succeeds.

    version: the pinned version; platform: as sys.platform; wish: the value of
    COMPANION_TORCH; installed: the version that is there, if any. lies_locally and
    offers are asked only when their answer matters.
    """
    requirement = f"torch=={version}"
    plain = ["install", requirement]
    if installed == version:
        return []
    if not platform.startswith("linux") or wish == "default" or lies_locally(version):
        return [plain]
    if offers(version):
        # --no-deps: what torch needs comes from the ordinary indexes, with the rest.
        from_cpu_index = ["--index-url", CPU_INDEX, "--no-deps", requirement]
        return [[*PIP_PATIENCE, "install", *from_cpu_index], plain]
    return [plain]


def main() -> int:
    """Install the pinned torch; return 0 when it is there."""
    version = pinned_version()
    attempts = plan(
        version,
        wish=os.environ.get("COMPANION_TORCH", ""),
        installed=installed_version(),
        lies_locally=lambda v: pip(
            "install", "--dry-run", "--no-index", "--no-deps", f"torch=={v}", quiet=True
        ),
        offers=index_offers,
    )
    for number, arguments in enumerate(attempts, start=1):
        print(f"torch {version}: pip {' '.join(arguments)}", flush=True)
        if pip(*arguments):
            return 0
        if number < len(attempts):
            print("That index did not deliver; trying the ordinary ones.", flush=True)
    return 1 if attempts else 0


if __name__ == "__main__":
    sys.exit(main())
