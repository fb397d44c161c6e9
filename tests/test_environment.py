"""The environment of a notebook: what is there, what is lacking, and how to mend it."""

import subprocess
import sys
from pathlib import Path

import pytest

from helpers import environment
from helpers.environment import Finding, Findings

# A machine that brings packages of its own, as Colab does.
HOSTED = {
    "torch": "2.11.0+cu128",
    "numpy": "2.0.2",
    "pandas": "2.2.3",
    "openai": "2.31.0",
    "transformers": "5.40.0",
    "matplotlib": "3.10.0",
}
WANTED = {
    "torch": "2.13.0",
    "numpy": "2.4.6",
    "pandas": "3.1.1",
    "openai": "3.54.0",
    "transformers": "5.23.0",
    "matplotlib": "3.11.2",
    "fastapi": "0.165.0",
    "jupyterlab": "4.6.6",
}


def test_a_hosted_machine_keeps_its_own_torch_numpy_and_pandas() -> None:
    lacking = environment.to_install(WANTED, HOSTED.get)
    names = {line.partition("==")[0] for line in lacking}
    assert not names & {"torch", "numpy", "pandas", "matplotlib"}


def test_what_is_missing_or_too_old_is_installed_as_pinned() -> None:
    lacking = environment.to_install(WANTED, HOSTED.get)
    assert lacking == ["openai==3.54.0", "fastapi==0.165.0"]


def test_a_newer_package_is_left_alone() -> None:
    assert environment.to_install({"a": "1.9"}, {"a": "1.10"}.get) == []
    assert environment.to_install({"a": "1.10"}, {"a": "1.9"}.get) == ["a==1.10"]


def test_nothing_is_installed_where_nothing_is_missing() -> None:
    assert environment.install_missing(run=pytest.fail) == []


def test_the_installation_is_held_back_by_the_versions_that_stay(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(environment, "ROOT", tmp_path)
    monkeypatch.setattr(environment, "pins", lambda: WANTED)
    monkeypatch.setattr(environment, "to_install", lambda wanted: ["fastapi==0.165.0"])
    ran: list[list[str]] = []
    assert environment.install_missing(run=ran.append) == ["fastapi==0.165.0"]
    (command,) = ran
    assert command[:4] == [sys.executable, "-m", "pip", "install"]
    assert command[-1] == "fastapi==0.165.0"
    held = Path(command[command.index("-c") + 1]).read_text(encoding="utf-8")
    assert f"torch=={environment.installed_version('torch')}\n" in held
    assert "openai" not in held


def test_every_line_of_the_requirements_is_understood() -> None:
    text = environment.REQUIREMENTS.read_text(encoding="utf-8")
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    assert len(environment.pins()) == len(lines) > 20
    assert set(environment.KEPT) <= set(environment.pins())


def test_this_machine_has_what_the_notebooks_need() -> None:
    found = environment.check_environment()
    assert found.ok, repr(found)
    assert repr(found).count("[OK]") == len(found)


def test_what_is_missing_is_shown_with_its_mend(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("", encoding="utf-8")
    bad = [
        environment._python((3, 9, 1)),
        environment._model(tmp_path / "model.safetensors"),
        environment._writable(file),
        environment._disk(0.2),
    ]
    for finding in bad:
        assert not finding.ok
        assert str(finding).startswith("[FAIL]")
        assert len(finding.mend.split()) > 4
    assert not Findings([Finding(True, "a"), *bad]).ok


def test_every_package_can_have_a_line_of_its_own() -> None:
    found = environment.check_environment(every_package=True)
    assert found.ok, repr(found)
    lines = repr(found).splitlines()
    for name in ("openai", "torch", "pandas", "fastapi"):
        version = environment.installed_version(name)
        assert any(line.startswith(f"[OK]   {name} {version}") for line in lines), name
    assert len(found) > len(environment.check_environment())


def test_a_missing_or_old_package_is_named_with_its_mend() -> None:
    there = {**environment.pins(), "openai": "2.31.0", "fastapi": None}
    found = environment.check_packages(there.get)
    openai, fastapi = (finding for finding in found if not finding.ok)
    assert "openai 2.31.0" in openai.what
    assert environment.pins()["openai"] in openai.what
    assert "fastapi" in fastapi.what
    assert "make lab" in fastapi.mend
    assert len(openai.mend.split()) > 4


def test_a_newer_package_and_an_older_one_of_the_service_are_fine() -> None:
    there = {**environment.pins(), "openai": "99.0", "pandas": "2.2.3"}
    there |= {"torch": environment.pins()["torch"] + "+cpu"}
    found = environment.check_packages(there.get)
    assert found.ok
    assert "torch" in repr(found)
    assert "99.0" in repr(found)


def test_what_a_hosted_service_does_without_is_not_missed() -> None:
    there = {**environment.pins(), "jupyterlab": None, "ipykernel": None}
    found = environment.check_packages(there.get)
    assert found.ok
    assert "jupyterlab" not in repr(found)


def test_the_pointer_of_git_lfs_is_no_base_model(tmp_path: Path) -> None:
    path = tmp_path / "model.safetensors"
    path.write_text("version https://git-lfs.github.com/spec/v1", encoding="utf-8")
    assert not environment._model(path).ok


def test_the_output_folder_can_be_moved(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("COMPANION_OUT", str(tmp_path / "mine"))
    assert environment.output_folder("recipe") == tmp_path / "mine" / "recipe"
    assert (tmp_path / "mine" / "recipe").is_dir()


def test_the_module_runs_where_nothing_is_installed() -> None:
    code = "import helpers.environment as e; e.show_versions(['openai']); e.pins()"
    run = subprocess.run(
        [sys.executable, "-S", "-c", code],
        cwd=environment.ROOT,
        capture_output=True,
        text=True,
    )
    assert run.returncode == 0, run.stderr
    assert "openai –" in run.stdout
