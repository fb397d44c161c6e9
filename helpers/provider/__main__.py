"""The command line: `python -m helpers.provider serve | status | stop`."""

from __future__ import annotations

import argparse
import contextlib
import json
import logging
import logging.handlers
import os
import re
import signal
import socket
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

from filelock import Timeout

from helpers import __version__
from helpers.provider import home as homes
from helpers.provider.model_folders import NotAModel, check_folder
from helpers.provider.settings import (
    BASE_MODEL_NAME,
    BASE_MODEL_PATH,
    LOOPBACK_HOSTS,
    Settings,
    default_home,
)
from helpers.provider.threads import thread_environment
from helpers.provider.training_memory import default_memory

_LOCK_WAIT_SECONDS = 2.0
_STOP_WAIT_SECONDS = 30.0
_LONGEST_DEPLOYMENT_SECONDS = 86_400.0
_SHORTEST_KEY = 16
# As names on the Hub are: parts that begin with a letter or digit, slashes in between.
_MODEL_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*(/[A-Za-z0-9][A-Za-z0-9._-]*)*")
_LONGEST_NAME = 128
_KEY = re.compile(r"[!-~]{1,256}")
_TRAINING_HOURS = 24
_SMALLEST_MEMORY = 0.25
# The openai client gives up on an answer after 600 seconds.
_LONGEST_HOLD = 540
_HUB_NAME = re.compile(r"[A-Za-z0-9._-]+/[A-Za-z0-9._-]+")
# What a model folder may hold; never pickled weights.
_HUB_FILES = ("*.safetensors", "*.json", "*.jinja", "*.txt", "*.model")
# The same weights once more in other shapes, as several makers upload them.
_HUB_LEFT_OUT = ("*/*", "consolidated*")


class CannotStart(Exception):
    """Why the server does not start, in words for the user."""


def _seconds(text: str) -> float:
    seconds = float(text)
    if not 0 <= seconds <= _LONGEST_DEPLOYMENT_SECONDS:
        raise argparse.ArgumentTypeError(
            f"expected 0 to {_LONGEST_DEPLOYMENT_SECONDS:g} seconds, got {text}"
        )
    return seconds


def _prefix(text: str) -> str:
    # Imported late: who asks for --help need not wait for the web framework.
    from helpers.provider.azure.imports import check_prefix

    try:
        return check_prefix(text)
    except ValueError as fault:
        raise argparse.ArgumentTypeError(str(fault)) from fault


def make_parser() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    parser = argparse.ArgumentParser(
        prog="python -m helpers.provider",
        description="The OpenAI fine-tuning API in a box, on this machine.",
    )
    commands = parser.add_subparsers(dest="command", required=True)
    where = argparse.ArgumentParser(add_help=False)
    where.add_argument(
        "--home",
        type=Path,
        default=None,
        metavar="DIR",
        help="folder of the provider (default: $COMPANION_HOME or your data folder)",
    )
    serve = commands.add_parser("serve", parents=[where], help="start the server")
    serve.add_argument("--host", default="127.0.0.1", help="address to listen on")
    serve.add_argument(
        "--port", type=int, default=8000, help="TCP port, 0 for a free one"
    )
    serve.add_argument(
        "--key",
        default=None,
        help="use this key, not a random one; other users of this machine can read it "
        "in the list of processes, so --key-file is better",
    )
    serve.add_argument(
        "--key-file",
        type=Path,
        default=None,
        metavar="FILE",
        help="use the key in this file",
    )
    serve.add_argument(
        "--model",
        action="append",
        default=[],
        metavar="NAME=PATH",
        help="one more base model: a Hugging Face folder or a name on the Hub; "
        f"{BASE_MODEL_NAME}=PATH takes the place of the one that comes along",
    )
    serve.add_argument(
        "--allow-host",
        action="append",
        default=[],
        metavar="NAME",
        help="accept this name in the Host header as well",
    )
    serve.add_argument(
        "--result-files",
        choices=("base64", "plain"),
        default="base64",
        help="how the content of result files is sent (default: as OpenAI does)",
    )
    serve.add_argument(
        "--threads",
        type=int,
        default=None,
        help="threads of training (default: small models 1, others all cores up to 8)",
    )
    serve.add_argument(
        "--hold-retrieve",
        type=float,
        default=0.0,
        metavar="SECONDS",
        help="a GET of a fine-tuning job answers when the job has ended, or after so "
        f"many seconds (at most {_LONGEST_HOLD}; default 0: at once)",
    )
    serve.add_argument(
        "--training-memory",
        type=float,
        default=None,
        metavar="GIB",
        help="memory that training may take (default: four fifths of the machine's)",
    )
    serve.add_argument(
        "--training-hours",
        type=float,
        default=_TRAINING_HOURS,
        metavar="HOURS",
        help="how long one job may train, pauses not counted "
        f"(default {_TRAINING_HOURS}; 0 for ever)",
    )
    serve.add_argument(
        "--tls-port",
        type=int,
        default=None,
        metavar="PORT",
        help="listen on this port as well, with https and a certificate made here; "
        "0 for a free one",
    )
    serve.add_argument(
        "--allow-import",
        action="append",
        default=[],
        type=_prefix,
        metavar="PREFIX",
        help="let Azure's files/import fetch below this place, such as "
        "file:///srv/data/ or https://example.org/data/",
    )
    serve.add_argument(
        "--deployment-seconds",
        type=_seconds,
        default=10.0,
        metavar="SECONDS",
        help="how long an Azure deployment takes (default: 10)",
    )
    serve.add_argument(
        "--tell-paused",
        action="store_true",
        help="a paused job says so when it is asked for by its id; otherwise it says "
        "'queued', since typed clients know six states and 'paused' is none of them",
    )
    commands.add_parser("status", parents=[where], help="say whether a server runs")
    commands.add_parser("stop", parents=[where], help="stop the server")
    return parser


def read_models(given: list[str]) -> dict[str, Path]:
    """Return the base models by name.

    Args:
        given: values of --model, each NAME=PATH.

    Raises:
        CannotStart: a value is no NAME=PATH, a name comes twice, or there is no model
            at the path that can be served.
    """
    models: dict[str, Path] = {}
    for text in given:
        name, _, place = text.partition("=")
        if not place or len(name) > _LONGEST_NAME or not _MODEL_NAME.fullmatch(name):
            raise CannotStart(
                f"--model {text}: expected NAME=PATH, such as my-model=/a/folder. "
                f"A NAME has at most {_LONGEST_NAME} letters, digits, dots, dashes and "
                "underscores, with single slashes between them."
            )
        if name in models:
            raise CannotStart(
                f"--model {text}: the name {name} was given twice; every model needs "
                "a name of its own."
            )
        models[name] = _model_folder(place)
    return {BASE_MODEL_NAME: BASE_MODEL_PATH, **models}


def _model_folder(place: str) -> Path:
    """Return the folder of a path or of a name on the Hub."""
    folder = Path(place).expanduser().resolve()
    if not folder.is_dir():
        folder = _fetched(place)
    try:
        check_folder(folder)
    except NotAModel as fault:
        raise CannotStart(f"--model: {place} cannot be served: {fault}.") from fault
    return folder


def _fetched(place: str) -> Path:
    if not _HUB_NAME.fullmatch(place):
        raise CannotStart(
            f"--model: there is no folder {place}. Expected the path of a Hugging Face "
            "folder, or a name on the Hub such as org/model."
        )
    from huggingface_hub import snapshot_download

    try:
        return Path(
            snapshot_download(
                place,
                allow_patterns=list(_HUB_FILES),
                ignore_patterns=list(_HUB_LEFT_OUT),
            )
        )
    except Exception as fault:
        raise CannotStart(
            f"--model: {place} is no folder, and it could not be fetched from the Hub "
            f"({type(fault).__name__})."
        ) from fault


def open_socket(host: str, port: int) -> socket.socket:
    """Return a listening socket.

    Raises:
        CannotStart: the port is taken or the address is not ours.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # With the protocol named, asyncio sends small answers at once (TCP_NODELAY);
    # without it each one waits 40 ms for the client's delayed acknowledgement.
    sock = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        if os.name == "posix":
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind((host, port))
        sock.listen(2048)
    except (OSError, OverflowError) as fault:
        sock.close()
        raise CannotStart(
            f"Cannot listen on {host}:{port}: {fault}. Another program may use this "
            "port; choose one with --port, or --port 0 for a free one."
        ) from fault
    return sock


def check_exposure(host: str, key: str | None) -> None:
    """Refuse to listen beyond this machine unless a key was chosen for it.

    Raises:
        CannotStart: the address is not loopback and there is no --key.
    """
    if host in LOOPBACK_HOSTS:
        return
    if key is None or len(key) < _SHORTEST_KEY:
        raise CannotStart(
            f"--host {host} opens the provider to other machines. That needs a key of "
            f"your own, at least {_SHORTEST_KEY} characters: --key KEY."
        )


def check_numbers(arguments: argparse.Namespace) -> None:
    """Refuse numbers that make no sense.

    Raises:
        CannotStart: one of them is out of its range.
    """
    held, hours = arguments.hold_retrieve, arguments.training_hours
    memory = arguments.training_memory
    if not 0 <= held <= _LONGEST_HOLD:
        raise CannotStart(
            f"--hold-retrieve {held:g}: expected 0 to {_LONGEST_HOLD} seconds; clients "
            "give up on longer answers."
        )
    if not 0 <= hours < float("inf"):
        raise CannotStart(f"--training-hours {hours:g}: expected 0 or more hours.")
    if memory is not None and not _SMALLEST_MEMORY <= memory < float("inf"):
        raise CannotStart(
            f"--training-memory {memory:g}: expected {_SMALLEST_MEMORY} GiB or more."
        )


def _memory_of(arguments: argparse.Namespace) -> int:
    if arguments.training_memory is None:
        return default_memory()
    return int(arguments.training_memory * 2**30)


def read_key(given: str | None, file: Path | None) -> str | None:
    """Return the key that the user chose, or None for a random one.

    Args:
        given: value of --key.
        file: value of --key-file.

    Raises:
        CannotStart: there is no key in the file, or it cannot stand in a header.
    """
    if file is not None and given is not None:
        raise CannotStart("--key and --key-file: give one of them.")
    if file is not None:
        try:
            given = file.read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError) as fault:
            raise CannotStart(
                f"--key-file {file}: cannot be read ({type(fault).__name__})."
            ) from fault
    if given is not None and not _KEY.fullmatch(given):
        raise CannotStart(
            "The key must be 1 to 256 characters of plain ASCII without spaces."
        )
    return given


def url_of(host: str, port: int, scheme: str = "http") -> str:
    """Return the address clients on this machine use."""
    shown = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(host, host)
    if ":" in shown and not shown.startswith("["):
        shown = f"[{shown}]"
    return f"{scheme}://{shown}:{port}"


def start_log(home: Path) -> None:
    """Send the server's log to server.log in its folder."""
    handler = logging.handlers.RotatingFileHandler(
        home / "server.log", maxBytes=1024 * 1024, backupCount=1, encoding="utf-8"
    )
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s"))
    logging.basicConfig(level=logging.WARNING, handlers=[handler])


def serve(arguments: argparse.Namespace) -> int:
    """Run the server until it is told to stop."""
    home = (arguments.home or default_home()).expanduser().resolve()
    # All that this process and its children write is its owner's alone.
    os.umask(0o077)
    told = read_key(arguments.key, arguments.key_file)
    check_exposure(arguments.host, told)
    check_numbers(arguments)
    worker = thread_environment("worker", arguments.threads)
    # Read when torch is imported, which happens later in this process.
    os.environ.update(thread_environment("server"))
    models = read_models(arguments.model)
    homes.prepare(home)
    lock = homes.folder_lock(home / homes.SERVER_LOCK)
    try:
        lock.acquire(timeout=_LOCK_WAIT_SECONDS, poll_interval=0.05)
    except Timeout as fault:
        note = homes.read_server_note(home) or {}
        where = note.get("url", "an unknown address")
        raise CannotStart(
            f"A provider runs on {home} already, at {where} (process "
            f"{note.get('pid', 'unknown')}). Use that one, stop it with 'python -m "
            "helpers.provider stop', or choose another folder with --home."
        ) from fault
    homes.remove_drafts(home)
    # The web server hands the signal on when it has shut down: then tidy up as well.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    try:
        with contextlib.ExitStack() as sockets:
            ports = [arguments.port]
            if arguments.tls_port is not None:
                ports.append(arguments.tls_port)
            opened = [
                sockets.enter_context(
                    contextlib.closing(open_socket(arguments.host, port))
                )
                for port in ports
            ]
            threads = int(worker["OMP_NUM_THREADS"])
            return _serve(arguments, home, models, threads, told, *opened)
    except KeyboardInterrupt:
        return 0
    finally:
        homes.remove_server_note(home)
        lock.release()


def _serve(
    arguments: argparse.Namespace,
    home: Path,
    models: dict[str, Path],
    training_threads: int,
    told: str | None,
    sock: socket.socket,
    tls_sock: socket.socket | None = None,
) -> int:
    from helpers.provider.app import make_app
    from helpers.provider.connections import Secure, Server
    from helpers.provider.context import make_provider
    from helpers.provider.guard import allowed_hosts
    from helpers.provider.tls import load_or_make_certificate

    port = sock.getsockname()[1]
    url = url_of(arguments.host, port)
    start_log(home)
    settings = Settings(
        home=home,
        host=arguments.host,
        port=port,
        allowed_hosts=tuple(arguments.allow_host),
        models=models,
        result_content=arguments.result_files,
        training_threads=training_threads,
        fewer_for_small=arguments.threads is None,
        hold_retrieve_seconds=arguments.hold_retrieve,
        tell_paused=arguments.tell_paused,
        training_memory_bytes=_memory_of(arguments),
        training_seconds=arguments.training_hours * 3600 or None,
        deployment_seconds=arguments.deployment_seconds,
        import_from=tuple(arguments.allow_import),
    )
    hosts = allowed_hosts(arguments.host, port, arguments.allow_host)
    secure = tls_url = None
    if tls_sock is not None:
        tls_port = tls_sock.getsockname()[1]
        hosts |= allowed_hosts(arguments.host, tls_port, arguments.allow_host)
        tls_url = url_of(arguments.host, tls_port, "https")
        secure = Secure(tls_sock, *load_or_make_certificate(home))
    key = homes.load_or_make_key(home, told)
    provider = make_provider(settings)
    app = make_app(provider, key=key, hosts=hosts)

    def say_where() -> None:
        homes.write_server_note(home, url, port, __version__, tls_url)
        print(f"The provider is ready at {url}/v1", flush=True)
        if secure is not None:
            print(f"With https it is at {tls_url}", flush=True)
            print(f"The certificate is {secure.certificate}", flush=True)
        print(f"Its key is in {home / homes.KEY_FILE}", flush=True)
        if arguments.host not in LOOPBACK_HOSTS:
            print(
                f"It listens on {arguments.host}: other machines can reach it, and "
                "what they send, the key too, is not encrypted.",
                flush=True,
            )

    server = Server(
        app,
        settings.limits,
        on_start=say_where,
        on_stop=provider.store.changes.close,
        secure=secure,
    )
    server.run(sockets=[sock])
    return 0 if server.started else 1


def ask_health(note: dict) -> dict | None:
    """Return the health answer of the server in a note, or None."""
    # No proxy: the server is on this machine.
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(f"{note['url']}/health", timeout=5) as answer:
            return json.load(answer)
    except (OSError, ValueError, urllib.error.URLError):
        return None


def status(arguments: argparse.Namespace) -> int:
    """Say whether a server runs on this folder; exit code 0 if one does."""
    home = (arguments.home or default_home()).expanduser().resolve()
    note = homes.read_server_note(home) if homes.is_served(home) else None
    if note is None:
        print(f"No provider runs on {home}.")
        return 1
    health = ask_health(note)
    print(f"The provider {note['version']} runs at {note['url']}/v1")
    print(f"process {note['pid']}, folder {home}")
    if health is None:
        print("It does not answer (yet).")
        return 1
    print(f"training process: {health['training_process']}")
    jobs = ", ".join(f"{n} {state}" for state, n in sorted(health["jobs"].items()))
    print(f"jobs: {jobs or 'none'}")
    return 0


def stop(arguments: argparse.Namespace) -> int:
    """Stop the server of this folder; its running job goes on at the next start."""
    home = (arguments.home or default_home()).expanduser().resolve()
    note = homes.read_server_note(home) if homes.is_served(home) else None
    if note is None:
        print(f"No provider runs on {home}.")
        return 0
    os.kill(note["pid"], signal.SIGTERM)
    deadline = time.monotonic() + _STOP_WAIT_SECONDS
    while time.monotonic() < deadline:
        if not homes.is_served(home):
            print("The provider has stopped.")
            return 0
        time.sleep(0.05)
    print(f"The provider (process {note['pid']}) has not stopped yet.")
    return 1


def main(arguments: list[str] | None = None) -> int:
    """Run one command and return its exit code."""
    parsed = make_parser().parse_args(arguments)
    commands = {"serve": serve, "status": status, "stop": stop}
    try:
        return commands[parsed.command](parsed)
    except (CannotStart, homes.NotPrivate) as fault:
        print(fault, file=sys.stderr)
        return 2


if __name__ == "__main__":
    sys.exit(main())
