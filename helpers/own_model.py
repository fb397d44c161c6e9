"""A model folder of one's own behind the local provider, in a provider of its own.

    with serving("text-to-sql", folder, home) as client:
        client.chat.completions.create(model="text-to-sql", messages=...)

It is the provider of `connect`, started with `--model NAME=PATH`, and stopped at the
end of the block. It must never know how the model was made.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import openai

from helpers.connect import ROOT, start_provider


@contextmanager
def serving(name: str, folder: Path, home: Path) -> Iterator[openai.OpenAI]:
    """Serve a model folder while the block runs.

    Args:
        name: what clients call the model.
        folder: a Hugging Face folder with merged weights in safetensors.
        home: the folder of this provider; not that of the notebooks' provider, which
            goes on as it is.

    Yields:
        An openai client of it.

    Raises:
        ProviderNotReady: it did not start; the message ends with what it last said.
    """
    program = [sys.executable, "-m", "helpers.provider"]
    serve = [*program, "serve", "--port", "0", "--model", f"{name}={folder}"]
    url = start_provider(home, serve)
    try:
        yield openai.OpenAI(
            api_key=(home / "key").read_text(encoding="utf-8").strip(),
            base_url=f"{url}/v1",
            http_client=openai.DefaultHttpx2Client(trust_env=False),
        )
    finally:
        stop = [*program, "stop", "--home", str(home)]
        subprocess.run(stop, cwd=ROOT, capture_output=True, check=True)
