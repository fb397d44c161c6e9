"""The playground asks all models the same, and answers without a front end as well."""

import json

import pytest

from helpers.connect import Connection, SpendingRefused
from helpers.widgets.playground import Playground, playground
from tests.fake_service import Service

MODELS = {"base": "kitchen-base", "fine-tuned": "ft:kitchen-base:local::1"}


class Kitchen(Service):
    """A service whose models can be told apart; one of them may be away."""

    def __init__(self) -> None:
        super().__init__()
        self.requests: list[dict] = []
        self.gone = ""

    def post_chat(self, parts, request, query):
        body = json.loads(request.content)
        self.requests.append(body)
        if body["model"] == self.gone:
            return self.missing("model")
        return super().post_chat(parts, request, query)

    def chat(self, model, messages):
        return f"<{model}> {messages[-1]['content']}"


@pytest.fixture
def service() -> Kitchen:
    return Kitchen()


@pytest.fixture
def here(service: Kitchen) -> Connection:
    return Connection(service.client(), "local", "kitchen-base", "local", False)


def test_one_prompt_goes_to_every_model_with_the_same_settings(
    here: Connection, service: Kitchen
) -> None:
    shown = playground(here, MODELS, system="Be brief.")
    shown.ask("Eggs?", temperature=0.5, max_tokens=7)
    assert [request["model"] for request in service.requests] == list(MODELS.values())
    for request in service.requests:
        assert request["temperature"] == 0.5
        assert request["max_tokens"] == 7
        assert [m["content"] for m in request["messages"]] == ["Be brief.", "Eggs?"]


def test_the_table_holds_answers_tokens_and_seconds(here: Connection) -> None:
    table = playground(here, MODELS, prompt="Eggs?").table()
    assert list(table["system"]) == ["base", "fine-tuned"]
    assert list(table["answer"]) == [f"<{model}> Eggs?" for model in MODELS.values()]
    assert set(table["tokens in / out"]) == {"9 / 3"}
    assert all(float(seconds) >= 0 for seconds in table["seconds"])


def test_without_a_system_text_none_is_sent(here: Connection, service: Kitchen) -> None:
    playground(here, MODELS, prompt="Eggs?")
    assert [m["role"] for m in service.requests[0]["messages"]] == ["user"]


def test_the_button_asks_what_stands_in_the_fields(
    here: Connection, service: Kitchen
) -> None:
    shown = playground(here, MODELS)
    shown._button.click()
    assert service.requests == [], "an empty prompt is not asked"
    shown._prompt.value = "Salt?"
    shown._system.value = "Kindly."
    shown._temperature.value = 1.2
    shown._max_tokens.value = 11
    shown._button.click()
    request = service.requests[-1]
    assert (request["temperature"], request["max_tokens"]) == (1.2, 11)
    assert [m["content"] for m in request["messages"]] == ["Kindly.", "Salt?"]
    assert not shown._button.disabled


def test_answers_stand_side_by_side_and_never_become_html(here: Connection) -> None:
    shown = playground(here, MODELS, prompt="<b>Eggs</b>?")
    base, tuned = (column.value for column in shown._columns.values())
    assert "&lt;kitchen-base&gt; &lt;b&gt;Eggs" in base
    assert "9 tokens in, 3 out" in tuned
    bundle = shown._repr_mimebundle_()
    assert "application/vnd.jupyter.widget-view+json" in bundle
    assert "<b>Eggs" not in bundle["text/html"]
    assert "&lt;b&gt;Eggs" in bundle["text/html"]


def test_without_widgets_everything_is_text(
    here: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COMPANION_WIDGETS", "no")
    shown = playground(here, MODELS)
    assert shown.widget is None
    assert repr(shown).startswith("Nothing asked yet.")
    assert set(shown._repr_mimebundle_()) == {"text/plain"}
    assert "answer: <kitchen-base> Eggs?" in repr(shown.ask("Eggs?"))
    assert set(shown._repr_mimebundle_()) == {"text/plain", "text/html"}


def test_a_model_that_does_not_answer_says_why_and_the_other_answers(
    here: Connection, service: Kitchen
) -> None:
    service.gone = MODELS["base"]
    answers = playground(here, MODELS, prompt="Eggs?").answers
    assert answers["base"].text == "(no answer: No such model)"
    assert answers["fine-tuned"].text.endswith("Eggs?")


def test_a_provider_that_is_away_is_told_in_place_of_the_answers(
    here: Connection, service: Kitchen
) -> None:
    service.down = 2
    answers = playground(here, MODELS, prompt="Eggs?").answers
    assert all(answer.text.startswith("(no answer:") for answer in answers.values())


def test_models_that_are_not_there_yet_are_left_out(here: Connection) -> None:
    shown = playground(here, {"base": "kitchen-base", "fine-tuned": None})
    assert list(shown.models) == ["base"]
    with pytest.raises(ValueError, match="at least one model"):
        playground(here, {"fine-tuned": None})


def test_where_calls_are_billed_somebody_has_to_say_yes_first(
    service: Kitchen, monkeypatch: pytest.MonkeyPatch
) -> None:
    billed = Connection(service.client(), "openai", "gpt", "OpenAI", True)
    monkeypatch.setenv("COMPANION_SPEND", "no")
    with pytest.raises(SpendingRefused):
        Playground(billed, MODELS, prompt="Eggs?")
    assert service.requests == []
    monkeypatch.setenv("COMPANION_SPEND", "yes")
    assert Playground(billed, MODELS, prompt="Eggs?").answers


def test_an_error_that_is_no_answer_of_the_service_is_raised(
    here: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object, **__: object) -> None:
        raise TypeError("a bug")

    monkeypatch.setattr(here.client.chat.completions, "create", broken)
    with pytest.raises(TypeError, match="a bug"):
        playground(here, MODELS, prompt="Eggs?")
