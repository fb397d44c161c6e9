"""The resources: each with a date and a use, and the page says what the table says."""

import csv
from pathlib import Path

import pytest

from helpers import resources
from helpers.resources import COLUMNS, SECTIONS, load_resources, resources_table
from helpers.tables import Link
from tools import resources_page

ALL = load_resources()
GOOD = {
    "section": "how",
    "title": "A page",
    "url": "https://example.org/a",
    "use": "to learn, with a comma",
    "named_by": "lesson",
    "read_on": "2026-11-22",
    "verified": "yes",
    "note": "",
}


def write(
    folder: Path, *rows: dict[str, str], columns: tuple[str, ...] = COLUMNS
) -> Path:
    """Write a table and return its path."""
    path = folder / "resources.csv"
    with open(path, "w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, columns, extrasaction="ignore")
        writer.writeheader()
        writer.writerows(rows)
    return path


def test_the_page_is_what_the_table_gives() -> None:
    made = resources_page.page()
    assert resources_page.PAGE.read_text(encoding="utf-8") == made, (
        "make it again: python -m tools.resources_page"
    )
    assert resources_page.page() == made
    assert resources_page.main(["--check"]) == 0


def test_the_page_names_every_resource_with_its_address_and_day() -> None:
    text = resources_page.page()
    for one in ALL:
        assert f"]({one.url})" in text
        assert one.use in text
    assert text.count("| 2026-") == len(ALL)
    assert text.count(", not seen |") == sum(not one.verified for one in ALL)


def test_a_page_that_differs_is_noticed_and_can_be_made_again(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    page = tmp_path / "resources.md"
    monkeypatch.setattr(resources_page, "PAGE", page)
    assert resources_page.main(["--check"]) == 1
    assert "python -m tools.resources_page" in capsys.readouterr().err
    assert resources_page.main([]) == 0
    assert resources_page.main(["--check"]) == 0
    assert b"\r" not in page.read_bytes()


def test_the_links_of_the_page_to_files_lead_somewhere() -> None:
    assert (resources_page.PAGE.parent / "../data/resources.csv").is_file()
    assert "](../data/resources.csv)" in resources_page.page()


def test_every_part_of_the_lesson_has_resources() -> None:
    assert {one.section for one in ALL} == set(SECTIONS)


def test_the_resources_of_the_lesson_are_all_there() -> None:
    # The addresses of its page of resources and of its text, read on 2026-11-22.
    named = " ".join(one.url for one in ALL if one.named_by == "lesson")
    for part in (
        "platform.openai.com/docs/guides/fine-tuning",
        "concepts/fine-tuning-considerations",
        "how-to/fine-tuning#continuous-fine-tuning",
        "fine-tuning-recommend",
        "how-to/fine-tuning-functions",
        "concepts/models#fine-tuning-models",
        "shows/ai-show/to-fine-tune-or-not-fine-tune-that-is-the-question",
        "working-with-llms/fine-tuning",
        "openai/tutorials/fine-tune",
        "fine-tune-model-llama",
        "huggingface/fine-tune-model",
        "finetune-foundation-model-with-azure-machine-learning",
        "work-with-generative-models-azure-machine-learning",
        "integrations/azure-openai-fine-tuning",
        "chat_finetuning_data_prep",
        "ft_retrieval_augmented_generation_qdrant",
        "gpt_finetuning_with_wandb",
        "docs.wandb.ai/guides/integrations/openai",
        "g-ronimo/phinetuning",
        "phi-2-the-surprising-power",
        "philschmid.de/fine-tune-llms-in-2024-with-trl",
        "huggingface/autotrain-advanced",
        "huggingface.co/autotrain",
        "How_to_finetune_chat_models.ipynb",
        "watch?v=0Jo-z-MFxJs",
        "docs/transformers/index",
        "docs/trl/index",
        "docs/datasets/index",
        "aka.ms/genai-collection",
    ):
        assert part in named, part


def test_no_address_counts_visitors_or_has_two_question_marks() -> None:
    for one in ALL:
        assert "WT.mc_id" not in one.url
        assert "utm_" not in one.url
        assert one.url.count("?") <= 1


def test_what_was_not_seen_says_so_in_every_table() -> None:
    unseen = next(one for one in ALL if not one.verified)
    shown = resources_table(unseen.section).frame
    row = shown[shown.iloc[:, 0] == Link(unseen.title, unseen.url)]
    assert "not seen" in row.iloc[0, -1]


def test_the_summary_counts_every_link_once() -> None:
    frame = resources.resources_summary().frame
    assert frame.iloc[:, 1].sum() == len(ALL)
    assert frame.iloc[:, 2].sum() == sum(one.verified for one in ALL)


def test_a_table_of_an_unknown_part_is_refused() -> None:
    with pytest.raises(KeyError):
        resources_table("nothing")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"section": "who"}, "what, when, how"),
        ({"url": "http://example.org"}, "https://"),
        ({"url": "https://example.org/a b"}, "https://"),
        ({"read_on": "22.11.2026"}, "2026-11-22"),
        ({"verified": "perhaps"}, "yes, no"),
        ({"named_by": "me"}, "lesson, course"),
        ({"title": " "}, "a text"),
        ({"use": ""}, "a text"),
    ],
)
def test_a_field_that_is_wrong_is_named_with_its_line(
    tmp_path: Path, change: dict[str, str], words: str
) -> None:
    other = {**GOOD, "url": "https://example.org/b"}
    path = write(tmp_path, other, {**GOOD, **change})
    (column,) = change
    with pytest.raises(ValueError, match=rf"line 3, column '{column}'") as caught:
        load_resources(path)
    assert words in str(caught.value)


def test_an_address_that_comes_twice_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="no other line has"):
        load_resources(write(tmp_path, GOOD, GOOD))


def test_a_text_with_a_comma_needs_quotes(tmp_path: Path) -> None:
    path = write(tmp_path)
    line = "how,A page,https://example.org,one, two,lesson,2026-11-22,yes,\n"
    path.write_text(path.read_text(encoding="utf-8") + line, encoding="utf-8")
    with pytest.raises(ValueError, match="quotes"):
        load_resources(path)


def test_a_line_that_is_too_short_is_named(tmp_path: Path) -> None:
    path = write(tmp_path)
    text = path.read_text(encoding="utf-8") + "how,A page,https://example.org\n"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ValueError, match="line 2"):
        load_resources(path)


def test_other_columns_are_refused(tmp_path: Path) -> None:
    path = write(tmp_path, GOOD, columns=("title", "url"))
    with pytest.raises(ValueError, match="expected are section, title"):
        load_resources(path)


def test_a_missing_table_is_named(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="git checkout"):
        load_resources(tmp_path / "resources.csv")
