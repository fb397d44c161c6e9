"""Models of one's own, served by a local provider and asked like any other.

Purpose: a folder that some tool has trained becomes a model with a name:

    with served({"recipes": folder}, home) as client:
        client.chat.completions.create(model="recipes", ...)

It is a provider of its own, with a folder of its own, that ends with the block; the
one that `connect` shares among notebooks is left alone. It must never know who has
trained a model.
"""

from __future__ import annotations

import contextlib
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import openai

from helpers.connect import ROOT, start_provider


@contextlib.contextmanager
def served(
    models: Mapping[str, str | Path], home: str | Path
) -> Iterator[openai.OpenAI]:
    """Serve model folders as long as the block lasts.

    Args:
        models: name -> folder, as docs/provider.md wants it ("a base of one's own").
        home: folder of the provider.

    Yields:
        A client of the provider.

    Raises:
        ProviderNotReady: a folder cannot be served; the message ends with the reason.
    """
    home = Path(home).resolve()
    command = [sys.executable, "-m", "helpers.provider", "serve", "--port", "0"]
    for name, folder in models.items():
        command += ["--model", f"{name}={Path(folder).resolve()}"]
    stop = [sys.executable, "-m", "helpers.provider", "stop", "--home", str(home)]
    subprocess.run(stop, cwd=ROOT, capture_output=True)  # left by a killed kernel
    url = start_provider(home, command)
    try:
        with openai.OpenAI(
            api_key=(home / "key").read_text(encoding="utf-8").strip(),
            base_url=f"{url}/v1",
            # A proxy of the network must not be asked about this very machine.
            http_client=openai.DefaultHttpx2Client(trust_env=False),
        ) as client:
            yield client
    finally:
        subprocess.run(stop, cwd=ROOT, capture_output=True)
