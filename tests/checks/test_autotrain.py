"""Checks of the notebook about training without code."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import pytest

from helpers.checks.autotrain import check_mended, check_share, check_steps

PARAMS = {"block_size": 1024, "epochs": 6}
TAPE = 17_868  # 17 whole blocks, and something over
ANSWERS = [30, 40, 50]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "data").mkdir()
    row = json.dumps({"messages": []}) + "\n"
    (tmp_path / "data" / "train.jsonl").write_text(row, encoding="utf-8")
    return tmp_path


@pytest.fixture
def broken() -> dict[str, Any]:
    return {
        "task": "llm-sft",
        "base_model": "base",
        "project_name": "soup",
        "log": "none",
        "backend": "local",
        "data": {
            "path": "data",
            "train_split": "train",
            "valid_split": None,
            "chat_template": "tokenizer",
            "column_mapping": {"text_column": "messages"},
        },
        "params": {"peft": True, "mixed_precision": "fp16"},
    }


def test_blanks_count_as_not_tried(broken: dict[str, Any], folder: Path) -> None:
    broken["params"]["quantization"] = ...
    assert check_mended(broken, folder).state == "not tried"
    assert check_steps(..., TAPE, PARAMS).state == "not tried"
    assert check_share(..., ANSWERS, 600).state == "not tried"


@pytest.mark.parametrize("precision", [None, "bf16"])
def test_every_right_mend_passes(
    broken: dict[str, Any], folder: Path, precision: str | None
) -> None:
    broken["params"] |= {"quantization": None, "mixed_precision": precision}
    before = copy.deepcopy(broken)
    assert check_mended(broken, folder).state == "right"
    assert broken == before


def test_a_mend_that_leaves_an_error_or_takes_lora_away_does_not_pass(
    broken: dict[str, Any], folder: Path
) -> None:
    broken["params"]["quantization"] = None
    assert "mixed_precision" in check_mended(broken, folder).text
    broken["params"] = {"peft": False}
    assert "LoRA" in check_mended(broken, folder).text
    assert check_mended("peft", folder).state == "not yet"


@pytest.mark.parametrize("steps", [102, 96, 108, 102.0])
def test_the_steps_pass_with_a_block_more_or_less(steps: float) -> None:
    assert check_steps(steps, TAPE, PARAMS).state == "right"


@pytest.mark.parametrize(
    ("steps", "word"),
    [(17, "epoch"), (600, "row"), (104.7, "lost"), (90, "whole"), ("102", "str")],
)
def test_wrong_steps_get_a_hint_of_their_own(steps: Any, word: str) -> None:
    outcome = check_steps(steps, TAPE, PARAMS)
    assert outcome.state == "not yet"
    assert word in outcome.text
    assert "102" not in outcome.text


@pytest.mark.parametrize(
    ("share", "word"),
    [(0.8, "questions"), (0.2 / 3, "per answer"), (0.5, "tape"), ("a", "0 and 1")],
)
def test_wrong_shares_get_a_hint_of_their_own(share: Any, word: str) -> None:
    assert check_share(0.2, ANSWERS, 600).state == "right"
    outcome = check_share(share, ANSWERS, 600)
    assert outcome.state == "not yet"
    assert word in outcome.text
