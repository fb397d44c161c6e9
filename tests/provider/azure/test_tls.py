"""The certificate, and all of Azure's SDKs over https against a real server."""

from __future__ import annotations

import datetime as dt
import os
import ssl
import stat
import subprocess
import sys
import time

import httpx2 as httpx
import pytest
from cryptography import x509

from helpers.provider import home as homes
from helpers.provider import tls
from helpers.provider.__main__ import main, make_parser
from helpers.provider.settings import REPOSITORY
from tests.provider.harness import KEY, served


def names_of(path) -> set[str]:
    certificate = x509.load_pem_x509_certificate(path.read_bytes())
    found = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName)
    return {str(name.value) for name in found.value}


def test_it_is_for_this_machine_alone_and_its_key_is_private(tmp_path):
    certificate, key = tls.load_or_make_certificate(tmp_path)
    assert names_of(certificate) == {"localhost", "127.0.0.1", "::1"}
    assert stat.S_IMODE(key.stat().st_mode) == 0o600
    assert "PRIVATE" not in certificate.read_text()
    ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(certificate, key)


def test_it_is_kept_until_shortly_before_its_end(tmp_path, monkeypatch):
    certificate, key = tls.load_or_make_certificate(tmp_path)
    first = certificate.read_bytes()
    key.chmod(0o644)
    tls.load_or_make_certificate(tmp_path)
    assert certificate.read_bytes() == first
    assert stat.S_IMODE(key.stat().st_mode) == 0o600
    began = dt.datetime.now(dt.UTC)
    nearly = began + tls.LIFETIME - tls.RENEWED_BEFORE
    monkeypatch.setattr(tls, "_now", lambda: nearly - dt.timedelta(minutes=5))
    tls.load_or_make_certificate(tmp_path)
    assert certificate.read_bytes() == first
    monkeypatch.setattr(tls, "_now", lambda: nearly + dt.timedelta(minutes=5))
    tls.load_or_make_certificate(tmp_path)
    assert certificate.read_bytes() != first


@pytest.mark.parametrize("hurt", ["key of another", "no key", "torn", "no certificate"])
def test_a_pair_that_does_not_fit_is_made_anew(tmp_path, hurt):
    certificate, key = tls.load_or_make_certificate(tmp_path)
    if hurt == "key of another":
        other = tmp_path / "other"
        other.mkdir()
        key.write_bytes(tls.load_or_make_certificate(other)[1].read_bytes())
    elif hurt == "torn":
        certificate.write_bytes(certificate.read_bytes()[:200])
    else:
        (key if hurt == "no key" else certificate).unlink()
    tls.load_or_make_certificate(tmp_path)
    ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(certificate, key)


@pytest.mark.parametrize(
    "words",
    [
        ["--deployment-seconds", "-1"],
        ["--deployment-seconds", "nan"],
        ["--allow-import", "/srv/data"],
    ],
)
def test_impossible_words_of_the_command_line_are_refused(words, capsys):
    with pytest.raises(SystemExit) as ended:
        main(["serve", *words])
    assert ended.value.code == 2
    assert words[0] in capsys.readouterr().err


def test_the_words_of_the_command_line_arrive():
    given = make_parser().parse_args(
        "serve --tls-port 0 --deployment-seconds 0 --allow-import file:///a/ "
        "--allow-import https://example.org/b/".split()
    )
    assert (given.tls_port, given.deployment_seconds) == (0, 0.0)
    assert given.allow_import == ["file:///a/", "https://example.org/b/"]


# What a user would write, in a process of its own: nothing but the environment differs
# from a program for the real service.
PROGRAM = """
import json
import os
import time

from azure.ai.projects import AIProjectClient
from azure.identity import DefaultAzureCredential, get_bearer_token_provider
from azure.mgmt.cognitiveservices import CognitiveServicesManagementClient
from openai import AzureOpenAI, OpenAI

address = os.environ["AZURE_OPENAI_ENDPOINT"]
credential = DefaultAzureCredential()
control = CognitiveServicesManagementClient(
    credential, "sub-1", base_url=address, polling_interval=1
)
body = {
    "sku": {"name": "Standard", "capacity": 1},
    "properties": {
        "model": {"format": "OpenAI", "name": "kitchen-base", "version": "1"}
    },
}
made = control.deployments.begin_create_or_update("g", "a", "kitchen", body).result()
assert made.properties.provisioning_state == "Succeeded"

ask = {
    "model": "kitchen",
    "messages": [{"role": "user", "content": "Hi"}],
    "max_tokens": 3,
    "seed": 1,
    "temperature": 0,
}
project = AIProjectClient(endpoint=f"{address}/api/projects/p", credential=credential)
assert [one.name for one in project.deployments.list()] == ["kitchen"]
assert project.deployments.get("kitchen").model_name == "kitchen-base"
tokens = get_bearer_token_provider(
    credential, "https://cognitiveservices.azure.com/.default"
)
version = {"api_version": "2024-10-21"}
clients = [
    project.get_openai_client(),
    AzureOpenAI(azure_ad_token_provider=tokens, **version),
    AzureOpenAI(azure_ad_token=tokens(), **version),
    AzureOpenAI(api_key=os.environ["KEY"], **version),
    OpenAI(base_url=f"{address}/openai/v1", api_key=os.environ["KEY"]),
]
answers = [client.chat.completions.create(**ask) for client in clients]
texts = {answer.choices[0].message.content for answer in answers}
assert len(texts) == 1, texts
assert {answer.model for answer in answers} == {"kitchen-base"}
chunks = list(clients[1].chat.completions.create(stream=True, **ask))
said = "".join(c.choices[0].delta.content or "" for c in chunks if c.choices)
assert said == texts.pop()

client = clients[1]
answer = {"role": "assistant", "content": "no"}
rows = [[{"role": "user", "content": f"Say {n}"}, answer] for n in range(10)]
lines = "".join(json.dumps({"messages": row}) + chr(10) for row in rows).encode()
file = client.files.create(file=("rows.jsonl", lines), purpose="fine-tune")
job = client.fine_tuning.jobs.create(
    training_file=file.id,
    model="kitchen-base",
    suffix="sass",
    seed=105,
    hyperparameters={"n_epochs": 1},
    extra_body={"trainingType": "developerTier"},
)
while job.status not in ("succeeded", "failed", "cancelled"):
    time.sleep(0.2)
    job = client.fine_tuning.jobs.retrieve(job.id)
assert job.status == "succeeded", job
body["properties"]["model"]["name"] = job.fine_tuned_model
body["sku"]["name"] = "developertier"
control.deployments.begin_create_or_update("g", "a", "sassy", body).result()
ask["model"] = "sassy"
for one in clients[1], clients[4]:
    answer = one.chat.completions.create(**ask)
    assert answer.model == job.fine_tuned_model, answer
    chunks = list(one.chat.completions.create(stream=True, **ask))
    assert {chunk.model for chunk in chunks} == {job.fine_tuned_model}
for name in "kitchen", "sassy":
    control.deployments.begin_delete("g", "a", name).result()
assert client.models.delete(job.fine_tuned_model).deleted
assert list(project.deployments.list()) == []
print("all done")
"""


def test_all_sdks_work_over_https_with_nothing_but_the_environment(
    tmp_path, tiny_llama
):
    home = tmp_path / "home"
    words = ("--tls-port", "0", "--deployment-seconds", "0.2")
    with served(home, tiny_llama, *words) as server:
        note = homes.read_server_note(home)
        assert note["tls_url"].startswith("https://127.0.0.1:")
        certificate = str(home / tls.CERTIFICATE_FILE)
        environment = {
            **os.environ,
            "AZURE_OPENAI_ENDPOINT": note["tls_url"],
            "KEY": KEY,
            "IDENTITY_ENDPOINT": f"{note['url']}/msi/token",
            "IDENTITY_HEADER": KEY,
            "REQUESTS_CA_BUNDLE": certificate,
            "SSL_CERT_FILE": certificate,
        }
        ran = subprocess.run(
            [sys.executable, "-c", PROGRAM],
            cwd=REPOSITORY,
            env=environment,
            capture_output=True,
            text=True,
            timeout=240,
            check=False,
        )
        assert ran.stdout.strip() == "all done", ran.stderr[-3000:]
        for host in ("127.0.0.1", "localhost"):
            url = note["tls_url"].replace("127.0.0.1", host)
            context = ssl.create_default_context(cafile=certificate)
            assert httpx.get(f"{url}/health", verify=context).status_code == 200
        with pytest.raises(httpx.ConnectError):
            httpx.get(f"{note['tls_url']}/health")  # nobody else trusts it
        before = (home / tls.CERTIFICATE_FILE).read_bytes()
        began = time.monotonic()
        server.stop()
        assert time.monotonic() - began < 30
        assert server.process.returncode == 0
        for url in (note["url"], note["tls_url"]):
            with pytest.raises(httpx.ConnectError):
                httpx.get(f"{url}/health", verify=context)
        assert homes.read_server_note(home) is None
    assert (home / tls.CERTIFICATE_FILE).read_bytes() == before
