"""`serve`, `status` and `stop`, as users type them."""

from __future__ import annotations

import json
import os
import socket
import stat
import subprocess
import sys

import pytest

from helpers.provider import home as homes
from helpers.provider.__main__ import (
    CannotStart,
    check_exposure,
    main,
    open_socket,
    read_models,
    url_of,
)
from helpers.provider.settings import BASE_MODEL_NAME, REPOSITORY
from tests.provider.harness import KEY, served


@pytest.fixture
def model(tiny_llama):
    return tiny_llama


def run(*words: str) -> subprocess.CompletedProcess:
    return subprocess.run(
        [sys.executable, "-m", "helpers.provider", *words],
        cwd=REPOSITORY,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_a_server_is_found_by_status_and_ended_by_stop(tmp_path, model):
    home = tmp_path / "home"
    with served(home, model) as server:
        assert [entry.id for entry in server.client.models.list()][0] == "kitchen-base"
        found = run("status", "--home", str(home))
        assert found.returncode == 0
        assert server.url in found.stdout
        note = json.loads((home / "server.json").read_text(encoding="utf-8"))
        assert set(note) == {"pid", "port", "url", "version"}
        worker = server.worker()
        second = run("serve", "--home", str(home), "--port", "0")
        assert second.returncode == 2
        assert note["url"] in second.stderr
        stopped = run("stop", "--home", str(home))
        assert stopped.returncode == 0
        server.process.wait(60)
        assert not worker.is_running()
    assert not (home / "server.json").exists()
    assert run("status", "--home", str(home)).returncode == 1
    assert run("stop", "--home", str(home)).returncode == 0


def test_the_key_is_random_private_and_in_no_log(tmp_path, capsys):
    home = tmp_path / "home"
    homes.prepare(home)
    key = homes.load_or_make_key(home)
    assert key != homes.load_or_make_key(_prepared(tmp_path / "other"))
    assert homes.load_or_make_key(home) == key
    path = home / homes.KEY_FILE
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(home.stat().st_mode) == 0o700
    homes.write_server_note(home, "http://127.0.0.1:1", 1, "0")
    assert key not in (home / homes.SERVER_FILE).read_text(encoding="utf-8")


def _prepared(home):
    homes.prepare(home)
    return home


def test_no_file_of_a_running_server_but_the_key_holds_the_key(tmp_path, model):
    home = tmp_path / "home"
    with served(home, model) as server:
        server.client.models.list()
        server.worker()
        holders = [
            path.name
            for path in home.rglob("*")
            if path.is_file() and KEY.encode() in path.read_bytes()
        ]
    assert holders == [homes.KEY_FILE]


def test_a_taken_port_is_said_clearly(tmp_path, model, capsys):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        home = str(tmp_path / "home")
        assert main(["serve", "--port", port, "--home", home]) == 2
    message = capsys.readouterr().err
    assert port in message
    assert "--port 0" in message


def test_listening_beyond_this_machine_needs_a_key_of_ones_own():
    check_exposure("127.0.0.1", None)
    check_exposure("0.0.0.0", "a-key-of-sixteen-characters")
    for key in (None, "short"):
        with pytest.raises(CannotStart, match="--key"):
            check_exposure("0.0.0.0", key)


def test_models_are_given_as_name_and_folder(model):
    models = read_models([f"mine={model}", f"{BASE_MODEL_NAME}={model}"])
    assert models == {"mine": model, BASE_MODEL_NAME: model}


ODD_NAMES = ["my name", "/a", "a/", "a//b", "../a", "a/../b", "ft:x", "ä", "a\n"]


@pytest.mark.parametrize(
    "text",
    ["mine", "mine=", "=x", "a=/nowhere/x", *(f"{name}=/x" for name in ODD_NAMES)],
)
def test_a_model_that_is_not_there_is_said_clearly(text):
    with pytest.raises(CannotStart, match="--model"):
        read_models([text])


def test_two_models_of_one_name_are_refused(model):
    with pytest.raises(CannotStart, match="mine was given twice"):
        read_models([f"mine={model}", f"mine={model}"])


def test_a_name_on_the_hub_is_fetched_without_what_is_never_read(model, monkeypatch):
    asked = {}

    def fetch(name, **patterns):
        asked.update(patterns, name=name)
        return str(model)

    monkeypatch.setattr("huggingface_hub.snapshot_download", fetch)
    assert read_models(["small=org/model"])["small"] == model
    assert asked["name"] == "org/model"
    assert not any("bin" in pattern for pattern in asked["allow_patterns"])
    assert "*/*" in asked["ignore_patterns"]


def test_the_address_shown_is_one_that_clients_can_use():
    assert url_of("0.0.0.0", 1) == "http://127.0.0.1:1"
    assert url_of("::1", 1) == "http://[::1]:1"
    assert url_of("127.0.0.1", 1) == "http://127.0.0.1:1"


def test_an_impossible_port_is_said_clearly():
    with pytest.raises(CannotStart):
        open_socket("127.0.0.1", 99_999)


def test_what_a_killed_start_left_half_written_goes_at_the_next_start(
    tmp_path, tiny_llama
):
    home = tmp_path / "home"
    home.mkdir()
    drafts = [home / "key.0123abcd.tmp", home / "server.json.0123abcd.tmp"]
    for draft in drafts:
        draft.write_text("half", encoding="utf-8")
    other = home / "mine.tmp"
    other.write_text("not the provider's", encoding="utf-8")
    with served(home, tiny_llama):
        assert not any(draft.exists() for draft in drafts)
        assert other.exists()
