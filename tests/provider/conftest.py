"""Servers that the provider's tests share."""

from __future__ import annotations

import pytest

from tests.provider.harness import FakeTraining, jsonl, served
from tests.provider.tiny_models import make_llama


@pytest.fixture(scope="session")
def fake(tmp_path_factory):
    """A server whose training is a countdown of milliseconds."""
    with FakeTraining(tmp_path_factory.mktemp("fake")) as server:
        yield server


@pytest.fixture
def client(fake):
    """The openai client of the server with fake training."""
    return fake.client


@pytest.fixture
def training_file(client):
    """The id of a valid training file."""
    return client.files.create(file=jsonl(), purpose="fine-tune").id


@pytest.fixture(scope="session")
def tiny_llama(tmp_path_factory):
    """The folder of a random model of the base model's kind, a few kilobytes large."""
    return make_llama(tmp_path_factory.mktemp("models") / "tiny", spread=2.0)


@pytest.fixture(scope="session")
def real(tmp_path_factory, tiny_llama):
    """A server as users start it, with real training of the tiny model."""
    with served(tmp_path_factory.mktemp("real"), tiny_llama) as server:
        yield server
