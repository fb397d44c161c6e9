"""Sizes of models: dated, with sources, and sums that agree with what others count."""

from dataclasses import replace
from datetime import date
from pathlib import Path

import openai
import pytest

from helpers.connect import LOCAL_MODEL, Connection
from helpers.model_sizes import ModelSize, context_limit, model_sizes, size_of_folder
from helpers.recipes import DATA_DIR
from helpers.weights import read_weights

SIZES = {size.model: size for size in model_sizes()}
HERE = Connection(
    client=openai.OpenAI(api_key="none", base_url="http://service.invalid/v1"),
    provider="local",
    base_model=LOCAL_MODEL,
    label="the local provider",
    billed=False,
)


@pytest.mark.parametrize("size", SIZES.values(), ids=lambda size: size.model)
def test_every_row_has_a_date_a_source_and_a_context(size: ModelSize) -> None:
    assert date.fromisoformat(size.read_on)
    assert len(size.source) > 10
    assert size.context >= 1024
    assert size.open == (size.hidden > 0 and size.vocabulary > 0)


@pytest.mark.parametrize(
    ("model", "weights"),
    [
        ("HuggingFaceTB/SmolLM2-135M", 134_515_008),
        ("meta-llama/Llama-3.1-8B", 8_030_261_248),
    ],
)
def test_the_weights_of_a_shape_add_up_to_what_others_counted(
    model: str, weights: int
) -> None:
    assert SIZES[model].weights() == weights


def test_the_shape_of_the_base_model_gives_the_number_of_its_weights() -> None:
    size = size_of_folder(DATA_DIR / "base_model", LOCAL_MODEL)
    stored = read_weights(DATA_DIR / "base_model")
    assert size.weights() == sum(array.size for array in stored.values())
    for name, (rows, columns) in size.matrices().items():
        block = "mlp" if name in ("gate", "up", "down") else "self_attn"
        array = stored[f"model.layers.0.{block}.{name}_proj.weight"]
        assert array.shape == (rows, columns)


def test_lora_adds_two_thin_matrices_for_each_matrix_of_the_layers() -> None:
    size = SIZES["meta-llama/Llama-3.1-8B"]
    # 41.9 million at rank 16, about half a percent.
    assert size.lora_weights(16) == 2 * size.lora_weights(8) == 41_943_040
    assert 0.005 < size.lora_weights(16) / size.weights() < 0.006


def test_a_shape_that_nobody_told_cannot_be_counted() -> None:
    with pytest.raises(ValueError, match="gpt-4o-mini-2024-07-18"):
        SIZES["gpt-4o-mini-2024-07-18"].weights()


def test_the_context_is_the_models_own_or_that_of_the_table() -> None:
    assert context_limit(HERE) == size_of_folder().context
    hosted = replace(HERE, provider="openai", base_model="gpt-4o-mini-2024-07-18")
    assert context_limit(hosted) == 128_000
    with pytest.raises(ValueError, match=r"data/model_sizes\.csv"):
        context_limit(replace(hosted, base_model="new-model"))


def test_a_number_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    table = tmp_path / "sizes.csv"
    head = (DATA_DIR / "model_sizes.csv").read_text("utf-8").splitlines()[0]
    table.write_text(f"{head}\nsome-model,many,,,,,,,2026-11-22,here,no\n")
    with pytest.raises(ValueError, match=r"sizes\.csv.*some-model"):
        model_sizes(table)
