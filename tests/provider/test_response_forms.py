"""Responses in a given form: JSON, JSON of a schema, and calls of functions.

The models are random, so what comes out right is the work of the grammar alone.
"""

from __future__ import annotations

import itertools
import json

import openai
import pytest
from jsonschema import Draft202012Validator

from helpers.provider.constraints import Function, answer_form
from helpers.provider.generation import TokenOut
from helpers.provider.json_schemas import made_strict
from helpers.provider.response_answers import told_again
from helpers.provider.response_output import Output, changes_of
from helpers.provider.settings import BASE_MODEL_NAME
from tests.provider.harness import KEY, FakeTraining
from tests.provider.test_batches import begin, ended, line, rows_of
from tests.provider.test_structured_answers import BAKE, FOOD, Food
from tests.provider.tiny_models import make_llama

ASK = "Write the foods as JSON: 2 c. sugar, 1 tsp. salt"
TOOLS = [
    {"type": "function", **BAKE, "strict": True},
    {"type": "function", "name": "rest"},
]
DELTA = "response.function_call_arguments.delta"
OPENING = ["response.created", "response.in_progress"]
CALL = [
    "response.output_item.added",
    DELTA,
    "response.function_call_arguments.done",
    "response.output_item.done",
]
MESSAGE = [
    "response.output_item.added",
    "response.content_part.added",
    "response.output_text.delta",
    "response.output_text.done",
    "response.content_part.done",
    "response.output_item.done",
]


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """A server whose tiny model has room for definitions of tools."""
    folder = tmp_path_factory.mktemp("response_forms")
    model = make_llama(folder / "tiny", context=1024, spread=2.0)
    with FakeTraining(folder / "home", models={BASE_MODEL_NAME: model}) as running:
        yield running


@pytest.fixture(autouse=True)
def chance(monkeypatch):
    """The same chance in every run: responses have no field for it."""
    numbers = itertools.count(1)
    monkeypatch.setattr(
        "helpers.provider.routes.responses.seeds", lambda *_: [next(numbers)]
    )


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


def ask(client, input=ASK, **more):
    more = {"model": BASE_MODEL_NAME, "max_output_tokens": 150, **more}
    return client.responses.create(input=input, **more)


def schema_format(schema, *, strict=True) -> dict:
    inner = {"type": "json_schema", "name": "food", "schema": schema, "strict": strict}
    return {"format": inner}


def refused(client, **more) -> openai.BadRequestError:
    with pytest.raises(openai.BadRequestError) as caught:
        ask(client, **more)
    return caught.value


def kinds_of(events) -> list[str]:
    """Return the types of events, each run of one type once."""
    kinds = [event.type for event in events]
    return [kind for n, kind in enumerate(kinds) if n == 0 or kinds[n - 1] != kind]


# JSON


@pytest.mark.parametrize("temperature", [0, 1.7])
def test_json_mode_gives_an_object_or_says_that_it_was_cut(client, temperature):
    form = {"format": {"type": "json_object"}}
    made = ask(client, text=form, temperature=temperature)
    assert made.text.format.type == "json_object"
    assert made.output_text[:1] == "{"
    if made.status == "completed":
        assert isinstance(json.loads(made.output_text), dict)
    else:
        assert made.incomplete_details.reason == "max_output_tokens"


def test_json_mode_wants_the_word_in_a_message_of_the_conversation(client):
    form = {"format": {"type": "json_object"}}
    fault = refused(client, input="Name a food.", text=form, instructions="JSON!")
    assert (fault.param, fault.code) == ("input", None)
    assert "must contain the word 'json' in some form" in str(fault)
    first = ask(client, max_output_tokens=16)  # its input has the word
    more = {"previous_response_id": first.id, "text": form}
    assert ask(client, "Go on.", **more).output_text[:1] == "{"


@pytest.mark.parametrize("strict", [True, False])
def test_every_answer_obeys_the_schema_and_tells_it_back(client, strict):
    texts = set()
    for _ in range(4):
        made = ask(client, text=schema_format(FOOD, strict=strict), temperature=2)
        Draft202012Validator(FOOD).validate(json.loads(made.output_text))
        assert made.status == "completed"
        texts.add(made.output_text)
    assert len(texts) > 1
    assert (made.text.format.schema_, made.text.format.strict) == (FOOD, strict)
    assert client.responses.retrieve(made.id) == made


def test_streams_and_log_probabilities_go_with_a_schema(client):
    more = {"include": ["message.output_text.logprobs"], "top_logprobs": 1}
    events = list(ask(client, text=schema_format(FOOD), stream=True, **more))
    assert kinds_of(events) == [*OPENING, *MESSAGE, "response.completed"]
    final = events[-1].response
    Draft202012Validator(FOOD).validate(json.loads(final.output_text))
    told = final.output[0].content[0].logprobs
    assert b"".join(bytes(t.bytes) for t in told).decode() == final.output_text
    assert list(client.responses.retrieve(final.id, stream=True)) == events


def test_the_clients_parse_gives_an_object_of_the_model(client):
    more = {"model": BASE_MODEL_NAME, "input": ASK, "temperature": 1.5}
    parsed = client.responses.parse(text_format=Food, **more)
    assert isinstance(parsed.output_parsed, Food)
    with client.responses.stream(text_format=Food, **more) as stream:
        done = [e for e in stream if e.type == "response.output_text.done"]
        final = stream.get_final_response()
    assert isinstance(final.output_parsed, Food)
    assert done[0].parsed == final.output_parsed


def test_the_clients_parse_gives_the_arguments_of_a_call(client):
    more = {
        "model": BASE_MODEL_NAME,
        "input": ASK,
        "tools": [openai.pydantic_function_tool(Food)],
        "tool_choice": "required",
        "parallel_tool_calls": False,
    }
    # The package's helper nests functions as chat completions do; `parse` and `stream`
    # make them flat, `create` does not.
    with pytest.raises(openai.BadRequestError) as caught:
        client.responses.create(**more)
    assert caught.value.param == "tools[0].name"
    (call,) = client.responses.parse(**more).output
    assert isinstance(call.parsed_arguments, Food)
    with client.responses.stream(**more) as stream:
        snapshots = [e.snapshot for e in stream if e.type == DELTA]
        final = stream.get_final_response()
    (call,) = final.output
    assert snapshots[-1] == call.arguments
    assert len(snapshots) > 1
    assert isinstance(call.parsed_arguments, Food)


@pytest.mark.parametrize(
    ("schema", "strict", "words"),
    [
        ({"type": "array"}, True, "schema must be a JSON Schema of 'type: \"object\"'"),
        ({**FOOD, "required": ["kind"]}, True, "Missing 'count'"),
        (
            {"properties": {"a": {"not": {"type": "null"}}}},
            False,
            "context=('properties', 'a'), 'not' is not supported",
        ),
        ({"type": "integer", "minimum": 3, "maximum": 1}, False, "greater than max"),
    ],
)
def test_a_schema_that_cannot_be_obeyed_is_refused_with_the_place(
    client, schema, strict, words
):
    fault = refused(client, text=schema_format(schema, strict=strict))
    assert (fault.param, fault.code) == ("text.format.schema", "invalid_json_schema")
    assert words in str(fault)
    assert "response_format 'food'" in str(fault)
    tool = {"type": "function", "name": "f", "parameters": schema, "strict": strict}
    fault = refused(client, tools=[tool])
    assert fault.param == "tools[0].parameters"
    assert fault.code == "invalid_function_parameters"


def test_a_pattern_that_explodes_ends_its_own_answer_only(client):
    bomb = {"type": "string", "pattern": "^(.{1,5000}){100,150}$"}
    schema = {"type": "object", "properties": {"a": bomb}, "required": ["a"]}
    form = schema_format(schema, strict=False)
    fault = refused(client, text=form, max_output_tokens=400)
    assert (fault.param, fault.code) == ("text.format", "form_too_complex")
    last = list(ask(client, text=form, max_output_tokens=400, stream=True))[-1]
    assert last.type == "response.failed"
    assert last.response.error.code == "invalid_prompt"
    assert "simpler schemas" in last.response.error.message
    assert ask(client, text=schema_format(FOOD)).status == "completed"


# Calls


def check_call(call) -> None:
    arguments = json.loads(call.arguments)
    assert (call.type, call.status) == ("function_call", "completed")
    assert call.id.startswith("fc_")
    assert call.call_id.startswith("call_")
    if call.name == "bake":
        Draft202012Validator(BAKE["parameters"]).validate(arguments)
    else:
        assert (call.name, arguments) == ("rest", {})


@pytest.mark.parametrize("several", [True, False])
def test_required_calls_have_arguments_that_obey_the_schema(client, several):
    more = {"tools": TOOLS, "tool_choice": "required", "parallel_tool_calls": several}
    counts, ids = [0], []
    while len(counts) < 5 or (several and max(counts) < 2 and len(counts) < 20):
        made = ask(client, temperature=1.5, **more)
        whole = [call for call in made.output if call.status == "completed"]
        assert whole
        for call in whole:
            check_call(call)
        if made.status == "completed":
            assert made.output == whole
        assert made.output_text == ""
        counts.append(len(made.output))
        ids += [name for call in made.output for name in (call.id, call.call_id)]
    assert (max(counts) > 1) == several
    assert len(set(ids)) == len(ids)
    assert made.parallel_tool_calls == several
    assert made.tool_choice == "required"


@pytest.mark.parametrize("name", ["bake", "rest"])
def test_a_chosen_function_is_called(client, name):
    choice = {"type": "function", "name": name}
    made = ask(client, tools=TOOLS, tool_choice=choice)
    (call,) = made.output
    check_call(call)
    assert call.name == made.tool_choice.name == name
    allowed = {"type": "allowed_tools", "mode": "required", "tools": [choice]}
    made = ask(client, tools=TOOLS, tool_choice=allowed, parallel_tool_calls=False)
    (call,) = made.output
    assert call.name == name
    assert made.tool_choice.to_dict() == allowed


def test_no_call_is_made_when_none_may_be(client):
    for _ in range(3):
        made = ask(client, tools=TOOLS, tool_choice="none", temperature=2)
        assert [item.type for item in made.output] == ["message"]


def test_an_answer_of_a_schema_or_a_call_is_one_of_both(client):
    for _ in range(6):
        made = ask(client, tools=TOOLS, text=schema_format(FOOD), temperature=2)
        if made.output[0].type == "function_call":
            assert not made.output_text
        else:
            Draft202012Validator(FOOD).validate(json.loads(made.output_text))


def test_streamed_calls_come_in_order_and_are_told_again_the_same(client):
    more = {"tools": TOOLS, "tool_choice": "required", "temperature": 1.2}
    for _ in range(3):
        events = list(ask(client, stream=True, **more))
        final = events[-1].response
        calls = CALL * len(final.output)
        assert kinds_of(events) == [*OPENING, *calls, f"response.{final.status}"]
        assert [e.sequence_number for e in events] == list(range(len(events)))
        for number, call in enumerate(final.output):
            of_call = [e for e in events if getattr(e, "output_index", -1) == number]
            added, *deltas, told, done = of_call
            assert (added.item.id, added.item.call_id) == (call.id, call.call_id)
            assert (added.item.status, added.item.arguments) == ("in_progress", "")
            assert "".join(e.delta for e in deltas) == told.arguments == call.arguments
            assert {e.item_id for e in (*deltas, told)} == {call.id}
            assert done.item == call
        assert client.responses.retrieve(final.id) == final
        assert list(client.responses.retrieve(final.id, stream=True)) == events
    whole = ask(client, **more)
    again = list(client.responses.retrieve(whole.id, stream=True))
    assert again[-1].response == whole
    assert DELTA in kinds_of(again)


def test_a_call_that_is_cut_is_incomplete(client):
    schema = {"type": "string", "minLength": 200}
    tool = {
        "type": "function",
        "name": "write",
        "strict": False,
        "parameters": {
            "type": "object",
            "properties": {"text": schema},
            "required": ["text"],
        },
    }
    more = {"tools": [tool], "tool_choice": "required", "max_output_tokens": 40}
    made = ask(client, **more)
    (call,) = made.output
    assert (made.status, call.status) == ("incomplete", "incomplete")
    assert made.incomplete_details.reason == "max_output_tokens"
    assert call.arguments.startswith("{")
    events = list(ask(client, stream=True, **more))
    assert events[-2].item.status == "incomplete"
    name = events[-1].response.id
    assert list(client.responses.retrieve(name, stream=True)) == events


def test_a_result_goes_on_with_the_conversation(client):
    more = {"tools": TOOLS, "tool_choice": "required", "parallel_tool_calls": False}
    first = ask(client, **more)
    (call,) = first.output
    result = {"type": "function_call_output", "call_id": call.call_id, "output": "7"}
    more = {"tools": TOOLS, "tool_choice": "none", "temperature": 0}
    second = ask(client, [result], previous_response_id=first.id, **more)
    # The same as a chat would read, and as the whole conversation sent at once.
    asked = {"role": "user", "content": ASK}
    whole = ask(client, [asked, *first.output, result], **more)
    assert whole.output_text == second.output_text
    assert whole.usage.input_tokens == second.usage.input_tokens
    function = {"name": call.name, "arguments": call.arguments}
    chat = client.chat.completions.create(
        model=BASE_MODEL_NAME,
        temperature=0,
        max_completion_tokens=150,
        messages=[
            asked,
            {
                "role": "assistant",
                "tool_calls": [
                    {"id": call.call_id, "type": "function", "function": function}
                ],
            },
            {"role": "tool", "tool_call_id": call.call_id, "content": "7"},
        ],
        tools=[
            {
                "type": "function",
                "function": {key: tool[key] for key in tool if key != "type"},
            }
            for tool in TOOLS
        ],
        tool_choice="none",
    )
    assert chat.usage.prompt_tokens == second.usage.input_tokens
    assert chat.choices[0].message.content == second.output_text
    listed = client.responses.input_items.list(second.id, order="asc").data
    kinds = [item.type for item in listed]
    assert kinds == ["message", "function_call", "function_call_output"]


def test_calls_and_their_outputs_belong_together(client):
    more = {"tools": TOOLS, "tool_choice": "required", "parallel_tool_calls": False}
    first = ask(client, **more)
    (call,) = first.output
    fault = refused(client, input="Well?", previous_response_id=first.id)
    assert (fault.param, fault.code) == ("input", None)
    assert f"No tool output found for function call {call.call_id}" in str(fault)
    alone = {"type": "function_call_output", "call_id": call.call_id, "output": "7"}
    fault = refused(client, input=[alone])
    assert (fault.param, fault.code) == ("input", None)
    assert "No tool call found for function call output" in str(fault)


def test_tools_are_told_back_and_counted(client):
    made = ask(client, tools=TOOLS, tool_choice="none", max_tool_calls=3)
    bake, rest = made.tools
    assert (bake.name, bake.strict) == ("bake", True)
    assert (bake.parameters, bake.description) == (
        BAKE["parameters"],
        "Bake something.",
    )
    assert (rest.name, rest.strict) == ("rest", True)
    assert made.max_tool_calls == 3
    count = client.responses.input_tokens.count
    asked = {"model": BASE_MODEL_NAME, "input": ASK}
    assert count(**asked, tools=TOOLS).input_tokens == made.usage.input_tokens
    assert count(**asked).input_tokens < made.usage.input_tokens


def test_a_schema_becomes_strict_unless_that_was_refused(client):
    loose = {"type": "object", "properties": {"minutes": {"type": "boolean"}}}
    tool = {"type": "function", "name": "bake", "parameters": loose}
    more = {"tool_choice": "required", "parallel_tool_calls": False, "temperature": 2}
    for _ in range(3):
        made = ask(client, tools=[tool], **more)
        assert json.loads(made.output[0].arguments).keys() == {"minutes"}
    assert made.tools[0].strict is True
    assert made.tools[0].parameters["required"] == ["minutes"]
    made = ask(client, tools=[{**tool, "strict": False}], tool_choice="none")
    assert (made.tools[0].strict, made.tools[0].parameters) == (False, loose)
    # Of what may have any key nothing is known that could be required.
    free = {**loose, "additionalProperties": {"type": "null"}}
    made = ask(client, tools=[{**tool, "parameters": free}], tool_choice="none")
    assert (made.tools[0].strict, made.tools[0].parameters) == (False, free)


def test_strict_schemas_are_strict_in_every_part():
    inner = {"properties": {"b": {"type": "null"}}}
    schema = {
        "type": "object",
        "properties": {"a": {"type": "array", "items": {"$ref": "#/$defs/i"}}},
        "$defs": {"i": inner},
    }
    strict = made_strict(schema)
    assert strict["required"] == ["a"]
    assert strict["$defs"]["i"]["additionalProperties"] is False
    assert strict["$defs"]["i"]["required"] == ["b"]
    assert "required" not in inner
    assert made_strict({"type": "array"}) is None


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"tools": [{"type": "function"}]}, "tools[0].name"),
        ({"tools": [{"type": "function", "name": "a b"}]}, "tools[0].name"),
        ({"tools": [{**TOOLS[0], "parametres": {}}]}, "tools[0].parametres"),
        ({"tools": [{**TOOLS[0], "strict": "yes"}]}, "tools[0].strict"),
        ({"tools": [{**TOOLS[0], "defer_loading": True}]}, "tools[0].defer_loading"),
        ({"tools": [{**TOOLS[0], "async": True}]}, "tools[0].async"),
        (
            {"tools": [{**TOOLS[0], "allowed_callers": ["programmatic"]}]},
            "tools[0].allowed_callers",
        ),
        ({"tools": [*TOOLS, TOOLS[0]]}, "tools[2].name"),
        ({"tools": [{"type": "custom", "name": "x"}]}, "tools"),
        ({"tools": ["bake"]}, "tools[0].type"),
        ({"tools": TOOLS * 65}, "tools"),
        ({"tool_choice": {"type": "function", "name": "bake"}}, "tool_choice"),
        ({"tools": TOOLS, "tool_choice": "sometimes"}, "tool_choice"),
        ({"tools": TOOLS, "tool_choice": 3}, "tool_choice"),
        ({"tools": TOOLS, "tool_choice": {}}, "tool_choice.type"),
        ({"tools": TOOLS, "tool_choice": {"type": "web_search"}}, "tool_choice"),
        ({"tools": TOOLS, "tool_choice": {"type": "function"}}, "tool_choice.name"),
        (
            {"tools": TOOLS, "tool_choice": {"type": "function", "name": "fly"}},
            "tool_choice",
        ),
        (
            {
                "tools": TOOLS,
                "tool_choice": {"type": "allowed_tools", "mode": "auto", "tools": []},
            },
            "tool_choice.tools",
        ),
        ({"text": {"format": {"type": "json_schema"}}}, "text.format.name"),
        (
            {"text": {"format": {"type": "json_schema", "name": "x"}}},
            "text.format.schema",
        ),
        (
            {"text": {"format": {"type": "json_schema", "json_schema": {}}}},
            "text.format.json_schema",
        ),
    ],
)
def test_what_is_wrong_or_does_not_fit_together_is_named(client, fields, param):
    fault = refused(client, **fields)
    assert fault.param == param
    assert fault.type == "invalid_request_error"
    with pytest.raises(openai.BadRequestError) as caught:
        client.responses.input_tokens.count(model=BASE_MODEL_NAME, input=ASK, **fields)
    assert caught.value.param == param


def test_batches_of_responses_have_forms_too(client):
    def body(**more) -> dict:
        asked = {"model": BASE_MODEL_NAME, "input": ASK, "max_output_tokens": 150}
        return {**asked, **more}

    url = "/v1/responses"
    calls = {"tools": TOOLS, "tool_choice": "required", "parallel_tool_calls": False}
    rows = [
        line("schema", body(text=schema_format(FOOD)), url),
        line("call", body(**calls), url),
        line("wrong", body(tools=[{"type": "web_search"}]), url),
    ]
    batch = ended(client, begin(client, rows, url).id)
    assert batch.request_counts.to_dict() == {"total": 3, "completed": 2, "failed": 1}
    good = rows_of(client, batch.output_file_id)
    bodies = {row["custom_id"]: row["response"]["body"] for row in good}
    (message,) = bodies["schema"]["output"]
    food = json.loads(message["content"][0]["text"])
    Draft202012Validator(FOOD).validate(food)
    (call,) = bodies["call"]["output"]
    check_call(openai.types.responses.ResponseFunctionToolCall.model_validate(call))
    (error,) = rows_of(client, batch.error_file_id)
    assert error["response"]["body"]["error"]["param"] == "tools"
    # Stored like any other.
    assert (
        client.responses.retrieve(bodies["call"]["id"]).output[0].name == call["name"]
    )
    tokens = sum(body["usage"]["output_tokens"] for body in bodies.values())
    assert batch.usage.output_tokens == tokens


# The output, piece by piece


def output_of(*texts: str, complete: bool = True, logprobs: bool = True) -> Output:
    function = Function("rest", {"type": "object"})
    form = answer_form(functions=[function])
    output = Output(form.reader(), (lambda token, _: token.text) if logprobs else None)
    changes = [change for t in texts for change in output.take(TokenOut(1, t))]
    output.changes = [*changes, *output.finish(complete=complete)]
    return output


HEAD = '{"name": "rest", "arguments": '


def test_text_before_a_call_is_a_message_of_its_own():
    output = output_of("Let", " me", "\n", HEAD[:9], HEAD[9:], "{", "}}\n", HEAD, "{")
    message, whole, cut = output.items
    assert message["content"][0]["text"] == "Let me"
    assert message["content"][0]["logprobs"] == ["Let", " me"]
    assert (whole["arguments"], cut["arguments"]) == ("{}", "{")
    kinds = [(change.kind, change.number) for change in output.changes]
    assert kinds == [
        *[("added", 0), ("delta", 0), ("delta", 0), ("done", 0)],
        *[("added", 1), ("delta", 1), ("delta", 1), ("done", 1)],
        *[("added", 2), ("delta", 2), ("done", 2)],
    ]


def test_a_token_that_is_no_text_of_the_message_is_not_told_with_it():
    output = output_of("A", "\n", "\n", HEAD, "{}", "}")
    (part,) = output.items[0]["content"]
    assert (part["text"], part["logprobs"]) == ("A\n", ["A", "\n"])


def test_only_the_last_item_of_a_cut_answer_is_incomplete():
    begun = ("Text\n", HEAD, "{}")
    for texts, complete, expected in (
        ((*begun, "}"), True, ["completed", "completed"]),
        ((*begun, "}"), False, ["completed", "completed"]),
        (begun, False, ["completed", "incomplete"]),
        (("Text",), False, ["incomplete"]),
        (("Text\n", HEAD[:5]), False, ["incomplete"]),
        ((HEAD[:5],), False, ["incomplete"]),
        ((), True, ["completed"]),
    ):
        items = output_of(*texts, complete=complete).items
        assert [item["status"] for item in items] == expected
    assert items[0]["content"][0]["text"] == ""


def test_stored_changes_are_those_that_were():
    output = output_of("A", "", "\nB\n", HEAD, '{"a":', "1}", "}")
    told = [
        (c.kind, c.number, c.item["id"], c.text, c.logprobs) for c in output.changes
    ]
    again = [
        (c.kind, c.number, c.item["id"], c.text, c.logprobs)
        for c in changes_of(output.items, output.pieces)
    ]
    assert again == told
    # Half of a character is a token without text; it is told with the rest of it.
    assert output.items[0]["content"][0]["logprobs"] == ["A", "", "\nB\n"]


def test_a_stored_call_can_be_read_by_whoever_knows_its_events(client):
    made = ask(client, tools=TOOLS, tool_choice={"type": "function", "name": "bake"})
    (call,) = made.output
    pieces = [[[len(call.arguments), 0]]]
    body = client.responses.with_raw_response.retrieve(made.id).http_response.json()
    events = [json.loads(e.split(b"data: ")[1]) for e in told_again(body, pieces)]
    assert [e["type"] for e in events if "delta" in e] == [DELTA]
    assert [e["sequence_number"] for e in events] == list(range(7))
