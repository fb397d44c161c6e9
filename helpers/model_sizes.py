"""How large other models are, and how much they read at once, from a dated table.

Purpose: `data/model_sizes.csv` lets notebooks say what a number of this tiny model
would be for one that people use. Each row has its source and the day it was read.
It must never know a provider, and it looks at no network.
"""

from __future__ import annotations

import csv
import json
from dataclasses import dataclass
from pathlib import Path

from helpers.connect import LOCAL_MODEL, Connection
from helpers.messages import say
from helpers.recipes import DATA_DIR

TABLE = DATA_DIR / "model_sizes.csv"
BASE_MODEL = DATA_DIR / "base_model"


@dataclass(frozen=True, slots=True)
class ModelSize:
    """One row of the table.

    Attributes:
        model: its name.
        context: the most tokens that it reads and writes together.
        hidden, intermediate, key_value, vocabulary: widths of a Llama model; 0 where
            nobody has told them.
        layers: how many; 0 where nobody has told.
        tied: one matrix reads the tokens and writes them.
        read_on, source, verified: when and where it was read, and how surely.
    """

    model: str
    context: int
    hidden: int
    intermediate: int
    key_value: int
    layers: int
    vocabulary: int
    tied: bool
    read_on: str
    source: str
    verified: bool

    @property
    def open(self) -> bool:
        """True when the shape is known."""
        return self.layers > 0

    def matrices(self) -> dict[str, tuple[int, int]]:
        """Return the matrices of one layer: name -> (rows, columns).

        They are those of `transformers.LlamaForCausalLM` (5.23.0).

        Raises:
            ValueError: the shape is not known.
        """
        if not self.open:
            raise ValueError(say("sizes.closed", model=self.model))
        wide, high, kv = self.hidden, self.intermediate, self.key_value
        return {
            "q": (wide, wide),
            "k": (kv, wide),
            "v": (kv, wide),
            "o": (wide, wide),
            "gate": (high, wide),
            "up": (high, wide),
            "down": (wide, high),
        }

    def weights(self) -> int:
        """Return the number of all weights.

        Raises:
            ValueError: the shape is not known.
        """
        layer = sum(rows * columns for rows, columns in self.matrices().values())
        norms = (2 * self.layers + 1) * self.hidden
        tokens = self.vocabulary * self.hidden * (1 if self.tied else 2)
        return self.layers * layer + norms + tokens

    def lora_weights(self, rank: int) -> int:
        """Return the weights that LoRA adds to all matrices of the layers.

        A matrix of r rows and c columns gets two: rank × c and r × rank (Hu et al.,
        2021, arXiv:2106.09685).

        Args:
            rank: of the additions.
        """
        shapes = self.matrices().values()
        return self.layers * sum(rank * (rows + columns) for rows, columns in shapes)


def model_sizes(path: Path = TABLE) -> list[ModelSize]:
    """Return the rows of the table.

    Raises:
        ValueError: a number cannot be read; the message names row and file.
    """
    found = []
    with open(path, encoding="utf-8-sig", newline="") as lines:
        for row in csv.DictReader(lines):
            try:
                found.append(
                    ModelSize(
                        model=row["model"],
                        context=int(row["context"]),
                        hidden=int(row["hidden"] or 0),
                        intermediate=int(row["intermediate"] or 0),
                        key_value=int(row["key_value"] or 0),
                        layers=int(row["layers"] or 0),
                        vocabulary=int(row["vocabulary"] or 0),
                        tied=row["tied"] == "yes",
                        read_on=row["read_on"],
                        source=row["source"],
                        verified=row["verified"] == "yes",
                    )
                )
            except (ValueError, TypeError) as error:
                raise ValueError(
                    say("sizes.unreadable", path=path.name, row=row, error=error)
                ) from error
    return found


def size_of_folder(folder: str | Path = BASE_MODEL, name: str = "") -> ModelSize:
    """Return the size of a Llama model on this machine, from its config.json.

    Args:
        folder: in Hugging Face format.
        name: what to call it; the folder's name without it.
    """
    folder = Path(folder)
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    heads = config["num_attention_heads"]
    width = config.get("head_dim") or config["hidden_size"] // heads
    return ModelSize(
        model=name or folder.name,
        context=config["max_position_embeddings"],
        hidden=config["hidden_size"],
        intermediate=config["intermediate_size"],
        key_value=width * (config.get("num_key_value_heads") or heads),
        layers=config["num_hidden_layers"],
        vocabulary=config["vocab_size"],
        tied=bool(config.get("tie_word_embeddings")),
        read_on="",
        source="config.json",
        verified=True,
    )


def context_limit(connection: Connection) -> int:
    """Return how many tokens the connection's base model reads and writes together.

    Args:
        connection: the local provider's own model is looked at; others are looked up.

    Raises:
        ValueError: nobody has told; the message says where to write it down.
    """
    known = {size.model: size.context for size in model_sizes()}
    if connection.base_model in known:
        return known[connection.base_model]
    if connection.base_model == LOCAL_MODEL:
        return size_of_folder().context
    raise ValueError(say("sizes.context", model=connection.base_model))
