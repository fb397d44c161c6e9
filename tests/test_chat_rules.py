"""Plain examples: the short cut must agree with the full set of rules."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from helpers.chat_rules import is_plain, rules
from helpers.chat_schema import SCHEMAS

WORDS = st.sampled_from(["Salt.", "", " ", "\u00a0\n", "안녕", None, 1, ["a"], {}])
ROLES = st.sampled_from(["system", "user", "assistant", "tool", "robot", None, 1, []])
MESSAGES = st.one_of(
    st.fixed_dictionaries({"role": ROLES, "content": WORDS}),
    st.fixed_dictionaries({"role": ROLES, "content": WORDS, "weight": st.just(0)}),
    st.fixed_dictionaries({"role": ROLES, "text": WORDS}),
    st.sampled_from([None, "user", [], {}]),
)


@st.composite
def nearly_plain(draw):
    """Draw a chat in the usual order, of which one thing may be wrong."""
    roles = draw(st.sampled_from([["user", "assistant"], ["system", "user"]]))
    if draw(st.booleans()):
        roles = ["system", "user", "assistant"]
    messages = [{"role": role, "content": "Salt."} for role in roles]
    if draw(st.booleans()):
        messages[draw(st.integers(0, len(messages) - 1))] = draw(MESSAGES)
    example = {"messages": messages}
    if draw(st.integers(0, 5)) == 0:
        example["tools"] = []
    return example


def plain(example, method="supervised"):
    return is_plain(example, method)


@settings(max_examples=200, deadline=None)
@given(example=st.one_of(nearly_plain(), MESSAGES, st.lists(MESSAGES)))
def test_a_plain_example_breaks_no_rule_and_has_the_right_shape(example):
    if plain(example):
        assert SCHEMAS["supervised"].validate_python(example) == example
        assert not list(rules(example, 1, 1, "supervised"))


@pytest.mark.parametrize("at", [0, 1, 2])
@pytest.mark.parametrize(
    "message",
    [
        {"content": ""},
        {"content": " "},
        {"content": "\u00a0\n"},
        {"content": None},
        {"content": ["a"]},
        {"content": 1},
        {"role": "robot"},
        {"role": ["user"]},
        {"role": "tool"},
        {"name": "x"},
    ],
)
def test_one_unusual_message_makes_an_example_not_plain(at, message):
    roles = ("system", "user", "assistant")
    messages = [{"role": role, "content": "Salt."} for role in roles]
    assert plain({"messages": messages})
    messages[at] |= message
    assert not plain({"messages": messages})


def test_the_usual_example_is_plain_for_supervised_training_only():
    example = {
        "messages": [
            {"role": "user", "content": "What is in it?"},
            {"role": "assistant", "content": "Salt."},
        ]
    }
    assert plain(example)
    assert not plain(example, "dpo")
    assert not plain(example | {"tools": []})
    assert not plain({"messages": example["messages"][:1]})
