"""Answers in a given form: JSON, JSON of a schema, and calls of functions.

The models are random, so what comes out right is the work of the grammar alone.
"""

from __future__ import annotations

import asyncio
import enum
import json

import openai
import pydantic
import pytest
from jsonschema import Draft202012Validator

from helpers.provider.settings import BASE_MODEL_NAME, Limits
from tests.provider.harness import KEY, FakeTraining
from tests.provider.tiny_models import make_llama

ASK = [{"role": "user", "content": "Write the foods as JSON: 2 c. sugar, 1 tsp. salt"}]
FOOD = {
    "type": "object",
    "properties": {
        "kind": {"enum": ["spice", "fruit"]},
        "count": {"type": "integer", "minimum": 1, "maximum": 99},
        "fresh": {"type": "boolean"},
    },
    "required": ["kind", "count", "fresh"],
    "additionalProperties": False,
}
BAKE = {
    "name": "bake",
    "description": "Bake something.",
    "parameters": {
        "type": "object",
        "properties": {"minutes": {"type": "integer", "minimum": 0, "maximum": 99}},
        "required": ["minutes"],
        "additionalProperties": False,
    },
}
REST = {"name": "rest"}
TOOLS = [{"type": "function", "function": function} for function in (BAKE, REST)]


@pytest.fixture(scope="module")
def real(tmp_path_factory):
    """A server whose tiny model has room for definitions of tools."""
    folder = tmp_path_factory.mktemp("structured")
    model = make_llama(folder / "tiny", context=1024, spread=2.0)
    with FakeTraining(folder / "home", models={BASE_MODEL_NAME: model}) as server:
        yield server


def ask(client, messages=ASK, **more):
    more = {"model": "kitchen-base", "max_completion_tokens": 150, **more}
    return client.chat.completions.create(messages=messages, **more)


def json_schema(schema, *, strict=True, name="food"):
    inner = {"name": name, "schema": schema, "strict": strict}
    return {"type": "json_schema", "json_schema": inner}


def refused(client, **more) -> openai.BadRequestError:
    with pytest.raises(openai.BadRequestError) as caught:
        ask(client, **more)
    return caught.value


# JSON


@pytest.mark.parametrize("temperature", [0, 1.7])
def test_json_mode_gives_an_object_or_says_that_it_was_cut(real, temperature):
    form = {"type": "json_object"}
    completion = ask(
        real.client, response_format=form, n=4, seed=1, temperature=temperature
    )
    for choice in completion.choices:
        assert choice.message.content[:1] == "{"
        assert choice.finish_reason in ("stop", "length")
        if choice.finish_reason == "stop":
            assert isinstance(json.loads(choice.message.content), dict)
        assert "\n\n" not in choice.message.content.replace("\\n", "")


def test_json_mode_wants_the_word_as_openais_api_does(real):
    fault = refused(
        real.client,
        messages=[{"role": "user", "content": "Name a food."}],
        response_format={"type": "json_object"},
    )
    assert fault.param == "messages"
    assert "must contain the word 'json' in some form" in str(fault)


@pytest.mark.parametrize("strict", [True, False])
def test_every_choice_obeys_the_schema(real, strict):
    form = json_schema(FOOD, strict=strict)
    completion = ask(real.client, response_format=form, n=6, temperature=2, seed=3)
    texts = {choice.message.content for choice in completion.choices}
    for text in texts:
        Draft202012Validator(FOOD).validate(json.loads(text))
    assert len(texts) > 1
    assert {choice.finish_reason for choice in completion.choices} == {"stop"}


def test_biases_seeds_log_probabilities_and_streams_go_with_a_schema(real):
    more = {
        "response_format": json_schema(FOOD),
        "seed": 5,
        "temperature": 1.2,
        "logit_bias": {str(token): -100 for token in range(40)},
        "frequency_penalty": 1,
        "logprobs": True,
        "top_logprobs": 2,
    }
    whole = ask(real.client, **more)
    again = ask(real.client, **more)
    (choice,) = whole.choices
    Draft202012Validator(FOOD).validate(json.loads(choice.message.content))
    assert again.choices[0].message.content == choice.message.content
    raw = b"".join(bytes(token.bytes) for token in choice.logprobs.content)
    assert raw.decode() == choice.message.content
    streamed = [c.choices[0] for c in ask(real.client, stream=True, **more)]
    said = "".join(piece.delta.content or "" for piece in streamed)
    assert said == choice.message.content


def test_a_stop_text_or_too_few_tokens_cut_the_json_and_say_so(real):
    form = json_schema(FOOD)
    cut = ask(real.client, response_format=form, max_completion_tokens=5)
    assert cut.choices[0].finish_reason == "length"
    assert cut.choices[0].message.content.startswith("{")
    stopped = ask(real.client, response_format=form, stop='"count"', temperature=0)
    assert stopped.choices[0].finish_reason == "stop"
    assert '"count"' not in stopped.choices[0].message.content


def test_answers_with_and_without_a_form_grow_side_by_side(real):
    forms = [None, json_schema(FOOD), {"type": "json_object"}, None] * 3

    async def all_at_once() -> list[str]:
        async with openai.AsyncOpenAI(base_url=real.url, api_key=KEY) as client:
            answers = await asyncio.gather(
                *(
                    ask(client, response_format=form or openai.omit, temperature=0)
                    for form in forms
                )
            )
        return [answer.choices[0].message.content for answer in answers]

    together = asyncio.run(all_at_once())
    alone = [
        ask(real.client, response_format=form or openai.omit, temperature=0)
        for form in forms[:4]
    ]
    assert together == [a.choices[0].message.content for a in alone] * 3


class Kind(enum.StrEnum):
    spice = "spice"
    fruit = "fruit"


class Food(pydantic.BaseModel):
    kind: Kind
    count: int = pydantic.Field(ge=1, le=99)
    fresh: bool


def test_the_clients_parse_gives_an_object_of_the_model(real):
    completion = real.client.chat.completions.parse(
        model="kitchen-base", messages=ASK, response_format=Food, temperature=1.5
    )
    assert isinstance(completion.choices[0].message.parsed, Food)
    tool = openai.pydantic_function_tool(Food)
    completion = real.client.chat.completions.parse(
        model="kitchen-base",
        messages=ASK,
        tools=[tool],
        tool_choice="required",
        parallel_tool_calls=False,
    )
    (call,) = completion.choices[0].message.tool_calls
    assert isinstance(call.function.parsed_arguments, Food)


def test_the_clients_stream_puts_content_and_calls_together(real):
    more = {"model": "kitchen-base", "messages": ASK, "seed": 2}
    with real.client.chat.completions.stream(response_format=Food, **more) as stream:
        kinds = {event.type for event in stream}
        final = stream.get_final_completion()
    assert {"content.delta", "content.done"} <= kinds
    assert isinstance(final.choices[0].message.parsed, Food)
    tool = openai.pydantic_function_tool(Food)
    with real.client.chat.completions.stream(
        tools=[tool], tool_choice="required", parallel_tool_calls=False, **more
    ) as stream:
        events = list(stream)
        final = stream.get_final_completion()
    pieces = [e for e in events if e.type == "tool_calls.function.arguments.delta"]
    (call,) = final.choices[0].message.tool_calls
    assert "".join(e.arguments_delta for e in pieces) == call.function.arguments
    assert len(pieces) > 1
    assert isinstance(call.function.parsed_arguments, Food)
    assert call.id.startswith("call_")
    assert final.choices[0].finish_reason == "tool_calls"


@pytest.mark.parametrize(
    ("schema", "strict", "words"),
    [
        ({"type": "array"}, True, "schema must be a JSON Schema of 'type: \"object\"'"),
        ({**FOOD, "additionalProperties": True}, True, "context=(), 'additionalProp"),
        ({**FOOD, "required": ["kind"]}, True, "Missing 'count'"),
        (
            {"properties": {"a": {"not": {"type": "null"}}}},
            False,
            "context=('properties', 'a'), 'not' is not supported",
        ),
        ({"properties": {"a": {"type": "strin"}}}, False, "('properties', 'a', 'type'"),
        (
            {"properties": {"a": {"type": "string", "pattern": "(?=x)"}}},
            False,
            "('properties', 'a'), regex parse error",
        ),
        ({"$ref": "http://example.com/x"}, False, "not present in a registry"),
        (
            {"type": "integer", "minimum": 3, "maximum": 1},
            False,
            "minimum (3) is greater than maximum (1)",
        ),
        ({"enum": list(range(Limits().schema_enum_values + 1))}, False, "enum values"),
        ({"title": "x" * Limits().schema_characters}, False, "characters"),
        (
            {"properties": {f"p{n}": {} for n in range(1001)}},
            False,
            "at most 1000 properties",
        ),
    ],
)
def test_a_schema_that_cannot_be_obeyed_is_refused_with_the_place(
    real, schema, strict, words
):
    fault = refused(real.client, response_format=json_schema(schema, strict=strict))
    assert (fault.param, fault.type) == ("response_format", "invalid_request_error")
    assert words in str(fault)
    assert "'food'" in str(fault)
    tool = {"type": "function", "function": {**REST, "parameters": schema}}
    tool["function"]["strict"] = strict
    fault = refused(real.client, tools=[tool])
    assert fault.param == "tools[0].function.parameters"
    assert fault.code == "invalid_function_parameters"


def test_a_schema_may_be_nested_only_so_deep(real):
    schema: dict = {"type": "null"}
    for _ in range(200):
        schema = {"type": "array", "items": schema}
    fault = refused(real.client, response_format=json_schema(schema, strict=False))
    assert "at most 64 levels" in str(fault)


def test_a_pattern_that_explodes_ends_its_own_answer_only(real):
    # Forty characters at least, so that no answer ends before it explodes.
    bomb = {"type": "string", "pattern": "^(.{1,5000}){40,50}$"}
    schema = {"type": "object", "properties": {"a": bomb}, "required": ["a"]}
    fault = refused(
        real.client,
        seed=1,
        response_format=json_schema(schema, strict=False),
        max_completion_tokens=200,
        logit_bias={"3": -100},
    )
    assert fault.param == "response_format"
    assert ask(real.client, response_format=json_schema(FOOD)).choices


# Calls


def test_a_required_call_has_arguments_that_obey_the_schema(real):
    completion = ask(real.client, tools=TOOLS, tool_choice="required", n=4, seed=1)
    ids = []
    for choice in completion.choices:
        assert choice.message.content is None
        for call in choice.message.tool_calls:
            ids.append(call.id)
            assert call.type == "function"
            if (
                choice.finish_reason == "length"
                and call is choice.message.tool_calls[-1]
            ):
                continue
            arguments = json.loads(call.function.arguments)
            if call.function.name == "bake":
                Draft202012Validator(BAKE["parameters"]).validate(arguments)
            else:
                assert (call.function.name, arguments) == ("rest", {})
        assert choice.finish_reason in ("tool_calls", "length")
    assert len(set(ids)) == len(ids) >= 4


def test_one_call_is_all_there_is_when_calls_may_not_be_parallel(real):
    completion = ask(
        real.client, tools=TOOLS, tool_choice="required", parallel_tool_calls=False, n=4
    )
    for choice in completion.choices:
        assert len(choice.message.tool_calls) == 1
        assert choice.finish_reason == "tool_calls"


@pytest.mark.parametrize("name", ["bake", "rest"])
def test_a_named_function_is_called_and_the_reason_is_stop(real, name):
    choice = {"type": "function", "function": {"name": name}}
    completion = ask(real.client, tools=TOOLS, tool_choice=choice)
    (call,) = completion.choices[0].message.tool_calls
    assert call.function.name == name
    assert completion.choices[0].finish_reason == "stop"
    allowed = {"mode": "required", "tools": [{**choice}]}
    completion = ask(
        real.client,
        tools=TOOLS,
        tool_choice={"type": "allowed_tools", "allowed_tools": allowed},
        parallel_tool_calls=False,
    )
    (call,) = completion.choices[0].message.tool_calls
    assert call.function.name == name


def test_old_functions_are_called_in_the_old_way(real):
    more = {"functions": [BAKE], "function_call": {"name": "bake"}, "seed": 4}
    choice = ask(real.client, **more).choices[0]
    assert choice.message.tool_calls is None
    assert choice.message.function_call.name == "bake"
    deltas = [c.choices[0].delta for c in ask(real.client, stream=True, **more)]
    calls = [delta.function_call for delta in deltas if delta.function_call]
    assert calls[0].name == "bake"
    said = "".join(call.arguments for call in calls)
    assert said == choice.message.function_call.arguments


def test_a_streamed_call_comes_as_the_real_api_sends_it(real):
    more = {"tools": TOOLS, "tool_choice": "required", "seed": 8, "n": 2}
    whole = ask(real.client, **more)
    calls: dict = {0: {}, 1: {}}
    reasons = {}
    for chunk in ask(real.client, stream=True, **more):
        choice = chunk.choices[0]
        reasons[choice.index] = choice.finish_reason
        for delta in choice.delta.tool_calls or ():
            known = calls[choice.index]
            if delta.index not in known:
                assert delta.id.startswith("call_")
                assert (delta.type, delta.function.arguments) == ("function", "")
                known[delta.index] = [delta.function.name, ""]
            else:
                assert (delta.id, delta.function.name) == (None, None)
                known[delta.index][1] += delta.function.arguments
    for choice in whole.choices:
        expected = [
            [call.function.name, call.function.arguments]
            for call in choice.message.tool_calls
        ]
        assert list(calls[choice.index].values()) == expected
        assert reasons[choice.index] == choice.finish_reason


def test_no_call_is_made_when_none_may_be(real):
    completion = ask(real.client, tools=TOOLS, tool_choice="none", n=4, temperature=2)
    for choice in completion.choices:
        assert choice.message.tool_calls is None
        assert choice.message.content is not None


def test_an_answer_of_a_schema_or_a_call_is_one_of_both(real):
    completion = ask(
        real.client, tools=TOOLS, response_format=json_schema(FOOD), n=8, temperature=2
    )
    for choice in completion.choices:
        if choice.message.tool_calls:
            assert choice.message.tool_calls[0].function.name in ("bake", "rest")
        else:
            Draft202012Validator(FOOD).validate(json.loads(choice.message.content))


def test_a_stored_call_is_the_call_that_was_told(real):
    more = {"tools": TOOLS, "tool_choice": "required", "store": True, "seed": 3}
    told = ask(real.client, **more)
    kept = real.client.chat.completions.retrieve(told.id)
    assert kept.choices[0].message.tool_calls == told.choices[0].message.tool_calls
    first = next(iter(stream := ask(real.client, stream=True, **more)))
    ids = [d.id for c in stream for d in c.choices[0].delta.tool_calls or () if d.id]
    kept = real.client.chat.completions.retrieve(first.id)
    assert [call.id for call in kept.choices[0].message.tool_calls] == ids


def test_tools_stand_in_the_prompt_and_their_results_are_read(real):
    without = ask(real.client).usage.prompt_tokens
    assert ask(real.client, tools=TOOLS).usage.prompt_tokens > without
    call = ask(
        real.client, tools=TOOLS, tool_choice="required", parallel_tool_calls=False
    )
    message = call.choices[0].message
    result = {"role": "tool", "tool_call_id": message.tool_calls[0].id, "content": "7"}
    again = ask(real.client, [*ASK, message, result], tools=TOOLS, tool_choice="none")
    assert again.usage.prompt_tokens > call.usage.prompt_tokens


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"tools": [{"type": "function"}]}, "tools[0].function"),
        (
            {"tools": [{"type": "function", "function": {"name": "a b"}}]},
            "tools[0].function.name",
        ),
        ({"tools": [*TOOLS, TOOLS[0]]}, "tools[2].function.name"),
        ({"tools": [{"type": "custom", "custom": {"name": "x"}}]}, "tools[0].type"),
        ({"tools": TOOLS * 65}, "tools"),
        ({"tools": TOOLS, "functions": [BAKE]}, "functions"),
        ({"functions": []}, "functions"),
        ({"tool_choice": "required"}, "tool_choice"),
        ({"tools": TOOLS, "tool_choice": "sometimes"}, "tool_choice"),
        ({"tools": TOOLS, "tool_choice": {"type": "nonsense"}}, "tool_choice"),
        (
            {
                "tools": TOOLS,
                "tool_choice": {"type": "function", "function": {"name": "fly"}},
            },
            "tool_choice",
        ),
        ({"functions": [BAKE], "function_call": {"name": "fly"}}, "function_call"),
        ({"parallel_tool_calls": True}, "parallel_tool_calls"),
        (
            {"response_format": {"type": "json_schema"}},
            "response_format.json_schema",
        ),
        (
            {"response_format": {"type": "json_schema", "json_schema": {"name": "x"}}},
            "response_format.json_schema.schema",
        ),
    ],
)
def test_what_does_not_fit_together_is_named(real, fields, param):
    assert refused(real.client, **fields).param == param
