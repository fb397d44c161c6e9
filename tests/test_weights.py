"""Weights of models on this machine: found by name, read exactly, compared fairly."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import openai
import pytest
from safetensors.numpy import save_file

from helpers import weights
from helpers.connect import LOCAL_MODEL, Connection
from helpers.recipes import DATA_DIR

LOCAL = Connection(
    client=openai.OpenAI(api_key="none", base_url="http://service.invalid/v1"),
    provider="local",
    base_model=LOCAL_MODEL,
    label="the local provider",
    billed=False,
)


def model(folder: Path, **arrays: np.ndarray) -> Path:
    folder.mkdir(parents=True)
    save_file(arrays, folder / "model.safetensors")
    return folder


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A home with one job that has two checkpoints, as the provider leaves them."""
    folder = tmp_path / "jobs" / "ftjob-1" / "checkpoints"
    for step in (90, 120):
        model(folder / f"step-{step}", a=np.full((2, 2), step, np.float32))
    (folder / ".step-150.part").mkdir()
    (tmp_path / "jobs" / "ftjob-2").mkdir()
    return tmp_path


# --- finding ----------------------------------------------------------------------


def test_the_last_model_of_a_job_is_found_and_any_checkpoint_by_its_step(
    home: Path,
) -> None:
    here = replace(LOCAL, home=home)
    assert weights.fine_tuned_folder(here, "ftjob-1").name == "step-120"
    assert weights.fine_tuned_folder(here, "ftjob-1", step=90).name == "step-90"


@pytest.mark.parametrize(
    ("job", "step", "words"),
    [
        ("ftjob-1", 60, "90, 120"),
        ("ftjob-2", None, "steps -"),
        ("ftjob-3", None, "ftjob-3"),
        ("..", None, "steps -"),
        ("ftjob-1/../ftjob-1", None, "steps -"),
    ],
)
def test_what_is_not_there_is_said_and_a_name_is_never_made_a_path(
    home: Path, job: str, step: int | None, words: str
) -> None:
    with pytest.raises(weights.WeightsNotHere, match="has no such model") as caught:
        weights.fine_tuned_folder(replace(LOCAL, home=home), job, step)
    assert words in str(caught.value)


def test_a_home_without_jobs_has_no_models(tmp_path: Path) -> None:
    with pytest.raises(weights.WeightsNotHere):
        weights.fine_tuned_folder(replace(LOCAL, home=tmp_path), "ftjob-1")


def test_weights_of_a_hosted_provider_cannot_be_seen_and_the_error_says_the_way() -> (
    None
):
    hosted = replace(LOCAL, provider="openai", label="OpenAI")
    for find in (
        lambda: weights.base_folder(hosted),
        lambda: weights.fine_tuned_folder(hosted, "ftjob-1"),
        lambda: weights.weight_changes(hosted, "ftjob-1"),
    ):
        with pytest.raises(weights.WeightsNotHere, match="COMPANION_PROVIDER=local"):
            find()


def test_another_base_model_cannot_be_compared(home: Path) -> None:
    other = replace(LOCAL, home=home, base_model="another")
    with pytest.raises(weights.WeightsNotHere, match="another"):
        weights.base_folder(other)


# --- reading ----------------------------------------------------------------------


def test_the_base_model_is_read_whole_and_its_numbers_are_those_of_its_config() -> None:
    found = weights.read_weights(DATA_DIR / "base_model")
    config = json.loads((DATA_DIR / "base_model/config.json").read_text("utf-8"))
    embedding = found["model.embed_tokens.weight"]
    assert embedding.dtype == np.float32
    assert embedding.shape == (config["vocab_size"], config["hidden_size"])
    assert all(np.isfinite(array).all() for array in found.values())
    assert 1e-4 < np.abs(embedding).mean() < 10


def test_numbers_come_out_as_they_were_stored(tmp_path: Path) -> None:
    values = np.array([[1.5, -0.25], [3.0, 1e-3]])
    for kind in (np.float64, np.float32, np.float16):
        folder = model(tmp_path / kind.__name__, a=values.astype(kind))
        found = weights.read_weights(folder)["a"]
        assert found.dtype == np.float32
        np.testing.assert_allclose(found, values, rtol=1e-3)


def test_bfloat16_is_the_upper_half_of_a_float32() -> None:
    exact = np.array([1.5, -2.0, 0.0, 384.0], np.float32)
    upper = (exact.view(np.uint32) >> 16).astype("<u2").tobytes()
    stored = {"dtype": "BF16", "shape": [2, 2], "data": upper}
    np.testing.assert_array_equal(weights._array("a", stored).ravel(), exact)


def test_an_unknown_kind_of_number_is_refused_by_name(tmp_path: Path) -> None:
    folder = model(tmp_path / "whole", counts=np.arange(3))
    with pytest.raises(ValueError, match="counts is stored as I64"):
        weights.read_weights(folder)


def test_a_folder_without_weights_is_refused(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"model\*\.safetensors"):
        weights.read_weights(tmp_path)


# --- comparing --------------------------------------------------------------------

Q = "model.layers.0.self_attn.q_proj.weight"
DOWN = "model.layers.1.mlp.down_proj.weight"
NORM = "model.layers.0.input_layernorm.weight"
EMBED = "model.embed_tokens.weight"
BEFORE = {
    EMBED: np.full((3, 2), 2.0, np.float32),
    Q: np.eye(2, dtype=np.float32),
    NORM: np.ones(2, np.float32),
    DOWN: np.full((2, 4), 1.0, np.float32),
}


def after(**changed: np.ndarray) -> dict[str, np.ndarray]:
    return BEFORE | {
        {"q": Q, "down": DOWN, "embed": EMBED}[k]: v for k, v in changed.items()
    }


def test_the_change_is_the_length_of_the_difference_over_the_length_before() -> None:
    found = weights.changes(BEFORE, after(q=np.eye(2) * 1.1, embed=BEFORE[EMBED] * 0.5))
    change = found.set_index("matrix")["change"]
    assert change["q"] == pytest.approx(0.1)
    assert change["embed_tokens"] == pytest.approx(0.5)
    assert change["down"] == 0


def test_rows_name_layer_and_matrix_and_keep_the_order_of_the_file() -> None:
    found = weights.changes(BEFORE, BEFORE)
    assert list(found["name"]) == list(BEFORE)
    assert list(found["matrix"]) == ["embed_tokens", "q", "input_layernorm", "down"]
    assert found["layer"].isna().tolist() == [True, False, False, False]
    assert found["layer"].dropna().tolist() == [1, 1, 2]
    assert list(found["numbers"]) == [6, 4, 2, 8]


def test_all_weights_together_are_one_long_vector() -> None:
    found = weights.changes(BEFORE, after(embed=BEFORE[EMBED] * 0))
    whole = np.concatenate([array.ravel() for array in BEFORE.values()])
    assert weights.total_change(found) == pytest.approx(
        np.linalg.norm(BEFORE[EMBED]) / np.linalg.norm(whole)
    )


def test_layers_become_rows_and_kinds_of_matrices_columns_in_their_order() -> None:
    table = weights.by_layer(weights.changes(BEFORE, after(q=np.eye(2) * 2)))
    assert list(table.columns) == ["q", "down"]
    assert table.index.tolist() == [1, 2]
    assert table.loc[1, "q"] == pytest.approx(1.0)
    assert np.isnan(table.loc[1, "down"])


@pytest.mark.parametrize(
    "other",
    [
        {name: array for name, array in BEFORE.items() if name != Q},
        BEFORE | {"model.extra.weight": np.ones(2)},
        BEFORE | {Q: np.ones((3, 3), np.float32)},
    ],
)
def test_models_of_different_shapes_are_not_compared(other: dict) -> None:
    with pytest.raises(ValueError, match="same shape"):
        weights.changes(BEFORE, other)
