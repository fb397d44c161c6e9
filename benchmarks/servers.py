"""Servers that a benchmark asks, each in a process of its own, and clients that ask."""

from __future__ import annotations

import contextlib
import json
import secrets
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import openai

from benchmarks import machine, work

START_SECONDS = 120


@contextlib.contextmanager
def provider(
    home: Path, *options: str, wait: str = "passive"
) -> Iterator[openai.OpenAI]:
    """Run the local provider and give a client for it.

    Args:
        home: its folder.
        options: further words of its command line.
        wait: see machine.environment; what the provider sets itself wins.
    """
    home.mkdir(parents=True, exist_ok=True)
    key = "sk-bench-" + secrets.token_hex(16)
    words = ["-m", "helpers.provider", "serve", "--port", "0", "--home", str(home)]
    env = machine.environment(1, wait)
    # The provider chooses threads for server and training by itself.
    del env["OMP_NUM_THREADS"], env["MKL_NUM_THREADS"]
    process = subprocess.Popen(
        [sys.executable, *words, "--key", key, *options],
        cwd=work.ROOT,
        env=env,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        note = _wait_for(lambda: _read(home / "server.json"), process)
        yield openai.OpenAI(base_url=note["url"] + "/v1", api_key=key, max_retries=0)
    finally:
        _end(process)


@contextlib.contextmanager
def transformers_serve(
    model: Path, threads: int, *options: str, wait: str = "active"
) -> Iterator[openai.OpenAI]:
    """Run `transformers serve` with one model and give a client for it."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [str(Path(sys.executable).with_name("transformers")), "serve"]
    command += [str(model), "--device", "cpu", "--host", "127.0.0.1"]
    process = subprocess.Popen(
        [*command, "--port", str(port), *options],
        cwd=work.ROOT,
        env=machine.environment(threads, wait),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    url = f"http://127.0.0.1:{port}"
    try:
        _wait_for(lambda: _answers(url + "/health"), process)
        yield openai.OpenAI(base_url=url + "/v1", api_key="none", max_retries=0)
    finally:
        _end(process)


def _read(path: Path) -> dict | None:
    with contextlib.suppress(OSError, ValueError):
        return json.loads(path.read_text("utf-8"))
    return None


def _answers(url: str) -> bool:
    with contextlib.suppress(OSError), urllib.request.urlopen(url, timeout=5) as answer:
        return answer.status == 200
    return False


def _wait_for(condition, process: subprocess.Popen):
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise RuntimeError(f"{process.args} ended with {process.returncode}")
        if found := condition():
            return found
        time.sleep(0.05)
    raise RuntimeError(f"{process.args} does not answer after {START_SECONDS} s")


def _end(process: subprocess.Popen) -> None:
    process.terminate()
    try:
        process.wait(20)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def ask_all(
    client: openai.OpenAI,
    model: str,
    prompts: list[list[dict]],
    max_tokens: int,
    clients: int,
) -> dict:
    """Ask every prompt once, so many at a time, and time it.

    Args:
        client: of the server.
        model: name of the model.
        prompts: messages of each request.
        max_tokens: of each answer.
        clients: threads that ask, each waiting for its answer before the next.

    Returns:
        seconds, latencies (seconds, by prompt) and texts (by prompt).
    """
    todo = list(enumerate(prompts))[::-1]
    texts, latencies = [""] * len(prompts), [0.0] * len(prompts)
    faults: list[Exception] = []

    def one() -> None:
        while todo and not faults:
            try:
                i, messages = todo.pop()
            except IndexError:
                return
            began = time.perf_counter()
            try:
                answer = client.chat.completions.create(
                    model=model,
                    messages=messages,
                    temperature=0,
                    max_tokens=max_tokens,
                )
            except Exception as fault:
                faults.append(fault)
                return
            latencies[i] = time.perf_counter() - began
            texts[i] = answer.choices[0].message.content or ""

    # The first request may have to load the model; that is not what is measured.
    client.chat.completions.create(
        model=model, messages=prompts[0], temperature=0, max_tokens=2
    )
    threads = [threading.Thread(target=one) for _ in range(clients)]
    began = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if faults:
        raise faults[0]
    seconds = time.perf_counter() - began
    return {"seconds": seconds, "latencies": latencies, "texts": texts}
