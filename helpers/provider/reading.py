"""Whole texts read by a model: its last states, and how likely each token was.

Purpose: what an answer never needs, but an embedding and the log probabilities of a
prompt do. Short texts are read side by side, which is several times faster; a text
gives the same numbers whoever stands beside it, up to float noise in sums.

A Llama model is computed by `llama.py` from weights of its own in float32; every other
model shares the weights of the engine that answers.
It must never know HTTP, sampling or text.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

import torch
import torch.nn.functional as F
from torch import Tensor

from helpers.provider import llama
from helpers.provider.causal_models import read_config, read_weights
from helpers.provider.inference import (
    AnsweringModel,
    HuggingFaceAnswers,
    LlamaAnswers,
)
from helpers.provider.serving import CannotServe

T = TypeVar("T")

# Short texts are read together up to so many tokens; more are no faster.
TOKENS_TOGETHER = 512
# Logits of a long text for a large vocabulary are gigabytes; this many at once are not.
TOKENS_AT_ONCE = 256
# Usually a base model and one that was made from it are compared.
MODELS_KEPT = 2


def groups(rows: list[list[int]], most: int) -> list[list[list[int]]]:
    """Cut texts into groups of at most so many tokens, but at least one text each."""
    found: list[list[list[int]]] = []
    left = 0
    for ids in rows:
        if not found or len(ids) > left:
            found.append([])
            left = most
        found[-1].append(ids)
        left -= len(ids)
    return found


class Reader:
    """A model that reads whole texts.

    Attributes:
        common: the direction that all texts share (see embedding), once it is known.
    """

    common: Tensor | None = None

    def states(self, rows: list[list[int]]) -> list[Tensor]:
        """Return the last hidden states of each text.

        Args:
            rows: token ids of each text, at least one.

        Returns:
            For each text float32 [n, width], after the last norm.
        """
        raise NotImplementedError

    def logits(self, ids: list[int]) -> Iterator[Tensor]:
        """Yield the logits [m, vocab] that follow the tokens, a part at a time."""
        raise NotImplementedError


class LlamaReader(Reader):
    """A Llama model on the CPU, in float32.

    Args:
        folder: a Hugging Face folder that `llama.LlamaShape` understands.
    """

    def __init__(self, folder: Path) -> None:
        shape = llama.LlamaShape.from_config(read_config(folder))
        weights = llama.from_hf_names(read_weights(folder), shape)
        self._weights = {name: tensor.float() for name, tensor in weights.items()}
        self._shape, self._tables = shape, llama.rope_tables(shape)

    def states(self, rows: list[list[int]]) -> list[Tensor]:
        """See Reader."""
        found: list[Tensor] = []
        for together in groups(rows, TOKENS_TOGETHER):
            tensors = [torch.tensor(ids) for ids in together]
            every = [torch.arange(len(ids)) for ids in together]
            packed = llama.PackedRows.pack(tensors, every)
            embedded = F.embedding(packed.ids, self._weights["embed"])
            states = llama.wanted_states(
                self._weights, self._shape, self._tables, packed, embedded
            )
            found += states.split([len(ids) for ids in together])
        return found

    def logits(self, ids: list[int]) -> Iterator[Tensor]:
        """See Reader."""
        head = self._weights["embed" if self._shape.tied else "head"]
        for part in self.states([ids])[0].split(TOKENS_AT_ONCE):
            yield F.linear(part, head)


class HuggingFaceReader(Reader):
    """Any causal model of transformers, with the weights that answer.

    Args:
        answering: the model as the engine has it.
    """

    def __init__(self, answering: HuggingFaceAnswers) -> None:
        self._model, self._device = answering.model, answering.device

    def states(self, rows: list[list[int]]) -> list[Tensor]:
        """See Reader; one after the other, because padding is not alike everywhere."""
        found = []
        for ids in rows:
            output = self._model.base_model(
                input_ids=torch.tensor([ids], device=self._device), use_cache=False
            )
            found.append(output.last_hidden_state[0].float().cpu())
        return found

    def logits(self, ids: list[int]) -> Iterator[Tensor]:
        """See Reader."""
        output = self._model(
            input_ids=torch.tensor([ids], device=self._device), use_cache=False
        )
        for part in output.logits[0].split(TOKENS_AT_ONCE):
            yield part.float().cpu()


class Readers:
    """Models that read, on a thread of their own: one task after the other.

    Args:
        answering: gives the model of a folder as the engine has it.
        threads: computing threads.
    """

    def __init__(
        self, answering: Callable[[Path], AnsweringModel], threads: int = 1
    ) -> None:
        self._answering = answering
        # Only the one thread of the pool touches this.
        self._readers: OrderedDict[Path, Reader] = OrderedDict()
        self._pool = ThreadPoolExecutor(
            1, "reading", initializer=torch.set_num_threads, initargs=(threads,)
        )

    def submit(self, path: Path, task: Callable[[Reader], T]) -> Future[T]:
        """Do something with a model as soon as the tasks before it are done."""
        return self._pool.submit(self._do, path, task)

    @torch.inference_mode()
    def _do(self, path: Path, task: Callable[[Reader], T]) -> T:
        reader = self._readers.pop(path, None)
        if reader is None:
            try:
                reader = self._open(path)
            except (RuntimeError, ValueError, OSError) as fault:
                raise CannotServe(path.name) from fault
        self._readers[path] = reader
        while len(self._readers) > MODELS_KEPT:
            self._readers.popitem(last=False)
        return task(reader)

    def _open(self, path: Path) -> Reader:
        answering = self._answering(path)
        if isinstance(answering, LlamaAnswers):
            return LlamaReader(path)
        return HuggingFaceReader(answering)

    def forget(self, path: Path) -> None:
        """Let go of a model that was deleted."""
        self._pool.submit(self._readers.pop, path, None)

    def close(self) -> None:
        """Stop the thread; tasks that have not begun are dropped."""
        self._pool.shutdown(cancel_futures=True)


def token_logprobs(
    reader: Reader, ids: list[int], first: int, top: int
) -> list[tuple[float, list[tuple[int, float]]]]:
    """Return how likely the tokens of a text were, each after all that stand before it.

    Args:
        reader: of the model.
        ids: tokens of the text.
        first: position of the first token that is asked for, 1 or more.
        top: how many of the most likely tokens to tell at each place.

    Returns:
        For each token from `first` on, the natural logarithm of its probability, and
        the most likely tokens there with theirs, most likely first.
    """
    found, at = [], 0
    for logits in reader.logits(ids):
        values = torch.log_softmax(logits, -1)
        best, rivals = values.topk(min(top, values.shape[1]))
        for row, value in enumerate(values):
            place = at + row + 1
            if first <= place < len(ids):
                pairs = zip(rivals[row].tolist(), best[row].tolist(), strict=True)
                found.append((value[ids[place]].item(), list(pairs)))
        at += len(values)
    return found
