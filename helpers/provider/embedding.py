"""Texts as vectors: the mean of a model's last states, without what all texts share.

Purpose: what `POST /embeddings` computes. A text is read after the token that begins a
document; the last hidden states of its own tokens are averaged; the direction that all
texts have in common is taken out (Mu and Viswanath, 2018, arXiv:1702.01417: "All but
the top"); the rest gets the length 1.

How good is that? Not very: a model that was trained to say the next token was not
trained to put like texts side by side. Measured with the base model on 600 recipes of
data/recipes.csv (title and ingredient lines; 2026-11-23), how many foods a recipe has
in common with the one that is nearest to it:

| vectors | foods in common |
|---|---|
| a recipe drawn by chance | 0.25 |
| mean of the last states | 0.46 |
| the same, without the mean over PROBES | 0.50 |
| the same, without the direction of that mean (what is done here) | 0.52 |
| token counts weighted by rarity (tf-idf), no model at all | 1.11 |
| the best recipe there is | 2.40 |

So these vectors know twice as much about foods as chance, and half as much as counting
words. They show what an embedding is and how code for one works; they are no search
engine. `benchmarks/bench_embeddings.py` measures the table again.
It must never know HTTP.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from helpers.provider.reading import Reader
from helpers.provider.rendering import ChatRenderer

# Ordinary short texts of several kinds: the mean of their states is what any text has.
PROBES = (
    "Stir the butter into the flour, add the milk and bake for 30 minutes.",
    "2 c. brown sugar, 1 tsp. salt, 3 eggs, 1 (8 oz.) can tomatoes",
    "Tomato Soup\n4 ripe tomatoes\n1 onion, chopped\n2 Tbsp. olive oil",
    "What can I cook with rice, beans and a chicken breast?",
    "The train leaves at nine, and we shall be home before it is dark.",
    "Hello! How can I help you today?",
    "Please send the report to all members of the team by Friday.",
    "A list of tools: hammer, saw, nails, screwdriver, tape",
    '{"name": "salad", "ingredients": ["lettuce", "cucumber", "vinegar"]}',
    "Chill overnight, cut into squares and serve with whipped cream.",
    "Who wrote this letter, and why was it never sent?",
    "1/2 lb. ground beef; 1 pkg. dry onion soup mix; pepper to taste",
)


class TooManyDimensions(Exception):
    """The vectors of this model have fewer dimensions than were asked for."""

    def __init__(self, asked: int, width: int) -> None:
        super().__init__(asked, width)
        self.asked, self.width = asked, width


def room(renderer: ChatRenderer) -> int:
    """Return how many tokens a text may have: one place is taken by what begins it."""
    return renderer.context - len(renderer.start_ids)


def _own_states(
    reader: Reader, renderer: ChatRenderer, rows: list[list[int]]
) -> list[Tensor]:
    # The first token of all gets a state unlike all others, because it has nothing to
    # look back at. So that is never a token of the text.
    start = renderer.start_ids
    read = reader.states([[*start, *ids] for ids in rows])
    return [states[len(start) :] for states in read]


def _common(reader: Reader, renderer: ChatRenderer) -> Tensor:
    """Return the direction [width] that the states of all texts share, of length 1."""
    if reader.common is None:
        rows = [renderer.text_ids(text)[: room(renderer)] for text in PROBES]
        states = _own_states(reader, renderer, rows)
        reader.common = F.normalize(torch.cat(states).double().mean(0), dim=0)
    return reader.common


def embed(
    reader: Reader,
    renderer: ChatRenderer,
    rows: list[list[int]],
    dimensions: int | None = None,
) -> Tensor:
    """Turn texts into vectors of length 1.

    Args:
        reader: of the model.
        renderer: of the same model.
        rows: token ids of each text, at least one and at most `room`.
        dimensions: keep only so many numbers of each vector; None keeps all.

    Returns:
        float32 [texts, dimensions].

    Raises:
        TooManyDimensions: the vectors have fewer than are asked for.
    """
    common = _common(reader, renderer)
    if dimensions is not None and dimensions > len(common):
        raise TooManyDimensions(dimensions, len(common))
    vectors = []
    for states in _own_states(reader, renderer, rows):
        mean = states.double().mean(0)
        rest = mean - (mean @ common) * common
        vectors.append(F.normalize(rest[:dimensions], dim=0))
    return torch.stack(vectors).float()
