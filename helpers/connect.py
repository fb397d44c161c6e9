"""Which provider, which client, where the key is; the local provider is started here.

Purpose: one call gives notebooks a client that works, whoever answers at the other end:

    here = connect()
    here.client.fine_tuning.jobs.list()

COMPANION_PROVIDER chooses: `local` (without it), `openai`, `azure`, or the base URL of
any compatible service. The local provider is started once, as a process of its own, and
is shared by all notebooks; after that only its address is known here.
Keys are looked for and handed to the client; they are never printed or written.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import openai
from filelock import FileLock, Timeout

from helpers.messages import say
from helpers.prices import closing_note
from helpers.progress import in_notebook
from helpers.recipes import DATA_DIR
from helpers.tokens import TokenCounter, counter_for

ROOT = Path(__file__).resolve().parent.parent
LOCAL_MODEL = "kitchen-base"
# The model of the cookbook's notebook; data/models.csv says until when it can be had.
HOSTED_MODEL = "gpt-4o-mini-2024-07-18"
AZURE_API_VERSION = "2024-10-21"
START_SECONDS = 90  # a first start imports PyTorch from a cold disk
# Azure takes minutes; a lesson need not.
DEPLOYMENT_SECONDS = "5"
LOG = "start.log"
YES = {"yes", "y"}
# Provider -> the variable or secret that holds its key; a URL's key goes to it alone.
KEYS = {
    "openai": "OPENAI_API_KEY",
    "azure": "AZURE_OPENAI_API_KEY",
    "compatible": "COMPANION_API_KEY",
}
MASK = "•" * 8  # of any key: neither its letters nor its length are told


class ProviderNotReady(RuntimeError):
    """The local provider could not be started, or does not answer."""


class KeyNotFound(RuntimeError):
    """No key for the chosen provider was found."""


class SpendingRefused(RuntimeError):
    """A call that costs money was not allowed."""


@dataclass(frozen=True)
class Connection:
    """A client and what one has to know about the service behind it.

    Attributes:
        client: openai.OpenAI or openai.AzureOpenAI.
        provider: "local", "openai", "azure" or "compatible".
        base_model: name of the model that is fine-tuned.
        label: the provider's name for people.
        billed: True when calls may cost money.
        home: folder of the local provider; None for others.
    """

    client: openai.OpenAI = field(repr=False)
    provider: str
    base_model: str
    label: str
    billed: bool
    home: Path | None = None

    @property
    def url(self) -> str:
        """Base URL of the service, without a slash at the end."""
        return str(self.client.base_url).rstrip("/")

    def describe(self) -> str:
        """Return what is connected, in a few lines; the key is not among them."""
        lines = [
            say("connect.provider", label=self.label, url=self.url),
            say("connect.model", model=self.base_model),
        ]
        key = "connect.billed" if self.billed else "connect.free"
        lines.append(say(key))
        lines.append(closing_note(self.base_model, self.provider))
        return "\n".join(filter(None, lines))

    def counter(self) -> TokenCounter:
        """Return a counter of the tokens that the base model reads."""
        if self.provider == "local" and (DATA_DIR / "base_model").is_dir():
            return counter_for(self.base_model, DATA_DIR / "base_model")
        return counter_for(self.base_model)

    def reconnect(self) -> None:
        """Find the local provider again, or start it, when it does not answer.

        Raises:
            ProviderNotReady: it could not be started.
        """
        if self.home is not None:
            self.client.base_url = f"{start_provider(self.home)}/v1/"

    def confirm(self, what: str) -> None:
        """Ask before money is spent; does nothing where nothing is billed.

        COMPANION_SPEND=yes answers beforehand, for runs without a keyboard.

        Args:
            what: what is about to happen, with its estimate.

        Raises:
            SpendingRefused: the answer was not an explicit yes.
        """
        if not self.billed:
            return
        print(say("spend.estimate", label=self.label, what=what), flush=True)
        told = os.environ.get("COMPANION_SPEND", "").strip().lower()
        if told in YES:
            return
        if told or not _can_ask():
            raise SpendingRefused(say("spend.refused"))
        if input(say("spend.question") + " ").strip().lower() not in YES:
            raise SpendingRefused(say("spend.refused"))


def connect(
    provider: str | None = None,
    *,
    base_model: str | None = None,
    home: str | Path | None = None,
) -> Connection:
    """Connect to a provider; start the local one if it is not running.

    Args:
        provider: "local", "openai", "azure" or a base URL; without it
            COMPANION_PROVIDER, else "local".
        base_model: model to fine-tune; without it COMPANION_MODEL, else the provider's
            usual one.
        home: folder of the local provider; without it its own default.

    Returns:
        The connection.

    Raises:
        ProviderNotReady: the local provider did not start.
        KeyNotFound: a hosted provider's key was not found.
        ValueError: there is no such provider, or a setting of it is missing.
    """
    chosen = (provider or os.environ.get("COMPANION_PROVIDER") or "local").strip()
    model = base_model or os.environ.get("COMPANION_MODEL")
    if chosen.lower() == "local":
        return _local(model or LOCAL_MODEL, home)
    if chosen.lower() == "openai":
        return _openai(model or HOSTED_MODEL)
    if chosen.lower() == "azure":
        return _azure(model or HOSTED_MODEL)
    if chosen.startswith(("http://", "https://")):
        return _compatible(chosen, model)
    raise ValueError(say("connect.unknown", found=chosen))


# --- hosted providers -------------------------------------------------------------


def _openai(model: str) -> Connection:
    client = openai.OpenAI(api_key=find_key(KEYS["openai"], "OpenAI"))
    return Connection(client, "openai", model, "OpenAI", True)


def _azure(model: str) -> Connection:
    endpoint = setting("AZURE_OPENAI_ENDPOINT")
    if not endpoint:
        raise ValueError(say("connect.azure"))
    key = find_key(KEYS["azure"], "Azure OpenAI")
    if "/openai/v1" in endpoint:
        # The address of the newer API, which the plain client speaks.
        client = openai.OpenAI(api_key=key, base_url=endpoint)
    else:
        version = setting("OPENAI_API_VERSION") or AZURE_API_VERSION
        client = openai.AzureOpenAI(
            api_key=key, azure_endpoint=endpoint, api_version=version
        )
    return Connection(client, "azure", model, "Azure OpenAI", True)


def _compatible(url: str, model: str | None) -> Connection:
    # Not OPENAI_API_KEY: that one belongs to OpenAI and goes to nobody else.
    client = openai.OpenAI(api_key=find_key(KEYS["compatible"], url), base_url=url)
    if model is None:
        served = client.models.list().data
        if not served:
            raise ValueError(say("connect.no_model", url=url))
        model = served[0].id
    return Connection(client, "compatible", model, url, True)


def find_key(name: str, service: str) -> str:
    """Find a key: environment, Colab's secrets, a .env file, and at last the keyboard.

    Codespaces' secrets are environment variables.

    Args:
        name: of the variable or secret, such as "OPENAI_API_KEY".
        service: whose key it is, for the question.

    Raises:
        KeyNotFound: it is nowhere, and nobody can be asked.
    """
    key = setting(name)
    if not key and _can_ask():
        from getpass import getpass

        key = getpass(say("key.question", service=service, name=name) + " ").strip()
    if not key:
        raise KeyNotFound(say("key.missing", service=service, name=name))
    return key


def look_for_keys() -> list[dict[str, str]]:
    """Say which provider wants which key, and where one was found; the key is masked.

    Nobody is asked for a key at the keyboard, and none is sent anywhere.

    Returns:
        A row for each provider, the local one first: provider, key (the name of the
        variable), value (a mask, or empty), place (where it was found).
    """
    own = {"key": say("key.none"), "value": MASK, "place": say("key.place.itself")}
    rows = [{"provider": "local", **own}]
    for provider, name in KEYS.items():
        value, place = _look_up(name)
        rows.append(
            {
                "provider": provider,
                "key": name,
                "value": MASK if value else "",
                "place": say(f"key.place.{place}"),
            }
        )
    return rows


def setting(name: str) -> str:
    """Return a variable, a secret of Colab or a line of .env; empty without it."""
    return _look_up(name)[0]


def _look_up(name: str) -> tuple[str, str]:
    """Return a setting and the place it was found in."""
    value = os.environ.get(name, "").strip()
    if value:
        return value, "environment"
    value = _from_colab(name)
    if value:
        return value, "colab"
    value = _from_dotenv(name)
    return (value, "dotenv") if value else ("", "nowhere")


def _from_colab(name: str) -> str:
    if "google.colab" not in sys.modules:
        return ""
    try:
        from google.colab import userdata

        return (userdata.get(name) or "").strip()
    except Exception:
        # Colab raises errors of several kinds: not there, not allowed, no answer. All
        # mean that the key has to come from elsewhere.
        return ""


def _from_dotenv(name: str) -> str:
    from dotenv import dotenv_values, find_dotenv

    path = find_dotenv(usecwd=True)
    return (dotenv_values(path).get(name) or "").strip() if path else ""


def _can_ask() -> bool:
    """True when somebody sits at a keyboard."""
    if in_notebook():
        from IPython import get_ipython

        # False under nbconvert and nbval, where nobody could answer.
        return bool(getattr(get_ipython().kernel, "_allow_stdin", False))
    return sys.stdin is not None and sys.stdin.isatty()


# --- the local provider -----------------------------------------------------------


def _local(model: str, home: str | Path | None) -> Connection:
    folder = provider_home(home)
    url = start_provider(folder)
    client = openai.OpenAI(
        api_key=(folder / "key").read_text(encoding="utf-8").strip(),
        base_url=f"{url}/v1",
        # A proxy of the network must not be asked about this very machine.
        http_client=openai.DefaultHttpx2Client(trust_env=False),
    )
    label = say("connect.local")
    return Connection(client, "local", model, label, False, folder)


def provider_home(home: str | Path | None = None) -> Path:
    """Return the local provider's folder: `home`, else its own default."""
    from helpers.provider.settings import default_home

    return Path(home).expanduser().resolve() if home else default_home()


def start_provider(
    home: Path,
    command: Sequence[str] | None = None,
    timeout_s: float = START_SECONDS,
    https: bool = False,
) -> str:
    """Start the local provider unless it runs, and wait until it answers.

    Several notebooks may call this at once: one starts it, the others wait for it.

    Args:
        home: the provider's folder.
        command: how to start it; `--home` is added.
        timeout_s: how long to wait until it answers, in seconds.
        https: it has to answer with https as well (`https_address`). One that runs
            without is started again at the same address, so that those who use it go
            on; a job that it is training goes on, too.

    Returns:
        Its address, without /v1.

    Raises:
        ProviderNotReady: it did not start; the message ends with what it last said.
    """
    home.mkdir(parents=True, exist_ok=True, mode=0o700)
    try:
        with FileLock(home / "start.lock", timeout=timeout_s + 30):
            more: list[str] = []
            url = _running(home)
            if https and https_address(home) is None:
                more = ["--tls-port", "0", "--deployment-seconds", DEPLOYMENT_SECONDS]
                if url is not None:
                    # The last one to be named counts: the port it had.
                    more += ["--port", str(urllib.parse.urlsplit(url).port)]
                    _stop(home)
                    url = None
            return url or _start(home, command, timeout_s, more)
    except Timeout as error:
        raise ProviderNotReady(say("start.locked", home=home)) from error


def https_address(home: Path) -> str | None:
    """Return where the provider of this folder answers with https; None if nowhere."""
    return (_note(home) or {}).get("tls_url")


def _stop(home: Path) -> None:
    command = [sys.executable, "-m", "helpers.provider", "stop", "--home", str(home)]
    stopped = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    if stopped.returncode:
        raise ProviderNotReady(say("start.not_stopped", log=stopped.stdout.strip()))


def _running(home: Path) -> str | None:
    """Return the address of the provider of this folder, if it lives."""
    note = _note(home)
    if note is None:
        return None
    # A busy machine may need some seconds to answer; a dead process never will.
    for _ in range(10):
        if _answers(note):
            return note["url"]
        if not _alive(note["pid"], home):
            return None
        time.sleep(0.5)
    raise ProviderNotReady(say("start.silent", url=note["url"], pid=note["pid"]))


def _start(
    home: Path,
    command: Sequence[str] | None,
    timeout_s: float,
    more: Sequence[str] = (),
) -> str:
    command = command or [
        sys.executable, "-m", "helpers.provider", "serve", "--port", "0",
        "--tell-paused",
    ]  # fmt: skip
    path = os.environ.get("PYTHONPATH")
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join([str(ROOT), path] if path else [str(ROOT)]),
        "PYTHONUNBUFFERED": "1",
    }
    with open(home / LOG, "wb") as log:
        process = subprocess.Popen(
            [*command, *more, "--home", str(home)],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            cwd=home,
            env=environment,
            **_detached(),
        )
    deadline = time.monotonic() + timeout_s
    while time.monotonic() < deadline:
        code = process.poll()
        note = _note(home)
        if note is not None and _answers(note):
            # It outlives this kernel on purpose, so it must not be waited for.
            process.returncode = 0
            return note["url"]
        if code is not None:
            raise ProviderNotReady(say("start.ended", code=code, log=_tail(home)))
        time.sleep(0.1)
    process.terminate()
    process.wait(timeout=10)
    raise ProviderNotReady(say("start.slow", seconds=timeout_s, log=_tail(home)))


def _detached() -> dict[str, Any]:
    """Return arguments that let a process outlive the kernel that started it."""
    if os.name == "nt":
        flags = subprocess.CREATE_NEW_PROCESS_GROUP | subprocess.CREATE_NO_WINDOW
        return {"creationflags": flags, "close_fds": True}
    return {"start_new_session": True}


def _note(home: Path) -> dict[str, Any] | None:
    try:
        note = json.loads((home / "server.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    complete = isinstance(note, dict) and {"pid", "url"} <= note.keys()
    return note if complete else None


def _answers(note: dict[str, Any]) -> bool:
    """True when the process of the note answers at its address."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(f"{note['url']}/health", timeout=2) as reply:
            health = json.load(reply)
    except (OSError, ValueError):
        return False
    # Another program may listen there after a crash; it must not see the key.
    return isinstance(health, dict) and health.get("pid") == note["pid"]


def _alive(pid: int, home: Path) -> bool:
    """True when the process that wrote the note lives."""
    import psutil

    try:
        process = psutil.Process(pid)
        if process.status() == psutil.STATUS_ZOMBIE:
            return False
        # A process that is younger than the note got the number of a dead one.
        return process.create_time() <= (home / "server.json").stat().st_mtime + 1
    except (psutil.Error, OSError):
        return False


def _tail(home: Path, lines: int = 15) -> str:
    """Return the end of what the provider said, without the key."""
    text = ""
    for name in (LOG, "server.log"):
        path = home / name
        if path.is_file():
            said = path.read_text(encoding="utf-8", errors="replace").strip()
            text += f"[{name}]\n" + "\n".join(said.splitlines()[-lines:]) + "\n"
    key = home / "key"
    if key.is_file():
        text = text.replace(key.read_text(encoding="utf-8").strip() or "\0", "***")
    return text.strip()
