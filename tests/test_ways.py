"""The map of the ways: no holes, no call that is not there, nothing said twice."""

from __future__ import annotations

import csv
import datetime
import itertools
import json
import re
from pathlib import Path

import pytest

from helpers import ways
from helpers.course import NOTEBOOKS
from helpers.ways import (
    ASK,
    AZURE,
    CHANGES,
    EXISTING,
    HERE,
    LOST,
    NEW,
    NOTHING,
    OPENAI,
    START,
    STAYS,
    TOGETHER,
    TRL,
    WAYS,
    bills,
    calls_to_change,
    check_complete,
    checked_calls,
    compare_settings,
    distributed_figures,
    doors,
    doors_table,
    known,
    last_read,
    look_up,
    move,
    open_to_new,
    side_by_side,
    table,
    where_steps_happen,
)

TODAY = datetime.date(2026, 11, 23)


# --- the tables -------------------------------------------------------------------


@pytest.mark.parametrize("name", ways.COLUMNS)
def test_every_row_is_dated_and_says_where_it_was_read(name: str) -> None:
    rows = table(name)
    assert len(rows)
    if "read_on" in rows:
        for row in rows.itertuples():
            assert datetime.date.fromisoformat(row.read_on)
            assert len(row.source) >= 12
            assert row.verified in ("yes", "no")


def test_every_step_says_something_about_every_way() -> None:
    steps = table("steps")
    check_complete(steps)
    assert len(steps) == len(WAYS) * steps["step"].nunique()
    with pytest.raises(ValueError, match="'train' says nothing about: Together AI"):
        check_complete(steps[(steps.step != "train") | (steps.way != TOGETHER)])
    steps.loc[3, "call"] = "client.files.create"
    steps.loc[3, "kind"] = "none"
    with pytest.raises(ValueError, match="do not fit together"):
        check_complete(steps)


def test_the_ways_are_those_of_the_table_of_the_four_things() -> None:
    with (ways.DATA_DIR / "four_things.csv").open(encoding="utf-8") as lines:
        assert set(WAYS) == {row["provider"] for row in csv.DictReader(lines)}


def test_every_notebook_that_is_named_belongs_to_the_course() -> None:
    there = {path.stem for path in NOTEBOOKS.glob("*.ipynb")}
    assert set(table("steps")["notebook"]) - {""} <= there


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("client,openai", "klient,openai", r"steps\.csv, line \d+, kind: 'klient'"),
        ("write the data,OpenAI", "write the data,here", r"line 3: there is a second"),
        ("step,way", "Step,way", r"line 2: the columns"),
    ],
)
def test_a_row_that_is_not_as_described_is_refused_with_its_line(
    old: str, new: str, told: str, tmp_path: Path
) -> None:
    text = (ways.WAYS_DIR / "steps.csv").read_text(encoding="utf-8")
    assert old in text
    (tmp_path / "steps.csv").write_text(text.replace(old, new, 1), encoding="utf-8")
    with pytest.raises(ValueError, match=told):
        table("steps", tmp_path)


def test_dates_and_prices_are_joined_and_not_repeated() -> None:
    dates = {day.isoformat() for day in ways.closing_dates()["date"]}
    for path in ways.WAYS_DIR.glob("*.csv"):
        text = path.read_text(encoding="utf-8")
        found = set(re.findall(r"\d{4}-\d\d-\d\d", text))
        assert not found & dates, f"{path.name} repeats a closing date"
        assert not re.search(r"\d\s*(USD|EUR|dollars?)\b|\$\s*\d", text), path.name


# --- calls ------------------------------------------------------------------------


def test_every_call_of_the_map_is_in_the_package_that_is_installed() -> None:
    found = checked_calls()
    here = found[found["version"] != ""]
    assert {"openai", "azure-mgmt-cognitiveservices", "transformers", "trl"} <= set(
        here.index
    )
    assert (here["found"] == here["calls"]).all()
    assert found["found"]["helpers"] == found["calls"]["helpers"]


def test_what_a_package_has_not_is_noticed() -> None:
    assert look_up("client", "openai", "client.files.create", "file purpose")
    for call in ("client.files.upload", "client.fine_tuning.create"):
        with pytest.raises(LookupError, match=call):
            look_up("client", "openai", call)
    with pytest.raises(LookupError, match="max_seq_length"):
        look_up("import", "trl", "trl.SFTConfig", "max_length max_seq_length")
    with pytest.raises(LookupError, match="setup_chat_format"):
        look_up("import", "trl", "trl.setup_chat_format")
    with pytest.raises(LookupError, match="ChatCompletion"):
        look_up("import", "openai", "openai.ChatCompletion.create")
    with pytest.raises(LookupError, match="no tlr"):
        look_up("command", "trl", "tlr sft")
    assert look_up("command", "trl", "trl sft --config")
    assert not look_up("import", "no-such-package-anywhere", "no.such")


def test_every_setting_exists_and_has_the_default_that_is_told() -> None:
    import inspect

    from openai.types.fine_tuning import SupervisedHyperparameters
    from trl import SFTConfig, SFTTrainer

    settings = table("settings")
    create = inspect.signature(ways._client("openai").fine_tuning.jobs.create)
    known_to = {
        OPENAI: {*create.parameters, *SupervisedHyperparameters.model_fields},
        TRL: {
            *SFTConfig.__dataclass_fields__,
            *inspect.signature(SFTTrainer).parameters,
        },
    }
    for row in settings.itertuples():
        if row.way in known_to and row.name != "none":
            assert row.name in known_to[row.way], row.name
    assert set(settings["way"]) == {OPENAI, TRL, ways.AUTOTRAIN, TOGETHER}
    assert len(settings) == 4 * settings["setting"].nunique()
    fields = SFTConfig.__dataclass_fields__
    told = settings[settings["way"] == TRL].set_index("name")["default"]
    for name, default in told.items():
        if name in fields:
            value = fields[name].default
            value = getattr(value, "value", value)
            assert default == ("none" if value is None else str(value)), name


def test_the_old_lines_break_for_the_reason_that_is_taught() -> None:
    from helpers.checks.ways import breaks

    lines = table("old_calls")
    broken = [row.line for row in lines.itertuples() if breaks(row)]
    assert broken == ["1", "2", "4", "7", "8"]
    for row in lines.itertuples():
        if row.written_for == "openai 0.28":
            assert row.line in broken


# --- side by side -----------------------------------------------------------------


def test_two_ways_stand_beside_each_other_in_the_order_of_the_steps() -> None:
    both = side_by_side(OPENAI, TRL)
    assert list(both.columns) == ["step", OPENAI, TRL]
    assert both["step"].iloc[0] == "write the data"
    train = both.set_index("step").loc["train"]
    assert train[OPENAI].startswith("client.fine_tuning.jobs.create")
    assert train[TRL].startswith("trl.SFTTrainer")
    with pytest.raises(ValueError, match="Opnai.*there are: here, OpenAI"):
        side_by_side("Opnai")
    assert known() == WAYS


def test_settings_of_the_local_provider_and_of_azure_are_those_of_openai() -> None:
    three = compare_settings(HERE, OPENAI, AZURE)
    assert (three[HERE] == three[OPENAI]).all()
    assert (three[AZURE] == three[OPENAI]).all()
    assert list(compare_settings().columns)[1:] == [
        OPENAI, TRL, ways.AUTOTRAIN, TOGETHER,
    ]  # fmt: skip


def test_at_a_closed_service_the_weights_are_nobodys_to_take_along() -> None:
    who = where_steps_happen()
    assert list(who.columns) == list(WAYS)
    last = who.loc["take the model along"]
    assert (last[[OPENAI, AZURE]] == "nobody").all()
    assert (last[[HERE, TRL]] == "you").all()
    assert (who.loc["train", [OPENAI, AZURE, TOGETHER]] == "service").all()


# --- moves ------------------------------------------------------------------------


@pytest.mark.parametrize(("start", "goal"), [*itertools.permutations(WAYS, 2)])
def test_every_move_says_of_every_thing_what_happens_to_it(
    start: str, goal: str
) -> None:
    found = move(start, goal)
    assert set(found["outcome"]) <= {STAYS, CHANGES, LOST, NOTHING}
    assert (found["how"] != "").all()
    by_thing = found.set_index("thing")["outcome"]
    assert by_thing["test set and scores"] == STAYS
    assert by_thing["training data"] in (STAYS, CHANGES), "data are never lost"
    # What a service keeps to itself goes nowhere, and what it does not take in, too.
    if start in (OPENAI, AZURE) or goal in (OPENAI, AZURE):
        assert by_thing["fine-tuned weights"] == LOST
    else:
        assert by_thing["fine-tuned weights"] in (STAYS, CHANGES)


def test_between_openai_and_azure_the_base_model_and_the_data_stay() -> None:
    by_thing = move(OPENAI, AZURE).set_index("thing")["outcome"]
    assert by_thing["base model"] == by_thing["training data"] == STAYS
    steps = set(calls_to_change(OPENAI, AZURE)["step"])
    assert steps == {"deploy", "clean up"}
    assert not len(calls_to_change(TRL, TRL))
    with pytest.raises(ValueError, match="there are"):
        move(OPENAI, "Azure")


# --- doors ------------------------------------------------------------------------


def test_a_door_is_shut_from_its_day_on() -> None:
    end = datetime.date(2027, 1, 6)
    before = doors(end - datetime.timedelta(days=1), EXISTING, START)
    after = doors(end, EXISTING, START)
    assert before.set_index("way")["open"][OPENAI]
    assert not after.set_index("way")["open"][OPENAI]
    assert after.set_index("way")["until"][OPENAI] == end


def test_on_the_day_of_reading_two_services_were_shut_to_new_customers() -> None:
    assert last_read() >= TODAY
    closed = set(WAYS) - set(open_to_new(TODAY))
    assert closed == {OPENAI, AZURE}
    assert set(open_to_new(datetime.date(2026, 5, 6))) == set(WAYS)


def test_every_way_has_every_door_and_every_end_is_in_the_table_of_ends() -> None:
    found = doors(TODAY)
    kinds = {(NEW, START), (EXISTING, START), (EXISTING, ASK)}
    for way in WAYS:
        rows = found[found["way"] == way]
        assert set(zip(rows["who"], rows["may"], strict=True)) == kinds
    assert len(doors_table(TODAY)) == len(WAYS)
    text = doors_table(TODAY).to_string()
    assert "closed since 2026-05-07" in text
    assert "open until 2027-01-06" in text


def test_a_door_with_an_end_that_nobody_wrote_down_is_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    rows = table("doors")
    rows.loc[rows["way"] == OPENAI, "closes"] = "some day"
    monkeypatch.setattr(ways, "table", lambda name: rows)
    with pytest.raises(ValueError, match="some day"):
        doors(TODAY)


# --- costs, and larger than one machine -------------------------------------------


def test_every_way_says_what_it_bills_and_prices_have_their_date() -> None:
    found = bills()
    pairs = set(zip(found["way"], found["what"], strict=True))
    assert pairs == set(itertools.product(WAYS, ("training", "hosting")))
    priced = found[found["price"].str.contains("USD")]
    assert len(priced) >= 4
    assert priced["price"].str.contains(r"20\d\d-\d\d-\d\d").all()
    assert set(found["price"][found["basis"] == "nothing"]) == {"nothing"}


def test_what_ran_here_and_what_is_on_paper_is_told_apart() -> None:
    larger = table("larger")
    assert set(larger["status"]) == {ways.RAN, ways.ON_PAPER}
    by_what = larger.set_index("what")["status"]
    for name in by_what.index:
        if "GPU" in name or "machines" in name or "Ray" in name:
            assert by_what[name] == ways.ON_PAPER, name


def test_figures_of_several_processes_are_read_and_absent_where_none_are_kept(
    tmp_path: Path,
) -> None:
    path = tmp_path / "distributed.json"
    assert distributed_figures(path) is None
    run = {"threads": 1, "rows_per_second": 30.5, "seconds": 31.0, "bf16": True}
    prepared = {"rows": 500, "way": "disk", "seconds": 0.5, "grown_mb": 3}
    kept = {
        "machine": {
            "date": "2026-11-23",
            "processor": "some",
            "cores": 2,
            "versions": {"trl": "1.16.0"},
        },
        "training": [
            {**run, "processes": 1, "losses": [3.0, 1.5]},
            {**run, "processes": 2, "losses": [3.0, 1.25]},
        ],
        "data": [{**prepared, "processes": None}, {**prepared, "processes": 2}],
    }
    path.write_text(json.dumps(kept), encoding="utf-8")
    found = distributed_figures(path)
    assert "2026-11-23" in found.where
    assert "trl 1.16.0" in found.where
    assert list(found.training["processes"]) == [1, 2]
    assert list(found.training["last_loss"]) == [1.5, 1.25]
    assert list(found.data["processes"]) == [0, 2]
    assert list(found.data.columns) == ["rows", "way", "processes", "seconds"]
