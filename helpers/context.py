"""What fits into a model's context: count first, and never send what does not fit.

Purpose: a model reads prompt and answer together, up to a limit. A prompt beyond it is
refused by a service, or cut, which is worse because nobody notices. Use:

    sent = fits(prompts, here.counter(), context_length(here), max_tokens=200)
    ask(client, model, prompts, fits=sent)

It must never send anything, nor know what the prompts are about.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from helpers.connect import Connection
from helpers.recipes import DATA_DIR
from helpers.tokens import TokenCounter

# Tokens that open the answer stand in no message, so no counter counts them.
OPENING = 8


def context_length(
    connection: Connection, folder: Path = DATA_DIR / "base_model"
) -> int | None:
    """Return how many tokens prompt and answer may have together.

    Args:
        connection: where the model is.
        folder: the local base model, in Hugging Face format.

    Returns:
        The limit of the local base model (`max_position_embeddings` in its
        config.json); None for a hosted model, whose limit is not written down here.
    """
    path = folder / "config.json"
    if connection.provider != "local" or not path.is_file():
        return None
    settings = json.loads(path.read_text(encoding="utf-8"))
    return int(settings["max_position_embeddings"])


def fits(
    prompts: Sequence[Sequence[Mapping[str, Any]]],
    count: TokenCounter,
    context: int | None,
    max_tokens: int,
) -> list[bool]:
    """Say for each prompt whether it fits, with room for the longest answer.

    Args:
        prompts: the messages of each call.
        count: counts the tokens that the model reads.
        context: the limit, in tokens; None when there is none to mind.
        max_tokens: room to leave for the answer, in tokens.

    Returns:
        One truth value per prompt.
    """
    if context is None:
        return [True] * len(prompts)
    lengths = count.many([{"messages": messages} for messages in prompts])
    return [length + OPENING + max_tokens <= context for length in lengths]
