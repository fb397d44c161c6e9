"""The weights of models on this machine: read them, and see what fine-tuning moved.

Purpose: a look inside, for people who ask what changed. Hosted services keep their
weights; the local provider keeps each model as a Hugging Face folder in its own home,
`jobs/<job>/checkpoints/step-<n>` (tests/provider/test_real_job.py holds it to that).

    moved = weight_changes(here, job)
    heat_map(by_layer(moved))

numpy is enough: no torch is imported. It never changes a weight, and it must never know
the provider's code or what the weights are used for.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from openai.types.fine_tuning import FineTuningJob

from helpers.connect import LOCAL_MODEL, Connection
from helpers.messages import say
from helpers.recipes import DATA_DIR

Weights = dict[str, np.ndarray]

# The matrices of a Llama layer in the order in which a token passes them.
MATRICES = ("q", "k", "v", "o", "gate", "up", "down")
STORED = {"F64": "<f8", "F32": "<f4", "F16": "<f2"}
LAYER = re.compile(r"\.layers\.(\d+)\.")
STEP = re.compile(r"step-(\d+)")


class WeightsNotHere(LookupError):
    """The weights are not on this machine, or not any more."""


# --- where they are ---------------------------------------------------------------


def base_folder(connection: Connection) -> Path:
    """Return the folder of the base model that comes with this repository.

    Args:
        connection: has to be the local provider, with its usual base model.

    Raises:
        WeightsNotHere: the base model is another one, or somebody else keeps it.
    """
    if connection.home is None:
        raise WeightsNotHere(say("weights.hosted", label=connection.label))
    if connection.base_model != LOCAL_MODEL:
        raise WeightsNotHere(say("weights.base", model=connection.base_model))
    return DATA_DIR / "base_model"


def fine_tuned_folder(
    connection: Connection, job: FineTuningJob | str, step: int | None = None
) -> Path:
    """Return the folder of a model that a job of the local provider made.

    Args:
        connection: where the job ran.
        job: the job or its id.
        step: of a checkpoint; the last one without it.

    Raises:
        WeightsNotHere: the provider is another one, or the model was deleted.
    """
    if connection.home is None:
        raise WeightsNotHere(say("weights.hosted", label=connection.label))
    identifier = job if isinstance(job, str) else job.id
    # Names are compared with what is there; none is ever made into a path.
    jobs = connection.home / "jobs"
    folders = [path for path in _inside(jobs) if path.name == identifier]
    found = {
        int(match[1]): path
        for folder in folders
        for path in _inside(folder / "checkpoints")
        if (match := STEP.fullmatch(path.name))
    }
    wanted = max(found, default=0) if step is None else step
    if wanted not in found:
        known = ", ".join(map(str, sorted(found))) or "-"
        raise WeightsNotHere(say("weights.gone", id=identifier, known=known))
    return found[wanted]


def _inside(folder: Path) -> list[Path]:
    return list(folder.iterdir()) if folder.is_dir() else []


# --- reading ----------------------------------------------------------------------


def read_weights(folder: str | Path) -> Weights:
    """Read the weights of a model folder.

    Args:
        folder: in Hugging Face format, with model*.safetensors.

    Returns:
        Name -> array of float32, in the order of the file.

    Raises:
        FileNotFoundError: the folder has no safetensors.
        ValueError: numbers are stored in a way that is not known here.
    """
    from safetensors import deserialize

    folder = Path(folder)
    files = sorted(folder.glob("model*.safetensors"))
    if not files:
        raise FileNotFoundError(say("weights.none", folder=folder.name))
    return {
        name: _array(name, stored)
        for file in files
        for name, stored in deserialize(file.read_bytes())
    }


def _array(name: str, stored: Mapping[str, Any]) -> np.ndarray:
    kind, data = stored["dtype"], stored["data"]
    if kind == "BF16":
        # bfloat16 is the upper half of a float32; numpy does not know it.
        upper = np.frombuffer(data, dtype="<u2").astype(np.uint32)
        values = (upper << 16).view(np.float32)
    elif kind in STORED:
        values = np.frombuffer(data, dtype=STORED[kind]).astype(np.float32)
    else:
        raise ValueError(say("weights.kind", name=name, kind=kind))
    return values.reshape(stored["shape"])


# --- comparing --------------------------------------------------------------------


def changes(before: Mapping[str, np.ndarray], after: Mapping[str, np.ndarray]):
    """Compare two models of the same shape, tensor by tensor.

    The change of a matrix is the Frobenius norm of the difference, divided by that of
    the matrix before: 0.02 means that it moved by two hundredths of its own length.

    Args:
        before: weights by name.
        after: weights of the same names and shapes.

    Returns:
        pd.DataFrame, one row per tensor in the order of `before`: name, layer (from 1;
        missing outside of layers), matrix ("q", "down", "embed_tokens" ...), numbers
        (how many weights), length (norm before), moved (norm of the difference), change
        (moved / length).

    Raises:
        ValueError: names or shapes differ; the message names the first that does.
    """
    for name in [*before, *after]:
        shapes = [w[name].shape if name in w else None for w in (before, after)]
        if shapes[0] != shapes[1]:
            raise ValueError(
                say("weights.shape", name=name, before=shapes[0], after=shapes[1])
            )
    rows = []
    for name, old in before.items():
        length = float(np.linalg.norm(old.astype(np.float64)))
        moved = float(np.linalg.norm(after[name].astype(np.float64) - old))
        layer = LAYER.search(name)
        rows.append(
            {
                "name": name,
                "layer": int(layer[1]) + 1 if layer else pd.NA,
                "matrix": _short(name),
                "dimensions": old.ndim,
                "numbers": old.size,
                "length": length,
                "moved": moved,
                "change": moved / length if length else float("nan"),
            }
        )
    return pd.DataFrame(rows).astype({"layer": "Int64"})


def _short(name: str) -> str:
    return name.removesuffix(".weight").rpartition(".")[2].removesuffix("_proj")


def total_change(changed: pd.DataFrame) -> float:
    """Return the change of all weights together, as one long vector.

    Args:
        changed: what `changes` returned.
    """
    moved = float(np.sqrt((changed["moved"] ** 2).sum()))
    return moved / float(np.sqrt((changed["length"] ** 2).sum()))


def by_layer(changed: pd.DataFrame) -> pd.DataFrame:
    """Arrange the changes of the layers' matrices: one row a layer, one column a kind.

    Args:
        changed: what `changes` returned.

    Returns:
        DataFrame of changes; index layer (1 reads the tokens first), columns as in
        MATRICES, others behind them. Norms, which are no matrices, are left out.
    """
    inside = changed[changed["layer"].notna() & (changed["dimensions"] == 2)]
    table = inside.pivot(index="layer", columns="matrix", values="change")
    known = [name for name in MATRICES if name in table.columns]
    others = [name for name in table.columns if name not in known]
    return table[known + others].rename_axis(columns=None)


def weight_changes(
    connection: Connection, job: FineTuningJob | str, step: int | None = None
) -> pd.DataFrame:
    """Compare a fine-tuned model with its base model.

    Args:
        connection: the local provider.
        job: the job that made the model, or its id.
        step: of a checkpoint; the last one without it.

    Returns:
        What `changes` returns.

    Raises:
        WeightsNotHere: a hosted provider keeps the weights, or they were deleted.
    """
    tuned = fine_tuned_folder(connection, job, step)
    return changes(read_weights(base_folder(connection)), read_weights(tuned))
