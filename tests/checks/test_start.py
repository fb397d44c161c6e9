"""Checks of the first notebook: right answers pass, every mistake gets its hint."""

import itertools

import pytest

from helpers.checks import start
from helpers.checks.start import ORDER, STEPS, check_order, check_question

SYSTEM = {"role": "system", "content": "You answer briefly."}
USER = {"role": "user", "content": "What is tofu made from?"}
REPLY = {"role": "assistant", "content": "Soybeans."}
RIGHT = "HDCAEGBF"


@pytest.mark.parametrize(
    "answer",
    [
        [SYSTEM, USER],
        [{**SYSTEM, "role": "developer"}, USER],
        [SYSTEM, USER, REPLY, USER],
        [SYSTEM, {"role": "user", "content": [{"type": "text", "text": "두부?"}]}],
    ],
)
def test_a_request_is_right_however_it_is_worded(answer: object) -> None:
    assert check_question(answer).state == "right"


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        ("What is tofu?", "str"),
        (USER, "dict"),
        ([], "empty"),
        ([USER], "'user'"),
        ([SYSTEM], "no message from the user"),
        ([SYSTEM, USER, REPLY], "'assistant'"),
        ([SYSTEM, {"role": "usr", "content": "?"}], "usr"),
        ([SYSTEM, {"role": "user"}], "content"),
        ([SYSTEM, {"content": "?"}], "role"),
        ([SYSTEM, {"role": "user", "content": " "}], "empty"),
        ([SYSTEM, {"role": "user", "content": ...}], "JSON"),
        (["Hello"], "messages"),
    ],
)
def test_a_wrong_request_gets_a_hint_that_names_the_mistake(
    answer: object, words: str
) -> None:
    outcome = check_question(answer)
    assert outcome.state == "not yet"
    assert words in outcome.text, outcome.text


@pytest.mark.parametrize(
    "answer",
    [RIGHT, RIGHT.lower(), "H D C A E G B F", "H, D, C, A, E, G, B, F",
     "H → D → C → A → E → G → B → F", list(RIGHT), tuple(RIGHT)],
)  # fmt: skip
def test_the_order_is_right_however_it_is_written(answer: object) -> None:
    assert check_order(answer).state == "right"


def test_exactly_one_order_is_right_and_all_others_get_a_hint() -> None:
    assert [STEPS[letter] for letter in RIGHT] == list(ORDER)
    states = [check_order(order).state for order in itertools.permutations(STEPS)]
    assert states.count("right") == 1
    assert set(states) == {"right", "not yet"}


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        ("DHCAEGBF", "D comes before H"),
        ("HCDAEGBF", "measure on"),
        ("HDACEGBF", "better prompt"),
        ("HDCEAGBF", "E comes before A"),
        ("HDCAGEBF", "test set that helps to choose"),
        ("HDCAEBGF", "B comes before G"),
        ("HDCAEGFB", "every hour"),
        ("HDCAEGB", "1 step(s)"),
        ("HDCAEGBB", "B comes twice"),
        ("HDCAEGBX", "no step X"),
        (12345678, "letters"),
        ([1, 2], "letters"),
    ],
)
def test_a_wrong_order_gets_a_hint_that_names_the_mistake(
    answer: object, words: str
) -> None:
    outcome = check_order(answer)
    assert outcome.state == "not yet"
    assert words in outcome.text, outcome.text


def test_the_letters_do_not_give_the_order_away() -> None:
    assert [STEPS[letter] for letter in sorted(STEPS)] != list(ORDER)
    assert set(STEPS.values()) == set(ORDER)


def test_every_step_is_shown_with_its_letter(
    capsys: pytest.CaptureFixture[str],
) -> None:
    start.show_steps()
    lines = capsys.readouterr().out.splitlines()
    assert [line[0] for line in lines] == sorted(STEPS)
    assert all(len(line.split()) > 4 for line in lines)


def test_a_blank_is_not_a_mistake() -> None:
    assert check_question(...).state == check_order(...).state == "not tried"
