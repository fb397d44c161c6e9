"""Connections: which provider, where the key is, one local provider for everybody."""

import builtins
import json
import os
import sys
import types
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import openai
import psutil
import pytest

from helpers import connect as module
from helpers.connect import (
    Connection,
    KeyNotFound,
    ProviderNotReady,
    SpendingRefused,
    connect,
    find_key,
    https_address,
    start_provider,
)

# A stand-in for the provider's process: answers /health as the real one does.
SERVER = """
import http.server, json, os, sys, pathlib
home = pathlib.Path(sys.argv[sys.argv.index("--home") + 1])
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        body = json.dumps({"status": "ok", "pid": os.getpid()}).encode()
        self.send_response(200)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
    def log_message(self, *a):
        pass
server = http.server.HTTPServer(("127.0.0.1", 0), Handler)
(home / "key").write_text("sk-local-secret")
(home / "starts").open("a").write("x")
(home / "arguments").write_text(json.dumps(sys.argv))
url = f"http://127.0.0.1:{server.server_port}"
aside = home / "aside"
aside.write_text(json.dumps({"pid": os.getpid(), "url": url}))
aside.replace(home / "server.json")
print("ready", flush=True)
server.serve_forever()
"""
START = [sys.executable, "-S", "-c", SERVER]


@pytest.fixture
def home(tmp_path):
    """A folder for a provider, which is ended after the test."""
    folder = tmp_path / "home"
    yield folder
    note = module._note(folder)
    if note and psutil.pid_exists(note["pid"]):
        process = psutil.Process(note["pid"])
        process.kill()
        process.wait(10)


@pytest.fixture
def alone(monkeypatch, tmp_path):
    """No keys, no settings, no keyboard, no .env file."""
    for name in list(os.environ):
        if name.startswith(("OPENAI_", "AZURE_", "COMPANION_")):
            monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(module, "_can_ask", lambda: False)
    monkeypatch.delitem(sys.modules, "google.colab", raising=False)
    return monkeypatch


def starts(home):
    return (home / "starts").read_text().count("x")


# --- the local provider -----------------------------------------------------------


def test_the_provider_is_started_once_and_then_found(home):
    url = start_provider(home, START)
    assert url.startswith("http://127.0.0.1:")
    assert start_provider(home, START) == url
    assert starts(home) == 1


def test_several_notebooks_at_once_start_one_provider(home):
    with ThreadPoolExecutor(4) as pool:
        urls = set(pool.map(lambda _: start_provider(home, START), range(4)))
    assert len(urls) == 1
    assert starts(home) == 1


@pytest.mark.parametrize("https", [False, True])
def test_https_is_asked_for_when_it_is_wanted_and_only_then(home, https):
    start_provider(home, START, https=https)
    arguments = json.loads((home / "arguments").read_text())
    assert ("--tls-port" in arguments) is https
    assert arguments.count("--port") == 0, "any free one will do"
    assert https_address(home) is None, "the stand-in has none"


def test_a_dead_provider_is_started_again(home):
    start_provider(home, START)
    process = psutil.Process(module._note(home)["pid"])
    process.kill()
    start_provider(home, START)
    assert starts(home) == 2


def test_the_provider_lives_in_a_session_of_its_own(home):
    start_provider(home, START)
    pid = module._note(home)["pid"]
    if os.name == "posix":
        assert os.getsid(pid) == pid
    assert psutil.Process(pid).is_running()


def test_a_number_that_another_process_got_is_not_taken_for_the_provider(home):
    # After a restart of the machine the note may carry anybody's process number.
    home.mkdir()
    note = {"pid": os.getpid(), "url": "http://127.0.0.1:9"}
    (home / "server.json").write_text(json.dumps(note))
    long_ago = psutil.Process().create_time() - 1000
    os.utime(home / "server.json", (long_ago, long_ago))
    start_provider(home, START)
    assert starts(home) == 1


def test_a_stranger_at_the_providers_port_never_gets_the_key(home):
    start_provider(home, START)
    note = module._note(home)
    assert module._answers(note)
    assert not module._answers({**note, "pid": note["pid"] + 1})


def test_a_provider_that_cannot_start_shows_its_last_words_without_the_key(home):
    home.mkdir()
    (home / "key").write_text("sk-local-secret")
    code = "print('the port is taken, sk-local-secret'); raise SystemExit(3)"
    with pytest.raises(ProviderNotReady) as caught:
        start_provider(home, [sys.executable, "-S", "-c", code])
    assert "exit code 3" in str(caught.value)
    assert "the port is taken" in str(caught.value)
    assert "sk-local-secret" not in str(caught.value)


def test_a_provider_that_never_answers_is_ended(home):
    code = "import os, time; print(os.getpid(), flush=True); time.sleep(60)"
    with pytest.raises(ProviderNotReady, match="did not answer within"):
        start_provider(home, [sys.executable, "-S", "-c", code], timeout_s=1.5)
    pid = int((home / "start.log").read_text())
    assert not psutil.pid_exists(pid)


def test_a_local_connection_carries_the_key_and_does_not_show_it(home, alone):
    start_provider(home, START)
    here = connect(home=home)
    assert (here.provider, here.billed, here.home) == ("local", False, home)
    assert here.base_model == "kitchen-base"
    assert here.client.api_key == "sk-local-secret"
    assert here.url.endswith("/v1")
    assert "sk-local-secret" not in repr(here) + here.describe() + str(here)
    here.client.close()


def test_a_proxy_of_the_network_is_not_used_for_this_machine(home, alone):
    alone.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    alone.setenv("ALL_PROXY", "http://127.0.0.1:9")
    start_provider(home, START)
    here = connect(home=home)
    assert here.client.get("/health", cast_to=object)["status"] == "ok"
    here.client.close()


def test_a_local_connection_needs_no_consent(home, alone):
    start_provider(home, START)
    here = connect(home=home)
    here.client.close()
    assert here.confirm("A job.") is None


# --- keys, masked -----------------------------------------------------------------


def places(rows):
    return {row["provider"]: (row["value"], row["place"]) for row in rows}


def test_without_any_key_only_the_local_provider_is_ready(alone):
    rows = module.look_for_keys()
    assert [row["provider"] for row in rows] == ["local", *module.KEYS]
    assert places(rows)["local"][0] == module.MASK
    assert all(places(rows)[name] == ("", "not set") for name in module.KEYS)


def test_a_key_is_found_in_the_environment_and_in_a_file_and_is_masked(alone, tmp_path):
    alone.setenv("OPENAI_API_KEY", "sk-from-the-environment")
    (tmp_path / ".env").write_text("AZURE_OPENAI_API_KEY=from-a-file\n")
    rows = module.look_for_keys()
    found = places(rows)
    assert found["openai"] == (module.MASK, "in the environment")
    assert found["azure"] == (module.MASK, "in a file .env")
    assert found["compatible"] == ("", "not set")
    for part in ("sk-", "from-the", "from-a-file"):
        assert part not in str(rows)


def test_the_mask_does_not_tell_how_long_a_key_is(alone):
    shown = set()
    for key in ("k", "k" * 200):
        alone.setenv("OPENAI_API_KEY", key)
        shown.add(places(module.look_for_keys())["openai"][0])
    assert shown == {module.MASK}


def test_the_keys_that_are_looked_for_are_the_ones_that_are_used(alone):
    alone.setenv("AZURE_OPENAI_ENDPOINT", "https://name.openai.azure.com")
    for provider in ("openai", "azure", "http://127.0.0.1:9/v1"):
        name = module.KEYS.get(provider, module.KEYS["compatible"])
        with pytest.raises(KeyNotFound, match=name):
            connect(provider)


# --- hosted providers -------------------------------------------------------------


def test_openai_is_chosen_by_one_variable(alone):
    alone.setenv("COMPANION_PROVIDER", "openai")
    alone.setenv("OPENAI_API_KEY", "sk-secret")
    here = connect()
    assert (here.provider, here.billed) == ("openai", True)
    assert here.client.api_key == "sk-secret"
    assert "sk-secret" not in repr(here) + here.describe()


def test_the_model_is_chosen_by_a_variable_or_an_argument(alone):
    alone.setenv("OPENAI_API_KEY", "sk-secret")
    alone.setenv("COMPANION_MODEL", "gpt-4.1-nano")
    assert connect("openai").base_model == "gpt-4.1-nano"
    assert connect("openai", base_model="other").base_model == "other"


def test_azure_gets_its_own_client(alone):
    alone.setenv("AZURE_OPENAI_API_KEY", "secret")
    alone.setenv("AZURE_OPENAI_ENDPOINT", "https://name.openai.azure.com")
    here = connect("azure")
    assert isinstance(here.client, openai.AzureOpenAI)
    alone.setenv("AZURE_OPENAI_ENDPOINT", "https://name.openai.azure.com/openai/v1/")
    here = connect("azure")
    assert not isinstance(here.client, openai.AzureOpenAI)
    assert here.provider == "azure"


def test_azure_without_an_address_says_which_variable_to_set(alone):
    alone.setenv("AZURE_OPENAI_API_KEY", "secret")
    with pytest.raises(ValueError, match="AZURE_OPENAI_ENDPOINT"):
        connect("azure")


def test_any_url_is_a_provider_and_never_gets_openais_key(alone):
    alone.setenv("OPENAI_API_KEY", "sk-of-openai")
    with pytest.raises(KeyNotFound, match="COMPANION_API_KEY"):
        connect("http://service.invalid/v1", base_model="m")
    alone.setenv("COMPANION_API_KEY", "sk-of-service")
    here = connect("http://service.invalid/v1", base_model="m")
    assert here.client.api_key == "sk-of-service"
    assert here.provider == "compatible"


def test_an_unknown_provider_is_refused_with_the_choices(alone):
    with pytest.raises(ValueError, match="local, openai, azure or a URL"):
        connect("opnai")


# --- keys -------------------------------------------------------------------------


def test_a_missing_key_says_where_it_is_looked_for_and_names_the_free_way(alone):
    with pytest.raises(KeyNotFound) as caught:
        connect("openai")
    for word in ("OPENAI_API_KEY", "Colab", ".env", "COMPANION_PROVIDER=local"):
        assert word in str(caught.value)


def test_the_environment_beats_a_file_and_the_file_beats_the_keyboard(alone):
    Path(".env").write_text("OPENAI_API_KEY=from-file\n")
    assert find_key("OPENAI_API_KEY", "OpenAI") == "from-file"
    alone.setenv("OPENAI_API_KEY", "from-environment")
    assert find_key("OPENAI_API_KEY", "OpenAI") == "from-environment"


def test_a_file_does_not_change_the_environment(alone):
    Path(".env").write_text("OPENAI_API_KEY=from-file\n")
    find_key("OPENAI_API_KEY", "OpenAI")
    assert "OPENAI_API_KEY" not in os.environ


def colab(monkeypatch, get):
    """Put a stand-in for Colab's secrets where the real one would be."""
    package, child = types.ModuleType("google"), types.ModuleType("google.colab")
    child.userdata = types.SimpleNamespace(get=get)
    package.colab = child
    monkeypatch.setitem(sys.modules, "google", package)
    monkeypatch.setitem(sys.modules, "google.colab", child)


def test_colabs_secrets_are_read(alone):
    colab(alone, lambda name: f"colab-{name}")
    assert find_key("OPENAI_API_KEY", "OpenAI") == "colab-OPENAI_API_KEY"


def test_a_secret_that_colab_denies_is_as_good_as_none(alone):
    def deny(name):
        raise PermissionError("Notebook does not have access to the secret")

    colab(alone, deny)
    with pytest.raises(KeyNotFound):
        find_key("OPENAI_API_KEY", "OpenAI")


def test_the_keyboard_is_asked_last_and_nothing_is_echoed(alone, capsys):
    alone.setattr(module, "_can_ask", lambda: True)
    alone.setattr("getpass.getpass", lambda question: "typed-key")
    assert find_key("OPENAI_API_KEY", "OpenAI") == "typed-key"
    assert capsys.readouterr() == ("", "")


# --- spending ---------------------------------------------------------------------


@pytest.fixture
def billed(alone):
    client = openai.OpenAI(api_key="sk-none")
    return Connection(client, "openai", "m", "OpenAI", True)


def test_without_a_yes_nothing_is_spent(billed, capsys):
    with pytest.raises(SpendingRefused, match="COMPANION_SPEND"):
        billed.confirm("A job of 8,350 tokens.")
    assert "8,350 tokens" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("typed", "allowed"),
    [("yes", True), ("Y", True), ("", False), ("no", False), ("maybe", False)],
)
def test_only_an_explicit_yes_counts(typed, allowed, billed, alone):
    alone.setattr(module, "_can_ask", lambda: True)
    alone.setattr(builtins, "input", lambda question: typed)
    if allowed:
        billed.confirm("A job.")
    else:
        with pytest.raises(SpendingRefused):
            billed.confirm("A job.")


def test_a_variable_can_say_yes_or_no_beforehand(billed, alone):
    alone.setattr(module, "_can_ask", lambda: True)
    alone.setattr(builtins, "input", lambda question: "yes")
    alone.setenv("COMPANION_SPEND", "no")
    with pytest.raises(SpendingRefused):
        billed.confirm("A job.")
    alone.setenv("COMPANION_SPEND", "yes")
    assert billed.confirm("A job.") is None
