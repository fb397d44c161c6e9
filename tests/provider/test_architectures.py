"""Any causal model of transformers by `--model NAME=PATH`: served, trained, merged.

Every architecture is merged and compared with peft; those that differ most (experts,
states, a window) go the whole way through a server as users start it.
"""

from __future__ import annotations

import json
import urllib.parse
import urllib.request
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from helpers.provider import training
from helpers.provider.causal_models import HuggingFaceModel, open_for_training
from helpers.provider.rendering import ChatRenderer
from tests.provider.harness import KEY, served, wait_for_job
from tests.provider.test_generation import transformers_ids
from tests.provider.tiny_models import (
    ARCHITECTURES,
    STRICT_TEMPLATE,
    make_llama,
    make_other,
    recipe_examples,
    write_jsonl,
)

SERVED = {
    "tiny/experts": ("qwen3_moe", {}),
    "tiny/states": ("mamba", {"template": None}),
    "window": ("gemma3_text", {"tokenizer": "gemma", "template": STRICT_TEMPLATE}),
    "llama2-like": ("qwen3", {"tokenizer": "llama2"}),
}
CHAT = [{"role": "user", "content": "2 c. brown sugar, 3 eggs"}]


def logits_of(folder: Path, ids: torch.Tensor) -> torch.Tensor:
    from transformers import AutoModelForCausalLM

    model, info = AutoModelForCausalLM.from_pretrained(
        folder, dtype=torch.float32, output_loading_info=True
    )
    assert not any(info.values()), info
    with torch.no_grad():
        return model.eval()(ids[None]).logits[0]


def adapted(folder: Path, dtype=torch.float32) -> HuggingFaceModel:
    """A model with low-rank additions that are not zero."""
    model = open_for_training(folder, lora=True, seed=0, dtype=dtype)
    torch.manual_seed(1)
    with torch.no_grad():
        for parameter in model.parameters().values():
            parameter.normal_(0, 0.1)
    return model


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_merged_additions_are_what_was_trained_and_what_peft_merges(
    tmp_path, architecture
):
    base = make_other(tmp_path / "base", architecture, spread=2.0)
    model = adapted(base)
    ids = torch.arange(5, 60)
    with torch.no_grad():
        trained = model.logits([ids], [torch.arange(55)])
    merged = tmp_path / "merged"
    merged.mkdir()
    model.save(merged)
    found = logits_of(merged, ids)
    scale = trained.abs().max()
    assert (found - trained).abs().max() < 1e-4 * scale
    with torch.no_grad():
        oracle = model._model.merge_and_unload().eval()(ids[None]).logits[0]
    assert (found - oracle).abs().max() < 1e-5 * scale
    assert (found - logits_of(base, ids)).abs().max() > 0.1 * scale
    names = load_file(base / "model.safetensors").keys()
    assert load_file(merged / "model.safetensors").keys() == names


def test_a_base_of_half_precision_is_held_and_saved_as_it_was(tmp_path):
    base = make_llama(tmp_path / "base", dtype="bfloat16", tied=False, spread=2.0)
    ids = torch.arange(5, 60)
    for dtype in (torch.bfloat16, torch.float32):
        model = adapted(base, dtype)
        assert {p.dtype for p in model.parameters().values()} == {torch.float32}
        held = {p.dtype for p in model._base.parameters() if not p.requires_grad}
        assert held == {dtype}
        with torch.no_grad():
            trained = model.logits([ids], [torch.arange(55)])
        merged = tmp_path / f"merged-{dtype}"
        merged.mkdir()
        model.save(merged)
        kinds = {t.dtype for t in load_file(merged / "model.safetensors").values()}
        assert kinds == {torch.bfloat16}
        assert json.loads((merged / "config.json").read_text())["dtype"] == "bfloat16"
        off = (logits_of(merged, ids) - trained).abs().max()
        assert off < 0.05 * trained.abs().max()


def test_gradients_in_pieces_are_those_of_the_whole_batch(tmp_path):
    base = make_other(tmp_path / "base", "qwen3", spread=1.0)
    file = write_jsonl(tmp_path / "rows.jsonl", recipe_examples(6))
    examples = training.Examples(file, ChatRenderer(base))
    objective = training.Answers.__new__(training.Answers)
    objective.examples, model = examples, adapted(base)
    found = []
    for most in (10_000, 100, 1):
        model.most_tokens = most
        _, metrics = objective.learn(model, [4, 0, 5, 2], 0)
        grads = {n: p.grad.clone() for n, p in model.parameters().items()}
        found.append((metrics, grads))
    (whole, expected), *others = found
    for metrics, grads in others:
        assert metrics == pytest.approx(whole, rel=1e-5)
        for name, grad in grads.items():
            bound = 1e-4 * expected[name].abs().max() + 1e-9
            assert (grad - expected[name]).abs().max() < bound, name


# ------------------------------------------------------------------- through a server


@pytest.fixture(scope="module")
def folders(tmp_path_factory) -> dict[str, Path]:
    place = tmp_path_factory.mktemp("bases")
    return {
        name: make_other(place / kind, kind, **more)
        for name, (kind, more) in SERVED.items()
    }


@pytest.fixture(scope="module")
def server(tmp_path_factory, tiny_llama, folders):
    words = [w for n, f in folders.items() for w in ("--model", f"{n}={f}")]
    with served(tmp_path_factory.mktemp("any"), tiny_llama, *words) as server:
        yield server


def test_names_with_slashes_are_models_like_others(server):
    listed = {model.id for model in server.client.models.list()}
    assert set(SERVED) <= listed
    assert server.client.models.retrieve("tiny/experts").id == "tiny/experts"
    quoted = urllib.parse.quote("tiny/experts", safe="")
    request = urllib.request.Request(
        f"{server.url}/models/{quoted}", headers={"Authorization": f"Bearer {KEY}"}
    )
    with urllib.request.urlopen(request) as answer:
        assert json.load(answer)["id"] == "tiny/experts"


@pytest.mark.parametrize("name", SERVED)
def test_answers_are_those_of_transformers(server, folders, name):
    renderer = ChatRenderer(folders[name])
    ids = renderer.prompt_ids(CHAT)
    expected = transformers_ids(folders[name], ids, 16, renderer.end_ids)
    ask = {"model": name, "messages": CHAT, "temperature": 0, "max_tokens": 16}
    chat = server.client.chat.completions
    whole = chat.create(**ask, logprobs=True, top_logprobs=2, n=2)
    text = renderer.decode(expected)
    assert [choice.message.content for choice in whole.choices] == [text] * 2
    told = whole.choices[0].logprobs.content
    assert len(told) == len(expected)
    assert (
        b"".join(bytes(token.bytes) for token in told).decode("utf-8", "replace")
        == text
    )
    streamed = "".join(
        chunk.choices[0].delta.content or ""
        for chunk in chat.create(**ask, stream=True)
    )
    assert streamed == text
    stop = text[len(text) // 2 :][:3]
    cut = chat.create(**ask, stop=stop).choices[0].message.content
    assert cut == text[: text.find(stop)]


@pytest.mark.parametrize("name", SERVED)
def test_texts_go_on_echo_and_become_vectors(server, folders, name):
    prompt = "Stir the butter into the"
    completion = server.client.completions.create(
        model=name, prompt=prompt, echo=True, logprobs=1, max_tokens=5, temperature=0
    )
    choice = completion.choices[0]
    renderer = ChatRenderer(folders[name])
    ids = renderer.text_ids(prompt)
    full = [*renderer.opening_ids, *ids]
    more = transformers_ids(folders[name], full, 5, renderer.end_ids)
    # A space between prompt and answer belongs to the answer, and is not lost.
    assert choice.text == renderer.decode([*ids, *more])
    assert len(choice.logprobs.tokens) == len(ids) + len(more)
    assert all(value <= 0 for value in choice.logprobs.token_logprobs)
    vectors = server.client.embeddings.create(model=name, input=[prompt, "3 eggs"])
    assert [len(item.embedding) for item in vectors.data] == [32, 32]


def test_any_model_is_fine_tuned_listed_and_fine_tuned_again(server):
    rows = "\n".join(json.dumps(row) for row in recipe_examples(12)).encode()
    file = server.client.files.create(file=("rows.jsonl", rows), purpose="fine-tune")
    model = "tiny/experts"
    ask = {"messages": CHAT, "temperature": 0, "max_tokens": 16}
    chat = server.client.chat.completions
    before = chat.create(model=model, **ask).choices[0].message.content
    for _ in range(2):
        job = server.client.fine_tuning.jobs.create(
            model=model,
            training_file=file.id,
            hyperparameters={"n_epochs": 2, "learning_rate_multiplier": 10},
        )
        job = wait_for_job(server.client, job.id, 200)
        model = job.fine_tuned_model
        assert model.startswith("ft:tiny/experts:")
        points = server.client.fine_tuning.jobs.checkpoints.list(job.id).data
        for name in (model, points[-1].fine_tuned_model_checkpoint):
            assert server.client.models.retrieve(name).id == name
            said = chat.create(model=name, **ask).choices[0].message.content
            assert said != before
