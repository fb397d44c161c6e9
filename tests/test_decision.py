"""The decision: every verdict can be reached, every rule has its reason, no answer
is taken for another."""

import datetime
import math
from dataclasses import fields

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from helpers.checks.decision import complete_case
from helpers.decision import (
    LACKS,
    QUESTIONS,
    SKIPPED,
    VERDICTS,
    Answers,
    Score,
    answers_from,
    better,
    reaches,
    recommend,
)
from helpers.evaluation import Interval
from helpers.messages import TEXTS

DAY = datetime.date(2026, 11, 22)
TUNED = {"fine_tuned": (0.93, 0.91, 0.95)}


def verdict(**changes):
    return recommend({**complete_case(), **changes}, DAY).verdict


def texts(**changes):
    found = recommend({**complete_case(), **changes}, DAY)
    return {reason.text: reason.sign for reason in found.reasons}


# --- verdicts ---------------------------------------------------------------------


def test_a_complete_case_before_training_says_try_it():
    assert verdict() == "try it"


def test_a_fine_tuned_model_that_is_better_says_yes():
    assert verdict(**TUNED) == "yes"


def test_without_answers_it_says_not_yet_and_lists_the_questions():
    found = recommend({}, DAY)
    assert found.verdict == "not yet"
    needed = [name for name, question in QUESTIONS.items() if question.needed]
    assert list(found.missing) == needed
    assert len(found.next_steps()) == len(needed)


@pytest.mark.parametrize(
    "name", [name for name, question in QUESTIONS.items() if question.needed]
)
def test_each_needed_answer_that_is_missing_says_not_yet(name):
    found = recommend({**complete_case(), name: None}, DAY)
    assert found.verdict == "not yet"
    assert found.missing == (name,)
    assert found.next_steps() == [f"Find out: {TEXTS[f'decision.ask.{name}']}"]


@pytest.mark.parametrize(
    "change",
    [
        {"lacks": "changing facts"},
        {"tunable": False},
        {"may_use": False},
        {"available_until": "2026-11-22"},
        {"few_shot": (0.95, 0.93, 0.97), "months_to_pay_back": math.inf},
        {"rule": (0.95, 0.93, 0.97), "months_to_pay_back": 13},
        {"fine_tuned": (0.60, 0.55, 0.65)},
    ],
)
def test_what_rules_fine_tuning_out_says_no(change):
    assert verdict(**change) == "no"


def test_a_no_outweighs_everything_that_is_missing():
    found = recommend({"tunable": False}, DAY)
    assert found.verdict == "no"
    assert "rag" in found.missing


@pytest.mark.parametrize(
    "change",
    [
        {"compute": False},
        {"examples": 9},
        {"labels_checked": False},
        {"hours_to_spend": 10},
        {"fine_tuned": (0.86, 0.84, 0.88)},  # better, and still below the target
    ],
)
def test_what_comes_first_says_not_yet(change):
    found = recommend({**complete_case(), **change}, DAY)
    assert found.verdict == "not yet"
    assert found.missing == ()
    assert len(found.next_steps()) == 1


@pytest.mark.parametrize(
    "change",
    [
        {"rag": (0.89, 0.85, 0.93)},  # may or may not reach the target of 0.90
        {"rag": 0.95},  # reaches it, but nobody knows how surely
        {"fine_tuned": 0.93},
        {"fine_tuned": (0.91, 0.78, 0.97), "rag": (0.80, 0.70, 0.88)},
        {**TUNED, "gain": (0.19, -0.01, 0.39)},
    ],
)
def test_what_was_measured_and_does_not_decide_says_cannot_tell(change):
    assert verdict(**change) == "cannot tell"


def test_a_good_alternative_leaves_money_as_a_reason():
    good = {"few_shot": (0.95, 0.93, 0.97)}
    assert verdict(**good, months_to_pay_back=3) == "try it"
    assert "only money speaks" in str(texts(**good, months_to_pay_back=3))
    assert verdict(**good, months_to_pay_back=None) == "not yet"


def test_an_alternative_that_does_not_apply_counts_as_answered():
    assert verdict(rag=SKIPPED) == "try it"
    assert "Does not apply" not in str(texts(rag="Does not apply"))


def test_every_verdict_can_be_reached_and_has_its_words():
    reached = {
        verdict(),
        verdict(**TUNED),
        verdict(compute=None),
        verdict(tunable=False),
        verdict(rag=0.95),
    }
    assert reached == set(VERDICTS)
    for name in VERDICTS:
        assert f"decision.verdict.{name.replace(' ', '_')}" in TEXTS


ANYTHING = {
    "text": st.text(max_size=20),
    "choice": st.sampled_from(LACKS),
    "yes_no": st.booleans(),
    "number": st.floats(0, 1e6),
    "date": st.dates(datetime.date(2020, 1, 1), datetime.date(2030, 1, 1)),
    "score": st.lists(st.floats(0, 1), min_size=3, max_size=3).map(
        lambda three: (sorted(three)[1], min(three), max(three))
    ),
}


@settings(deadline=None)  # a loaded machine takes its time
@given(
    st.fixed_dictionaries(
        {}, optional={n: ANYTHING[q.kind] for n, q in QUESTIONS.items()}
    )
)
def test_whatever_is_answered_has_a_verdict_that_can_be_written(answers):
    found = recommend(answers, DAY)
    assert found.verdict in VERDICTS
    assert found.next_steps()
    assert found.markdown().startswith("# ")
    assert found.headline in repr(found)
    assert (found.verdict == "not yet") or not (
        found.missing and found.verdict in ("yes", "try it", "cannot tell")
    )


# --- reasons ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "words", "sign"),
    [
        ({"lacks": "form"}, "what fine-tuning teaches best", "for"),
        ({"lacks": "facts"}, "can be checked", "against"),
        ({}, "RAG), scores 0.74 (0.69 to 0.79); the target of 0.90 is out", "for"),
        ({"rule": 0.85}, "hand-written rule, scores 0.85 (no interval)", "for"),
        (
            {"available_until": "2027-01-14"},
            "in 53 days: before it has paid",
            "against",
        ),
        (
            {"available_until": "2027-01-14", "months_to_pay_back": 1},
            "in 53 days; then the work starts again",
            "against",
        ),
        ({"examples": 20}, "starts with 50 good ones", "against"),
        ({}, "There are 400 examples", "for"),
        ({}, "after 5.0 months, of 12", "for"),
        ({"months_to_pay_back": 20}, "takes 20 months until", "against"),
        ({"months_to_pay_back": "inf"}, "never pays for itself", "against"),
        ({"tokens_saved": 441.2}, "saves 441 tokens", "for"),
        ({"tokens_saved": -10}, "10 tokens more", "against"),
        ({"other_domains": True}, "serves other tasks too", "for"),
        ({"other_domains": False}, "one task only", "against"),
        (TUNED, "scores 0.93 (0.91 to 0.95); that is better than", "for"),
    ],
)
def test_an_answer_gives_its_reason_with_its_numbers(change, words, sign):
    found = texts(**change)
    (text,) = [text for text in found if words in text]
    assert found[text] == sign


def test_a_model_that_lasts_long_gives_no_reason():
    assert "ends on" not in str(texts(available_until="2029-01-01"))


def test_never_paying_back_does_not_forbid_what_only_fine_tuning_reaches():
    assert verdict(**TUNED, months_to_pay_back=math.inf) == "yes"


@pytest.mark.parametrize(
    ("score", "answer"),
    [
        (Score(0.95, 0.91, 0.97), "yes"),
        (Score(0.92, 0.89, 0.95), "cannot tell"),
        (Score(0.80, 0.75, 0.85), "no"),
        (Score(0.95), "cannot tell"),
        (Score(0.85), "no"),
    ],
)
def test_a_score_reaches_a_target_with_all_of_its_interval(score, answer):
    assert reaches(score, 0.90) == answer


def test_a_comparison_in_pairs_decides_what_overlapping_intervals_leave_open():
    first, second = Score(0.9, 0.85, 0.95), Score(0.86, 0.80, 0.92)
    assert better(first, second) == "cannot tell"
    assert better(first, second, Score(0.04, 0.01, 0.07)) == "better"
    assert better(second, first, Score(-0.04, -0.07, -0.01)) == "worse"
    assert better(Score(0.5, 0.4, 0.6), Score(0.1, 0.0, 0.2)) == "better"
    assert better(Score(0.5), second) == "cannot tell"


# --- reading answers --------------------------------------------------------------


@pytest.mark.parametrize(
    "given",
    [
        (0.42, 0.35, 0.49),
        [0.42, 0.35, 0.49],
        "0.42 (0.35 to 0.49)",
        "0.42, .35, 0.49",
        Interval(0.42, 0.35, 0.49),
        Score(0.42, 0.35, 0.49),
    ],
)
def test_a_score_is_read_however_it_is_given(given):
    assert answers_from({"rag": given}).rag == Score(0.42, 0.35, 0.49)


@pytest.mark.parametrize("given", [0.42, "0.42", (0.42,), Score(0.42)])
def test_a_score_may_lack_its_interval(given):
    assert answers_from({"rag": given}).rag == Score(0.42)


def test_a_measured_interval_that_misses_its_value_is_widened_to_hold_it():
    assert answers_from({"rag": Interval(0.3, 0.31, 0.4)}).rag == Score(0.3, 0.3, 0.4)


def test_a_score_of_nothing_right_is_a_score():
    assert answers_from({"zero_shot": (0, 0, 0)}).best() == (
        "zero_shot",
        Score(0, 0, 0),
    )


@pytest.mark.parametrize("blank", [None, "", ...])
def test_a_blank_is_no_answer(blank):
    assert answers_from({"target": blank, "rag": blank}) == Answers()


def test_the_best_alternative_is_the_one_with_the_highest_score():
    answers = answers_from({"rule": 0.7, "few_shot": 0.3, "rag": SKIPPED})
    assert answers.best() == ("rule", Score(0.7))


def test_dates_and_numbers_may_come_as_text():
    found = answers_from({"available_until": "2027-01-14", "target": "0.8"})
    assert found.available_until == datetime.date(2027, 1, 14)
    assert found.target == 0.8


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("use-case", "x", "no question called 'use-case'"),
        ("use_case", 5, "wanted is a text"),
        ("lacks", "knowledge", "'form', 'skill', 'facts' or 'changing facts'"),
        ("tunable", "maybe", "True or False"),
        ("tunable", 1, "True or False"),
        ("target", "high", "a number from 0 up"),
        ("target", -0.1, "a number from 0 up"),
        ("target", True, "a number from 0 up"),
        ("target", math.nan, "a number from 0 up"),
        ("target", math.inf, "a number from 0 up"),
        ("tokens_saved", math.inf, "a number from 0 up"),
        ("available_until", "soon", "a date such as"),
        ("rag", "unknown", "three numbers"),
        ("rag", (0.4, 0.5, 0.6), "three numbers"),
        ("rag", (0.4, 0.3), "three numbers"),
        ("rag", math.nan, "three numbers"),
        ("rag", {"value": 0.4}, "three numbers"),
    ],
)
def test_an_answer_that_does_not_fit_its_question_is_named(name, value, words):
    with pytest.raises(ValueError, match=words) as caught:
        answers_from({name: value})
    assert name in str(caught.value)


def test_questions_and_answers_have_the_same_names():
    assert list(QUESTIONS) == [field.name for field in fields(Answers)]
    for name in QUESTIONS:
        assert f"decision.ask.{name}" in TEXTS


# --- the text ---------------------------------------------------------------------


def test_the_markdown_holds_verdict_reasons_gaps_answers_and_day(tmp_path):
    found = recommend({**complete_case(), "rag": None}, DAY)
    text = found.save(tmp_path / "new" / "decision.md").read_text(encoding="utf-8")
    assert text == found.markdown()
    assert "**Not yet: something comes first.**" in text
    assert "Sort letters to a town hall" in text
    assert "## What speaks for it" in text
    assert "- What does it score with retrieved text in the prompt (RAG)?" in text
    assert "| How many training examples are there? | 400 |" in text
    assert "| Is there something to train on, and to answer from? | yes |" in text
    assert "2026-11-22" in text


def test_what_a_learner_types_stays_text_in_markdown_and_in_html():
    answers = {"use_case": "# Sort | <b>all</b>\nof *it*", "metric": "a|b"}
    found = recommend(answers, DAY)
    text = found.markdown()
    assert r"\# Sort \| \<b\>all\</b\> of \*it\*" in text
    assert r"| What is measured? | a\|b |" in text
    assert "<b>all" not in found._repr_html_()


def test_a_recommendation_shows_itself_as_plain_text_and_html():
    found = recommend(complete_case(), DAY)
    plain, page = repr(found), found._repr_html_()
    assert plain.startswith("Try it: a small fine-tuning job is worth it.")
    assert max(map(len, plain.splitlines())) <= 88
    for words in ("What speaks for it", "What to do now", "There are 400 examples"):
        assert words in plain
        assert words in page


def test_a_no_names_what_to_use_instead():
    steps = recommend({**complete_case(), "tunable": False}, DAY).next_steps()
    assert "retrieved text (RAG)" in steps[1]


def test_large_and_endless_numbers_are_written_out():
    found = recommend(
        {**complete_case(), "examples": 1_000_000, "months_to_pay_back": math.inf}, DAY
    ).markdown()
    assert "| 1,000,000 |" in found
    assert "(inf: never)? | never |" in found
