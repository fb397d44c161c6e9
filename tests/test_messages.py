"""Sentences for learners: all in one place, all there, all ready for translation."""

import re
from pathlib import Path

import pytest
from babel.messages.catalog import Catalog
from babel.messages.mofile import write_mo

from helpers import messages
from helpers.messages import PROBLEMS, TEXTS, problem_text, say

FOLDER = Path(messages.__file__).parent
SOURCES = "\n".join(p.read_text(encoding="utf-8") for p in FOLDER.glob("*.py"))


@pytest.fixture
def korean(monkeypatch, tmp_path):
    """A catalogue with two sentences in Korean."""
    catalog = Catalog(locale="ko")
    catalog.add(TEXTS["job.cancelled"], "작업 {id}이(가) 취소되었습니다.")
    catalog.add(PROBLEMS["blank_line"][0], "빈 줄입니다.")
    target = tmp_path / "ko" / "LC_MESSAGES" / "helpers.mo"
    target.parent.mkdir(parents=True)
    with target.open("wb") as file:
        write_mo(file, catalog)
    monkeypatch.setattr(messages, "LOCALE_DIR", tmp_path)
    messages._translation.cache_clear()
    monkeypatch.setenv("COMPANION_LANGUAGE", "ko")
    yield
    messages._translation.cache_clear()


def test_every_sentence_that_is_said_is_there():
    said = set(re.findall(r'\bsay\(\s*"([^"]+)"', SOURCES))
    assert len(said) > 50
    assert said <= set(TEXTS)


def test_every_sentence_is_said_somewhere():
    # Some keys are put together from a word and a value: "verdict." + "better".
    stems = {key.rsplit(".", 1)[0] for key in TEXTS}
    unused = [
        key
        for key in TEXTS
        if f'"{key}"' not in SOURCES
        and not any(
            re.search(rf'f?"{re.escape(stem)}\.("| *\{{|\{{)', SOURCES)
            for stem in stems
            if key.startswith(stem + ".")
        )
    ]
    assert unused == []


def test_a_translation_is_used_when_the_language_is_chosen(korean):
    assert say("job.cancelled", id="ftjob-1") == "작업 ftjob-1이(가) 취소되었습니다."
    assert problem_text("blank_line")[0] == "빈 줄입니다."


def test_what_is_not_translated_stays_english(korean):
    assert say("report.clean") == "No problems found."


def test_without_a_language_everything_is_english(monkeypatch):
    monkeypatch.delenv("COMPANION_LANGUAGE", raising=False)
    assert say("job.cancelled", id="x") == "Job x was cancelled."


def test_values_with_braces_are_shown_as_they_are():
    assert "{}" in say("connect.model", model="{}")
