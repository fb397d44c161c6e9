"""The server with fake training, as Azure's clients see it."""

from __future__ import annotations

import pytest

from tests.provider.azure.sdk import azure_client, finished_job, http_client
from tests.provider.harness import FakeTraining


@pytest.fixture(scope="package")
def azure(tmp_path_factory):
    """A server whose deployments are ready at once."""
    home = tmp_path_factory.mktemp("azure")
    with FakeTraining(home, deployment_seconds=0.0) as server:
        yield server


@pytest.fixture(scope="package")
def client(azure):
    """AzureOpenAI with a key."""
    with azure_client(azure) as client:
        yield client


@pytest.fixture(scope="package")
def http(azure):
    """A plain client with the key."""
    with http_client(azure) as client:
        yield client


@pytest.fixture(scope="package")
def job(client):
    """A finished job; nobody deletes it or its models."""
    return finished_job(client, seed=105)
