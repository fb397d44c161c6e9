"""Personal data and secrets: found by their shape, shown masked, taken out."""

import re
import time

import pytest

from helpers import privacy
from helpers.privacy import find, find_in_example, mask, passes_luhn, redact

# Put together here, so that no file of the repository holds what looks like a key.
# None of these belongs to anybody: reserved domains, numbers kept for films, test cards
# of payment services, the IBANs of the registry's own examples.
FAKE_KEY = "sk-" + "proj-" + "not4real" * 4
SAMPLES = {
    "email": [
        "cook@example.org",
        "a.cook+soup@mail.example.com",
        "a_b-c%d@sub.mail.example.co",
    ],
    "phone": [
        "(212) 555-0142",
        "212-555-0142",
        "1 212.555.0142",
        "+1 212 555 0142",
        "+44 20 7946 0958",
        "+82-10-0000-1234",
        "010-0000-1234",
        "02-000-1234",
        "020 7946 0958",
        "0207 946 0958",
    ],
    "card": [
        "4111 1111 1111 1111",
        "4111111111111111",
        "5555-5555-5555-4444",
        "3782 822463 10005",
        "2223 0031 2200 3222",
        "6011000990139424",
    ],
    "iban": [
        "DE89 3704 0044 0532 0130 00",
        "DE89370400440532013000",
        "GB29 NWBK 6016 1331 9268 19",
        "FR14 2004 1010 0505 0001 3M02 606",
        "NO9386011117947",
        "MT84 MALT 0110 0001 2345 MTLC AST0 01S",
    ],
    "resident": ["900101-1234567", "021231-4000000"],
    "key": [
        FAKE_KEY,
        "gh" + "p_" + "a1B2" * 9,
        "github" + "_pat_" + "a1B2" * 8,
        "hf" + "_" + "aB" * 17,
        "AKIA" + "IOSFODNN7EXAMPLE",
        "AIza" + "a1B2c" * 7,
        "xox" + "b-0000000000-abcdef",
        "sk" + "_live_" + "a1B2" * 5,
        "eyJ" + "hbGciOiJI.eyJ" + "zdWIiOiIx.c2lnbmF0dXJl",
        "-----BEGIN RSA PRIVATE KEY-----\nabc\n-----END RSA PRIVATE KEY-----",
    ],
}
PAIRS = [(kind, text) for kind, texts in SAMPLES.items() for text in texts]


@pytest.mark.parametrize(("kind", "text"), PAIRS)
@pytest.mark.parametrize(
    "frame", ["{}", "Write to {}, please.", "({})", "는 {}입니다."]
)
def test_what_has_a_known_shape_is_found_where_it_stands(
    kind: str, text: str, frame: str
) -> None:
    whole = frame.format(text)
    (found,) = find(whole)
    assert found.kind == kind
    assert whole[found.start : found.end] == text


@pytest.mark.parametrize(("kind", "text"), PAIRS)
def test_nothing_is_ever_shown_in_full(kind: str, text: str) -> None:
    shown = mask(f"before {text} after")
    assert shown.startswith("before ")
    assert shown.endswith(" after")
    kept = re.sub(r"\W", "", shown.removeprefix("before ").removesuffix(" after"))
    assert len(kept) <= len(re.sub(r"\W", "", text)) / 2
    assert text not in shown


@pytest.mark.parametrize(("kind", "text"), PAIRS)
def test_a_placeholder_takes_the_place_and_nothing_is_found_afterwards(
    kind: str, text: str
) -> None:
    clean = redact(f"before {text} after")
    assert clean == f"before {privacy.PLACEHOLDERS[kind]} after"
    assert find(clean) == []


@pytest.mark.parametrize(
    "text",
    [
        "1 1/2 c. flour, 3 or 4 eggs, 2 (8 oz.) pkg. cream cheese",
        "Bake 35 to 40 min. at 350 to 375 degrees.",
        "2026-11-22 20:15:30",
        "recipe 00042 of 1500, page 212-555",
        "4111 1111 1111 1112",  # the check digit is wrong
        "0000 0000 0000 0000",
        "7111 1111 1111 1113",  # no payment card begins with 7
        "DE89 3704 0044 0532 0130 01",  # the check digits are wrong
        "DE8937040044053201300",  # too short
        "901301-1234567",  # there is no month 13
        "ask-me-anything-about-cooking-and-baking",
        "a risk-averse-and-thoroughly-tested-approach",
        "sk-learn-is-short-for-scikit-learn",
        "cook at example.org, @cook, cook@home",
        "https://recipes.example.org/00001",
        "",
    ],
)
def test_ordinary_texts_are_left_alone(text: str) -> None:
    assert find(text) == []
    assert mask(text) == redact(text) == text


def test_the_recipes_of_the_course_hold_nothing_personal() -> None:
    from helpers.recipes import load_recipes, to_examples

    rows = to_examples(load_recipes())
    assert [found for row in rows for found in find_in_example(row)] == []


def test_several_findings_come_in_order_and_do_not_overlap() -> None:
    card, iban = SAMPLES["card"][0], SAMPLES["iban"][0]
    text = f"Pay {card} or {iban}, tell cook@example.org or {SAMPLES['phone'][0]}"
    found = find(text)
    assert [one.kind for one in found] == ["card", "iban", "email", "phone"]
    assert all(a.end <= b.start for a, b in zip(found, found[1:], strict=False))


def test_a_number_that_follows_does_not_hide_a_card() -> None:
    (found,) = find("4111 1111 1111 1111 2 cups")
    assert found.kind == "card"
    assert found.end == 19


@pytest.mark.parametrize("digits", ["79927398713", "4111111111111111", "0"])
def test_luhn_accepts_right_check_digits_and_no_other(digits: str) -> None:
    assert passes_luhn(digits)
    for wrong in range(1, 10):
        last = str((int(digits[-1]) + wrong) % 10)
        assert not passes_luhn(digits[:-1] + last)


def test_a_private_key_without_its_end_is_taken_out_to_the_end() -> None:
    text = "x -----BEGIN PRIVATE KEY-----\nMIIabc"
    assert redact(text) == "x [KEY]"


def test_fields_are_named_as_in_problems_and_tools_are_searched_as_well() -> None:
    example = {
        "messages": [
            {"role": "user", "content": [{"type": "text", "text": "cook@example.org"}]},
            {
                "role": "assistant",
                "tool_calls": [
                    {
                        "id": "1",
                        "type": "function",
                        "function": {
                            "name": "mail",
                            "arguments": '{"to": "b@example.org"}',
                        },
                    }
                ],
            },
        ],
        "tools": None,
    }
    assert [(field, one.kind) for field, one in find_in_example(example)] == [
        ("messages[0].content[0].text", "email"),
        ("messages[1].tool_calls[0].function.arguments", "email"),
    ]
    clean = privacy.redact_example(example)
    assert list(find_in_example(clean)) == []
    assert clean["messages"][0]["content"][0]["text"] == "[EMAIL]"
    assert "cook@example.org" in str(example), "the original stays as it is"


@pytest.mark.parametrize(
    "text",
    [
        "a" * 200_000,
        "a." * 100_000 + "@",
        "1 " * 100_000,
        "sk-" * 70_000,
        "+1" * 100_000,
        "eyJ" + "a-eyJ" * 40_000,
        "AA11" * 50_000,
        "@a." * 70_000,
    ],
    ids=lambda text: text[:8],
)
def test_no_text_makes_the_search_slow(text: str) -> None:
    began = time.process_time()
    find(text)
    assert time.process_time() - began < 5.0
