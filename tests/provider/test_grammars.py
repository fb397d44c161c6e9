"""Random schemas and random models: what comes out obeys, whatever the tokenizer."""

from __future__ import annotations

import json
import random
from pathlib import Path

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from helpers.provider.constraints import Function, answer_form, compiled
from helpers.provider.grammars import GRAMMARS_KEPT, GrammarRefused, vocabulary_of
from helpers.provider.json_schemas import SchemaRefused, checked
from helpers.provider.rendering import ChatRenderer
from helpers.provider.sampling import Sampler, choose
from helpers.provider.settings import BASE_MODEL_PATH, Limits
from helpers.provider.tool_calls import (
    Argued,
    Called,
    CallForm,
    CallReader,
    Said,
    read_calls,
)
from tests.provider.tiny_models import make_llama, make_other, write_jsonl

QWEN_CALLS = (
    "{% for message in messages %}<|im_start|>{{ message.role }}\n"
    "{{ message.content }}{% for call in message.tool_calls or [] %}"
    "{% if message.content or not loop.first %}{{ '\n' }}{% endif %}"
    '<tool_call>\n{"name": "{{ call.function.name }}", "arguments": '
    "{{ call.function.arguments | tojson }}}\n</tool_call>{% endfor %}"
    "<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
MARKED = CallForm(begin='<tool_call>\n{"name": "', end="}\n</tool_call>")
HEAD = '%llguidance {"no_forcing": true}\n'
NO_ARGUMENTS = {"type": "object", "properties": {}, "additionalProperties": False}
NOW = Function("now", NO_ARGUMENTS)
BAKE = Function(
    "bake",
    {
        "type": "object",
        "properties": {"name": {"type": "string", "maxLength": 4}},
        "required": ["name"],
        "additionalProperties": False,
    },
)


@pytest.fixture(scope="module")
def renderers(tmp_path_factory) -> dict[str, ChatRenderer]:
    folder = tmp_path_factory.mktemp("grammars")
    return {
        "base": ChatRenderer(BASE_MODEL_PATH),  # its tokenizer joins words with marks
        "tiny": ChatRenderer(make_llama(folder / "tiny")),
        "plain": ChatRenderer(make_other(folder / "plain", "gpt2", template=None)),
        "marked": ChatRenderer(make_other(folder / "qwen", template=QWEN_CALLS)),
        "pieces": ChatRenderer(sentence_pieces(folder / "pieces")),
    }


def sentence_pieces(folder):
    """Write a tokenizer of another kind: pieces with ▁, other characters in bytes."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers

    folder.mkdir()
    words = ["<unk>", "<s>", "</s>", *(f"<0x{byte:02X}>" for byte in range(256))]
    words += ["▁", "▁salt", "▁egg", *(chr(c) for c in range(33, 127))]
    vocab = {word: number for number, word in enumerate(words)}
    tokenizer = Tokenizer(models.BPE(vocab, [], unk_token="<unk>", byte_fallback=True))
    tokenizer.add_special_tokens(["<unk>", "<s>", "</s>"])
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="never")
    tokenizer.decoder = decoders.Sequence(
        [decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse()]
    )
    tokenizer.save(str(folder / "tokenizer.json"))
    (folder / "config.json").write_text('{"eos_token_id": 2}')
    return folder


def noise(renderer, form, seed: int, most: int = 4000) -> str | None:
    """Let random logits write an answer; None if it does not come to its end.

    Later on, what closes JSON becomes likelier, or random strings would never end.
    """
    constraint = compiled(form, renderer).start()
    sampler = Sampler(temperature=1.0, seed=seed, constraint=constraint)
    generator = torch.Generator().manual_seed(seed)
    closing = torch.zeros(renderer.vocab_size + 3)  # models have padding at the end
    for i in range(renderer.vocab_size):
        if renderer.token_bytes(i)[-1:] in (b'"', b"}", b"]", b","):
            closing[i] = 1.0
    closing[list(renderer.end_ids)] = 2.0
    ids: list[int] = []
    for step in range(most):
        logits = torch.randn(len(closing), generator=generator) + closing * step / 8
        (choice,) = choose(logits[None], [sampler])
        assert constraint.fault is None, constraint.fault
        if choice.id in renderer.end_ids:
            return renderer.decode(ids)
        ids.append(choice.id)
        if constraint.over:
            return renderer.decode(ids)
    return None


names = st.sampled_from(["a", "name", "kind", 'q"uote', "é", "a b", "line\nbreak"])
leaves = st.one_of(
    st.sampled_from(
        [
            {"type": "boolean"},
            {"type": "null"},
            {"type": "integer"},
            {"type": "number", "minimum": -2, "exclusiveMaximum": 7.5},
            {"type": "integer", "multipleOf": 5, "minimum": 1, "maximum": 500},
            {"type": "string", "maxLength": 5},
            {"type": "string", "pattern": "^[A-Z]{2}-[0-9]+$"},
            {"type": "string", "format": "date"},
            {"type": ["string", "null"], "minLength": 1},
            {"const": {"x": [1, "y"]}},
            {"title": "anything", "examples": [3]},
        ]
    ),
    st.lists(
        st.sampled_from(["x", "ÿ", 3, None, True]), min_size=1, unique_by=repr
    ).map(lambda values: {"enum": values}),
)


def objects(parts):
    return st.builds(
        lambda properties, required, more: {
            "type": "object",
            "properties": properties,
            "required": [name for name in properties if name in required],
            "additionalProperties": more,
        },
        st.dictionaries(names, parts, max_size=4),
        st.sets(names),
        st.booleans(),
    )


schemas = st.recursive(
    leaves,
    lambda parts: st.one_of(
        objects(parts),
        st.builds(
            lambda part, least, more: {
                "type": "array",
                "items": part,
                "minItems": least,
                "maxItems": least + more,
            },
            parts,
            st.integers(0, 2),
            st.integers(0, 2),
        ),
        st.lists(parts, min_size=1, max_size=3).map(lambda ways: {"anyOf": ways}),
    ),
    max_leaves=6,
)


@settings(
    max_examples=60,
    deadline=None,
    derandomize=True,
    suppress_health_check=list(HealthCheck),
)
@given(schema=schemas, seed=st.integers(0, 2**31), which=st.integers(0, 4))
def test_noise_kept_to_a_schema_is_json_that_obeys_it(renderers, schema, seed, which):
    renderer = list(renderers.values())[which]
    ready = checked(schema, Limits(), strict=False)
    text = noise(renderer, answer_form(content=ready), seed)
    assert text is not None
    Draft202012Validator(schema).validate(json.loads(text))


@pytest.mark.parametrize("name", ["base", "tiny", "plain", "marked", "pieces"])
def test_noise_in_json_mode_is_an_object(renderers, name):
    for seed in range(4):
        form = answer_form(content={"type": "object"})
        assert isinstance(json.loads(noise(renderers[name], form, seed)), dict)


@pytest.mark.parametrize("name", ["base", "tiny", "plain", "marked", "pieces"])
def test_noise_that_must_call_calls(renderers, name):
    renderer = renderers[name]
    for seed in range(6):
        form = answer_form(
            functions=[NOW, BAKE], calls="required", call_form=renderer.call_form
        )
        text = noise(renderer, form, seed)
        said, calls, finished = read_calls(form.calls, ["now", "bake"], text)
        assert (said, len(calls)) == ("", finished)
        schemas = {function.name: function.parameters for function in form.functions}
        for called, arguments in calls:
            Draft202012Validator(schemas[called]).validate(json.loads(arguments))


def test_a_template_tells_how_its_model_writes_calls(renderers):
    assert renderers["marked"].call_form == MARKED
    assert renderers["base"].call_form == renderers["plain"].call_form == CallForm()


def test_a_template_that_leaves_calls_and_tools_out_is_given_them_as_text(tmp_path):
    renderer = ChatRenderer(make_other(tmp_path / "chatml"))
    function = {"name": "bake", "arguments": '{"m": 5}'}
    call = {"role": "assistant", "tool_calls": [{"function": function}]}
    tools = [{"type": "function", "function": {"name": "bake"}}]
    ids, weights = renderer.training_ids(
        {"messages": [{"role": "user", "content": "q"}, call], "tools": tools}
    )
    kept = [i for i, weight in zip(ids, weights, strict=True) if weight]
    assert renderer.decode(kept) == '{"name": "bake", "arguments": {"m": 5}}'
    assert 'Tools:\n{"name": "bake"}' in renderer.decode(ids)
    assert renderer.call_form == CallForm()


@pytest.fixture(scope="module")
def accepts(renderers):
    """Whether an answer, written byte by byte, is allowed by a form."""
    renderer = renderers["tiny"]
    bytes_of = renderer.byte_table.raw
    single = {raw: i for i, raw in enumerate(bytes_of) if len(raw) == 1}

    def check(form, text: str) -> bool:
        constraint = compiled(form, renderer).start()
        for byte in text.encode():
            token = single[bytes([byte])]
            if not constraint.mask()[token]:
                return False
            constraint.take(token)
        return constraint.over or bool(constraint.mask()[list(renderer.end_ids)].all())

    return check


CALL = '{"name": "now", "arguments": {}}'


@pytest.mark.parametrize(
    ("text", "free", "one", "never"),
    [
        ("", True, True, True),
        ("Hello, {name}\n", True, True, True),
        ('{"nam', True, True, True),
        (CALL, True, True, False),
        (f"Wait.\n{CALL}", True, True, False),
        (f"{CALL}\n{CALL}", True, False, False),
        (f"{CALL} and more", False, False, False),
        ('{"name": "unheard", "arguments": {}}', False, False, False),
        (f"Inline {CALL}", True, True, True),
    ],
)
def test_text_that_begins_like_a_call_is_a_call(accepts, text, free, one, never):
    functions = [NOW, BAKE]
    assert accepts(answer_form(functions=functions), text) == free
    assert accepts(answer_form(functions=functions, several=False), text) == one
    assert accepts(answer_form(functions=functions, calls="none"), text) == never


@pytest.mark.parametrize(
    ("text", "fits"),
    [
        (CALL, True),
        ('{"name": "Ann", "age": 3}', True),
        ('{"name": "now", "age": 3}', True),
        ('{"name": "now", "arguments": {"x": 1}}', False),
        ("Hello", False),
    ],
)
def test_an_object_or_a_call_may_begin_with_the_same_words(accepts, text, fits):
    person = {
        "type": "object",
        "properties": {"name": {"$ref": "#/$defs/word"}, "age": {"type": "integer"}},
        "required": ["name", "age"],
        "additionalProperties": False,
        "$defs": {"word": {"type": "string"}},
    }
    assert accepts(answer_form(content=person, functions=[NOW]), text) == fits


def test_white_space_cannot_go_on_for_ever(accepts):
    form = answer_form(content={"type": "object"})
    assert accepts(form, '{"a": [1, 2]}')
    assert accepts(form, '{\n    "a": 1\n}')
    assert not accepts(form, '{  "a": 1}')
    assert not accepts(form, "{\n\n}")


@pytest.mark.parametrize("form", [CallForm(), MARKED], ids=["lines", "marks"])
@pytest.mark.parametrize("said", ["", "Hm.", 'Two\nlines {"name": 1}\n'])
@pytest.mark.parametrize("count", [0, 1, 2])
def test_an_answer_reads_the_same_whole_and_in_pieces(form, said, count):
    arguments = '{"a": "}\\"{[\\\\", "b": [{}]}'
    call = form.head("f-1") + arguments + form.end
    text = "\n".join([*([said] if said else []), *[call] * count])
    whole = read_calls(form, ["f-1"], text)
    assert whole == (said, [("f-1", arguments)] * count, count)
    for seed in range(5):
        chance = random.Random(seed)
        reader, pieces, rest = CallReader(form, ["f-1"]), [], text
        while rest:
            size = chance.randint(1, 9)
            pieces += reader.feed(rest[:size])
            rest = rest[size:]
        pieces += reader.finish()
        assert "".join(p.text for p in pieces if isinstance(p, Said)) == said
        assert sum(isinstance(p, Called) for p in pieces) == count
        read = "".join(p.text for p in pieces if isinstance(p, Argued))
        assert read == arguments * count


def test_a_call_that_is_cut_off_is_told_as_far_as_it_came():
    whole = CallForm().head("f") + '{"a": 1'
    assert read_calls(CallForm(), ["f"], whole) == ("", [("f", '{"a": 1')], 0)
    assert read_calls(CallForm(), ["f"], whole[:12]) == ("", [], 0)
    assert read_calls(CallForm(), ["f"], '{"na') == ('{"na', [], 0)


def test_only_so_many_grammars_are_kept(renderers):
    vocabulary = vocabulary_of(renderers["tiny"])
    first = vocabulary.compile(f'{HEAD}start: "first"')
    assert vocabulary.compile(f'{HEAD}start: "first"') is first
    for number in range(GRAMMARS_KEPT):
        vocabulary.compile(f'{HEAD}start: "{number}"')
    assert len(vocabulary._grammars) == GRAMMARS_KEPT
    assert vocabulary.compile(f'{HEAD}start: "first"') is not first
    with pytest.raises(GrammarRefused):
        vocabulary.compile("start: nothing_of_the_kind")


def test_keywords_that_no_answer_could_keep_are_refused():
    for keyword, value in [
        ("not", {}),
        ("if", {}),
        ("uniqueItems", True),
        ("propertyNames", {"maxLength": 3}),
        ("dependentRequired", {"a": ["b"]}),
        ("contains", {"type": "null"}),
        ("minProperties", 2),
    ]:
        with pytest.raises(SchemaRefused, match=keyword) as caught:
            checked({"anyOf": [{keyword: value}]}, Limits(), strict=False)
        assert caught.value.path == ("anyOf", 0)
    harmless = {"uniqueItems": False, "title": "x", "format": "unheard", "x-a": 1}
    assert checked(harmless, Limits(), strict=False) == {}


def test_a_schema_cannot_change_how_grammars_are_read():
    options = {"x-guidance": {"lenient": True}}
    assert checked(options, Limits(), strict=False) == {}


TOOLS = [
    {
        "type": "function",
        "function": {
            "name": "set_timer",
            "parameters": {
                "type": "object",
                "properties": {"food": {"type": "string", "maxLength": 12}},
                "required": ["food"],
                "additionalProperties": False,
            },
        },
    }
]
FOODS = ("rice", "eggs", "bread", "soup", "beans", "pasta")


def tool_examples() -> list[dict]:
    """Return examples that teach when to call: for a timer yes, for thanks no."""
    rows = []
    for food in FOODS[:-1]:
        call = {"name": "set_timer", "arguments": json.dumps({"food": food})}
        called = [{"id": "call_1", "type": "function", "function": call}]
        for question, answer in (
            (f"Set a timer for the {food}.", {"tool_calls": called}),
            (f"The {food} was good. Bye!", {"content": "Bye!"}),
        ):
            user = {"role": "user", "content": question}
            messages = [user, {"role": "assistant", **answer}]
            rows.append({"messages": messages, "tools": TOOLS})
    return rows


def test_a_model_that_was_trained_on_calls_calls_when_it_should(tmp_path):
    from helpers.provider.generation import Engine, GenerationRequest
    from helpers.provider.training import TrainingSpec, train

    file = write_jsonl(tmp_path / "calls.jsonl", tool_examples())
    spec = TrainingSpec(
        BASE_MODEL_PATH,
        file,
        None,
        tmp_path / "work",
        n_epochs=6,
        learning_rate_multiplier=2.0,
    )
    result = train(spec, lambda report: None, lambda: "run")
    folder = Path(result.checkpoints[-1]["model_path"])
    renderer = ChatRenderer(folder)
    parameters = checked(TOOLS[0]["function"]["parameters"], Limits(), strict=True)
    timer = Function("set_timer", parameters)
    form = answer_form(functions=[timer], calls="auto", call_form=renderer.call_form)
    engine = Engine()

    def ask(question: str) -> tuple[str, list]:
        chat = [{"role": "user", "content": question}]
        request = GenerationRequest(
            folder,
            renderer.prompt_ids(chat, TOOLS),
            max_tokens=60,
            temperature=0,
            grammar=compiled(form, renderer),
        )
        text = engine.submit(request).result(60).text
        return read_calls(form.calls, ["set_timer"], text)[:2]

    try:
        asked = ask("Set a timer for the pasta.")
        thanked = ask("The pasta was good. Bye!")
    finally:
        engine.close()
    assert thanked[1] == []
    ((name, arguments),) = asked[1]
    assert (asked[0], name) == ("", "set_timer")
    assert set(json.loads(arguments)) == {"food"}
