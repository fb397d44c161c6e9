"""Answers from models: many at once, token by token, on one thread.

Purpose: `Engine.submit` takes a request from any thread and returns at once; a
scheduler thread lets all answers of a model grow together, one token a turn, and lets
models take turns. A new request joins in as soon as its prompt is read (continuous
batching), so nobody waits for the longest answer of a batch.

    engine = Engine()
    generation = engine.submit(GenerationRequest(folder, prompt_ids, max_tokens=100))
    async for token in generation: ...          # as they come
    generation.result().text                    # or all of it, blocking

Invariants: the text of an answer depends on its own request and seed, not on who else
is being answered (up to float noise in sums); text that is streamed never contains a
stop string or a part of one, and never half a character.
It must never know HTTP or chat messages.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import queue
import sys
import threading
import time
from collections import OrderedDict, deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import torch

from helpers.provider.decoding import IncrementalDecoder
from helpers.provider.grammars import ConstraintBroken, Grammar
from helpers.provider.inference import AnsweringModel, open_for_answers
from helpers.provider.rendering import ChatRenderer, renderer_of
from helpers.provider.sampling import Choice, Sampler, choose
from helpers.provider.threads import give_back_memory, is_large

log = logging.getLogger(__name__)

# Prompts are read one after the other; after this many tokens of them, answers that
# are under way get their next token first.
PROMPT_TOKENS_A_TURN = 512
# The scheduler gives up Python's lock at every operation of a model. While a server's
# thread is busy, it would get it back only after this time; the default is 5 ms.
SWITCH_SECONDS = 0.0005


@dataclass(frozen=True)
class GenerationRequest:
    """What to answer and how.

    Args:
        model_path: Hugging Face folder of the model.
        prompt_ids: tokens of the prompt, at least one.
        max_tokens: most tokens of the answer; the context may end it before.
        temperature: 0 always takes the most likely token.
        top_p: share of the probability that the candidates make up together.
        seed: of this answer's random numbers.
        stop: texts that end the answer; they are not part of it.
        top_logprobs: how many log probabilities to tell with each token, None for
            none at all.
        presence_penalty: taken off tokens that were there already, -2 to 2.
        frequency_penalty: taken off for each time that they were there, -2 to 2.
        logit_bias: added to the logits of these tokens.
        continues: the answer goes on the prompt's last sentence (see
            IncrementalDecoder).
        grammar: that the answer obeys from its first token on, None for any text; its
            vocabulary is that of the model.
    """

    model_path: Path
    prompt_ids: list[int]
    max_tokens: int = 256
    temperature: float = 1.0
    top_p: float = 1.0
    seed: int = 0
    stop: Sequence[str] = ()
    top_logprobs: int | None = None
    presence_penalty: float = 0.0
    frequency_penalty: float = 0.0
    logit_bias: dict[int, float] | None = None
    continues: bool = False
    grammar: Grammar | None = None


@dataclass(slots=True)
class TokenOut:
    """A token of an answer and the text that it completes.

    The texts of all tokens together are the answer. Log probabilities are natural
    logarithms under the model, before temperature; None if nobody asked for them.
    """

    id: int
    text: str
    logprob: float | None = None
    top_logprobs: list[tuple[int, float]] | None = None


@dataclass(frozen=True)
class GenerationResult:
    """A whole answer.

    Attributes:
        text: of the answer.
        tokens: in order.
        finish_reason: "stop" or "length"; None if it was cancelled.
        end_logprob: log probability of the token that ended it; None if it ended in
            another way, or if nobody asked for log probabilities.
    """

    text: str
    tokens: list[TokenOut]
    finish_reason: str | None
    end_logprob: float | None = None


class ModelNotLoaded(RuntimeError):
    """A model folder could not be opened; the cause is chained."""


class Generation:
    """An answer on its way: iterate over it, wait for it, or cancel it.

    One consumer at a time. `finish_reason` is None until it is over: "stop" after an
    end token or a stop string, "length" at max_tokens or the end of the context.
    """

    def __init__(
        self, request: GenerationRequest, on_over: Callable[[], None] = lambda: None
    ) -> None:
        self.request = request
        self._on_over = on_over
        self.finish_reason: str | None = None
        self.end_logprob: float | None = None
        self._tokens: deque[TokenOut] = deque()
        self._taken: list[TokenOut] = []
        self._over = threading.Event()
        self._cancelled = False
        self._error: BaseException | None = None
        # (loop, future, whether tokens wake it) of a coroutine that waits.
        self._waiter: tuple[asyncio.AbstractEventLoop, asyncio.Future, bool] | None
        self._waiter = None

    # ------------------------------------------------------------------- consumers

    def cancel(self) -> None:
        """Stop generating; what is there stays. No-op on one that is over."""
        self._cancelled = True

    def __aiter__(self) -> Generation:
        return self

    async def __anext__(self) -> TokenOut:
        while True:
            if self._tokens:
                token = self._tokens.popleft()
                self._taken.append(token)
                return token
            if self._over.is_set():
                # Tokens may have come between the two looks.
                if self._tokens:
                    continue
                if self._error is not None:
                    raise self._error
                raise StopAsyncIteration
            await self._wake_up(on_tokens=True)

    async def wait(self) -> None:
        """Wait until the answer is over; much cheaper than following each token."""
        while not self._over.is_set():
            await self._wake_up(on_tokens=False)

    async def _wake_up(self, *, on_tokens: bool) -> None:
        loop = asyncio.get_running_loop()
        future = loop.create_future()
        self._waiter = (loop, future, on_tokens)
        try:
            # Whatever came before the waiter was there wakes nobody: look once more.
            if not self._over.is_set() and not (on_tokens and self._tokens):
                await future
        finally:
            self._waiter = None

    def result(self, timeout: float | None = None) -> GenerationResult:
        """Wait for the whole answer, blocking.

        Args:
            timeout: seconds, None for ever.

        Raises:
            TimeoutError: it is not over yet.
            ModelNotLoaded: the model folder could not be opened.
            ConstraintBroken: the grammar became too complex on the way.
        """
        if not self._over.wait(timeout):
            raise TimeoutError("the answer is not over yet")
        if self._error is not None:
            raise self._error
        while self._tokens:
            self._taken.append(self._tokens.popleft())
        text = "".join(token.text for token in self._taken)
        return GenerationResult(
            text, list(self._taken), self.finish_reason, self.end_logprob
        )

    # ------------------------------------------------------------------- scheduler

    def _give(self, tokens: list[TokenOut]) -> None:
        self._tokens.extend(tokens)
        waiter = self._waiter
        if tokens and waiter is not None and waiter[2]:
            _wake(waiter)

    def _finish(self, reason: str | None, error: BaseException | None = None) -> None:
        self.finish_reason, self._error = reason, error
        if not self._over.is_set():
            self._over.set()
            self._on_over()
        if (waiter := self._waiter) is not None:
            _wake(waiter)


def _wake(waiter: tuple[asyncio.AbstractEventLoop, asyncio.Future, bool]) -> None:
    loop, future, _ = waiter

    def set_result() -> None:
        if not future.done():
            future.set_result(None)

    # The loop may be closed already, when a client has gone away.
    with contextlib.suppress(RuntimeError):
        loop.call_soon_threadsafe(set_result)


class _Row:
    """An answer that is being generated: its sampler, its text, what is held back."""

    def __init__(self, generation: Generation, renderer: ChatRenderer) -> None:
        request = generation.request
        self.generation = generation
        self._constraint = request.grammar.start() if request.grammar else None
        self.sampler = Sampler(
            temperature=request.temperature,
            top_p=request.top_p,
            seed=request.seed,
            top_logprobs=request.top_logprobs,
            presence_penalty=request.presence_penalty,
            frequency_penalty=request.frequency_penalty,
            logit_bias=request.logit_bias,
            constraint=self._constraint,
        )
        self.last = -1
        self._end_ids = renderer.end_ids
        self._decoder = IncrementalDecoder(renderer, continues=request.continues)
        self._stops = [stop for stop in request.stop if stop]
        self._left = min(request.max_tokens, renderer.context - len(request.prompt_ids))
        # Tokens whose text may still be cut by a stop string, or lacks its end.
        self._held: list[TokenOut] = []

    def take(self, choice: Choice) -> bool:
        """Take the next token; False when the answer is over."""
        if self._constraint is not None and self._constraint.fault is not None:
            fault = ConstraintBroken(self._constraint.fault)
            self.generation._finish(None, fault)
            return False
        if choice.id in self._end_ids:
            self._flush()
            self.generation.end_logprob = choice.logprob
            self.generation._finish("stop")
            return False
        self.last = choice.id
        token = TokenOut(choice.id, "", choice.logprob, choice.top_logprobs)
        token.text = self._decoder.add(choice.id)
        self._held.append(token)
        self._left -= 1
        if self._stops and self._stopped():
            self.generation._finish("stop")
            return False
        if self._constraint is not None and self._constraint.over:
            self._flush()
            self.generation._finish("stop")
            return False
        if self._left <= 0:
            self._flush()
            self.generation._finish("length")
            return False
        self._give_what_is_sure()
        return True

    def _flush(self) -> None:
        """Give everything: nothing can follow any more."""
        rest = self._decoder.flush()
        if rest and self._held:
            self._held[-1].text += rest
            if self._stops and self._stopped():
                return
        self.generation._give(self._held)
        self._held = []

    def _stopped(self) -> bool:
        """Look for a stop string in the held text; give what stands before it."""
        text = "".join(token.text for token in self._held)
        found = [at for stop in self._stops if (at := text.find(stop)) >= 0]
        if not found:
            return False
        left = min(found)
        kept = []
        for token in self._held:
            if left <= 0:
                break
            token.text = token.text[:left]
            left -= len(token.text)
            kept.append(token)
        self.generation._give(kept)
        self._held = []
        return True

    def _give_what_is_sure(self) -> None:
        """Give tokens up to the first whose text may still become part of a stop."""
        sure = len(self._held)
        if self._stops:
            text = "".join(token.text for token in self._held)
            doubtful = max(_overlap(text, stop) for stop in self._stops)
            ends = len(text)
            while sure and ends > len(text) - doubtful:
                sure -= 1
                ends -= len(self._held[sure].text)
        # A token without text may be half a character; its end decides.
        while sure and not self._held[sure - 1].text:
            sure -= 1
        if sure:
            self.generation._give(self._held[:sure])
            del self._held[:sure]


def _overlap(text: str, stop: str) -> int:
    """Length of the longest end of `text` that `stop` begins with."""
    for size in range(min(len(text), len(stop) - 1), 0, -1):
        if text.endswith(stop[:size]):
            return size
    return 0


@dataclass
class _Loaded:
    """A model with the answers that it is giving."""

    model: AnsweringModel
    renderer: ChatRenderer
    large: bool = False
    rows: list[_Row] = field(default_factory=list)
    waiting: deque[Generation] = field(default_factory=deque)
    unwanted: bool = False  # goes as soon as its answers are over
    # While a prompt is read, its answer waits no more and has no row yet.
    at_work: bool = False

    @property
    def busy(self) -> bool:
        return bool(self.at_work or self.rows or self.waiting)


class Engine:
    """Generates answers on a thread of its own.

    Args:
        threads: computing threads of one step. One is as fast as two for models of a
            few million parameters, and leaves the other cores alone.
        max_batch: answers of one model that grow together; others wait their turn.
        max_loaded: models kept in memory; the one unused for longest goes first. A
            class that shares a server has as many; of the base model that comes along
            each takes some 35 MB.
        max_large: of them, those with large weights.
    """

    def __init__(
        self,
        threads: int = 1,
        max_batch: int = 32,
        max_loaded: int = 32,
        max_large: int = 4,
    ) -> None:
        self._threads, self._max_batch = threads, max_batch
        self._max_loaded, self._max_large = max_loaded, max_large
        self._models: OrderedDict[Path, _Loaded] = OrderedDict()
        # Guards _models, not what is in it, and the count of answers not yet over.
        self._lock = threading.Lock()
        self.unfinished = 0
        self._inbox: queue.SimpleQueue[Generation | None] = queue.SimpleQueue()
        self._closed = False
        sys.setswitchinterval(min(sys.getswitchinterval(), SWITCH_SECONDS))
        self._thread = threading.Thread(
            target=self._run, name="generation", daemon=True
        )
        self._thread.start()

    # ---------------------------------------------------------------- from any thread

    def submit(self, request: GenerationRequest) -> Generation:
        """Take a request and return at once.

        Raises:
            ValueError: the prompt is empty.
            RuntimeError: the engine is closed.
        """
        if not request.prompt_ids:
            raise ValueError("prompt_ids is empty; expected at least one token")
        if self._closed:
            raise RuntimeError("the engine is closed")
        with self._lock:
            self.unfinished += 1
        generation = Generation(request, self._one_less)
        self._inbox.put(generation)
        return generation

    def _one_less(self) -> None:
        with self._lock:
            self.unfinished -= 1

    def preload(self, model_path: Path) -> None:
        """Load a model now, so that its first request need not wait.

        Raises:
            ModelNotLoaded: the folder cannot be opened.
        """
        with self._lock:
            if model_path in self._models:
                self._models.move_to_end(model_path)
                return
        loaded = self._open(model_path)
        # A first prompt makes PyTorch prepare what it does once per process.
        ids = loaded.renderer.prompt_ids([{"role": "user", "content": "Hello"}])
        loaded.model.start(0, ids[: loaded.model.context - 2])
        loaded.model.step([ids[-1]])
        with self._lock:
            self._models.setdefault(model_path, loaded)
        self._make_room()

    def model(self, model_path: Path) -> AnsweringModel:
        """Return a model, loading it if need be; its weights are there to be read.

        Only the engine may call what writes into the model's cache.

        Raises:
            ModelNotLoaded: the folder cannot be opened.
        """
        return self._loaded(model_path).model

    def unload(self, model_path: Path) -> None:
        """Let go of a model; answers that are under way are finished first."""
        with self._lock:
            loaded = self._models.get(model_path)
            if loaded is None:
                return
            loaded.unwanted = True
            if not loaded.busy:
                del self._models[model_path]

    def close(self) -> None:
        """Stop the thread; answers under way end as they are."""
        if not self._closed:
            self._closed = True
            self._inbox.put(None)
            self._thread.join()

    # ------------------------------------------------------------------ the scheduler

    def _run(self) -> None:
        torch.set_num_threads(self._threads)
        while not self._closed:
            try:
                self._receive()
                for path, loaded in self._all():
                    if loaded.busy:
                        self._turn(path, loaded)
                    if loaded.unwanted and not loaded.busy:
                        self._forget(path)
            except Exception:
                log.exception("the scheduler of answers had an error")
        self._end_all()

    def _all(self) -> list[tuple[Path, _Loaded]]:
        """The models as they are now; other threads may change them meanwhile."""
        with self._lock:
            return list(self._models.items())

    def _end_all(self) -> None:
        error = RuntimeError("the engine is closed")
        while not self._inbox.empty():
            if (generation := self._inbox.get()) is not None:
                generation._finish(None, error)
        for _, loaded in self._all():
            for row in loaded.rows:
                row.generation._finish(None, error)
            for generation in loaded.waiting:
                generation._finish(None, error)

    def _receive(self) -> None:
        """Take what has come in; sleep when there is nothing to do at all."""
        idle = not any(loaded.busy for _, loaded in self._all())
        while idle or not self._inbox.empty():
            generation = self._inbox.get()
            if generation is None:
                return
            idle = False
            path = generation.request.model_path
            try:
                self._enqueue(path, generation)
            except ModelNotLoaded as error:
                generation._finish(None, error)
                idle = not any(loaded.busy for _, loaded in self._all())

    def _enqueue(self, path: Path, generation: Generation) -> None:
        """Let an answer wait at its model, and at none that another thread lets go."""
        while True:
            loaded = self._loaded(path)
            with self._lock:
                if self._models.get(path) is loaded:
                    loaded.waiting.append(generation)
                    return

    def _loaded(self, path: Path) -> _Loaded:
        with self._lock:
            loaded = self._models.get(path)
            if loaded is not None:
                loaded.unwanted = False
                self._models.move_to_end(path)
                return loaded
        loaded = self._open(path)
        with self._lock:
            loaded = self._models.setdefault(path, loaded)
        self._make_room(keep=path)
        return loaded

    def _open(self, path: Path) -> _Loaded:
        began = time.perf_counter()
        try:
            loaded = _Loaded(open_for_answers(path), renderer_of(path), is_large(path))
        except Exception as fault:
            raise ModelNotLoaded(f"the model {path.name} cannot be loaded") from fault
        log.info("loaded %s in %.2f s", path.name, time.perf_counter() - began)
        return loaded

    def _make_room(self, keep: Path | None = None) -> None:
        """Let go of the models unused for longest, but never of one at work."""
        fewer = False
        with self._lock:
            for path, loaded in list(self._models.items()):
                large = sum(one.large for one in self._models.values())
                too_many = len(self._models) > self._max_loaded
                if not too_many and large <= self._max_large:
                    break
                if loaded.busy or path == keep or not (too_many or loaded.large):
                    continue
                del self._models[path]
                fewer = True
        # The loop's name is the last to hold one that went.
        loaded = None
        if fewer:
            give_back_memory()

    def _forget(self, path: Path) -> None:
        with self._lock:
            self._models.pop(path, None)
        give_back_memory()

    def _turn(self, path: Path, loaded: _Loaded) -> None:
        """One token for every answer of a model, new answers taken in before."""
        loaded.at_work = True
        try:
            self._drop_cancelled(loaded)
            self._admit(loaded)
            if loaded.rows:
                logits = loaded.model.step([row.last for row in loaded.rows])
                choices = choose(logits, [row.sampler for row in loaded.rows])
                over = [
                    i
                    for i, (row, choice) in enumerate(
                        zip(loaded.rows, choices, strict=True)
                    )
                    if not row.take(choice)
                ]
                self._remove(loaded, over)
        except Exception as fault:
            # What the model holds may be half done: all of its answers end here.
            log.exception("%s had an error while answering", path.name)
            for row in loaded.rows:
                row.generation._finish(None, fault)
            loaded.rows.clear()
            if not loaded.waiting:
                self._forget(path)
        finally:
            loaded.at_work = False

    def _drop_cancelled(self, loaded: _Loaded) -> None:
        over = []
        for i, row in enumerate(loaded.rows):
            if row.generation._cancelled:
                row.generation._finish(None)
                over.append(i)
        self._remove(loaded, over)

    def _admit(self, loaded: _Loaded) -> None:
        read = 0
        while (
            loaded.waiting
            and len(loaded.rows) < self._max_batch
            and read < PROMPT_TOKENS_A_TURN
        ):
            generation = loaded.waiting.popleft()
            ids = generation.request.prompt_ids
            if generation._cancelled:
                generation._finish(None)
                continue
            room = min(loaded.model.context, loaded.renderer.context) - len(ids)
            if room < 1 or generation.request.max_tokens < 1:
                generation._finish("length")
                continue
            read += len(ids)
            try:
                row = _Row(generation, loaded.renderer)
                logits = loaded.model.start(len(loaded.rows), ids)
                (choice,) = choose(logits[None], [row.sampler])
                going_on = row.take(choice)
            except Exception as fault:
                log.exception("a prompt could not be read")
                generation._finish(None, fault)
                continue
            if going_on:
                loaded.rows.append(row)

    def _remove(self, loaded: _Loaded, over: list[int]) -> None:
        """Take rows out and close the gaps from the end."""
        for i in reversed(over):
            last = len(loaded.rows) - 1
            if i != last:
                loaded.model.move(last, i)
                loaded.rows[i] = loaded.rows[last]
            loaded.rows.pop()
