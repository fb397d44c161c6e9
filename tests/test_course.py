"""The map of the course: no dead link, no time promised twice."""

import json
from pathlib import Path

import pytest

from helpers import course
from helpers.charts.journey import STOPS
from helpers.course import PATHS, PLAN, lessons, path_minutes, paths_table
from helpers.messages import TEXTS
from helpers.tables import Link

CARD = "| | |\n|---|---|\n| **Time** | {minutes} minutes with reading; more |"


def write(folder: Path, name: str, title: str, minutes: int | None = None) -> None:
    """Write a small notebook."""
    texts = [f"# {title}\n\nbadges"]
    if minutes is not None:
        texts.append(CARD.format(minutes=minutes))
    cells = [
        {"cell_type": "markdown", "source": text.splitlines(True)} for text in texts
    ]
    cells.append({"cell_type": "code", "source": ["# no title"]})
    text = json.dumps({"cells": cells})
    (folder / f"{name}.ipynb").write_text(text, encoding="utf-8")


def rows(folder: Path) -> list[list[object]]:
    return paths_table(folder).frame.values.tolist()


def test_title_and_minutes_are_those_of_the_notebook(tmp_path: Path) -> None:
    write(tmp_path, "00_start_here", "Begin", 17)
    lesson = lessons(tmp_path)["00_start_here"]
    assert (lesson.title, lesson.minutes, lesson.there) == ("Begin", 17, True)
    assert lesson.link() == Link("Begin", "00_start_here.ipynb")


def test_a_notebook_that_is_not_there_has_no_link(tmp_path: Path) -> None:
    lesson = lessons(tmp_path)["31_meet_the_limits"]
    assert not lesson.there
    assert lesson.link() == "Meet the limits (to come)"
    assert not any(isinstance(row[0], Link) for row in rows(tmp_path))


def test_a_notebook_outside_the_plan_is_on_the_map_as_well(tmp_path: Path) -> None:
    write(tmp_path, "41_follow_azure", "Follow Azure", 30)
    write(tmp_path, "notes", "No lesson", 30)
    names = list(lessons(tmp_path))
    assert names == sorted([*PLAN, "41_follow_azure"])
    found = rows(tmp_path)[names.index("41_follow_azure")]
    assert found[:3] == [Link("Follow Azure", "41_follow_azure.ipynb"), "", 30]


def test_a_path_that_lacks_a_notebook_says_or_more(tmp_path: Path) -> None:
    write(tmp_path, "00_start_here", "Begin", 17)
    assert rows(tmp_path)[-1][-3:] == ["17 or more"] * 3
    write(tmp_path, "20_fine_tune_recipe_assistant", "Tune", 50)
    assert rows(tmp_path)[-1][-3:] == ["67", "67 or more", "67 or more"]
    assert path_minutes(tmp_path)["hour"] == 67


def test_a_notebook_without_its_time_is_on_the_map(tmp_path: Path) -> None:
    write(tmp_path, "00_start_here", "Begin")
    assert lessons(tmp_path)["00_start_here"].minutes is None
    assert rows(tmp_path)[0][2] == ""


@pytest.mark.parametrize("text", ["{", "[]", "{}", '{"cells": [1]}'])
def test_a_file_that_is_no_notebook_is_named(tmp_path: Path, text: str) -> None:
    (tmp_path / "00_start_here.ipynb").write_text(text, encoding="utf-8")
    with pytest.raises(ValueError, match=r"00_start_here\.ipynb cannot be read"):
        lessons(tmp_path)


def test_every_path_leads_through_planned_notebooks_in_their_order() -> None:
    assert sorted(PLAN) == list(PLAN)
    for names in PATHS.values():
        assert [name for name in PLAN if name in names] == list(names)
    assert (*PATHS["day"], "80_do_the_assignment") == PLAN
    assert set(PATHS["hour"]) < set(PATHS["half_day"]) < set(PATHS["day"])


def test_every_notebook_of_the_course_says_what_it_is_about() -> None:
    assert {f"course.about.{name}" for name in lessons()} <= set(TEXTS)


def test_every_planned_notebook_says_what_it_is_about(tmp_path: Path) -> None:
    assert all(row[1] for row in rows(tmp_path)[: len(PLAN)])


def test_every_notebook_of_the_plan_makes_a_stop_of_the_journey_or_is_the_last() -> (
    None
):
    made = {name for stop in STOPS for name in stop.notebooks}
    assert made <= set(PLAN)
    assert set(PLAN) - made <= {"80_do_the_assignment"}


def test_the_links_of_the_real_course_lead_somewhere() -> None:
    for lesson in lessons().values():
        link = lesson.link()
        if isinstance(link, Link):
            assert (course.NOTEBOOKS / link.address).is_file()


def test_a_path_takes_no_longer_than_its_name_says() -> None:
    minutes = path_minutes()
    for path, longest in course.LONGEST.items():
        assert minutes[path] <= longest, f"{path}: {minutes[path]} minutes"


def test_every_place_is_a_folder_of_the_repository() -> None:
    shown = course.places_table().frame.iloc[:, 0]
    assert list(shown) == [f"{name}/" for name in course.PLACES]
    for name in course.PLACES:
        # Notebooks make the last one when they first write something.
        assert (course.ROOT / name).is_dir() or name == "out"
