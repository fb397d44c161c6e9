"""Generated tokens as legacy text completions: whole, or event by event.

Purpose: what `answers` is for chats. A request may have several prompts, and several
candidates for each, of which the likeliest are shown; a prompt may be echoed, with the
log probabilities of its own tokens.
It must never know how a request was checked or a model found.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from openai.types import Completion

from helpers.provider import views
from helpers.provider.answers import Choices, server_sent
from helpers.provider.ids import new_id

if TYPE_CHECKING:
    from helpers.provider.generation import Generation, GenerationResult, TokenOut
    from helpers.provider.rendering import ChatRenderer


@dataclass(frozen=True)
class Prompt:
    """One prompt of a request.

    Args:
        ids: what the model reads.
        echo: what is said before the answer, "" for nothing.
        tokens: those of the echo, with log probabilities; empty if nobody asked.
    """

    ids: list[int]
    echo: str = ""
    tokens: tuple[TokenOut, ...] = ()


class TextAnswer(Choices):
    """A text completion on its way.

    Args:
        model: name of the model that answers.
        created_at: Unix time.
        prompts: of the request.
        generations: of the first prompt all candidates, then of the next.
        shown: how many candidates of each prompt become choices.
        renderer: of the model; names tokens in log probabilities.
        logprobs: whether to tell log probabilities.
        include_usage: whether a stream ends with the token counts.
    """

    def __init__(
        self,
        *,
        model: str,
        created_at: int,
        prompts: list[Prompt],
        generations: list[Generation],
        shown: int,
        renderer: ChatRenderer,
        logprobs: bool,
        include_usage: bool,
    ) -> None:
        head = {"id": new_id("cmpl-"), "created": created_at, "model": model}
        head["object"] = "text_completion"
        prompt_tokens = sum(len(prompt.ids) for prompt in prompts)
        super().__init__(head, prompt_tokens, generations, include_usage)
        self._prompts, self._shown = prompts, shown
        self._renderer, self._logprobs = renderer, logprobs

    def _name(self, token_id: int, previous: int | None) -> str:
        """Name a token as the real API does: its text, or the bytes of a half one."""
        raw = self._renderer.token_bytes(token_id, previous)
        try:
            return raw.decode()
        except UnicodeDecodeError:
            return "bytes:" + "".join(f"\\x{byte:02x}" for byte in raw)

    def _listed(
        self, tokens: list[TokenOut], offset: int, previous: int | None
    ) -> dict[str, Any] | None:
        """Show log probabilities.

        Args:
            tokens: which.
            offset: where the text of the first one begins in the text of the choice.
            previous: the token before them.
        """
        if not self._logprobs:
            return None
        listed: dict[str, list] = {
            "tokens": [],
            "token_logprobs": [],
            "top_logprobs": [],
            "text_offset": [],
        }
        for token in tokens:
            name, top = self._name(token.id, previous), {}
            # Two tokens may have one name; the likelier one keeps it. The token that
            # came is always there, so there may be one more than were asked for.
            for rival, value in token.top_logprobs or ():
                top.setdefault(self._name(rival, previous), value)
            top[name] = token.logprob
            listed["tokens"].append(name)
            listed["token_logprobs"].append(token.logprob)
            listed["top_logprobs"].append(top)
            listed["text_offset"].append(offset)
            offset, previous = offset + len(token.text), token.id
        return listed

    def _choice(
        self, index: int, prompt: Prompt, result: GenerationResult
    ) -> dict[str, Any]:
        before = prompt.ids[-1]
        logprobs = self._listed(result.tokens, len(prompt.echo), before)
        if logprobs is not None and prompt.tokens:
            echoed = self._listed(list(prompt.tokens), 0, None)
            logprobs = {name: echoed[name] + logprobs[name] for name in logprobs}
        return {
            "index": index,
            "text": prompt.echo + result.text,
            "logprobs": logprobs,
            "finish_reason": result.finish_reason,
        }

    async def _result(self, generation: Generation) -> GenerationResult:
        await generation.wait()
        result = generation.result()
        self._completion_tokens += len(result.tokens)
        return result

    async def whole(self) -> Completion:
        """Generate all candidates and return the completion."""
        results = await asyncio.gather(*map(self._result, self._generations))
        candidates = len(results) // len(self._prompts)
        choices = []
        for number, prompt in enumerate(self._prompts):
            best = results[number * candidates : (number + 1) * candidates]
            if candidates > self._shown:
                best.sort(key=_likelihood, reverse=True)
            for result in best[: self._shown]:
                choices.append(self._choice(len(choices), prompt, result))
        return Completion.model_validate(
            {**self._head, "choices": choices, "usage": self._usage()}
        )

    def _event(
        self, choices: list[dict[str, Any]], usage: dict[str, Any] | None = None
    ) -> bytes:
        # No object of the package: there a choice of a stream that goes on has no
        # finish_reason that could be null, though the real API sends it so.
        body = {**self._head, "choices": choices}
        if self._include_usage:
            body["usage"] = usage
        return server_sent(views.dump(body))

    def _usage_event(self) -> bytes:
        return self._event([], self._usage())

    async def _follow(self, index: int, events: asyncio.Queue) -> None:
        def say(text: str, tokens: list[TokenOut], reason: str | None = None) -> None:
            logprobs = self._listed(tokens, offset, previous) if tokens else None
            choice = {"index": index, "text": text, "logprobs": logprobs}
            events.put_nowait(self._event([{**choice, "finish_reason": reason}]))

        prompt = self._prompts[index // self._shown]
        offset, previous = 0, None
        if prompt.echo:
            say(prompt.echo, list(prompt.tokens))
        offset, previous = len(prompt.echo), prompt.ids[-1]
        generation = self._generations[index]
        async for token in generation:
            self._completion_tokens += 1
            if token.text or self._logprobs:
                say(token.text, [token])
            offset, previous = offset + len(token.text), token.id
        say("", [], generation.finish_reason)


def _likelihood(result: GenerationResult) -> float:
    """Return the mean log probability of a candidate's tokens, its end included."""
    values = [token.logprob for token in result.tokens]
    if result.end_logprob is not None:
        values.append(result.end_logprob)
    return sum(values) / len(values) if values else 0.0
