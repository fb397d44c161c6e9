"""Responses through the official client: answers, streams, conversations, what is kept.

The model is random, small and never at a loss for words: it ends "And now?" after a
few tokens and goes on for ever about `ENDLESS`.
"""

from __future__ import annotations

import asyncio
import json
import threading
import time
from dataclasses import replace

import openai
import pytest
from openai import types
from openai.types.responses import Response

from helpers.provider import responses
from helpers.provider.errors import ApiError
from helpers.provider.generation import Engine, GenerationResult, TokenOut
from helpers.provider.response_answers import ResponseAnswer, Script
from helpers.provider.response_items import chat_of, read_input
from helpers.provider.response_output import Output
from helpers.provider.response_requests import CountInputTokens, CreateResponse
from helpers.provider.settings import BASE_MODEL_NAME, Limits
from helpers.provider.store import Store
from tests.provider.harness import KEY, FakeTraining, wait_until
from tests.provider.tiny_models import make_llama

ENDS, ENDLESS = "And now?", "List the foods: 2 c. brown sugar"
# Found by trying: this model says this token early after ENDS and never after ENDLESS.
SEED, LAST_TOKEN = 2, 186
OPENING = [
    "response.created",
    "response.in_progress",
    "response.output_item.added",
    "response.content_part.added",
]
CLOSING = [
    "response.output_text.done",
    "response.content_part.done",
    "response.output_item.done",
]
DELTA = "response.output_text.delta"
LOGPROBS = ["message.output_text.logprobs"]


@pytest.fixture(scope="module")
def talker(tmp_path_factory):
    """The folder of the model."""
    from safetensors.torch import load_file, save_file

    folder = make_llama(tmp_path_factory.mktemp("talker"), seed=SEED, tied=False)
    weights = load_file(folder / "model.safetensors")
    weights["lm_head.weight"][:6] = 0  # no special token is ever the most likely
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    ends = json.dumps({"eos_token_id": [1, LAST_TOKEN]})
    (folder / "generation_config.json").write_text(ends, encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def server(tmp_path_factory, talker):
    home = tmp_path_factory.mktemp("responses")
    with FakeTraining(home, models={BASE_MODEL_NAME: talker}) as running:
        yield running


@pytest.fixture(scope="module")
def client(server):
    """A client that checks every answer against the package's types."""
    with openai.OpenAI(
        base_url=server.url,
        api_key=KEY,
        max_retries=0,
        _strict_response_validation=True,
    ) as strict:
        yield strict


def ask(client, input=ENDS, **more):
    more = {"model": BASE_MODEL_NAME, "temperature": 0, "max_output_tokens": 16, **more}
    return client.responses.create(input=input, **more)


def said(role: str, text: str) -> dict:
    return {"role": role, "content": text}


def refused(call, kind=openai.BadRequestError):
    with pytest.raises(kind) as caught:
        call()
    return caught.value


# One answer


def test_a_response_has_openais_shape_and_its_text_in_one_place(client):
    made = ask(client)
    assert made.id.startswith("resp_")
    assert (made.object, made.status, made.error) == ("response", "completed", None)
    (message,) = made.output
    assert (message.type, message.role, message.status) == (
        "message",
        "assistant",
        "completed",
    )
    (part,) = message.content
    assert (part.annotations, part.logprobs) == ([], [])
    assert made.output_text == part.text != ""
    usage = made.usage
    assert usage.total_tokens == usage.input_tokens + usage.output_tokens
    assert 0 < usage.output_tokens < 16
    assert usage.input_tokens_details.cached_tokens == 0
    assert usage.output_tokens_details.reasoning_tokens == 0
    assert made.completed_at >= made.created_at > 1.7e9
    assert made.incomplete_details is None


def test_times_are_whole_numbers_on_the_wire(client):
    raw = client.responses.with_raw_response.create(
        model=BASE_MODEL_NAME, input=ENDS, max_output_tokens=16
    )
    body = raw.http_response.json()
    assert isinstance(body["created_at"], int)
    stored = client.responses.with_raw_response.retrieve(body["id"])
    assert stored.http_response.json() == body


def test_what_was_asked_is_told_back(client):
    asked = {
        "instructions": "Be brief.",
        "metadata": {"run": "one"},
        "top_p": 0.5,
        "max_output_tokens": 20,
        "truncation": "auto",
        "parallel_tool_calls": False,
        "tool_choice": "none",
        "tools": [],
        "user": "ann",
        "safety_identifier": "a1",
        "top_logprobs": 2,
    }
    made = ask(client, include=LOGPROBS, service_tier="flex", **asked)
    assert {name: getattr(made, name) for name in asked} == asked
    # Not what was asked for, but what is so.
    assert made.service_tier == "default"
    assert made.text.format.type == "text"
    assert made.background is False
    plain = ask(client)
    assert (plain.tool_choice, plain.parallel_tool_calls) == ("auto", True)
    assert (plain.metadata, plain.truncation) == ({}, "disabled")


def test_the_answer_is_that_of_a_chat_with_the_same_messages(client):
    chat = client.chat.completions.create(
        model=BASE_MODEL_NAME,
        temperature=0,
        max_completion_tokens=16,
        messages=[said("system", "Be brief."), said("user", ENDS)],
    )
    one = ask(client, instructions="Be brief.")
    assert one.output_text == chat.choices[0].message.content
    assert one.usage.input_tokens == chat.usage.prompt_tokens


def test_all_ways_to_write_the_same_input_read_the_same(client):
    part = {"type": "input_text", "text": ENDS}
    ways = [
        ENDS,
        [said("user", ENDS)],
        [{"type": "message", "role": "user", "content": [part]}],
        [
            {
                "role": "user",
                "content": [{**part, "text": x} for x in (ENDS[:4], ENDS[4:])],
            }
        ],
    ]
    found = {
        (r.output_text, r.usage.input_tokens) for r in (ask(client, w) for w in ways)
    }
    assert len(found) == 1


def test_an_answer_that_is_cut_is_incomplete_and_says_why(client):
    made = ask(client, ENDLESS, max_output_tokens=17)
    assert made.status == made.output[0].status == "incomplete"
    assert made.incomplete_details.reason == "max_output_tokens"
    assert made.completed_at is None
    assert made.usage.output_tokens == 17
    full = ask(client, ENDLESS, max_output_tokens=None)
    assert full.usage.total_tokens == 256  # the whole context
    assert full.status == "incomplete"


def test_log_probabilities_are_told_when_they_are_included(client):
    made = ask(client, include=LOGPROBS, top_logprobs=3)
    told = made.output[0].content[0].logprobs
    assert len(told) == made.usage.output_tokens
    raw = b"".join(bytes(token.bytes) for token in told)
    assert raw.decode(errors="replace") == made.output_text
    for token in told:
        assert len(token.top_logprobs) == 3
        assert token.top_logprobs[0].logprob == token.logprob <= 0  # temperature 0
    assert ask(client, include=LOGPROBS).output[0].content[0].logprobs[0].token


def test_reasoning_effort_is_a_wish_that_changes_nothing(client):
    wish = ask(client, reasoning={"effort": "high"}, text={"verbosity": "low"})
    assert wish.output_text == ask(client).output_text


# Streams


def by_type(events) -> list[str]:
    return [event.type for event in events]


@pytest.mark.parametrize(
    ("text", "last"), [(ENDS, "response.completed"), (ENDLESS, "response.incomplete")]
)
def test_a_stream_tells_every_event_in_its_order(client, text, last):
    events = list(ask(client, text, stream=True))
    kinds = by_type(events)
    deltas = kinds[len(OPENING) : -len(CLOSING) - 1]
    assert kinds == [*OPENING, *deltas, *CLOSING, last]
    assert set(deltas) == {DELTA}
    assert len(deltas) > 1
    assert [event.sequence_number for event in events] == list(range(len(events)))
    whole = ask(client, text)
    final = events[-1].response
    assert final.output_text == whole.output_text
    assert final.usage == whole.usage
    assert (final.status, final.incomplete_details) == (
        whole.status,
        whole.incomplete_details,
    )
    assert "".join(e.delta for e in events if e.type == DELTA) == whole.output_text
    assert events[-4].text == events[-3].part.text == whole.output_text
    assert events[-2].item == final.output[0]
    first = events[0].response
    assert (first.status, first.output, first.usage) == ("in_progress", [], None)
    assert first.id == final.id
    assert {e.item_id for e in events if hasattr(e, "item_id")} == {final.output[0].id}


def test_a_stream_is_named_events_without_a_done_at_the_end(client):
    with client.responses.with_streaming_response.create(
        model=BASE_MODEL_NAME, input=ENDS, max_output_tokens=16, stream=True
    ) as raw:
        assert raw.headers["content-type"].startswith("text/event-stream")
        blocks = "".join(raw.iter_text()).strip().split("\n\n")
    for block in blocks:
        name, data = block.split("\n")
        assert name == "event: " + json.loads(data.removeprefix("data: "))["type"]
    body = json.loads(blocks[0].split("data: ")[1])["response"]
    assert isinstance(body["created_at"], int)


def test_the_stream_helper_ends_with_the_whole_response(client):
    with client.responses.stream(
        model=BASE_MODEL_NAME, input=ENDS, temperature=0, max_output_tokens=16
    ) as stream:
        snapshots = [event.snapshot for event in stream if event.type == DELTA]
        final = stream.get_final_response()
    assert final.output_text == snapshots[-1] == ask(client).output_text


def test_streamed_log_probabilities_are_those_of_the_whole(client):
    more = {"include": LOGPROBS, "top_logprobs": 1}
    events = list(ask(client, stream=True, **more))
    told = [e.logprobs for e in events if e.type == DELTA]
    assert all(len(each) == 1 for each in told)
    whole = ask(client, **more).output[0].content[0].logprobs
    assert [(t.token, t.logprob) for (t,) in told] == [
        (t.token, t.logprob) for t in whole
    ]
    assert len(events[-4].logprobs) == len(whole)


def test_a_client_that_leaves_stops_the_answer_and_nothing_is_kept(client, monkeypatch):
    submitted = []
    submit = Engine.submit

    def watched(self, request):
        submitted.append(submit(self, request))
        return submitted[-1]

    monkeypatch.setattr(Engine, "submit", watched)
    # Held back, so that the answer cannot be over before the client has left.
    monkeypatch.setattr("helpers.provider.generation.choose", slowly(0.02))
    stream = ask(client, ENDLESS, max_output_tokens=200, stream=True)
    first = next(iter(stream)).response.id
    stream.close()
    (generation,) = submitted
    wait_until(generation._over.is_set, 10)
    assert generation.finish_reason is None  # neither its end nor its length
    refused(lambda: client.responses.retrieve(first), openai.NotFoundError)


def slowly(seconds: float):
    from helpers.provider.generation import choose

    def slow(*arguments, **more):
        time.sleep(seconds)
        return choose(*arguments, **more)

    return slow


class Broken:
    """A generation that fails after two tokens."""

    cancelled = False

    def __init__(self) -> None:
        self._left = [TokenOut(1, "one "), TokenOut(2, "two")]

    def __aiter__(self):
        return self

    async def __anext__(self):
        if not self._left:
            raise RuntimeError("the model is gone")
        return self._left.pop(0)

    def cancel(self) -> None:
        self.cancelled = True


class Stopped(Broken):
    """A generation that was cancelled by the server."""

    async def __anext__(self):
        raise StopAsyncIteration

    async def wait(self) -> None:
        pass

    def result(self) -> GenerationResult:
        return GenerationResult("", [], None)


@pytest.fixture
def template(client) -> dict:
    """A response as the request alone decides it."""
    return {**ask(client).to_dict(), "created_at": 1, "completed_at": None}


@pytest.mark.parametrize("kind", [Broken, Stopped])
def test_a_stream_that_fails_says_so_in_its_last_event(template, kind, caplog):
    kept = []

    async def keep(*what) -> None:
        kept.append(what)

    async def read() -> list[bytes]:
        answer = ResponseAnswer(
            response=template,
            prompt_tokens=3,
            generation=generation,
            renderer=None,
            logprobs=False,
            keep=keep,
        )
        return [event async for event in answer.stream()]

    generation = kind()
    events = [json.loads(e.split(b"data: ")[1]) for e in asyncio.run(read())]
    assert [e["sequence_number"] for e in events] == list(range(len(events)))
    assert events[-1]["type"] == "response.failed"
    failed = types.responses.ResponseFailedEvent.model_validate(events[-1]).response
    assert failed.status == "failed"
    assert failed.error.code == "server_error"
    assert generation.cancelled
    assert not kept
    assert "a stream failed" in caplog.text


# Conversations


def test_a_response_goes_on_from_the_one_before(client):
    first = ask(client)
    second = ask(client, "Say it", previous_response_id=first.id)
    third = ask(client, [said("user", "hello")], previous_response_id=second.id)
    assert third.previous_response_id == second.id
    whole = [
        said("user", ENDS),
        said("assistant", first.output_text),
        said("user", "Say it"),
        *second.output,  # as it came
        said("user", "hello"),
    ]
    same = ask(client, whole)
    assert third.output_text == same.output_text
    assert third.usage == same.usage
    # Two may go on from the same one.
    other = ask(client, "Say it", previous_response_id=first.id)
    assert other.output_text == second.output_text


def test_instructions_are_of_one_turn_only(client):
    first = ask(client, instructions="Answer in one word, and only about food.")
    second = ask(client, "hello", previous_response_id=first.id)
    bare = [said("user", ENDS), *first.output, said("user", "hello")]
    assert second.usage.input_tokens == ask(client, bare).usage.input_tokens
    assert second.instructions is None
    told = ask(client, "hello", previous_response_id=first.id, instructions="Be brief.")
    assert told.usage.input_tokens > second.usage.input_tokens


def test_a_streamed_response_can_be_gone_on_from_at_once(client):
    final = list(ask(client, stream=True))[-1].response
    assert (
        ask(client, "hello", previous_response_id=final.id).usage.input_tokens
        == (
            ask(client, [said("user", ENDS), *final.output, said("user", "hello")])
        ).usage.input_tokens
    )


def test_nothing_new_is_needed_to_go_on(client):
    first = ask(client)
    more = client.responses.create(
        model=BASE_MODEL_NAME, previous_response_id=first.id, max_output_tokens=16
    )
    assert more.usage.input_tokens > first.usage.input_tokens


def test_going_on_from_what_is_not_there_is_a_400_that_says_what_to_do(client):
    unstored = ask(client, store=False)
    first = ask(client)
    second = ask(client, previous_response_id=first.id)
    client.responses.delete(first.id)
    for name, missing in (
        ("resp_none", "resp_none"),
        (unstored.id, unstored.id),
        (second.id, first.id),
    ):
        fault = refused(lambda name=name: ask(client, previous_response_id=name))
        assert fault.param == "previous_response_id"
        assert fault.code == "previous_response_not_found"
        assert missing in str(fault)
        assert "'input'" in str(fault)


def test_function_calls_of_a_hosted_model_can_be_read_on(client):
    items = [
        said("user", "How hot?"),
        {
            "type": "function_call",
            "id": "fc_1",
            "call_id": "c",
            "name": "heat",
            "arguments": "{}",
        },
        {"type": "function_call_output", "call_id": "c", "output": "180"},
    ]
    made = ask(client, items)
    listed = client.responses.input_items.list(made.id, order="asc").data
    assert [item.type for item in listed] == [
        "message",
        "function_call",
        "function_call_output",
    ]
    assert chat_of(read_input(items))[1:] == [
        {
            "role": "assistant",
            "content": None,
            "tool_calls": [
                {
                    "id": "c",
                    "type": "function",
                    "function": {"name": "heat", "arguments": "{}"},
                }
            ],
        },
        {"role": "tool", "tool_call_id": "c", "content": "180"},
    ]


def test_an_input_that_is_too_long_is_refused_or_shortened_as_asked(client):
    talk = []
    for number in range(12):
        talk += [said("user", f"Task {number} " + "egg " * 8), said("assistant", "ok")]
    talk.append(said("user", ENDS))
    fault = refused(lambda: ask(client, talk))
    assert (fault.param, fault.code) == ("input", "context_length_exceeded")
    assert "truncation" in str(fault)
    cut = ask(client, talk, truncation="auto", instructions="Be brief.")
    # The longest end that begins with a question and leaves room for the answer.
    ends = (talk[n:] for n in range(0, len(talk), 2))
    counts = [
        client.responses.input_tokens.count(
            model=BASE_MODEL_NAME,
            input=end,
            instructions="Be brief.",
            truncation="auto",
        ).input_tokens
        for end in ends
    ]
    assert cut.usage.input_tokens in counts
    assert cut.usage.input_tokens <= 256 - 16
    longer = [n for n in counts if cut.usage.input_tokens < n <= 256 - 16]
    assert not longer
    too_long = [said("user", "egg " * 300)]
    fault = refused(lambda: ask(client, too_long, truncation="auto"))
    assert fault.code == "context_length_exceeded"


def test_tokens_are_counted_as_a_response_would_count_them(client):
    first = ask(client)
    asked = {
        "model": BASE_MODEL_NAME,
        "input": "hello",
        "instructions": "Be brief.",
        "previous_response_id": first.id,
    }
    counted = client.responses.input_tokens.count(**asked)
    made = client.responses.create(**asked, max_output_tokens=16)
    assert counted.object == "response.input_tokens"
    assert counted.input_tokens == made.usage.input_tokens


# What is kept


def test_a_response_is_kept_as_it_was_answered_until_it_is_deleted(client):
    made = ask(client, metadata={"run": "kept"})
    assert client.responses.retrieve(made.id) == made
    assert client.responses.delete(made.id) is None
    for call in (
        lambda: client.responses.retrieve(made.id),
        lambda: client.responses.delete(made.id),
        lambda: client.responses.cancel(made.id),
        lambda: client.responses.input_items.list(made.id),
    ):
        fault = refused(call, openai.NotFoundError)
        assert (fault.param, made.id in str(fault)) == ("response_id", True)


def test_a_stored_stream_can_be_read_again_from_any_event(client):
    more = {"include": LOGPROBS, "top_logprobs": 1}
    for extra in ({}, more):
        told = list(ask(client, ENDLESS, stream=True, **extra))
        name = told[0].response.id
        assert list(client.responses.retrieve(name, stream=True)) == told
        rest = client.responses.retrieve(name, stream=True, starting_after=6)
        assert list(rest) == told[7:]
    whole = ask(client, ENDLESS)
    again = list(client.responses.retrieve(whole.id, stream=True))
    assert again[-1].response == whole
    assert by_type(again).count(DELTA) > 1
    with client.responses.stream(response_id=ask(client).id) as stream:
        assert stream.get_final_response().output_text == ask(client).output_text


def test_input_items_are_all_that_was_read_and_come_in_pages(client):
    first = ask(client, [said("developer", "Be brief."), said("user", ENDS)])
    second = ask(client, "hello", previous_response_id=first.id, instructions="Now.")
    items = client.responses.input_items
    ascending = list(items.list(second.id, order="asc"))
    assert [item.role for item in ascending] == [
        "developer",
        "user",
        "assistant",
        "user",
    ]
    assert ascending[2] == first.output[0]
    assert ascending[3].content[0].text == "hello"
    assert list(items.list(second.id)) == ascending[::-1]
    assert list(items.list(second.id, limit=1)) == ascending[::-1]
    page = items.list(second.id, limit=2, order="asc", after=ascending[0].id)
    assert page.data == ascending[1:3]
    body = page.to_dict()
    assert (body["has_more"], body["object"]) == (True, "list")
    assert (body["first_id"], body["last_id"]) == (ascending[1].id, ascending[2].id)
    # A copy of an item is an item of its own, or pages would go round in circles.
    doubled = ask(client, [*first.output, *first.output])
    assert len({item.id for item in items.list(doubled.id, limit=1)}) == 2


@pytest.mark.parametrize(
    ("query", "param"),
    [
        ({"limit": 0}, "limit"),
        ({"order": "up"}, "order"),
        ({"after": "msg_none"}, "after"),
        ({"include": ["words"]}, "include"),
    ],
)
def test_a_wrong_query_of_input_items_is_named(client, query, param):
    name = ask(client).id
    call = client.responses.input_items.list
    assert refused(lambda: call(name, extra_query=query)).param == param


@pytest.mark.parametrize(
    ("query", "param"),
    [
        ({"include": ["words"]}, "include"),
        ({"stream": "perhaps"}, "stream"),
        ({"starting_after": "first"}, "starting_after"),
    ],
)
def test_a_wrong_query_of_a_response_is_named(client, query, param):
    name = ask(client).id
    call = client.responses.retrieve
    assert refused(lambda: call(name, extra_query=query)).param == param


def test_only_what_runs_in_the_background_can_be_cancelled(client):
    fault = refused(lambda: client.responses.cancel(ask(client).id))
    assert "synchronous" in str(fault)


# What is refused


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"background": True}, "background"),
        ({"conversation": "conv_1"}, "conversation"),
        ({"prompt": {"id": "pmpt_1"}}, "prompt"),
        ({"moderation": {"model": "m"}}, "moderation"),
        ({"context_management": [{"type": "compaction"}]}, "context_management"),
        ({"prompt_cache_options": {"prewarm": True}}, "prompt_cache_options"),
        ({"tools": [{"type": "web_search"}]}, "tools"),
        ({"tools": [{"name": "f"}]}, "tools[0].type"),
        ({"tool_choice": "required"}, "tool_choice"),
        ({"temperature": 2.1}, "temperature"),
        ({"top_p": -1}, "top_p"),
        ({"top_logprobs": 21}, "top_logprobs"),
        ({"top_logprobs": 2}, "top_logprobs"),
        ({"max_output_tokens": 15}, "max_output_tokens"),
        ({"truncation": "middle"}, "truncation"),
        ({"include": ["words"]}, "include[0]"),
        ({"metadata": {"k" * 65: ""}}, "metadata"),
        ({"service_tier": "first"}, "service_tier"),
        ({"stream_options": {"include_obfuscation": False}}, "stream_options"),
        ({"instructions": 1}, "instructions"),
        ({"extra_body": {"seed": 1}}, "seed"),
        ({"extra_body": {"max_tokens": 1}}, "max_tokens"),
        ({"extra_body": {"messages": []}}, "messages"),
    ],
)
def test_a_field_that_is_wrong_or_cannot_be_served_is_named(client, fields, param):
    fault = refused(lambda: ask(client, **fields))
    assert fault.param == param
    assert fault.type == "invalid_request_error"
    assert param.split("[")[0].split(".")[0] in str(fault)


@pytest.mark.parametrize(
    ("items", "param"),
    [
        (None, "input"),
        ([], "input"),
        (3, "input"),
        (["text"], "input[0]"),
        ([{"role": "user"}], "input[0].content"),
        ([{"content": "x"}], "input[0].role"),
        ([said("bob", "x")], "input[0].role"),
        ([said("user", "x"), said("user", 3)], "input[1].content"),
        ([said("user", ["x"])], "input[0].content[0]"),
        ([said("user", [{"text": "x"}])], "input[0].content[0].type"),
        ([said("user", [{"type": "input_text"}])], "input[0].content[0].text"),
        ([said("user", [{"type": "text", "text": "x"}])], "input[0].content[0].type"),
        (
            [said("user", [{"type": "output_text", "text": "x"}])],
            "input[0].content[0].type",
        ),
        (
            [said("assistant", [{"type": "input_text", "text": "x"}])],
            "input[0].content[0].type",
        ),
        ([said("user", [{"type": "input_image"}])], "input[0].content[0]"),
        ([said("user", [{"type": "input_file"}])], "input[0].content[0]"),
        ([{"type": "item_reference", "id": "msg_1"}], "input[0]"),
        ([{"type": "reasoning", "id": "rs_1", "summary": []}], "input[0]"),
        ([{"type": 1}], "input[0].type"),
        ([{"type": "function_call", "name": "f"}], "input[0].call_id"),
        ([{"type": "function_call_output", "call_id": "c"}], "input[0].output"),
    ],
)
def test_a_wrong_item_is_named_by_its_place(client, items, param):
    fault = refused(lambda: ask(client, items))
    assert fault.param == param
    assert param in str(fault)


def test_more_items_than_a_request_may_have_are_refused():
    with pytest.raises(ApiError) as caught:
        read_input([said("user", "x")] * (Limits().messages + 1))
    assert caught.value.param == "input"


def test_every_field_of_the_package_is_known():
    from openai.types.responses.input_token_count_params import InputTokenCountParams
    from openai.types.responses.response_create_params import (
        ResponseCreateParamsStreaming,
    )

    for package, ours in (
        (ResponseCreateParamsStreaming, CreateResponse),
        (InputTokenCountParams, CountInputTokens),
    ):
        assert package.__annotations__.keys() <= ours.model_fields.keys()


def test_an_unknown_model_is_a_404(client):
    fault = refused(lambda: ask(client, model="none"), openai.NotFoundError)
    assert fault.code == "model_not_found"


def test_a_token_count_refuses_the_same(client):
    count = client.responses.input_tokens.count
    for fields, param in (
        ({"conversation": "c"}, "conversation"),
        ({"personality": "friendly"}, "personality"),
        ({"tools": [{"type": "web_search"}]}, "tools"),
        ({"model": None}, "model"),
    ):
        asked = {"model": BASE_MODEL_NAME, "input": "x", **fields}
        assert refused(lambda asked=asked: count(**asked)).param == param


def test_compaction_is_refused_with_the_way_out(client):
    fault = refused(lambda: client.responses.compact(model=BASE_MODEL_NAME, input="x"))
    assert "truncation" in str(fault)


def test_without_room_on_the_disk_nothing_is_generated_that_is_to_be_kept(
    server, client, monkeypatch
):
    monkeypatch.setattr(server.provider.blobs, "_free_disk_bytes", 2**60)
    assert refused(lambda: ask(client)).code == "insufficient_storage"
    assert ask(client, store=False).output_text


# The store


@pytest.fixture
def store(tmp_path):
    made = Store(tmp_path / "store.sqlite3")
    yield made
    made.close()


def keep(store: Store, name: str, previous: str | None = None, **limits) -> None:
    size = limits.pop("size", 1)
    made = {"id": name, "created_at": 1, "previous_response_id": previous, "output": []}
    items = [{"id": f"msg_{name}", "text": "a" * size}]
    responses.keep(store, replace(Limits(), **limits), made, [], items)


def kept(store: Store) -> list[str]:
    with store.read() as session:
        rows = session._many(responses.KeptResponse, "1 ORDER BY seq")
    return [row.id for row in rows]


def test_the_oldest_responses_go_when_there_are_too_many_or_too_much(store):
    for number in range(4):
        keep(store, f"r{number}", stored_responses=3)
    assert kept(store) == ["r1", "r2", "r3"]
    keep(store, "big", size=5000, stored_response_bytes=5300)
    assert kept(store) == ["r3", "big"]
    keep(store, "huge", size=9000, stored_response_bytes=5300)
    assert kept(store) == ["huge"]  # the newest stays in any case


def test_a_conversation_is_read_up_to_a_size_and_a_number_of_turns(store):
    names = [f"r{number}" for number in range(5)]
    for previous, name in zip([None, *names], names, strict=False):
        keep(store, name, previous, size=100)
    with store.read() as session:

        def read(most: int, most_bytes: int) -> list[str]:
            turns = session.conversation("r4", most=most, most_bytes=most_bytes)
            return [turn.id for turn in turns]

        assert read(5, 10_000) == names
        with pytest.raises(responses.ConversationTooLarge):
            read(4, 10_000)
        with pytest.raises(responses.ConversationTooLarge):
            read(5, 500)
        assert session.conversation("none", most=5, most_bytes=1) == []


def test_a_conversation_too_long_to_read_is_a_400(tmp_path, talker):
    models = {BASE_MODEL_NAME: talker}
    limits = replace(Limits(), messages=2)
    with FakeTraining(tmp_path, models=models, limits=limits) as server:
        for previous, name in ((None, "r0"), ("r0", "r1"), ("r1", "r2")):
            keep(server.store, name, previous)
        fault = refused(lambda: ask(server.client, previous_response_id="r2"))
        assert (fault.param, fault.code) == (
            "previous_response_id",
            "conversation_too_long",
        )


def test_responses_survive_a_restart(tmp_path):
    with FakeTraining(tmp_path) as server:
        keep(server.store, "r0")
    with FakeTraining(tmp_path) as server:
        assert kept(server.store) == ["r0"]


def test_writers_side_by_side_keep_every_response_whole(store):
    def work(which: int) -> None:
        for number in range(10):
            keep(store, f"r{which}-{number}", stored_responses=25)

    threads = [threading.Thread(target=work, args=(n,)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(kept(store)) == 25


def test_events_are_numbered_whoever_tells_them(template):
    script, output = Script(template), Output(reader=None, logprob=None)
    events = script.opening()
    for change in [*output.begin(), *output.take(TokenOut(1, "a"))]:
        events += script.tell(change)
    events.append(script.failed())
    numbers = [json.loads(e.split(b"data: ")[1])["sequence_number"] for e in events]
    assert numbers == [0, 1, 2, 3, 4, 5]
    assert Response.model_validate(template).status == "completed"
