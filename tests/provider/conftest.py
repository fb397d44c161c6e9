"""Servers that the provider's tests share."""

from __future__ import annotations

import pytest

from tests.provider.harness import FakeTraining


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
    return _upload(client)


def _upload(client) -> str:
    from tests.provider.harness import jsonl

    return client.files.create(file=jsonl(), purpose="fine-tune").id
