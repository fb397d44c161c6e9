"""Run the checks that others wrote against the local provider.

    python -m tools.run_conformance [openai] [schema] [--short] [--model FOLDER]

`openai`: openai-python's own generated tests, from the source distribution of the very
version that is installed (needs a package index once; see tests/conformance).
`schema`: schemathesis on the public OpenAPI document. Both by default. What is expected
to fail, and why, is in docs/conformance.md.

A provider is started for the run in a temporary folder and ended again. Results are
printed and kept in out/conformance/.
"""

from __future__ import annotations

import argparse
import contextlib
import importlib.metadata
import json
import os
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree

from helpers.provider import home as homes
from helpers.provider.settings import BASE_MODEL_NAME, REPOSITORY

OUT = REPOSITORY / "out" / "conformance"
RESULTS = OUT / "openai.xml"
DOCUMENT = REPOSITORY / "tests" / "conformance" / "openai-subset.json"
PACKAGES_LIST = REPOSITORY / "requirements-conformance.txt"
# Groups of openai-python's tests; the first ones wait for no training.
SHORT_TESTS = (
    "test_files.py",
    "test_uploads.py",
    "uploads",
    "test_completions.py",
    "test_embeddings.py",
    "chat/test_completions.py",
    "fine_tuning/alpha",
    "test_batches.py",
    "test_responses.py",
    "responses",
)
ALL_TESTS = (
    *(name for name in SHORT_TESTS if name != "fine_tuning/alpha"),
    "test_models.py",
    "fine_tuning",
)
# Tests that no honest server passes, or only one that serves what this one refuses.
# A run fails when any other test fails; docs/conformance.md has the reasons.
EXPECTED_FAILURES = (
    # In strict mode the client refuses the base64 that it has asked for itself.
    r"test_embeddings\.\w+::.*\[(strict|aiohttp)",
    # Responses in the background, and their compaction, are refused with the reason.
    r"test_responses\.\w+::test_\w*(cancel|compact)",
)
CONFIG = REPOSITORY / "tests" / "conformance" / "schemathesis.toml"


@contextlib.contextmanager
def provider(model: Path | None) -> Iterator[tuple[str, str]]:
    """Run a provider in a temporary folder; gives its base URL and key."""
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        command = [sys.executable, "-m", "helpers.provider", "serve", "--port", "0"]
        command += ["--home", str(home), "--threads", "1"]
        if model is not None:
            command += ["--model", f"{BASE_MODEL_NAME}={model}"]
        process = subprocess.Popen(command, cwd=REPOSITORY, stdout=subprocess.DEVNULL)
        try:
            while (note := homes.read_server_note(home)) is None:
                if process.poll() is not None:
                    sys.exit("the provider did not start")
                time.sleep(0.1)
            key = (home / homes.KEY_FILE).read_text(encoding="utf-8")
            yield f"{note['url']}/v1", key
        finally:
            process.terminate()
            process.wait()


def training_file(folder: Path) -> Path:
    """Write a training file of twelve examples and return its path."""
    rows = [
        {
            "messages": [
                {"role": "user", "content": f"Name the food in: {n} c. flour, sifted"},
                {"role": "assistant", "content": '["flour"]'},
            ]
        }
        for n in range(1, 13)
    ]
    path = folder / "twelve_examples.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def unpack(archive: Path, folder: Path) -> None:
    """Write the plain files of an archive into a folder, and nothing outside it.

    tarfile's own filter for that came with Python 3.11.4, and 3.11.2 is still about.
    """
    with tarfile.open(archive) as members:
        for member in members:
            path = (folder / member.name).resolve()
            if member.isfile() and path.is_relative_to(folder.resolve()):
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(members.extractfile(member).read())


def fetch_openai_tests() -> Path:
    """Return the folder of openai-python's source, fetched once."""
    version = importlib.metadata.version("openai")
    source = OUT / f"openai-{version}"
    pip = [sys.executable, "-m", "pip"]
    if not source.is_dir():
        OUT.mkdir(parents=True, exist_ok=True)
        words = ["--no-deps", "--no-binary", "openai", "--dest", str(OUT)]
        download = [*pip, "download", f"openai=={version}", *words]
        subprocess.run(download, check=True)
        unpack(OUT / f"openai-{version}.tar.gz", OUT)
    packages = OUT / "packages"
    if not packages.is_dir():
        # Under another name until it is whole: an interrupted run leaves no half.
        draft = OUT / "packages.part"
        shutil.rmtree(draft, ignore_errors=True)
        install = [*pip, "install", "--quiet", "--target", str(draft)]
        # Those that are installed already come again, but of the same versions.
        known = REPOSITORY / "requirements.txt"
        words = ["--requirement", str(PACKAGES_LIST), "--constraint", str(known)]
        subprocess.run([*install, *words], check=True)
        draft.rename(packages)
    return source


def run_openai_tests(url: str, key: str, *, short: bool) -> int:
    """Run openai-python's generated tests; return pytest's exit code."""
    source = fetch_openai_tests()
    proxy = subprocess.Popen(
        [
            *(sys.executable, "-m", "tests.conformance.id_proxy"),
            *("--upstream", url, "--key", key, "--base-model", BASE_MODEL_NAME),
            *("--embed-model", BASE_MODEL_NAME),
            *("--train", str(training_file(OUT))),
        ],
        cwd=REPOSITORY,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        port = proxy.stdout.readline().strip()
        names = SHORT_TESTS if short else ALL_TESTS
        paths = os.pathsep.join([str(source), str(OUT / "packages")])
        environment = {
            **os.environ,
            "PYTHONPATH": paths,
            "TEST_API_BASE_URL": f"http://127.0.0.1:{port}",
        }
        command = [sys.executable, "-m", "pytest", "-q", "-n0", "--timeout", "120"]
        command += ["-p", "no:cacheprovider", "--tb", "line"]
        command += [f"--junitxml={RESULTS}"]
        command += [f"tests/api_resources/{name}" for name in names]
        subprocess.run(command, cwd=source, env=environment, check=False)
        return verdict(RESULTS)
    finally:
        proxy.terminate()
        proxy.wait()


def verdict(results: Path) -> int:
    """Say which tests failed that were not expected to; return an exit code.

    Args:
        results: what pytest wrote in JUnit's format.
    """
    counted = Counter()
    surprises = []
    for case in ElementTree.parse(results).getroot().iter("testcase"):
        name = f"{case.get('classname')}::{case.get('name')}"
        kinds = {child.tag for child in case}
        if kinds & {"failure", "error"}:
            expected = any(re.search(known, name) for known in EXPECTED_FAILURES)
            counted["failed as expected" if expected else "failed"] += 1
            if not expected:
                surprises.append(name)
        else:
            counted["skipped" if "skipped" in kinds else "passed"] += 1
    print("openai-python's tests:", ", ".join(f"{n} {k}" for k, n in counted.items()))
    for name in surprises:
        print("not expected to fail:", name)
    return 1 if surprises or not counted["passed"] else 0


def run_schema_tests(url: str, key: str, *, examples: int) -> int:
    """Run schemathesis; return its exit code."""
    OUT.mkdir(parents=True, exist_ok=True)
    command = [sys.executable, "-m", "schemathesis.cli", "--config-file", str(CONFIG)]
    command += ["run", str(DOCUMENT)]
    command += ["--url", url, "-H", f"Authorization: Bearer {key}"]
    command += ["--phases", "examples,coverage,fuzzing,stateful", "--mode", "all"]
    command += ["--max-examples", str(examples), "--seed", "1"]
    command += ["--continue-on-failure", "--no-color"]
    return subprocess.run(command, cwd=OUT, check=False).returncode


def main() -> int:
    """Run what was asked for; 0 if all of it passes."""
    parser = argparse.ArgumentParser(prog="python -m tools.run_conformance")
    parser.add_argument(
        "suites", nargs="*", choices=("openai", "schema", "all"), default="all"
    )
    parser.add_argument(
        "--short",
        action="store_true",
        help="openai-python's tests that train nothing, few examples per operation",
    )
    parser.add_argument("--examples", type=int, help="per operation (200, short: 3)")
    parser.add_argument("--model", type=Path, help="folder of another base model")
    given = parser.parse_args()
    examples = 3 if given.short else 200
    codes = []
    with provider(given.model) as (url, key):
        if "all" in given.suites or "openai" in given.suites:
            codes.append(run_openai_tests(url, key, short=given.short))
        if "all" in given.suites or "schema" in given.suites:
            codes.append(
                run_schema_tests(url, key, examples=given.examples or examples)
            )
    return max(codes)


if __name__ == "__main__":
    sys.exit(main())
