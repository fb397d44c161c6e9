"""The corpus as rows of token ids: whole documents, and what counts in the loss."""

from random import Random

import numpy as np

from tools.base_model import shards
from tools.base_model.tokenizer import ASSISTANT, END, PAD, SYSTEM, USER


def test_documents_stay_whole_and_none_is_lost():
    r = Random(4)
    found = [[r.randrange(300, 900)] * r.randint(1, 40) + [END] for _ in range(200)]
    rows = shards.packed(Random(1), found, 64)
    assert {len(row) for row in rows} == {64}
    unpacked = []
    for row in rows:
        while PAD in row:
            row.remove(PAD)
        while row:
            unpacked.append(row[: row.index(END) + 1])
            row = row[row.index(END) + 1 :]
    assert sorted(unpacked) == sorted(found)
    room = sum(64 - len(row) for row in rows)
    assert room < 0.05 * 64 * len(rows)


def test_a_document_longer_than_a_row_is_cut_at_its_end():
    assert shards.packed(Random(0), [list(range(300, 400))], 64) == [
        list(range(300, 364))
    ]


def test_short_documents_stand_first_as_well():
    found = [[300] * 50 + [END] for _ in range(40)] + [[400, END]] * 40
    rows = shards.packed(Random(0), found, 64)
    assert {row[0] for row in rows} == {300, 400}


def test_answers_and_plain_text_count_in_full_requests_little_padding_not_at_all():
    row = [700, END, SYSTEM, 701, END, USER, 702, 703, END, ASSISTANT, 704, END, PAD]
    low = shards.WEIGHT_OF_REQUEST
    full = [1, 1, 1, low, low, 1, low, low, low, 1, 1, 1, 0]
    assert shards.weights(np.asarray([row], dtype=np.uint16)).tolist() == [full]


def test_a_row_may_begin_with_a_request():
    row = [USER, 702, END, ASSISTANT, 704, END]
    low = shards.WEIGHT_OF_REQUEST
    found = shards.weights(np.asarray([row, row], dtype=np.uint16))[1].tolist()
    assert found[1:] == [low, low, 1, 1, 1]
