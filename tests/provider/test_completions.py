"""Rules of legacy text completions, answered by a tiny random model."""

from __future__ import annotations

import math

import openai
import pytest
import torch

from helpers.provider.rendering import ChatRenderer
from helpers.provider.settings import Limits
from tests.provider.harness import KEY
from tests.provider.tiny_models import make_other

# Special tokens end an answer; made impossible, it is as long as it may be.
ENDLESS = {str(special): -100 for special in range(6)}
TEXT = "Title: Apple Pie Ingredients: 2 c. brown sugar,"


def complete(client, prompt=TEXT, **more):
    more = {"model": "kitchen-base", "logit_bias": ENDLESS, "temperature": 0, **more}
    return client.completions.create(prompt=prompt, **more)


def texts(completion) -> list[str]:
    return [choice.text for choice in completion.choices]


@pytest.fixture(scope="module")
def renderer(tiny_llama) -> ChatRenderer:
    return ChatRenderer(tiny_llama)


@pytest.fixture(scope="module")
def judged(tiny_llama):
    """Log probabilities of every next token, by transformers."""
    from transformers import AutoModelForCausalLM

    model = AutoModelForCausalLM.from_pretrained(tiny_llama, dtype=torch.float32)

    @torch.inference_mode()
    def logprobs(ids: list[int]) -> torch.Tensor:
        return torch.log_softmax(model(torch.tensor([ids])).logits[0], -1)

    return logprobs


def test_a_completion_has_openais_shape(real):
    raw = real.client.completions.with_raw_response.create(
        model="kitchen-base", prompt=TEXT, logit_bias=ENDLESS
    )
    body = raw.http_response.json()
    assert body["id"].startswith("cmpl-")
    assert body["object"] == "text_completion"
    assert body["model"] == "kitchen-base"
    (choice,) = body["choices"]
    assert set(choice) == {"index", "text", "finish_reason", "logprobs"}
    assert choice["finish_reason"] == "length"
    assert body["usage"]["completion_tokens"] == 16  # the default of max_tokens
    with openai.OpenAI(
        base_url=real.url, api_key=KEY, _strict_response_validation=True
    ) as strict:
        assert complete(strict, echo=True, logprobs=2).choices[0].logprobs


def test_the_prompt_is_read_without_a_chat_template(real, renderer, judged):
    ids = renderer.text_ids(TEXT)
    completion = complete(real.client, max_tokens=1)
    assert completion.usage.prompt_tokens == len(ids)
    best = int(judged(ids)[-1][6:].argmax()) + 6
    assert texts(completion) == [renderer.decode([best])]


def test_text_that_spells_a_special_token_stays_text(real, renderer):
    spelled = "salt<|end|><|user|>"
    completion = complete(real.client, spelled, echo=True, max_tokens=0)
    assert texts(completion) == [spelled]
    assert completion.usage.prompt_tokens == len(renderer.text_ids(spelled)) > 5


def test_the_four_kinds_of_prompts_mean_the_same(real, renderer):
    ids = renderer.text_ids(TEXT)
    one = complete(real.client)
    assert texts(complete(real.client, ids)) == texts(one)
    other = complete(real.client, "salt")
    both = texts(one) + texts(other)
    for prompts in ([TEXT, "salt"], [ids, renderer.text_ids("salt")]):
        several = complete(real.client, prompts)
        assert texts(several) == both
        assert [choice.index for choice in several.choices] == [0, 1]
        for count in ("prompt_tokens", "completion_tokens"):
            counts = [getattr(answer.usage, count) for answer in (one, other)]
            assert getattr(several.usage, count) == sum(counts)


def test_no_prompt_begins_a_new_document(real, renderer):
    begun = complete(real.client, renderer.start_ids)
    assert texts(complete(real.client, "")) == texts(begun)
    assert texts(complete(real.client, None)) == texts(begun)
    assert complete(real.client, "").usage.prompt_tokens == 1


def test_echoed_log_probabilities_are_those_of_the_model(real, renderer, judged):
    ids = renderer.text_ids(TEXT)
    completion = complete(real.client, echo=True, logprobs=3, max_tokens=4)
    (choice,) = completion.choices
    assert choice.text.startswith(TEXT)
    assert len(choice.text) > len(TEXT)
    shown = choice.logprobs
    assert len(shown.tokens) == len(ids) + 4 == completion.usage.total_tokens
    first = judged([*renderer.start_ids, ids[0]])[0]
    expected = [first[ids[0]].item()]
    values = judged(ids)
    expected += [values[at, token].item() for at, token in enumerate(ids[1:])]
    for found, value in zip(shown.token_logprobs, expected, strict=False):
        assert math.isclose(found, value, abs_tol=1e-3)
    for at in range(len(ids) - 1):
        best = values[at].topk(3).values.tolist()
        rivals = sorted(shown.top_logprobs[at + 1].values(), reverse=True)
        assert len(rivals) in (3, 4)
        assert rivals[:3] == pytest.approx(best, abs=1e-3)
        assert shown.token_logprobs[at + 1] in rivals
    for token, offset in zip(shown.tokens, shown.text_offset, strict=True):
        if not token.startswith("bytes:"):
            assert choice.text[offset : offset + len(token)] == token


def test_a_text_can_be_judged_without_generating_anything(real):
    judged = complete(real.client, echo=True, logprobs=0, max_tokens=0)
    (choice,) = judged.choices
    assert choice.text == TEXT
    assert judged.usage.completion_tokens == 0
    assert len(choice.logprobs.token_logprobs) == judged.usage.prompt_tokens
    assert all(len(top) == 1 for top in choice.logprobs.top_logprobs)
    longer = complete(real.client, echo=True, logprobs=0, max_tokens=3).choices[0]
    kept = judged.usage.prompt_tokens
    assert longer.logprobs.token_logprobs[:kept] == choice.logprobs.token_logprobs


def test_characters_of_several_tokens_are_named_by_their_bytes(real):
    choice = complete(
        real.client, "Crème 🥧", echo=True, logprobs=1, max_tokens=0
    ).choices[0]
    names = choice.logprobs.tokens
    assert choice.text == "Crème 🥧"
    assert "bytes:\\xc3" in names
    assert "bytes:\\xa8" in names
    assert choice.logprobs.text_offset == sorted(choice.logprobs.text_offset)


def test_log_probabilities_of_an_answer_are_told_without_an_echo(real):
    choice = complete(real.client, logprobs=5).choices[0]
    assert len(choice.logprobs.tokens) == 16
    assert choice.logprobs.text_offset[0] == 0
    for top, value in zip(
        choice.logprobs.top_logprobs, choice.logprobs.token_logprobs, strict=True
    ):
        assert 5 <= len(top) <= 6
        assert value in top.values()
    assert complete(real.client).choices[0].logprobs is None


def test_n_choices_of_each_prompt_stand_together(real):
    completion = complete(real.client, [TEXT, "salt"], n=2, temperature=1, seed=4)
    assert [choice.index for choice in completion.choices] == [0, 1, 2, 3]
    assert completion.usage.completion_tokens == 4 * 16
    again = complete(real.client, [TEXT, "salt"], n=2, temperature=1, seed=4)
    assert texts(again) == texts(completion)
    assert (
        texts(complete(real.client, n=2, temperature=1, seed=4))
        == (texts(completion)[:2])
    )
    assert len(set(texts(completion))) == 4


def test_best_of_shows_the_likeliest_and_counts_them_all(real):
    settings = {"temperature": 1.2, "seed": 8, "max_tokens": 6}
    every = complete(real.client, n=5, logprobs=0, **settings)

    def likelihood(choice) -> float:
        return sum(choice.logprobs.token_logprobs) / 6

    ranked = sorted(every.choices, key=likelihood, reverse=True)
    best = complete(real.client, n=2, best_of=5, **settings)
    assert texts(best) == [choice.text for choice in ranked[:2]]
    assert best.usage.completion_tokens == 5 * 6
    assert best.choices[0].logprobs is None


def test_the_answer_ends_before_a_stop_text(real):
    whole = texts(complete(real.client, max_tokens=30))[0]
    stop = whole[len(whole) // 2 :][:2]
    (choice,) = complete(
        real.client, max_tokens=30, stop=["\x00", stop], echo=True
    ).choices
    assert choice.text == TEXT + whole[: whole.index(stop)]
    assert choice.finish_reason == "stop"


def test_a_stream_says_the_same_as_the_whole_answer(real):
    settings = {"n": 2, "temperature": 1, "seed": 3, "logprobs": 1, "echo": True}
    prompts = [TEXT, "salt"]
    whole = complete(real.client, prompts, **settings)
    said = {number: [] for number in range(4)}
    chunks = list(
        complete(
            real.client,
            prompts,
            stream=True,
            stream_options={"include_usage": True},
            **settings,
        )
    )
    assert chunks[-1].choices == []
    assert chunks[-1].usage == whole.usage
    assert {chunk.usage for chunk in chunks[:-1]} == {None}
    assert {chunk.object for chunk in chunks} == {"text_completion"}
    for chunk in chunks[:-1]:
        said[chunk.choices[0].index].append(chunk.choices[0])
    for choice in whole.choices:
        parts = said[choice.index]
        assert "".join(part.text for part in parts) == choice.text
        assert [part.finish_reason for part in parts[:-1]] == [None] * (len(parts) - 1)
        assert parts[-1].finish_reason == choice.finish_reason
        for name in ("tokens", "text_offset", "token_logprobs"):
            pieces = [getattr(p.logprobs, name) for p in parts if p.logprobs]
            assert sum(pieces, []) == getattr(choice.logprobs, name)


def test_a_bias_decides_which_token_comes(real, renderer):
    (salt,) = renderer.text_ids("salt")[:1]
    bias = {**ENDLESS, str(salt): 100}
    completion = complete(real.client, logit_bias=bias, max_tokens=3)
    assert texts(completion) == [renderer.decode([salt] * 3)]


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"prompt": []}, "prompt"),
        ({"prompt": [[]]}, "prompt"),
        ({"prompt": ["a", 1]}, "prompt"),
        ({"prompt": [True]}, "prompt"),
        ({"prompt": {"text": "a"}}, "prompt"),
        ({"prompt": [100_000]}, "prompt"),
        ({"prompt": [[5], [-1]]}, "prompt"),
        ({"prompt": ["a"] * (Limits().prompts + 1)}, "prompt"),
        ({"prompt": ["a"] * Limits().prompts, "n": 3}, "prompt"),
        ({"prompt": "salt " * 300}, "prompt"),
        ({"max_tokens": 256}, "prompt"),
        ({"max_tokens": -1}, "max_tokens"),
        ({"n": 0}, "n"),
        ({"n": Limits().choices + 1}, "n"),
        ({"n": 3, "best_of": 2}, "best_of"),
        ({"best_of": 21}, "best_of"),
        ({"best_of": 2, "stream": True}, "best_of"),
        ({"logprobs": 6}, "logprobs"),
        ({"logprobs": True}, "logprobs"),
        ({"suffix": "the end"}, "suffix"),
        ({"echo": "yes"}, "echo"),
        ({"stop": ["a"] * 5}, "stop"),
        ({"temperature": 2.1}, "temperature"),
        ({"presence_penalty": 3}, "presence_penalty"),
        ({"logit_bias": {"word": 1}}, "logit_bias"),
        ({"stream_options": {"include_usage": True}}, "stream_options"),
    ],
)
def test_a_wrong_field_is_named(real, fields, param):
    with pytest.raises(openai.BadRequestError) as caught:
        complete(real.client, **fields)
    assert caught.value.param == param
    assert caught.value.type == "invalid_request_error"


def test_an_unknown_model_is_a_404(real):
    with pytest.raises(openai.NotFoundError) as caught:
        complete(real.client, model="gpt-99")
    assert caught.value.code == "model_not_found"


@pytest.mark.parametrize("architecture", ["qwen2", "gpt2"])
def test_other_architectures_are_judged_as_in_transformers(tmp_path, architecture):
    from transformers import AutoModelForCausalLM

    from helpers.provider.inference import open_for_answers
    from helpers.provider.reading import Readers, token_logprobs

    folder = make_other(tmp_path / architecture, architecture)
    ids = ChatRenderer(folder).text_ids(TEXT)
    readers = Readers(open_for_answers)
    found = readers.submit(folder, lambda r: token_logprobs(r, ids, 1, 2)).result()
    readers.close()
    model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32)
    with torch.inference_mode():
        values = torch.log_softmax(model(torch.tensor([ids])).logits[0], -1)
    assert len(found) == len(ids) - 1
    for at, (value, rivals) in enumerate(found):
        assert math.isclose(value, values[at, ids[at + 1]].item(), abs_tol=1e-4)
        assert rivals[0][0] == int(values[at].argmax())


def test_a_tokenizer_that_begins_texts_with_a_token_does_so_here_too(tmp_path):
    from tokenizers import Tokenizer, processors

    folder = make_other(tmp_path / "begun", "gpt2", template=None)
    file = folder / "tokenizer.json"
    tokenizer = Tokenizer.from_file(str(file))
    assert ChatRenderer(folder).opening_ids == []
    assert ChatRenderer(folder).start_ids == [0]  # the end of another text
    tokenizer.post_processor = processors.TemplateProcessing(
        single="<|im_start|> $A", special_tokens=[("<|im_start|>", 1)]
    )
    tokenizer.save(str(file))
    assert ChatRenderer(folder).opening_ids == [1]
    assert ChatRenderer(folder).start_ids == [1]
