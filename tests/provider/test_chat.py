"""Rules of chat completions, answered by a tiny random model."""

from __future__ import annotations

import asyncio
import http.client
import json
import math
import time
import urllib.parse

import openai
import pytest

from helpers.provider.settings import Limits
from tests.provider.harness import KEY, wait_until

# Special tokens end an answer; made impossible, it is as long as it may be.
ENDLESS = {str(special): -100 for special in range(6)}
ASK = [{"role": "user", "content": "List the foods: 2 c. brown sugar, 1 tsp. salt"}]


def ask(client, messages=ASK, **more):
    more = {"model": "kitchen-base", "max_completion_tokens": 12, **more}
    return client.chat.completions.create(messages=messages, **more)


def text(completion) -> str:
    return completion.choices[0].message.content


def test_a_completion_has_openais_shape(real):
    raw = real.client.chat.completions.with_raw_response.create(
        model="kitchen-base", messages=ASK, max_completion_tokens=5, temperature=0
    )
    body = raw.http_response.json()
    assert body["id"].startswith("chatcmpl-")
    assert body["object"] == "chat.completion"
    assert body["model"] == "kitchen-base"
    (choice,) = body["choices"]
    assert set(choice) == {"index", "message", "finish_reason", "logprobs"}
    assert choice["logprobs"] is None
    assert set(choice["message"]) == {"role", "content", "refusal"}
    usage = body["usage"]
    assert usage["completion_tokens"] <= 5
    total = usage["prompt_tokens"] + usage["completion_tokens"]
    assert usage["total_tokens"] == total
    with openai.OpenAI(
        base_url=real.url, api_key=KEY, _strict_response_validation=True
    ) as strict:
        assert (
            text(ask(strict, temperature=0, max_completion_tokens=5))
            == (choice["message"]["content"])
        )


def test_temperature_0_gives_the_same_text_every_time(real):
    texts = {text(ask(real.client, temperature=0)) for _ in range(3)}
    assert len(texts) == 1


def test_a_seed_gives_the_same_text_and_another_seed_another(real):
    def sampled(seed):
        return text(ask(real.client, seed=seed, temperature=1.5))

    assert sampled(5) == sampled(5)
    assert len({sampled(seed) for seed in range(4)}) > 1


def test_n_choices_differ_and_are_counted_together(real):
    completion = ask(real.client, n=3, seed=1, logit_bias=ENDLESS)
    assert [choice.index for choice in completion.choices] == [0, 1, 2]
    assert len({choice.message.content for choice in completion.choices}) > 1
    assert completion.usage.completion_tokens == 36


@pytest.mark.parametrize("field", ["max_tokens", "max_completion_tokens"])
def test_the_answer_ends_at_the_most_tokens_asked_for(real, field):
    none = {"max_completion_tokens": None, field: 3}
    completion = ask(real.client, temperature=0, logit_bias=ENDLESS, **none)
    assert completion.usage.completion_tokens == 3
    assert completion.choices[0].finish_reason == "length"


def test_the_answer_ends_before_a_stop_text_and_does_not_show_it(real):
    whole = text(ask(real.client, temperature=0, max_completion_tokens=30))
    stop = whole[len(whole) // 2 :][:2]
    completion = ask(real.client, temperature=0, max_completion_tokens=30, stop=stop)
    assert text(completion) == whole[: whole.index(stop)]
    assert completion.choices[0].finish_reason == "stop"
    several = ask(
        real.client, temperature=0, max_completion_tokens=30, stop=["\x00", stop]
    )
    assert text(several) == text(completion)


def test_log_probabilities_are_those_of_the_tokens(real):
    completion = ask(
        real.client, temperature=0, logprobs=True, top_logprobs=9, logit_bias=ENDLESS
    )
    tokens = completion.choices[0].logprobs.content
    assert len(tokens) == completion.usage.completion_tokens
    raw = b"".join(bytes(token.bytes) for token in tokens)
    assert raw.decode("utf-8", errors="replace").startswith(text(completion)[:5])
    for token in tokens:
        assert token.logprob <= 0
        assert len(token.top_logprobs) == 9
        values = [rival.logprob for rival in token.top_logprobs]
        assert values == sorted(values, reverse=True)
        # Greedy decoding takes the best one that is no special token.
        best = [rival for rival in token.top_logprobs if rival.token[:2] != "<|"]
        assert math.isclose(best[0].logprob, token.logprob, abs_tol=1e-4)
    completion = ask(real.client, logprobs=True, logit_bias=ENDLESS)
    without = completion.choices[0].logprobs.content
    assert without[0].top_logprobs == []


def test_a_stream_says_the_same_as_the_whole_answer(real):
    whole = ask(real.client, temperature=0, logit_bias=ENDLESS)
    chunks = list(ask(real.client, temperature=0, logit_bias=ENDLESS, stream=True))
    assert chunks[0].choices[0].delta.role == "assistant"
    said = [chunk.choices[0].delta.content or "" for chunk in chunks]
    assert "".join(said) == text(whole)
    assert chunks[-1].choices[0].finish_reason == whole.choices[0].finish_reason
    assert {chunk.choices[0].finish_reason for chunk in chunks[:-1]} == {None}
    assert len({chunk.id for chunk in chunks}) == 1
    assert len(chunks) > 3


def test_a_stream_ends_with_usage_when_asked_and_done(real):
    chunks = list(
        ask(
            real.client,
            temperature=0,
            stream=True,
            stream_options={"include_usage": True},
        )
    )
    assert chunks[-1].choices == []
    assert chunks[-1].usage == ask(real.client, temperature=0).usage
    assert {chunk.usage for chunk in chunks[:-1]} == {None}
    body = {"model": "kitchen-base", "messages": ASK, "stream": True, "max_tokens": 2}
    lines = post(real, body).decode().strip().split("\n\n")
    assert lines[-1] == "data: [DONE]"
    assert all("usage" not in json.loads(line[6:]) for line in lines[:-1])


def post(server, body: dict) -> bytes:
    url = urllib.parse.urlsplit(server.url)
    connection = http.client.HTTPConnection(url.hostname, url.port, timeout=30)
    headers = {"Authorization": f"Bearer {KEY}", "Content-Type": "application/json"}
    connection.request("POST", "/v1/chat/completions", json.dumps(body), headers)
    answer = connection.getresponse()
    content = answer.read()
    connection.close()
    assert answer.status == 200, content
    return content


def test_several_choices_stream_side_by_side_with_log_probabilities(real):
    whole = ask(real.client, n=2, seed=3, logprobs=True)
    said = {0: "", 1: ""}
    tokens = {0: 0, 1: 0}
    for chunk in ask(real.client, n=2, seed=3, logprobs=True, stream=True):
        choice = chunk.choices[0]
        said[choice.index] += choice.delta.content or ""
        if choice.logprobs:
            tokens[choice.index] += len(choice.logprobs.content)
    for choice in whole.choices:
        assert said[choice.index] == choice.message.content
        assert tokens[choice.index] == len(choice.logprobs.content)


def test_a_hosted_name_is_answered_by_the_base_model_which_says_so(real):
    hosted = ask(real.client, model="gpt-4o-mini-2024-07-18", temperature=0)
    assert hosted.model == "kitchen-base"
    assert text(hosted) == text(ask(real.client, temperature=0))


def test_content_in_parts_reads_like_content_in_one_piece(real):
    parts = [{"type": "text", "text": ASK[0]["content"][:9]}]
    parts += [{"type": "text", "text": ASK[0]["content"][9:]}]
    split = ask(real.client, [{"role": "user", "content": parts}], temperature=0)
    whole = ask(real.client, temperature=0)
    assert text(split) == text(whole)
    assert split.usage.prompt_tokens == whole.usage.prompt_tokens


def test_a_long_conversation_with_every_role_is_accepted(real):
    call = {"id": "c", "type": "function", "function": {"name": "f", "arguments": "{}"}}
    messages = [
        {"role": "developer", "content": "Be brief."},
        {"role": "user", "content": "q", "name": "ann"},
        {"role": "assistant", "content": None, "tool_calls": [call]},
        {"role": "tool", "content": "7", "tool_call_id": "c"},
        {"role": "assistant", "content": "7"},
        {"role": "user", "content": "again"},
    ]
    assert ask(real.client, messages).usage.prompt_tokens > 10


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"temperature": 2.1}, "temperature"),
        ({"temperature": "hot"}, "temperature"),
        ({"top_p": 1.1}, "top_p"),
        ({"n": 0}, "n"),
        ({"n": Limits().choices + 1}, "n"),
        ({"max_completion_tokens": 0}, "max_completion_tokens"),
        ({"logprobs": True, "top_logprobs": 21}, "top_logprobs"),
        ({"top_logprobs": 2}, "top_logprobs"),
        ({"stop": ["a"] * 5}, "stop"),
        ({"stop": []}, "stop"),
        ({"stop": "x" * 501}, "stop"),
        ({"presence_penalty": 3}, "presence_penalty"),
        ({"frequency_penalty": -3}, "frequency_penalty"),
        ({"logit_bias": {"word": 1}}, "logit_bias"),
        ({"logit_bias": {"1": 101}}, "logit_bias"),
        ({"stream_options": {"include_usage": True}}, "stream_options"),
        ({"response_format": {"type": "nonsense"}}, "response_format.type"),
        ({"tool_choice": "required"}, "tool_choice"),
        ({"modalities": ["audio"]}, "modalities"),
        ({"messages": []}, "messages"),
        ({"messages": [{"role": "teacher", "content": ""}]}, "messages[0].role"),
        ({"messages": [{"role": "user"}]}, "messages[0].content"),
        (
            {
                "messages": [
                    {
                        "role": "user",
                        "content": [
                            {"type": "image_url", "image_url": {"url": "file:///x"}}
                        ],
                    }
                ]
            },
            "messages[0].content[0]",
        ),
    ],
)
def test_a_wrong_field_is_named(real, fields, param):
    with pytest.raises(openai.BadRequestError) as caught:
        ask(real.client, **fields)
    assert caught.value.param == param
    assert caught.value.type == "invalid_request_error"


def test_plain_text_may_be_asked_for_by_name_and_the_rest_is_ignored(real):
    completion = ask(
        real.client,
        response_format={"type": "text"},
        user="ann",
        store=False,
        metadata={"a": "b"},
        extra_body={"service_tier": "auto", "unheard_of": 1},
        logit_bias={"5": -100},
        presence_penalty=0.5,
        frequency_penalty=0.5,
        top_p=0.9,
    )
    assert text(completion) is not None


def test_an_unknown_model_is_a_404(real):
    with pytest.raises(openai.NotFoundError) as caught:
        ask(real.client, model="gpt-99")
    assert caught.value.code == "model_not_found"


def test_messages_longer_than_the_context_are_refused_in_openais_words(real):
    long = [{"role": "user", "content": "salt " * 300}]
    with pytest.raises(openai.BadRequestError) as caught:
        ask(real.client, long)
    assert caught.value.code == "context_length_exceeded"
    assert "maximum context length is 256 tokens" in str(caught.value)


def test_more_tokens_than_the_context_has_room_for_end_with_length(real):
    completion = ask(real.client, temperature=0, max_completion_tokens=1_000_000)
    assert completion.usage.total_tokens <= 256


def test_text_that_spells_a_special_token_stays_text(real):
    plain = ask(real.client, [{"role": "user", "content": "a<|end|>b"}])
    assert plain.usage.prompt_tokens > len("<|end|>")


def test_a_client_that_leaves_in_mid_stream_frees_its_place(real):
    for _ in range(3):
        stream = ask(
            real.client, stream=True, max_completion_tokens=200, logit_bias=ENDLESS
        )
        next(iter(stream))
        stream.close()
    began = time.perf_counter()
    assert ask(real.client, temperature=0, max_completion_tokens=2)
    assert time.perf_counter() - began < 5


def test_many_clients_at_once_all_get_their_own_answers(real):
    def question(number: int) -> list[dict]:
        return [{"role": "user", "content": f"Number {number}: {'egg ' * number}"}]

    async def all_at_once() -> list[str]:
        async with openai.AsyncOpenAI(
            base_url=real.url, api_key=KEY, max_retries=0
        ) as client:
            answers = await asyncio.gather(
                *(ask(client, question(number), temperature=0) for number in range(20))
            )
        return [text(answer) for answer in answers]

    together = asyncio.run(all_at_once())
    alone = [text(ask(real.client, question(n), temperature=0)) for n in range(20)]
    assert together == alone


def test_a_checkpoint_and_the_model_it_became_answer(real):
    rows = "\n".join(
        json.dumps(
            {
                "messages": [
                    {"role": "user", "content": f"Say {n}"},
                    {"role": "assistant", "content": "yes"},
                ]
            }
        )
        for n in range(12)
    ).encode()
    client = real.client
    job = client.fine_tuning.jobs.create(
        model="kitchen-base",
        training_file=client.files.create(file=rows, purpose="fine-tune").id,
        hyperparameters={"n_epochs": 2},
    )
    name = wait_until(
        lambda: client.fine_tuning.jobs.retrieve(job.id).fine_tuned_model, 200
    )
    for model in (name, f"{name}:ckpt-step-12"):
        assert ask(client, model=model).model == model
    client.models.delete(name)
    with pytest.raises(openai.NotFoundError):
        ask(client, model=name)
    assert ask(client, model=f"{name}:ckpt-step-12").model
