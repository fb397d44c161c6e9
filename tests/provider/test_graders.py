"""Graders: read, checked and run, by themselves and through the openai client."""

from __future__ import annotations

import json
import math

import openai
import pytest

from helpers.provider import graders
from helpers.provider.settings import REPOSITORY
from tests.provider.harness import KEY

EXACT = {
    "type": "string_check",
    "name": "exact",
    "input": "{{ sample.output_text }}",
    "reference": "{{ item.label }}",
    "operation": "eq",
}
ALIKE = {
    "type": "text_similarity",
    "name": "alike",
    "input": "{{sample.output_text}}",
    "reference": "{{item.label}}",
    "evaluation_metric": "fuzzy_match",
}
PYTHON = {
    "type": "python",
    "name": "program",
    "source": "def grade(sample, item):\n    raise SystemExit(1)\n",
    "image_tag": "2025-05-08",
}
SCORE = {
    "type": "score_model",
    "name": "judge",
    "model": "gpt-4o-mini-2024-07-18",
    "input": [
        {"role": "system", "content": "Score from 0 to 1."},
        {
            "type": "message",
            "role": "user",
            "content": [
                {"type": "input_text", "text": "Answer: {{ sample.output_text }}"},
                {"type": "input_image", "image_url": "https://example.com/a.png"},
            ],
        },
    ],
    "range": [0, 1],
    "sampling_params": {"temperature": 1, "seed": 42},
}
LABEL = {
    "type": "label_model",
    "name": "labels",
    "model": "gpt-4o-mini-2024-07-18",
    "input": [
        {"role": "user", "content": {"type": "input_text", "text": "{{item.label}}"}}
    ],
    "labels": ["good", "bad"],
    "passing_labels": ["good"],
}
BOTH = {
    "type": "multi",
    "name": "both",
    "graders": {"exact": EXACT, "alike": ALIKE},
    "calculate_output": "0.25 * exact + 0.75 * alike",
}


def reward(grader: dict, answer: str = "salt", **item) -> float:
    return graders.grade(graders.parse(grader), answer, item).reward


# By themselves


@pytest.mark.parametrize(
    ("operation", "text", "reference", "score"),
    [
        ("eq", "salt", "salt", 1),
        ("eq", "Salt", "salt", 0),
        ("ne", "salt", "salt", 0),
        ("ne", "Salt", "salt", 1),
        ("like", "sea salt", "salt", 1),
        ("like", "salt", "sea salt", 0),
        ("like", "sea Salt", "salt", 0),
        ("ilike", "Sea SALT", "salt", 1),
        ("ilike", "salt", "sea salt", 0),
        # Neither is a pattern: SQL's wildcards and regular expressions are text.
        ("like", "salt", "s%t", 0),
        ("ilike", "salt", "s.*", 0),
    ],
)
def test_a_string_check_compares_as_its_operation_says(
    operation, text, reference, score
):
    grader = {**EXACT, "operation": operation}
    assert reward(grader, text, label=reference) == score


def test_templates_reach_into_the_item_and_into_a_json_answer():
    answer = json.dumps({"foods": [{"name": "salt", "grams": 2.5, "whole": False}]})
    item = {"menu": {"first": ["soup", "salt"]}, "odd-name": "ü"}

    def shown(template: str) -> str:
        return graders.Case(answer, item).render(template)

    assert shown("{{item.menu.first[1]}}") == "salt"
    assert shown("{{ item.menu.first.0 }}") == "soup"
    assert shown("{{ sample.output_json.foods[0].name }}!") == "salt!"
    assert shown("{{sample.output_json.foods[0].grams}}") == "2.5"
    assert shown("{{sample.output_json.foods[0].whole}}") == "false"
    assert shown("{{item.menu.first}}") == '["soup", "salt"]'
    assert shown("a {{item.odd-name}} b {{ sample.output_text }}") == f"a ü b {answer}"
    assert shown('{"a": {"b": 1}}') == '{"a": {"b": 1}}'
    assert shown("{{{ item.odd-name }}}") == "{ü}"


def test_a_template_looks_up_data_and_nothing_else():
    with pytest.raises(graders.MissingField, match="no field '__class__'"):
        graders.Case("", {}).render("{{ item.__class__ }}")
    assert graders.Case("", {}).render("{% for x in item %}") == "{% for x in item %}"


def test_what_a_template_puts_in_is_not_read_as_a_template_again():
    item = {"label": "{{ sample.output_text }}"}
    assert graders.Case("x", item).render("{{item.label}}") == item["label"]


@pytest.mark.parametrize(
    ("template", "named"),
    [
        ("{{ item.other }}", "item.other"),
        ("{{ item.label.deeper }}", "item.label.deeper"),
        ("{{ item.list[3] }}", "item.list[3]"),
        ("{{ item.list.name }}", "item.list.name"),
    ],
)
def test_a_field_that_the_item_lacks_is_an_error_that_names_it(template, named):
    with pytest.raises(graders.MissingField) as caught:
        reward({**EXACT, "reference": template}, label="salt", list=[1, 2])
    assert caught.value.path == named
    assert f"'{named}'" in str(caught.value)


@pytest.mark.parametrize(
    ("answer", "flag", "said"),
    [
        ("no json", "sample_parse_error", "needs an answer in JSON"),
        ("[" * 100_000, "sample_parse_error", "needs an answer in JSON"),
        ('{"b": 1}', "invalid_variable_error", "no field 'a'"),
        ("[1]", "invalid_variable_error", "'.a' is asked of an array"),
    ],
)
def test_an_answer_that_lacks_a_field_gets_0_and_a_flag(answer, flag, said):
    grader = graders.parse({**EXACT, "input": "{{ sample.output_json.a }}"})
    result = graders.grade(grader, answer, {"label": "1"})
    assert result.reward == 0
    assert getattr(result, flag)
    assert "'sample.output_json.a'" in result.details[0]
    assert said in result.details[0]
    assert graders.grade(grader, '{"a": 1}', {"label": "1"}).reward == 1


@pytest.mark.parametrize(
    "template",
    [
        "{{ item }}",
        "{{ label }}",
        "{{ item. }}",
        "{{ item.a b }}",
        "{{ sample.score }}",
        "{{ sample.output_text | upper }}",
        "{{ item[x] }}",
        "{{}}",
        "{{ item.label",
        "{{ {{ item.label }} }}",
        "{{ item.label } }}",
        "{{" * 9_000,
        "{{item.a}}" * (graders.MOST_FIELDS + 1),
    ],
)
def test_a_template_that_is_none_is_refused(template):
    with pytest.raises(graders.InvalidGrader) as caught:
        graders.parse({**EXACT, "input": template})
    assert caught.value.problem["loc"] == ("grader", "input")


@pytest.mark.parametrize(
    ("form", "formula"),
    [
        ({"exact": EXACT, "alike": ALIKE}, "0.25 * exact + 0.75 * alike"),
        ([EXACT, ALIKE], "0.25 * exact + 0.75 * alike"),
        ({"a": EXACT, "b": ALIKE}, "0.25 * a + 0.75 * b"),
        (ALIKE, "0.75 * alike"),
    ],
)
def test_a_multi_grader_is_read_in_all_three_forms_and_shown_as_given(form, formula):
    raw = {**BOTH, "graders": form, "calculate_output": formula}
    assert math.isclose(reward(raw, "Salt", label="salt"), 0.75 * 0.75)
    assert graders.shown(graders.parse(raw)) == raw


def test_a_multi_grader_tells_the_scores_of_its_parts():
    result = graders.grade(graders.parse(BOTH), "Salt", {"label": "salt"})
    assert result.sub_rewards == result.scores == {"exact": 0.0, "alike": 0.75}


def test_a_formula_without_a_result_gives_0_and_a_flag():
    raw = {**BOTH, "calculate_output": "alike / exact"}
    result = graders.grade(graders.parse(raw), "Salt", {"label": "salt"})
    assert (result.reward, result.formula_parse_error) == (0.0, True)
    assert result.sub_rewards["alike"] == 0.75


def test_a_text_too_long_to_compare_is_cut_and_flagged():
    result = graders.grade(
        graders.parse(ALIKE), "a" * graders.LONGEST_TEXT + "b", {"label": "a"}
    )
    assert result.truncated_observation_error
    assert result.reward > 0


def test_a_template_cannot_fill_the_memory():
    raw = {**EXACT, "input": "{{ sample.output_text }}" * graders.MOST_FIELDS}
    result = graders.grade(graders.parse(raw), "a" * 1_000_000, {"label": "a"})
    assert (result.reward, result.truncated_observation_error) == (0, True)


def test_data_nested_too_deeply_is_named():
    deep: list = []
    for _ in range(100_000):
        deep = [deep]
    with pytest.raises(graders.MissingField, match="nested too deeply"):
        reward({**EXACT, "reference": "{{ item.deep }}"}, deep=deep)


@pytest.mark.parametrize(
    "raw",
    [EXACT, ALIKE, PYTHON, SCORE, BOTH, {**BOTH, "graders": [EXACT, ALIKE, LABEL]}],
    ids=["exact", "alike", "python", "score", "both", "label within multi"],
)
def test_every_kind_is_read_and_shown_as_it_was_given(raw):
    assert graders.shown(graders.parse(raw)) == raw


# Through the client


@pytest.fixture
def api(client):
    return client.fine_tuning.alpha.graders


@pytest.fixture
def strict(fake):
    with openai.OpenAI(
        base_url=fake.url, api_key=KEY, _strict_response_validation=True
    ) as client:
        yield client.fine_tuning.alpha.graders


def validated(api, raw: dict) -> dict:
    """Return the answer of validate as it is: types of the package know no names."""
    response = api.with_raw_response.validate(grader=raw).http_response
    return response.json()["grader"]


def refusal(call, **arguments) -> openai.BadRequestError:
    with pytest.raises(openai.BadRequestError) as caught:
        call(**arguments)
    return caught.value


@pytest.mark.parametrize("raw", [EXACT, ALIKE, PYTHON, SCORE])
def test_validate_shows_the_grader_in_the_clients_types(strict, raw):
    shown = strict.validate(grader=raw).grader
    assert shown.to_dict() == raw


def test_validate_shows_a_multi_grader(api, strict):
    assert validated(api, BOTH) == BOTH
    single = {**BOTH, "graders": ALIKE, "calculate_output": "alike"}
    assert strict.validate(grader=single).grader.to_dict() == single


def test_run_says_what_the_grader_found(strict):
    seen = strict.run(grader=BOTH, model_sample="Salt", item={"label": "salt"})
    assert seen.reward == pytest.approx(0.75 * 0.75)
    assert seen.sub_rewards == {"exact": 0.0, "alike": 0.75}
    assert (seen.metadata.name, seen.metadata.type) == ("both", "multi")
    assert seen.metadata.scores == seen.sub_rewards
    assert seen.metadata.execution_time >= 0
    assert not seen.metadata.errors.formula_parse_error


def test_the_answer_of_run_fits_the_public_document(api):
    jsonschema = pytest.importorskip("jsonschema")
    path = REPOSITORY / "tests" / "conformance" / "openai-subset.json"
    document = json.loads(path.read_text(encoding="utf-8"))
    schema = {
        "$ref": "#/components/schemas/RunGraderResponse",
        "components": document["components"],
    }
    for raw, answer in ((EXACT, "salt"), (BOTH, "Salt"), (ALIKE, "")):
        raw_response = api.with_raw_response.run(
            grader=raw, model_sample=answer, item={"label": "salt"}
        )
        jsonschema.validate(raw_response.http_response.json(), schema)


def test_run_flags_an_answer_that_is_no_json(api):
    grader = {**EXACT, "input": "{{ sample.output_json.food }}"}
    seen = api.run(grader=grader, model_sample="salt", item={"label": "salt"})
    assert seen.reward == 0
    assert seen.metadata.errors.sample_parse_error
    assert "sample.output_json.food" in seen.metadata.errors.details[0]


def test_run_names_a_field_that_the_item_lacks(api):
    fault = refusal(api.run, grader=EXACT, model_sample="salt", item={"lable": "x"})
    assert (fault.param, fault.code) == ("item", "missing_field")
    assert "'item.label'" in str(fault)
    assert "lable" in str(fault)


@pytest.mark.parametrize(
    ("raw", "param", "reason"),
    [
        (PYTHON, "grader", "never executes code"),
        (SCORE, "grader", "cannot judge"),
        (
            {**ALIKE, "evaluation_metric": "cosine"},
            "grader.evaluation_metric",
            "embeddings",
        ),
        (
            {**BOTH, "graders": {"exact": EXACT, "alike": LABEL}},
            "grader.graders.alike",
            "'label_model'",
        ),
        (
            {**BOTH, "graders": [PYTHON], "calculate_output": "program"},
            "grader.graders.program",
            "never executes code",
        ),
    ],
)
def test_run_refuses_what_cannot_be_served_and_says_why(api, raw, param, reason):
    assert validated(api, raw) == raw
    fault = refusal(api.run, grader=raw, model_sample="salt", item={"label": "salt"})
    assert (fault.param, fault.code) == (param, "unsupported_grader")
    assert reason in str(fault)


@pytest.mark.parametrize(
    ("raw", "param"),
    [
        ({}, "grader.type"),
        ({"type": 3}, "grader.type"),
        ({"type": "magic"}, "grader.type"),
        (LABEL, "grader.type"),
        ({**EXACT, "operation": "neq"}, "grader.operation"),
        ({**EXACT, "name": None}, "grader.name"),
        ({"type": "string_check", "name": "a"}, "grader.input"),
        ({**EXACT, "input": 3}, "grader.input"),
        ({**EXACT, "reference": "{{ oops }}"}, "grader.reference"),
        ({**ALIKE, "evaluation_metric": "rouge_6"}, "grader.evaluation_metric"),
        ({**PYTHON, "source": None}, "grader.source"),
        ({**SCORE, "range": [1]}, "grader.range"),
        ({**SCORE, "range": [1, 0]}, "grader.range"),
        ({**SCORE, "input": "text"}, "grader.input"),
        ({**SCORE, "input": [{"role": "user"}]}, "grader.input[0].content"),
        (
            {**SCORE, "input": [{"role": "user", "content": {"type": "video"}}]},
            "grader.input[0].content",
        ),
        (
            {**SCORE, "input": [{"role": "user", "content": "{{ x }}"}]},
            "grader.input[0].content",
        ),
        ({**SCORE, "sampling_params": {"seed": "a"}}, "grader.sampling_params.seed"),
        ({**BOTH, "graders": 3}, "grader.graders"),
        ({**BOTH, "graders": {}}, "grader.graders"),
        ({**BOTH, "graders": [EXACT] * 17}, "grader.graders"),
        ({**BOTH, "graders": [EXACT, EXACT]}, "grader.graders"),
        ({**BOTH, "graders": {"exact": BOTH}}, "grader.graders.exact.type"),
        ({**BOTH, "graders": [EXACT, {"type": "multi"}]}, "grader.graders[1].type"),
        (
            {**BOTH, "graders": [{**LABEL, "passing_labels": ["ugly"]}]},
            "grader.graders[0].passing_labels",
        ),
        ({**BOTH, "calculate_output": "exact + other"}, "grader.calculate_output"),
        ({**BOTH, "calculate_output": "exact; alike"}, "grader.calculate_output"),
        (
            {**BOTH, "calculate_output": "__import__('os').getpid()"},
            "grader.calculate_output",
        ),
    ],
)
def test_a_wrong_grader_is_refused_and_its_place_named(api, raw, param):
    for call, more in ((api.validate, {}), (api.run, {"model_sample": "x"})):
        fault = refusal(call, grader=raw, **more)
        assert fault.param == param
        assert fault.type == "invalid_request_error"


def test_a_formula_with_an_unknown_name_says_which_names_there_are(api):
    raw = {**BOTH, "calculate_output": "exact + other"}
    message = str(refusal(api.validate, grader=raw))
    assert "'other'" in message
    assert "'exact', 'alike'" in message


@pytest.mark.parametrize(
    ("arguments", "param"),
    [
        ({"grader": EXACT}, "model_sample"),
        ({"grader": EXACT, "model_sample": 3}, "model_sample"),
        ({"grader": EXACT, "model_sample": "x", "item": [1]}, "item"),
        ({"grader": "eq", "model_sample": "x"}, "grader"),
    ],
)
def test_a_wrong_field_of_run_is_named(client, arguments, param):
    def post(**body):
        client.post("/fine_tuning/alpha/graders/run", body=body, cast_to=object)

    assert refusal(post, **arguments).param == param
