"""Answers: the very ones of transformers, together or alone, whole or as they come."""

from __future__ import annotations

import asyncio
import gc
import threading
import time
import weakref
from pathlib import Path

import pytest
import torch

from helpers.provider import inference
from helpers.provider.generation import Engine, GenerationRequest, ModelNotLoaded
from helpers.provider.inference import LlamaAnswers, open_for_answers
from helpers.provider.rendering import ChatRenderer, renderer_of
from helpers.provider.sampling import Sampler, choose
from tests.provider.tiny_models import make_llama, make_other

PROMPTS = [
    "Title: Apple Pie",
    "2 c. brown sugar, 1 tsp. salt, 3 eggs",
    "Stir the butter into the flour, add the milk and bake for 30 minutes. " * 2,
    "x",
    "salt",
    "What can I make with three eggs and a cup of rice?",
]


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    # Not tied: a random tied model says its last token again, and that ends answers.
    folder = tmp_path_factory.mktemp("models") / "llama"
    return make_llama(folder, dtype="bfloat16", tied=False)


@pytest.fixture(scope="module")
def renderer(folder) -> ChatRenderer:
    return ChatRenderer(folder)


@pytest.fixture(scope="module")
def engine():
    engine = Engine()
    yield engine
    engine.close()


def prompt(renderer: ChatRenderer, text: str) -> list[int]:
    return renderer.prompt_ids([{"role": "user", "content": text}])


def ask(engine, folder, ids, **settings):
    settings = {"max_tokens": 40, "temperature": 0.0} | settings
    return engine.submit(GenerationRequest(folder, ids, **settings))


def ids_of(result) -> list[int]:
    return [token.id for token in result.tokens]


def transformers_ids(folder, ids, n, end_ids) -> list[int]:
    from transformers import AutoModelForCausalLM

    model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32)
    model.generation_config.max_length = None
    found = model.generate(
        torch.tensor([ids]),
        attention_mask=torch.ones(1, len(ids), dtype=torch.long),
        max_new_tokens=n,
        do_sample=False,
        pad_token_id=0,
        eos_token_id=sorted(end_ids),
    )[0, len(ids) :].tolist()
    return [i for i in found if i not in end_ids]


# ---------------------------------------------------------------- the right answers


def test_greedy_answers_are_those_of_transformers_alone_and_together(
    engine, folder, renderer
):
    prompts = [prompt(renderer, text) for text in PROMPTS]
    expected = [transformers_ids(folder, ids, 40, renderer.end_ids) for ids in prompts]
    assert len({tuple(ids) for ids in expected}) > 3
    alone = [ids_of(ask(engine, folder, ids).result()) for ids in prompts]
    assert alone == expected
    together = [ask(engine, folder, ids) for ids in prompts * 2]
    assert [ids_of(g.result()) for g in together] == expected * 2


@pytest.mark.parametrize("architecture", ["qwen2", "gpt2", "gpt_neox"])
def test_other_architectures_answer_as_in_transformers(engine, tmp_path, architecture):
    folder = make_other(tmp_path / architecture, architecture)
    renderer = ChatRenderer(folder)
    prompts = [prompt(renderer, text) for text in PROMPTS[:3]]
    expected = [transformers_ids(folder, ids, 12, renderer.end_ids) for ids in prompts]
    running = [ask(engine, folder, ids, max_tokens=12) for ids in prompts]
    assert [ids_of(g.result()) for g in running] == expected


@pytest.mark.parametrize(("tied", "kv_heads"), [(True, 1), (False, 4)])
def test_the_fast_path_gives_the_logits_of_transformers(tmp_path, tied, kv_heads):
    folder = make_llama(
        tmp_path / "model", tied=tied, kv_heads=kv_heads, dtype="bfloat16", layers=3
    )
    fast, slow = open_for_answers(folder), open_for_answers(folder, fast=False)
    assert isinstance(fast, LlamaAnswers)
    generator = torch.Generator().manual_seed(0)
    prompts = [
        torch.randint(6, 300, (n,), generator=generator).tolist() for n in (90, 7, 40)
    ]
    prompts.append(prompts[0][:60] + prompts[2])  # begins like another
    for row, ids in enumerate(prompts):
        a, b = fast.start(row, ids), slow.start(row, ids)
        assert torch.allclose(a, b, atol=1e-4 * float(b.abs().max()))
    for step in range(5):
        tokens = [10 + step, 20, 30 + 2 * step, 40]
        a, b = fast.step(tokens), slow.step(tokens)
        assert torch.allclose(a, b, atol=1e-4 * float(b.abs().max()))
    for model in (fast, slow):
        model.move(3, 1)
    a, b = fast.step([9, 8, 7]), slow.step([9, 8, 7])
    assert torch.allclose(a, b, atol=1e-4 * float(b.abs().max()))


def test_without_packed_matrices_the_answers_are_the_same(
    folder, renderer, engine, monkeypatch
):
    ids = prompt(renderer, PROMPTS[1])
    expected = ids_of(ask(engine, folder, ids).result())
    monkeypatch.setattr(inference, "_packed", lambda weight: None)
    plain = Engine()
    found = ids_of(ask(plain, folder, ids).result())
    plain.close()
    assert found == expected


def test_the_cache_grows_beyond_its_first_size(tmp_path):
    folder = make_llama(tmp_path / "long", context=900, dtype="bfloat16")
    fast, slow = open_for_answers(folder), open_for_answers(folder, fast=False)
    ids = [6 + i % 200 for i in range(250)]
    for row in range(9):  # more rows than are reserved at once
        fast.start(row, ids[row:])
    slow.start(0, ids)
    for i in range(20):  # beyond the first 256 places
        a = fast.step([i] * 9)[0]
        b = slow.step([i])[0]
        assert torch.allclose(a, b, atol=1e-4 * float(b.abs().max()))


# --------------------------------------------------------------------- where they end


def test_an_answer_ends_at_max_tokens(engine, folder, renderer):
    result = ask(
        engine,
        folder,
        prompt(renderer, "x"),
        max_tokens=3,
        logit_bias=dict.fromkeys(renderer.end_ids, -100),
    ).result()
    assert len(result.tokens) == 3
    assert result.finish_reason == "length"


def test_an_answer_ends_with_the_context(engine, folder, renderer):
    ids = (prompt(renderer, "x") * 100)[: renderer.context - 5]
    forbid = dict.fromkeys(renderer.end_ids, -100)
    result = ask(engine, folder, ids, max_tokens=1000, logit_bias=forbid).result()
    assert len(result.tokens) == 5
    assert result.finish_reason == "length"


def test_an_answer_ends_at_the_end_token_which_is_no_part_of_it(
    engine, folder, renderer
):
    result = ask(
        engine, folder, prompt(renderer, "x"), logit_bias={1: 100}, max_tokens=5
    ).result()
    assert result.tokens == []
    assert result.finish_reason == "stop"


@pytest.mark.parametrize("streamed", [False, True])
def test_a_stop_string_ends_the_answer_and_no_part_of_it_gets_out(
    engine, folder, renderer, streamed
):
    ids = prompt(renderer, PROMPTS[1])
    whole = ask(engine, folder, ids).result().text
    assert len(whole) > 20
    for start, size in ((5, 1), (9, 4), (3, 12), (0, 2)):
        stop = whole[start : start + size]
        expected = whole[: whole.find(stop)]
        # Another one that begins alike but never comes.
        generation = ask(engine, folder, ids, stop=[stop + "\x07never", stop])
        if streamed:
            pieces = asyncio.run(collect(generation))
            text = "".join(piece.text for piece in pieces)
        else:
            text = generation.result().text
        assert text == expected
        assert generation.finish_reason == "stop"


def test_the_start_of_a_stop_string_that_never_comes_is_given_in_the_end(
    engine, folder, renderer
):
    ids = prompt(renderer, PROMPTS[1])
    whole = ask(engine, folder, ids).result()
    stop = whole.text[-3:] + "\x07"
    again = ask(engine, folder, ids, stop=[stop]).result()
    assert again.text == whole.text
    assert again.finish_reason == whole.finish_reason
    assert ids_of(again) == ids_of(whole)


def test_an_empty_prompt_is_refused(engine, folder):
    with pytest.raises(ValueError, match="prompt_ids is empty"):
        ask(engine, folder, [])


def test_a_prompt_that_fills_the_context_ends_at_once(engine, folder, renderer):
    ids = (prompt(renderer, "x") * 100)[: renderer.context]
    result = ask(engine, folder, ids).result()
    assert result.text == ""
    assert result.finish_reason == "length"


# --------------------------------------------------------------------------- chances


def test_the_same_seed_gives_the_same_text_whatever_else_is_answered(
    engine, folder, renderer
):
    ids = prompt(renderer, PROMPTS[0])
    settings = {"temperature": 1.0, "top_p": 0.9, "seed": 5, "max_tokens": 20}
    alone = ids_of(ask(engine, folder, ids, **settings).result())
    crowd = [
        ask(engine, folder, prompt(renderer, text), temperature=1.5, seed=i)
        for i, text in enumerate(PROMPTS)
    ]
    among = ids_of(ask(engine, folder, ids, **settings).result())
    for generation in crowd:
        generation.cancel()
    other = ids_of(ask(engine, folder, ids, **settings | {"seed": 6}).result())
    assert alone == among
    assert alone != other


def test_draws_follow_the_probabilities():
    logits = torch.log(torch.tensor([0.5, 0.3, 0.2]))
    counts = [0, 0, 0]
    sampler = Sampler(temperature=1.0, seed=1)
    for _ in range(3000):
        counts[choose(logits[None], [sampler])[0].id] += 1
    assert counts[0] / 3000 == pytest.approx(0.5, abs=0.04)
    assert counts[1] / 3000 == pytest.approx(0.3, abs=0.04)


def test_top_p_keeps_the_fewest_candidates_that_reach_it():
    logits = torch.log(torch.tensor([0.2, 0.5, 0.3]))
    for top_p, allowed in ((0.1, {1}), (0.6, {1, 2}), (0.99, {0, 1, 2})):
        sampler = Sampler(temperature=1.0, top_p=top_p, seed=1)
        drawn = {choose(logits[None], [sampler])[0].id for _ in range(300)}
        assert drawn == allowed


def test_a_low_temperature_prefers_the_likely_and_zero_takes_nothing_else():
    logits = torch.log(torch.tensor([[0.4, 0.6]]))
    cold = Sampler(temperature=0.1, seed=1)
    drawn = [choose(logits, [cold])[0].id for _ in range(200)]
    assert sum(drawn) > 180
    assert choose(logits, [Sampler(temperature=0.0)])[0].id == 1


def test_penalties_count_what_was_chosen():
    logits = torch.tensor([[2.0, 1.5, 0.0]])
    presence = Sampler(temperature=0.0, presence_penalty=1.0)
    assert [choose(logits, [presence])[0].id for _ in range(4)] == [0, 1, 0, 0]
    frequency = Sampler(temperature=0.0, frequency_penalty=0.4)
    assert [choose(logits, [frequency])[0].id for _ in range(5)] == [0, 0, 1, 0, 1]


def test_a_bias_forbids_or_forces_a_token():
    logits = torch.tensor([[2.0, 1.5, 0.0]])
    forbid = Sampler(temperature=0.0, logit_bias={0: -100, 99: 5})
    force = Sampler(temperature=1.0, logit_bias={2: 100})
    assert choose(logits, [forbid])[0].id == 1
    assert {choose(logits, [force])[0].id for _ in range(20)} == {2}


def test_log_probabilities_are_the_models_own(engine, folder, renderer):
    ids = prompt(renderer, PROMPTS[0])
    cold = ask(engine, folder, ids, top_logprobs=3, max_tokens=4).result()
    hot = ask(
        engine,
        folder,
        ids,
        top_logprobs=3,
        max_tokens=1,
        temperature=2.0,
        presence_penalty=1.0,
    ).result()
    model = open_for_answers(folder, fast=False)
    expected = torch.log_softmax(model.start(0, ids), -1)
    best, best_ids = expected.topk(3)
    for result in (cold, hot):
        token = result.tokens[0]
        assert token.logprob == pytest.approx(expected[token.id].item(), abs=1e-3)
        assert [i for i, _ in token.top_logprobs] == best_ids.tolist()
        assert [v for _, v in token.top_logprobs] == pytest.approx(
            best.tolist(), abs=1e-3
        )
    assert cold.tokens[0].id == best_ids[0]
    assert len(cold.tokens[-1].top_logprobs) == 3
    plain = ask(engine, folder, ids, max_tokens=1).result()
    assert plain.tokens[0].top_logprobs is None
    chosen_only = ask(engine, folder, ids, max_tokens=1, top_logprobs=0).result()
    assert chosen_only.tokens[0].top_logprobs == []
    assert chosen_only.tokens[0].logprob < 0


# ------------------------------------------------------------------------ the engine


async def collect(generation) -> list:
    return [token async for token in generation]


def test_tokens_come_one_by_one_to_a_coroutine(engine, folder, renderer):
    ids = prompt(renderer, PROMPTS[2])
    whole = ask(engine, folder, ids).result()

    async def several():
        return await asyncio.gather(
            *(collect(ask(engine, folder, ids)) for _ in range(3))
        )

    for tokens in asyncio.run(several()):
        assert [token.id for token in tokens] == ids_of(whole)
        assert "".join(token.text for token in tokens) == whole.text


def test_waiting_for_the_whole_answer_leaves_its_tokens_to_be_read(
    engine, folder, renderer
):
    async def wait():
        generation = ask(engine, folder, prompt(renderer, "x"))
        await generation.wait()
        assert generation.finish_reason
        return await collect(generation)

    tokens = asyncio.run(wait())
    again = ask(engine, folder, prompt(renderer, "x")).result()
    assert [t.id for t in tokens] == ids_of(again)


def test_streamed_text_has_no_half_characters(engine, folder, renderer):
    """Byte tokens in a random order: hot answers of a random model are full of them."""
    for seed in range(5):
        generation = ask(
            engine, folder, prompt(renderer, "x"), temperature=5.0, seed=seed
        )
        tokens = asyncio.run(collect(generation))
        text = "".join(token.text for token in tokens)
        assert text == renderer.decode([token.id for token in tokens])


def test_a_cancelled_answer_ends_and_frees_its_place(folder, renderer):
    engine = Engine(max_batch=1)
    forbid = dict.fromkeys(renderer.end_ids, -100)
    first = ask(
        engine, folder, prompt(renderer, "x"), max_tokens=240, logit_bias=forbid
    )
    second = ask(engine, folder, prompt(renderer, "x"), max_tokens=2)
    third = ask(engine, folder, prompt(renderer, "x"), max_tokens=2)
    first.cancel()
    third.cancel()
    assert first.result(timeout=20).finish_reason is None
    assert third.result(timeout=20).tokens == []
    assert len(second.result(timeout=20).tokens) <= 2
    engine.close()


def test_more_requests_than_places_are_all_answered(folder, renderer):
    engine = Engine(max_batch=3)
    prompts = [prompt(renderer, text) for text in PROMPTS]
    running = [
        ask(engine, folder, ids, max_tokens=5 + i) for i, ids in enumerate(prompts)
    ]
    together = [ids_of(g.result(timeout=30)) for g in running]
    alone = [
        ids_of(ask(engine, folder, ids, max_tokens=5 + i).result(timeout=30))
        for i, ids in enumerate(prompts)
    ]
    assert together == alone
    engine.close()


def test_models_take_turns(folder, renderer, tmp_path):
    """A short answer of one model does not wait for a long one of another."""
    other = make_llama(tmp_path / "other", seed=1, tied=False)
    engine = Engine()
    engine.preload(folder)
    engine.preload(other)
    ids = prompt(renderer, "x")
    forbid = dict.fromkeys(renderer.end_ids, -100)
    long = ask(engine, folder, ids, max_tokens=240, logit_bias=forbid)
    short = ask(engine, other, ids, max_tokens=3, logit_bias=forbid)
    short.result(timeout=20)
    assert long.finish_reason is None
    assert len(long.result(timeout=30).tokens) == 240
    engine.close()


def test_only_so_many_models_stay_loaded_and_all_still_answer(tmp_path):
    engine = Engine(max_loaded=2)
    folders = [make_llama(tmp_path / f"m{i}", seed=i, tied=False) for i in range(3)]
    ids = prompt(ChatRenderer(folders[0]), "x")
    answers = [ids_of(ask(engine, f, ids, max_tokens=8).result()) for f in folders]
    assert list(engine._models) == folders[1:]
    again = [ids_of(ask(engine, f, ids, max_tokens=8).result()) for f in folders]
    assert answers == again
    assert len({tuple(a) for a in answers}) == 3
    engine.unload(folders[2])
    assert folders[2] not in engine._models
    engine.close()


def test_of_large_models_fewer_stay(tmp_path, monkeypatch):
    folders = [make_llama(tmp_path / f"m{i}", seed=i, tied=False) for i in range(4)]
    large = {folders[0], folders[2], folders[3]}
    monkeypatch.setattr("helpers.provider.generation.is_large", large.__contains__)
    engine = Engine(max_loaded=3, max_large=1)
    for folder in folders[:3]:
        engine.preload(folder)
    assert list(engine._models) == folders[1:3]
    engine.preload(folders[3])
    assert list(engine._models) == [folders[1], folders[3]]
    engine.close()


def test_who_reads_and_who_answers_share_a_renderer_while_it_is_in_use(tmp_path):
    folder = make_llama(tmp_path / "m", seed=1, tied=False)
    first = renderer_of(folder)
    assert renderer_of(folder) is first
    gone = weakref.ref(first)
    del first
    gc.collect()
    assert gone() is None


def test_the_memory_of_models_that_went_is_given_back(tmp_path, monkeypatch):
    given = []
    monkeypatch.setattr(
        "helpers.provider.generation.give_back_memory", lambda: given.append(1)
    )
    engine = Engine(max_loaded=2)
    for i in range(4):
        engine.preload(make_llama(tmp_path / f"m{i}", seed=i, tied=False))
        assert len(given) == max(0, i - 1)
    engine.close()


def test_a_model_that_reads_a_prompt_is_not_let_go(tmp_path, monkeypatch):
    engine = Engine(max_loaded=1)
    folders = [make_llama(tmp_path / f"m{i}", seed=i, tied=False) for i in range(2)]
    ids = prompt(ChatRenderer(folders[0]), "x")
    model = engine.model(folders[0])
    start, reading, go_on = model.start, threading.Event(), threading.Event()

    def slow_start(row, ids):
        reading.set()
        assert go_on.wait(20)
        return start(row, ids)

    monkeypatch.setattr(model, "start", slow_start)
    answer = ask(engine, folders[0], ids, max_tokens=8)
    assert reading.wait(20)
    engine.preload(folders[1])  # another thread makes room
    assert folders[0] in engine._models
    go_on.set()
    assert answer.result(timeout=20).tokens
    engine.close()


def test_an_answer_waits_at_no_model_that_was_just_let_go(
    folder, renderer, monkeypatch
):
    engine = Engine()
    found, loaded = [], engine._loaded

    def loaded_and_gone(path):
        found.append(loaded(path))
        if len(found) == 1:
            engine._forget(path)
        return found[-1]

    monkeypatch.setattr(engine, "_loaded", loaded_and_gone)
    answer = ask(engine, folder, prompt(renderer, "x"), max_tokens=8)
    assert answer.result(timeout=20).tokens
    assert found[0] is not found[1]
    engine.close()


def test_a_model_that_is_unloaded_at_work_finishes_first(folder, renderer):
    engine = Engine()
    forbid = dict.fromkeys(renderer.end_ids, -100)
    long = ask(engine, folder, prompt(renderer, "x"), max_tokens=200, logit_bias=forbid)
    while not long._tokens:
        time.sleep(0.01)
    engine.unload(folder)
    assert len(long.result(timeout=30).tokens) == 200
    deadline = time.monotonic() + 10
    while folder in engine._models:
        assert time.monotonic() < deadline
        time.sleep(0.01)
    engine.close()


def test_a_folder_that_is_no_model_fails_its_request_and_no_other(
    engine, folder, renderer, tmp_path
):
    broken = ask(engine, tmp_path / "nothing", [5])
    with pytest.raises(ModelNotLoaded, match="nothing cannot be loaded"):
        broken.result(timeout=10)

    async def follow():
        return await collect(ask(engine, tmp_path / "nothing", [5]))

    with pytest.raises(ModelNotLoaded):
        asyncio.run(follow())
    assert ask(engine, folder, prompt(renderer, "x")).result().finish_reason


def test_an_error_in_a_model_ends_its_answers_and_the_engine_goes_on(
    folder, renderer, monkeypatch, caplog
):
    engine = Engine()
    engine.preload(folder)
    ids = prompt(renderer, "x")

    def broken(self, tokens):
        raise RuntimeError("no more memory")

    with monkeypatch.context() as patch:
        patch.setattr(LlamaAnswers, "step", broken)
        with pytest.raises(RuntimeError, match="no more memory"):
            ask(
                engine, folder, ids, logit_bias=dict.fromkeys(renderer.end_ids, -100)
            ).result(timeout=10)
    assert ask(engine, folder, ids).result(timeout=10).finish_reason
    engine.close()


def test_closing_ends_what_is_under_way(folder, renderer):
    engine = Engine()
    forbid = dict.fromkeys(renderer.end_ids, -100)
    long = ask(engine, folder, prompt(renderer, "x"), max_tokens=240, logit_bias=forbid)
    engine.close()
    engine.close()
    with pytest.raises(RuntimeError, match="closed"):
        long.result(timeout=10)
    with pytest.raises(RuntimeError, match="closed"):
        ask(engine, folder, prompt(renderer, "x"))


def test_an_answer_that_nobody_waits_for_in_time_is_a_timeout(folder, renderer):
    engine = Engine()
    forbid = dict.fromkeys(renderer.end_ids, -100)
    long = ask(engine, folder, prompt(renderer, "x"), max_tokens=240, logit_bias=forbid)
    with pytest.raises(TimeoutError):
        long.result(timeout=0)
    long.cancel()
    engine.close()


def test_requests_may_come_from_many_threads(engine, folder, renderer):
    ids = prompt(renderer, PROMPTS[4])
    expected = ids_of(ask(engine, folder, ids, max_tokens=10).result())
    found = []

    def client():
        for _ in range(5):
            found.append(ids_of(ask(engine, folder, ids, max_tokens=10).result()))

    threads = [threading.Thread(target=client) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [expected] * 40
