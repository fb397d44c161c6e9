"""Rules of embeddings, computed by a tiny random model, and what the base's know."""

from __future__ import annotations

import base64
import csv
import json
import random
import struct
import threading
import time
import urllib.request

import numpy as np
import openai
import pytest
import torch

from helpers.provider.embedding import PROBES, TooManyDimensions, embed
from helpers.provider.inference import open_for_answers
from helpers.provider.reading import LlamaReader, Readers
from helpers.provider.rendering import ChatRenderer
from helpers.provider.settings import BASE_MODEL_PATH, REPOSITORY, Limits
from tests.provider.tiny_models import make_other

TEXTS = ["2 c. brown sugar", "1 tsp. salt", "Stir the butter into the flour."]
WIDTH = 32


def embedded(client, texts=TEXTS, **more):
    more = {"model": "kitchen-base", **more}
    answer = client.embeddings.create(input=texts, **more)
    return np.array([item.embedding for item in answer.data])


def by_transformers(folder, renderer, texts) -> np.ndarray:
    """The definition, step by step, with the states of transformers."""
    from transformers import AutoModelForCausalLM

    model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32)

    @torch.inference_mode()
    def states(text):
        start = renderer.start_ids
        ids = torch.tensor([[*start, *renderer.text_ids(text)]])
        return model(ids, output_hidden_states=True).hidden_states[-1][0, len(start) :]

    mean = torch.cat([states(text) for text in PROBES]).mean(0)
    common = mean / mean.norm()
    means = torch.stack([states(text).mean(0) for text in texts])
    rest = means - torch.outer(means @ common, common)
    return (rest / rest.norm(dim=1, keepdim=True)).numpy()


def test_an_answer_has_openais_shape_and_counts_tokens(real, tiny_llama):
    answer = real.client.embeddings.with_raw_response.create(
        model="kitchen-base", input=TEXTS, encoding_format="float"
    )
    body = answer.http_response.json()
    assert set(body) == {"object", "data", "model", "usage"}
    assert body["object"] == "list"
    assert body["model"] == "kitchen-base"
    assert [item["index"] for item in body["data"]] == [0, 1, 2]
    assert {item["object"] for item in body["data"]} == {"embedding"}
    renderer = ChatRenderer(tiny_llama)
    tokens = sum(len(renderer.text_ids(text)) for text in TEXTS)
    assert body["usage"] == {"prompt_tokens": tokens, "total_tokens": tokens}
    assert answer.parse().data[0].embedding == body["data"][0]["embedding"]


def test_base64_is_the_same_numbers_in_four_bytes_each(real):
    request = urllib.request.Request(
        f"{real.url}/embeddings",
        json.dumps(
            {"model": "kitchen-base", "input": TEXTS[0], "encoding_format": "base64"}
        ).encode(),
        {
            "Authorization": f"Bearer {real.client.api_key}",
            "Content-Type": "application/json",
        },
    )
    with urllib.request.urlopen(request) as answer:
        raw = base64.b64decode(json.load(answer)["data"][0]["embedding"])
    numbers = struct.unpack(f"<{WIDTH}f", raw)
    assert list(numbers) == embedded(real.client, TEXTS[0]).tolist()[0]
    plain = embedded(real.client, TEXTS[0], encoding_format="float")
    assert list(numbers) == plain.tolist()[0]


def test_the_vectors_are_what_the_documentation_says(real, tiny_llama):
    expected = by_transformers(tiny_llama, ChatRenderer(tiny_llama), TEXTS)
    assert np.allclose(embedded(real.client), expected, atol=1e-4)


def test_the_same_text_gives_the_same_numbers_alone_and_among_others(real):
    together = embedded(real.client, [*TEXTS, TEXTS[0]])
    alone = np.concatenate([embedded(real.client, text) for text in TEXTS])
    assert np.allclose(together[0], together[3], atol=1e-5)
    assert np.allclose(together[:3], alone, atol=1e-5)
    again = embedded(real.client, [*TEXTS, TEXTS[0]])
    assert together.tolist() == again.tolist()
    assert np.allclose(np.linalg.norm(together, axis=1), 1, atol=1e-6)
    assert len(np.unique(together[:3].round(4), axis=0)) == 3


def test_tokens_mean_the_same_as_their_text(real, tiny_llama):
    renderer = ChatRenderer(tiny_llama)
    rows = [renderer.text_ids(text) for text in TEXTS]
    assert embedded(real.client, rows).tolist() == embedded(real.client).tolist()
    one = embedded(real.client, rows[0])
    assert one.tolist() == embedded(real.client, TEXTS[0]).tolist()


def test_shorter_vectors_are_the_beginning_with_length_1(real):
    whole = embedded(real.client)
    short = embedded(real.client, dimensions=5)
    cut = whole[:, :5] / np.linalg.norm(whole[:, :5], axis=1, keepdims=True)
    assert short.shape == (3, 5)
    assert np.allclose(short, cut, atol=1e-6)
    assert embedded(real.client, dimensions=WIDTH).tolist() == whole.tolist()


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"texts": ""}, "input"),
        ({"texts": ["a", ""]}, "input"),
        ({"texts": []}, "input"),
        ({"texts": [[]]}, "input"),
        ({"texts": ["a", 1]}, "input"),
        ({"texts": [True]}, "input"),
        ({"texts": [5, -1]}, "input"),
        ({"texts": ["a"] * (Limits().embedding_inputs + 1)}, "input"),
        ({"texts": "salt " * 300}, "input"),
        ({"texts": [[7] * 200] * 1600}, "input"),
        ({"dimensions": 0}, "dimensions"),
        ({"extra_body": {"dimensions": None}}, "dimensions"),
        ({"dimensions": WIDTH + 1}, "dimensions"),
        ({"encoding_format": "int8"}, "encoding_format"),
        ({"extra_body": {"unheard_of": 1}}, "unheard_of"),
    ],
)
def test_a_wrong_field_is_named(real, fields, param):
    with pytest.raises(openai.BadRequestError) as caught:
        embedded(real.client, **fields)
    assert caught.value.param == param


def test_an_unknown_model_is_a_404(real):
    with pytest.raises(openai.NotFoundError):
        embedded(real.client, model="text-embedding-99")


def test_the_most_inputs_are_taken_while_others_are_answered(real):
    done = threading.Event()
    found = []

    def many():
        found.append(embedded(real.client, ["2 c. sugar " * 8] * 2048))
        done.set()

    thread = threading.Thread(target=many)
    thread.start()
    waits = []
    while not done.is_set():
        began = time.perf_counter()
        embedded(real.client, "salt")
        real.client.models.list()
        waits.append(time.perf_counter() - began)
    thread.join()
    assert found[0].shape == (2048, WIDTH)
    # The long request is cut into turns, so a short one comes in between.
    assert len(waits) > 3


@pytest.mark.parametrize("architecture", ["qwen2", "gpt2", "gpt_neox"])
def test_other_architectures_are_embedded_too(tmp_path, architecture):
    folder = make_other(tmp_path / architecture, architecture)
    renderer = ChatRenderer(folder)
    rows = [renderer.text_ids(text) for text in TEXTS]
    readers = Readers(open_for_answers)
    found = readers.submit(folder, lambda r: embed(r, renderer, rows)).result()
    expected = by_transformers(folder, renderer, TEXTS)
    assert np.allclose(found.numpy(), expected, atol=1e-4)
    too_many = readers.submit(folder, lambda r: embed(r, renderer, rows, 33))
    with pytest.raises(TooManyDimensions):
        too_many.result()
    readers.close()


@torch.inference_mode()
def test_recipes_near_each_other_share_more_foods_than_chance():
    with open(REPOSITORY / "data" / "recipes.csv", encoding="utf-8") as file:
        recipes = random.Random(5).sample(list(csv.DictReader(file)), 120)
    foods = [{food.lower() for food in json.loads(row["NER"])} for row in recipes]
    renderer = ChatRenderer(BASE_MODEL_PATH)
    rows = [
        renderer.text_ids("\n".join([row["title"], *json.loads(row["ingredients"])]))
        for row in recipes
    ]
    vectors = embed(LlamaReader(BASE_MODEL_PATH), renderer, rows)
    near = vectors @ vectors.T
    near.fill_diagonal_(-2)
    shared = torch.tensor([[float(len(a & b)) for b in foods] for a in foods])
    nearest = shared[torch.arange(120), near.argmax(1)].mean()
    by_chance = (shared.sum() - shared.diagonal().sum()) / (120 * 119)
    assert nearest > 1.3 * by_chance
