"""A report is neither lost nor taken twice, wherever writing is cut off."""

from __future__ import annotations

import os

import pytest

from helpers.provider.journal import JournalWriter, end_of_lines, read_from


def write(path, *reports):
    journal = JournalWriter(path)
    for report in reports:
        journal.append(report)
    journal.close()


def test_reports_come_back_in_order_each_with_the_offset_behind_it(tmp_path):
    path = tmp_path / "job" / "reports.jsonl"
    write(path, {"n": 1}, {"n": 2})
    first, second = read_from(path, 0)
    assert first[0] == {"n": 1}
    assert read_from(path, first[1]) == [second]
    assert read_from(path, second[1]) == []


def test_a_missing_journal_is_empty(tmp_path):
    assert read_from(tmp_path / "none", 0) == []


@pytest.mark.parametrize("torn", [b'{"n', b"x" * 10_000])
def test_a_torn_line_is_not_read_and_is_cut_off_by_the_next_writer(tmp_path, torn):
    path = tmp_path / "reports.jsonl"
    write(path, {"n": 1})
    with open(path, "ab") as file:
        file.write(torn)
    assert [report for report, _ in read_from(path, 0)] == [{"n": 1}]
    write(path, {"n": 2})
    assert [report for report, _ in read_from(path, 0)] == [{"n": 1}, {"n": 2}]


def test_a_disk_that_fills_up_midway_leaves_no_part_of_a_report(tmp_path, monkeypatch):
    path = tmp_path / "reports.jsonl"
    write(path, {"n": 1})
    journal = JournalWriter(path)
    real = os.write
    calls = []

    def short_then_full(descriptor, data):
        calls.append(len(data))
        if len(calls) > 1:
            raise OSError(28, "No space left on device")
        return real(descriptor, data[:3])

    monkeypatch.setattr(os, "write", short_then_full)
    with pytest.raises(OSError, match="space"):
        journal.append({"n": 2})
    monkeypatch.undo()
    journal.append({"n": 3})
    journal.close()
    assert [report for report, _ in read_from(path, 0)] == [{"n": 1}, {"n": 3}]


@pytest.mark.parametrize("torn", [b"", b'{"n', b"x" * 10_000])
def test_the_end_of_the_lines_is_where_the_next_writer_goes_on(tmp_path, torn):
    path = tmp_path / "reports.jsonl"
    assert end_of_lines(path) == 0
    write(path, {"n": 1}, {"n": 2})
    size = path.stat().st_size
    with open(path, "ab") as file:
        file.write(torn)
    assert end_of_lines(path) == size
    write(path, {"n": 3})
    assert read_from(path, size)[0][0] == {"n": 3}
