"""Steps of the assignment: every right way passes, every mistake gets its own hint."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from helpers import assignment as module
from helpers.assignment import BASE, RULE, SHOWN, STEPS, TUNED, Work, begin
from helpers.assignment.data import contradicting, leaked, mislabelled
from helpers.connect import Connection
from helpers.evaluation import Answer
from tests.fake_service import Service
from tools import make_assignment as tool

MADE = {make.__name__: make() for make in tool.MAKERS}
REASONS = (
    "The fine-tuned model is right on 95 % of my test rows, the base model with "
    "examples on 25 %. Training takes a minute on my machine and hosting costs nothing "
    "there. I do not know how it does on messages from another kitchen."
)


@pytest.fixture
def start(tmp_path: Path):
    """Start the assignment with a data set, in a folder of the test's own."""
    return lambda name, tutorial=20: begin(tutorial, name, tmp_path / name)


def mended(work: Work) -> pd.DataFrame:
    """Return rows without the trap, made in the plainest way."""
    rows = work.rows
    if work.data.name == "timers":
        return rows.drop(rows.index[leaked(rows, work.questions)])
    if work.data.name == "tickets":
        bad = (rows["source"] == "labeller 2") & (rows["assistant"] == "complaint")
        return rows[~bad]
    items = []
    for user in rows["user"]:
        fields = dict(line.split(": ") for line in user.splitlines())
        items.append(
            f"shelf={fields['Shelf']}; until={fields['Keeps until']}; "
            f"made={fields['Made']}; weight={fields['Weight']}; jar={fields['Jar']}"
        )
    return rows.assign(user=items, system=work.questions["system"].iloc[0])


def replies(rows: pd.DataFrame, right: int, tokens: int = 10) -> list[Answer]:
    """Return answers to rows, the first `right` of them right."""
    return [
        Answer(text if i < right else "wrong", tokens, 2, 0.1)
        for i, text in enumerate(rows["assistant"])
    ]


def final(work: Work, right: int) -> list[str]:
    """Return answers to the questions, the first `right` of them right."""
    answers = tool.answers(MADE[work.data.name]).values()
    return [text if i < right else "wrong" for i, text in enumerate(answers)]


def walk(work: Work, tuned: int = 38, held_out: int = 60) -> pd.DataFrame:
    """Take steps 3, 4 and 6; return the learner's test rows."""
    rows = mended(work)
    assert work.check_rows(rows).state == "right"
    test = rows.iloc[-40:]
    zero, few = replies(test, 4, 10), replies(test, 10, 40)
    assert work.check_baseline(zero, few, test).state == "right"
    work.check_target(replies(test, tuned), final(work, held_out), test)
    return test


# --- the whole way ----------------------------------------------------------------


def test_the_points_of_the_steps_and_of_the_teacher_make_a_hundred() -> None:
    assert module.AUTOMATIC + module.BY_TEACHER == 100


@pytest.mark.parametrize("name", ["jars", "tickets", "timers"])
def test_whoever_takes_every_step_gets_every_point(name: str, start) -> None:
    work = start(name)
    service = Service(steps=1)
    here = Connection(service.client(), "local", "kitchen-base", "local", False)
    job = here.client.fine_tuning.jobs.create(model="m", training_file="file-1")
    while here.client.fine_tuning.jobs.retrieve(job.id).status != "succeeded":
        pass
    trap, ids = next((t, i) for t, i in module.traps(work.data).items() if i)
    work.check_choice()
    work.check_trap(trap, ids)
    walk(work)
    work.check_training(here, job)
    work.check_decision("fine-tune", REASONS)
    assert {step.name: work.state(step.name) for step in STEPS} == {
        step.name: "right" for step in STEPS
    }
    assert work.points == module.AUTOMATIC


def test_whoever_skips_everything_can_go_on(tmp_path: Path) -> None:
    work = begin(folder=tmp_path)
    assert work.data.name == module.DEFAULT
    assert work.use(...).equals(work.rows)
    test = work.use(...).iloc[-40:]
    outcomes = [
        work.check_choice(),
        work.check_trap(..., ...),
        work.check_rows(...),
        work.check_baseline(..., ..., test),
        work.check_training(None, ...),
        work.check_target(..., ..., test),
        work.check_decision(..., ...),
    ]
    assert [outcome.state for outcome in outcomes] == ["not tried"] * len(STEPS)
    assert work.points == 0
    assert work.scores().empty
    assert "Nothing to compare" in work.verdict()
    assert "0 / 5" in repr(work.progress())


def test_rows_and_questions_are_copies(start) -> None:
    work = start("jars")
    rows = work.rows
    rows["assistant"] = "spoiled"
    assert "spoiled" not in set(work.rows["assistant"])


def test_what_is_asked_is_told_with_the_target(start) -> None:
    text = repr(start("tickets").describe())
    assert text.startswith("tickets: Sort the messages to a kitchen.")
    assert "48 of the 60" in text
    assert max(map(len, text.splitlines())) <= 88


# --- 1: choose --------------------------------------------------------------------


@pytest.mark.parametrize(
    "tutorial", [20, "20", "20_fine_tune_recipe_assistant.ipynb", np.int64(20)]
)
def test_a_tutorial_may_be_named_in_every_way(tutorial: object, start) -> None:
    assert start("jars", tutorial).check_choice().state == "right"


@pytest.mark.parametrize("tutorial", [99, "recipes", 80])
def test_a_notebook_that_trains_nothing_is_no_tutorial(tutorial: object, start) -> None:
    outcome = start("jars", tutorial).check_choice()
    assert outcome.state == "not yet"
    assert "20" in outcome.text


def test_an_unknown_data_set_is_an_error_that_names_the_known() -> None:
    with pytest.raises(ValueError, match="jars, tickets, timers"):
        begin(20, "pots")


def test_there_are_three_data_sets_to_choose_from() -> None:
    shown = module.data_sets()
    assert list(shown["name"]) == ["jars", "tickets", "timers"]
    assert (shown["questions"] == 60).all()


# --- 2: the trap ------------------------------------------------------------------


def test_suspects_may_be_given_in_every_way(start) -> None:
    work = start("timers")
    rows = work.rows
    places = leaked(rows, work.questions)
    some = rows.iloc[places]
    mask = pd.Series(False, index=rows.index)
    mask.iloc[places] = True
    for suspects in (some, some["id"], list(some["id"]), set(some["id"]), mask):
        assert work.check_trap("leak", suspects).state == "right"


def test_of_contradicting_pairs_one_of_each_is_enough(start) -> None:
    work = start("tickets")
    pairs = work.rows.iloc[contradicting(work.rows)]
    one = pairs[pairs["source"] == "labeller 2"]
    wrong = work.rows.iloc[mislabelled(work.rows, work.data)]
    for suspects in (pairs, one, wrong):
        assert work.check_trap("contradiction", suspects).state == "right"


def test_wrong_traps_and_suspects_get_a_hint_that_names_the_mistake(start) -> None:
    work = start("timers")
    ids = list(work.rows.iloc[leaked(work.rows, work.questions)]["id"])
    for trap, suspects, words in (
        ("leek", ids, "leak, contradiction, prompt, none"),
        ("contradiction", ids, "no row of this data set"),
        ("none", [], "there is something"),
        ("leak", ids[:-3], "3 case(s)"),
        ("leak", work.rows, "nothing to do"),
        ("leak", 24, "int"),
        ("leak", "r001", "str"),
        ("leak", ["x1"], "no ids"),
        ("leak", pd.Series([True, False]), "Series"),
    ):
        outcome = work.check_trap(trap, suspects)
        assert outcome.state == "not yet", words
        assert words in outcome.text


# --- 3: the rows ------------------------------------------------------------------


def test_rows_may_be_a_list_of_dicts(start) -> None:
    work = start("jars")
    assert work.check_rows(mended(work).to_dict("records")).state == "right"


def test_own_rows_may_be_added(start) -> None:
    work = start("tickets")
    own = {"id": "mine-1", "system": work.rows["system"][0], "user": "My own message."}
    more = pd.concat([mended(work), pd.DataFrame([own | {"assistant": "order"}])])
    assert work.check_rows(more).state == "right"
    assert len(work.use(more)) == len(more)


@pytest.mark.parametrize("name", ["jars", "tickets", "timers"])
def test_rows_as_they_came_are_not_fit(name: str, start) -> None:
    words = {"jars": "shaped", "tickets": "share a prompt", "timers": "held-out"}
    work = start(name)
    outcome = work.check_rows(work.rows)
    assert outcome.state == "not yet"
    assert words[name] in outcome.text


def test_the_disguised_leaks_count_as_well(start) -> None:
    work = start("timers")
    asked = set(work.questions["user"])
    outcome = work.check_rows(work.rows[~work.rows["user"].isin(asked)])
    assert outcome.state == "not yet"


def test_dropping_only_what_was_seen_twice_is_not_enough(start) -> None:
    work = start("tickets")
    pairs = set(work.rows.iloc[contradicting(work.rows)]["id"])
    outcome = work.check_rows(work.rows[~work.rows["id"].isin(pairs)])
    assert "guide" in outcome.text
    assert outcome.state == "not yet"


def test_other_faults_of_rows_are_named(start) -> None:
    work = start("jars")
    good = mended(work)
    twice = good.head(3).assign(id=["a", "b", "c"])
    for rows, words in (
        (3, "int"),
        ("rows", "str"),
        ([], "list"),
        (good.drop(columns=["id", "user"]), "lack id, user"),
        (good.assign(assistant=" "), "empty"),
        (good.head(50), "50 rows are left"),
        (pd.concat([good, twice]), "3 row(s) repeat"),
        (good.assign(system="Write a label."), "shaped"),
        (good.assign(user=good["user"].str.replace("; ", ", ")), "shaped"),
        (good.assign(assistant=good["assistant"].str[::-1]), "guide"),
    ):
        outcome = work.check_rows(rows)
        assert outcome.state == "not yet", words
        assert words in outcome.text


def test_rows_that_are_no_table_cannot_be_used(start) -> None:
    with pytest.raises(ValueError, match="int"):
        start("jars").use(3)


# --- 4: the baseline --------------------------------------------------------------


def test_answers_may_be_texts_and_a_rule_may_join(start) -> None:
    work = start("jars")
    test = mended(work).iloc[-40:]
    wrong, right = ["x"] * 40, list(test["assistant"])
    assert work.check_baseline(wrong, wrong, test, rule=right).state == "right"
    assert list(work.scores().index) == [BASE, SHOWN, RULE]
    assert work.scores().loc[RULE, "exact"] == 1.0
    assert work.rival() == RULE


def test_mistakes_of_the_baseline_are_named(start) -> None:
    work = start("jars")
    test = mended(work).iloc[-40:]
    good, longer = replies(test, 3, 10), replies(test, 3, 40)
    for zero, few, rule, words in (
        (good[:5], longer, ..., "5 answers for 40"),
        (3, longer, ..., "one answer per row"),
        (good, "texts", ..., "one answer per row"),
        (good, good, ..., "longer"),
        (good, longer, ["x"], "'rule' has 1 answers"),
    ):
        outcome = work.check_baseline(zero, few, test, rule)
        assert outcome.state == "not yet", words
        assert words in outcome.text
    assert work.measured == {}


# --- 5: the training --------------------------------------------------------------


@pytest.fixture
def service() -> Service:
    return Service(steps=1)


@pytest.fixture
def here(service: Service) -> Connection:
    return Connection(service.client(), "local", "kitchen-base", "local", False)


def test_a_job_has_to_be_there_and_to_have_succeeded(here, service, start) -> None:
    work = start("jars")
    job = here.client.fine_tuning.jobs.create(model="m", training_file="file-1")
    assert "running" in work.check_training(here, job).text
    assert "no such job" in work.check_training(here, "ftjob-none").text
    assert "int is no job" in work.check_training(here, 3).text
    here.client.fine_tuning.jobs.retrieve(job.id)
    assert work.check_training(here, job.id).state == "right"


def test_a_job_has_to_be_trained_on_the_file_that_was_written(
    here, service, start, tmp_path: Path
) -> None:
    work = start("jars")
    path = tmp_path / "training.jsonl"
    path.write_bytes(b"new")
    with open(path, "rb") as file:
        sent = here.client.files.create(file=file, purpose="fine-tune")
    job = here.client.fine_tuning.jobs.create(model="m", training_file=sent.id)
    while here.client.fine_tuning.jobs.retrieve(job.id).status != "succeeded":
        pass
    service.result = b"old"
    assert "another file" in work.check_training(here, job, path).text
    service.result = b"new"
    assert work.check_training(here, job, path).state == "right"
    service.files.clear()
    assert work.check_training(here, job, path).state == "right"


# --- 6: the target ----------------------------------------------------------------


def test_the_target_is_reached_from_its_number_on(start) -> None:
    work = start("jars")
    test = walk(work, held_out=53)
    assert work.outcomes["target"].state == "not yet"
    assert "53 of 60" in work.outcomes["target"].text
    outcome = work.check_target(replies(test, 38), final(work, 54), test)
    assert outcome.state == "right"
    assert "(Try 2)" in outcome.text


def test_the_same_answers_twice_are_one_try_also_after_a_restart(
    start, tmp_path: Path
) -> None:
    work = start("jars")
    test = walk(work)
    work.check_target(replies(test, 38), final(work, 60), test)
    assert len(work.tries()) == 1
    again = begin(20, "jars", work.folder)
    assert len(again.tries()) == 1


def test_a_score_with_unmended_rows_means_nothing(start) -> None:
    work = start("timers")
    test = work.rows.iloc[-40:]
    outcome = work.check_target(replies(test, 40), final(work, 60), test)
    assert outcome.state == "not yet"
    assert "step 3" in outcome.text


def test_answers_may_be_given_by_their_ids(start) -> None:
    work = start("jars")
    test = walk(work)
    by_id = tool.answers(MADE["jars"])
    assert work.check_target(replies(test, 38), by_id, test).state == "right"
    by_id.popitem()
    work.check_target(replies(test, 38), by_id, test)
    assert work.n_right == 59


def test_wrong_numbers_of_answers_are_named(start) -> None:
    work = start("jars")
    test = mended(work).iloc[-40:]
    assert "'final' has 3" in work.check_target(replies(test, 1), ["x"] * 3, test).text
    assert "'tuned'" in work.check_target([1], final(work, 1), test).text
    assert work.tries() == []


# --- 7: the decision --------------------------------------------------------------


@pytest.mark.parametrize("choice", ["fine-tune", " Do not  fine-tune"])
def test_either_decision_passes_with_its_numbers(choice: str, start) -> None:
    work = start("jars")
    walk(work)
    assert work.check_decision(choice, REASONS).state == "right"
    assert work.reasons == REASONS


def test_mistakes_of_a_decision_are_named(start) -> None:
    work = start("jars")
    assert "nothing to compare" in work.check_decision("fine-tune", REASONS).text
    walk(work)
    for choice, reasons, words in (
        ("maybe", REASONS, "no decision"),
        ("fine-tune", "It is better.", "3 words"),
        ("fine-tune", "word " * 40, "at least two of the numbers"),
        ("fine-tune", "word " * 40 + "95 %", "at least two of the numbers"),
    ):
        outcome = work.check_decision(choice, reasons)
        assert outcome.state == "not yet", words
        assert words in outcome.text
    assert work.choice == ""


def test_numbers_that_cannot_tell_do_not_carry_fine_tuning(start) -> None:
    work = start("jars")
    test = walk(work, tuned=12)
    assert work.difference().verdict == "cannot tell"
    reasons = REASONS.replace("95 %", "30 %")
    assert "does not say" in work.check_decision("fine-tune", reasons).text
    assert work.check_decision("do not fine-tune", reasons).state == "right"
    assert "cannot tell" in work.verdict()
    assert TUNED in work.measured
    assert len(test) == 40


def test_the_best_rival_is_the_one_to_beat(start) -> None:
    work = start("jars")
    test = walk(work)
    rule = list(test["assistant"])
    work.check_baseline(replies(test, 1, 9), replies(test, 2, 30), test, rule)
    assert work.rival() == RULE
    assert work.difference().verdict in ("worse", "cannot tell")


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("0.95 and 0,25", {"0.95", "0,25"}),
        ("95 % and 25.0 %", {"95", "25.0"}),
        ("38 of 40", {"38"}),
        ("94.7 per cent", {"94.7"}),
        ("0.96, 96 % and 37", set()),
        ("none", set()),
    ],
)
def test_numbers_are_found_however_they_are_written(text: str, found: set[str]) -> None:
    known = {"a": (38, 40), "b": (10, 40)}
    assert module.numbers_named(text, known) == found


# --- hints and progress -----------------------------------------------------------


@pytest.mark.parametrize("step", [step.name for step in STEPS])
def test_every_step_has_three_hints_and_then_repeats_the_last(step: str, start) -> None:
    work = start("jars")
    said = [work.hint(step) for _ in range(4)]
    assert len(set(said)) == 3
    assert said[2] == said[3]
    assert said[0].startswith("Hint 1 of 3:")


def test_an_unknown_step_is_answered_with_the_known_ones(start) -> None:
    with pytest.raises(KeyError, match="choice, trap, rows"):
        start("jars").hint("eight")


def test_progress_shows_points_and_the_last_sentence(start) -> None:
    work = start("jars")
    work.check_choice()
    work.check_rows(work.rows)
    shown = repr(work.progress())
    assert "5 / 5" in shown
    assert "✘ Not yet: 240 row(s)" in shown
    assert work.points == 5
