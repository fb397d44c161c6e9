"""data/broken_recipes.jsonl holds the faults that were planted, and no others."""

from collections import Counter
from pathlib import Path

import pytest

from helpers.chat_format import check_files
from helpers.checks.data import MENDABLE
from helpers.mending import Draft
from helpers.near_copies import conflicts
from helpers.recipes import DATA_DIR, load_recipes, take, write_jsonl
from helpers.tokens import counter_for
from tools import make_broken_file as tool

LINES = tool.make_lines()
LIMIT = 2048


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory):
    """What a check finds, against the frozen test set."""
    recipes = load_recipes(DATA_DIR / "recipes.csv")
    folder = tmp_path_factory.mktemp("broken")
    test = write_jsonl(take(recipes, "test", 100), folder / "test.jsonl")
    return check_files(
        tool.PATH,
        None,
        test,
        count_tokens=counter_for("kitchen-base", DATA_DIR / "base_model"),
        max_tokens=LIMIT,
        privacy=True,
        keep=1000,
    )


def line_of(fault: str) -> int:
    (number,) = [n for n, line in enumerate(LINES, 1) if line.fault == fault]
    return number


def test_the_file_is_what_the_tool_makes() -> None:
    assert tool.PATH.read_bytes() == tool.as_bytes(LINES)


def test_every_planted_fault_is_found_in_its_line_and_nothing_else(report) -> None:
    found = Counter(
        (p.line, p.code) for p in report.problems if p.file == tool.PATH.name
    )
    planted = Counter(
        (n, code) for n, line in enumerate(LINES, 1) for code in line.codes
    )
    assert found == planted + Counter([(1, "byte_order_mark")])


def test_the_leak_is_found_in_the_test_file(report) -> None:
    (leak,) = [p for p in report.problems if p.file != tool.PATH.name]
    assert leak.code == "leak"
    assert leak.line == tool.LEAKED_ROW + 1
    assert f"line {line_of('leak')}." in leak.reason


def test_only_the_search_for_near_copies_finds_the_near_copy() -> None:
    found = conflicts(Draft(tool.PATH).examples())
    right = line_of("contradiction") + 2
    assert {
        tuple(pair) for pair in found[["first", "second"]].itertuples(index=False)
    } == {
        (line_of("contradiction"), right),
        (4, line_of("near copy")),
    }


def test_every_fault_is_there_once_and_good_lines_stand_between() -> None:
    faults = Counter(line.fault for line in LINES if line.fault)
    assert set(faults) == {fault[0] for fault in tool.FAULTS} | set(tool.OTHERS)
    assert set(faults.values()) == {1}
    assert sum(not line.fault for line in LINES) >= len(faults)


def test_the_number_of_lines_that_can_be_saved_is_the_one_of_the_check() -> None:
    assert sum(line.stays for line in LINES) == MENDABLE
    text = (DATA_DIR / "README.md").read_text(encoding="utf-8")
    assert f"{MENDABLE} of its {len(LINES)} lines can be saved" in text


def test_the_file_mixes_line_ends_and_encodings() -> None:
    content = tool.PATH.read_bytes()
    assert content.startswith(tool.BOM)
    assert content.count(b"\r\n") == len(tool.WINDOWS)
    with pytest.raises(UnicodeDecodeError):
        content.decode("utf-8")


def test_git_leaves_the_bytes_of_the_file_alone() -> None:
    attributes = (DATA_DIR.parent / ".gitattributes").read_text(encoding="utf-8")
    rules = [line.split() for line in attributes.splitlines() if line]
    names = [rule[0] for rule in rules]
    assert ["data/broken_recipes.jsonl", "-text"] in rules
    assert names.index("data/broken_recipes.jsonl") > names.index("*.jsonl")


def test_checking_a_changed_file_fails_and_says_so(tmp_path: Path, capsys) -> None:
    changed = tmp_path / "broken.jsonl"
    changed.write_bytes(tool.PATH.read_bytes()[:-1])
    assert tool.main(["--check", "--out", str(changed)]) == 1
    assert "not what the generator makes" in capsys.readouterr().out
    assert tool.main(["--out", str(changed)]) == 0
    assert changed.read_bytes() == tool.PATH.read_bytes()
