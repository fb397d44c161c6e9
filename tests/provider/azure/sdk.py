"""Azure's own SDKs, pointed at a provider of the tests."""

from __future__ import annotations

import httpx2 as httpx
import openai
from azure.core.credentials import AccessToken
from azure.mgmt.cognitiveservices import CognitiveServicesManagementClient

from tests.provider.harness import KEY, FakeTraining, jsonl, wait_for_job

VERSION = "2024-10-21"
GROUP, ACCOUNT = "kitchen-group", "kitchen-account"
ARM = (
    f"/subscriptions/sub-1/resourceGroups/{GROUP}/providers"
    f"/Microsoft.CognitiveServices/accounts/{ACCOUNT}"
)
BASE = "gpt-4o-mini-2024-07-18"


class KeyCredential:
    """The shape of azure-identity's credentials, around a key."""

    def get_token(self, *_scopes, **_more) -> AccessToken:
        return AccessToken(KEY, 2**31)


def root_of(server: FakeTraining) -> str:
    """Return the address of a server, without a path."""
    return server.url.removesuffix("/v1")


def azure_client(server: FakeTraining, **more) -> openai.AzureOpenAI:
    """Return the client that the tutorial makes."""
    given = {"api_key": KEY, "api_version": VERSION, "max_retries": 0, **more}
    return openai.AzureOpenAI(azure_endpoint=root_of(server), **given)


def v1_client(server: FakeTraining) -> openai.OpenAI:
    """Return OpenAI's own client, for the v1 address."""
    return openai.OpenAI(
        base_url=f"{root_of(server)}/openai/v1", api_key=KEY, max_retries=0
    )


def http_client(server: FakeTraining) -> httpx.Client:
    """Return a client without any SDK, with the key."""
    return httpx.Client(base_url=root_of(server), headers={"api-key": KEY})


def management(server: FakeTraining) -> CognitiveServicesManagementClient:
    """Return the client of the control plane, polling fast."""
    return CognitiveServicesManagementClient(
        KeyCredential(), "sub-1", base_url=root_of(server), polling_interval=0
    )


def deployment_of(model: str, sku: str = "Standard", capacity: int = 1) -> dict:
    """Return the body that puts a deployment."""
    shown = {"format": "OpenAI", "name": model, "version": "1"}
    return {"sku": {"name": sku, "capacity": capacity}, "properties": {"model": shown}}


def put(client: httpx.Client, name: str, model: str, **more) -> httpx.Response:
    """Put a deployment without the SDK."""
    return client.put(f"{ARM}/deployments/{name}", json=deployment_of(model, **more))


def finished_job(client: openai.AzureOpenAI, **more):
    """Train to the end and return the job."""
    file = client.files.create(file=("rows.jsonl", jsonl()), purpose="fine-tune")
    given = {"model": BASE, "suffix": "sass", **more}
    job = client.fine_tuning.jobs.create(training_file=file.id, **given)
    return wait_for_job(client, job.id)
