"""Azure OpenAI: where it is, who may use it, and deployments that are not forgotten.

Purpose: the notebook about Azure runs the same cells on the local provider's Azure
dialect and on Azure itself. COMPANION_PROVIDER=azure chooses the latter:

    here = connect_azure()
    with temporary(here, {"step-80": model}) as names: ...
    undeploy(here)

A deployment of a fine-tuned model is billed by the hour, used or not. So every
deployment is written down before it is asked for (beside what `helpers.jobs` has sent),
one that is there already is used again, and `undeploy` deletes whatever is written
down, also after the kernel has died. Nobody's other deployments are touched.
It must never know what a model was trained for.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import ssl
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import openai
import pandas as pd
from openai.types.fine_tuning import FineTuningJob

from helpers.connect import (
    LOCAL_MODEL,
    Connection,
    https_address,
    provider_home,
    setting,
    start_provider,
)
from helpers.environment import output_folder
from helpers.evaluation import Answer, ask
from helpers.jobs import FINAL, History, clean_up, left_over, remembered
from helpers.messages import say
from helpers.prices import HOUR, Price, price
from helpers.recipes import DATA_DIR
from helpers.tokens import TokenCounter, counter_for

# A name without the day is what Azure calls a base model that is deployed.
DATED = re.compile(r"(?P<name>.+)-(?P<version>\d{4}-\d{2}-\d{2})")
TUNED_MARK = ".ft-"  # in Azure's names of fine-tuned models
HOSTED_MODEL = "gpt-4o-mini-2024-07-18"  # the tutorial's
API_VERSION = "2024-10-21"  # the last dated one that is not a preview
COGNITIVE_SCOPE = "https://cognitiveservices.azure.com/.default"
# Microsoft's pages spell it in several ways: developertier, Developer, developerTier.
DEVELOPER = "DeveloperTier"
STANDARD = "Standard"
FREE_BY_THE_HOUR = frozenset({"developertier", "developer"})
LOCAL_POLL_S, HOSTED_POLL_S = 1, 10
FOLDER = "azure"  # where answers are kept, in the output folder
DEPLOYMENT = "deployments"  # kind of what is remembered
# Variables of Azure: of what they tell, and what it is called in the local dialect.
SETTINGS = {
    "subscription": ("AZURE_SUBSCRIPTION_ID", "local-subscription"),
    "group": ("AZURE_RESOURCE_GROUP", "local-group"),
    "account": ("AZURE_OPENAI_RESOURCE", "local-account"),
}
ENDPOINT = "AZURE_OPENAI_ENDPOINT"
PROJECT_ENDPOINT = "AZURE_AI_PROJECT_ENDPOINT"
# Azure's clouds for governments have other addresses for the control plane.
MANAGEMENT_ENDPOINT = "AZURE_RESOURCE_MANAGER_ENDPOINT"
IDENTITY = ("IDENTITY_ENDPOINT", "IDENTITY_HEADER")
CERTIFICATE = "tls-certificate.pem"  # in the local provider's folder
FACTS = DATA_DIR / "azure.csv"


class DeploymentFailed(RuntimeError):
    """A deployment did not become ready."""


@dataclass(frozen=True)
class AzureConnection(Connection):
    """A connection that knows Azure's two planes and its identity.

    Its `client` is the plain openai.OpenAI on the v1 address, as in today's tutorial.

    Attributes:
        endpoint: of the resource, without a slash at the end: the data plane.
        project_endpoint: of the Foundry project; empty where none was named.
        subscription, group, account: the resource's place in the control plane.
        credential: gives tokens to all clients; DefaultAzureCredential.
    """

    endpoint: str = ""
    project_endpoint: str = ""
    subscription: str = ""
    group: str = ""
    account: str = ""
    credential: Any = field(default=None, repr=False)
    _clients: dict[str, Any] = field(default_factory=dict, repr=False, compare=False)

    @property
    def place(self) -> tuple[str, str]:
        """The first two arguments of the control plane's calls: group and account."""
        return self.group, self.account

    def counter(self) -> TokenCounter:
        """Return a counter of the tokens that the base model reads."""
        if self.home is not None and (DATA_DIR / "base_model").is_dir():
            return counter_for(self.base_model, DATA_DIR / "base_model")
        return counter_for(self.base_model)

    def token_provider(self) -> Callable[[], str]:
        """Return what the openai clients take in place of a key."""
        from azure.identity import get_bearer_token_provider

        return get_bearer_token_provider(self.credential, COGNITIVE_SCOPE)

    def http(self) -> dict[str, Any]:
        """Return what the openai clients need besides; nothing on Azure."""
        return _http(self.home)

    def control_options(self) -> dict[str, Any]:
        """Return what the control plane's client needs besides; on Azure only a pace.

        The local one is at another address, and its certificate was made there.
        """
        if self.home is None:
            address = setting(MANAGEMENT_ENDPOINT)
            where = {"base_url": address} if address else {}
            return {"polling_interval": HOSTED_POLL_S, **where}
        return {
            "base_url": https_address(self.home),
            "polling_interval": LOCAL_POLL_S,
            "transport": _transport(self.home),
        }

    def project_options(self) -> dict[str, Any]:
        """Return what Foundry's client needs besides; nothing on Azure."""
        return {} if self.home is None else {"transport": _transport(self.home)}

    def control(self) -> Any:
        """Return the client of the control plane; one for each address."""
        from azure.mgmt.cognitiveservices import CognitiveServicesManagementClient

        options = self.control_options()
        address = str(options.get("base_url"))
        if address not in self._clients:
            self._clients[address] = CognitiveServicesManagementClient(
                self.credential, self.subscription, **options
            )
        return self._clients[address]

    def close(self) -> None:
        """Close what is open; the connection cannot be used after that."""
        for client in (*self._clients.values(), self.client, self.credential):
            client.close()

    def reconnect(self) -> None:
        """Find the local provider again, or start it, when it does not answer."""
        if self.home is not None:
            url = start_provider(self.home, https=True)
            self.client.base_url = f"{url}/openai/v1/"
            # The address of tokens has changed with it.
            _offer_tokens(url, self.home)


def connect_azure(home: str | Path | None = None) -> AzureConnection:
    """Connect to Azure OpenAI, or to the local provider's Azure dialect.

    COMPANION_PROVIDER=azure takes Azure itself; anything else stays on this machine.
    COMPANION_MODEL names another base model.

    Args:
        home: folder of the local provider; without it its own default.

    Returns:
        The connection.

    Raises:
        ProviderNotReady: the local provider did not start.
        ValueError: a variable is missing; the message names it.
    """
    chosen = os.environ.get("COMPANION_PROVIDER", "").strip().lower()
    return _hosted() if chosen == "azure" else _local(provider_home(home))


def _local(home: Path) -> AzureConnection:
    url = start_provider(home, https=True)
    _offer_tokens(url, home)
    return _connection(
        endpoint=url,
        project_endpoint=f"{https_address(home)}/api/projects/local-project",
        credential=_credential(only_here=True),
        base_model=os.environ.get("COMPANION_MODEL") or LOCAL_MODEL,
        label=say("azure.local"),
        billed=False,
        home=home,
        **{name: local for name, (_, local) in SETTINGS.items()},
    )


def _hosted() -> AzureConnection:
    endpoint = setting(ENDPOINT).partition("/openai")[0].rstrip("/")
    if not endpoint:
        raise ValueError(say("connect.azure"))
    told = {name: setting(variable) for name, (variable, _) in SETTINGS.items()}
    # The name of a resource is the first word of its address.
    told["account"] = (
        told["account"] or (urlsplit(endpoint).hostname or "").split(".")[0]
    )
    missing = [SETTINGS[name][0] for name, value in told.items() if not value]
    if missing:
        raise ValueError(say("azure.missing", names=", ".join(missing)))
    _withdraw_tokens()
    return _connection(
        endpoint=endpoint,
        project_endpoint=setting(PROJECT_ENDPOINT).rstrip("/"),
        credential=_credential(only_here=False),
        base_model=os.environ.get("COMPANION_MODEL") or HOSTED_MODEL,
        label="Azure OpenAI",
        billed=True,
        home=None,
        **told,
    )


def _connection(**told: Any) -> AzureConnection:
    from azure.identity import get_bearer_token_provider

    client = openai.OpenAI(
        base_url=f"{told['endpoint']}/openai/v1/",
        api_key=get_bearer_token_provider(told["credential"], COGNITIVE_SCOPE),
        **_http(told["home"]),
    )
    return AzureConnection(client=client, provider="azure", **told)


def _http(home: Path | None) -> dict[str, Any]:
    # A proxy of the network must not be asked about this very machine.
    if home is None:
        return {}
    trusted = ssl.create_default_context(cafile=str(home / CERTIFICATE))
    return {"http_client": openai.DefaultHttpx2Client(trust_env=False, verify=trusted)}


def _transport(home: Path) -> Any:
    """Return a transport that trusts the provider's own certificate, and no proxy."""
    from azure.core.pipeline.transport import RequestsTransport

    return RequestsTransport(
        connection_verify=str(home / CERTIFICATE), use_env_settings=False
    )


# --- who may ----------------------------------------------------------------------

_before: dict[str, str | None] = {}  # what the variables of IDENTITY were


def _offer_tokens(url: str, home: Path) -> None:
    """Let DefaultAzureCredential ask the local provider, in this process alone."""
    if not _before:
        _before.update({name: os.environ.get(name) for name in IDENTITY})
    key = (home / "key").read_text(encoding="utf-8").strip()
    os.environ.update(zip(IDENTITY, (f"{url}/msi/token", key), strict=True))


def _withdraw_tokens() -> None:
    """Put back what `_offer_tokens` has changed: Azure must not see local tokens."""
    for name, value in _before.items():
        if value is None:
            os.environ.pop(name, None)
        else:
            os.environ[name] = value
    _before.clear()


def _credential(only_here: bool) -> Any:
    from azure.core.pipeline.transport import RequestsTransport
    from azure.identity import DefaultAzureCredential

    if not only_here:
        return DefaultAzureCredential()
    # An account that somebody is logged in with has no business on this machine.
    others = (
        "environment", "workload_identity", "shared_token_cache", "visual_studio_code",
        "cli", "powershell", "developer_cli", "broker", "interactive_browser",
    )  # fmt: skip
    return DefaultAzureCredential(
        **{f"exclude_{name}_credential": True for name in others},
        transport=RequestsTransport(use_env_settings=False),
    )


# --- deployments ------------------------------------------------------------------


def hosting_price(sku: str = STANDARD) -> Price | None:
    """Return what a fine-tuned model costs by the hour; None where nothing is due.

    Args:
        sku: how it is deployed; the developer tier has no price by the hour.
    """
    if sku.lower() in FREE_BY_THE_HOUR:
        return None
    found = price("any fine-tuned model", "hosting", provider="azure")
    return found if found is not None and found.unit == HOUR else None


def request(model: str, sku: str = STANDARD, capacity: int = 1) -> dict[str, Any]:
    """Return the body of a deployment, as the control plane wants it.

    Args:
        model: name of a base model, a fine-tuned model, or a checkpoint.
        sku: how it is deployed and billed.
        capacity: thousands of tokens per minute.
    """
    dated = DATED.fullmatch(model)
    name, version = (model, "1")
    if TUNED_MARK not in model and dated:
        name, version = dated["name"], dated["version"]
    return {
        "sku": {"name": sku, "capacity": capacity},
        "properties": {"model": {"format": "OpenAI", "name": name, "version": version}},
    }


def start_deployment(
    here: AzureConnection,
    name: str,
    model: str,
    *,
    sku: str = DEVELOPER,
    capacity: int = 1,
) -> Any:
    """Ask for a deployment, unless it is there; return what can be waited for.

    Args:
        here: the connection.
        name: under which the model will answer.
        model: name of a base model, a fine-tuned model, or a checkpoint.
        sku: how it is deployed and billed.
        capacity: thousands of tokens per minute.

    Returns:
        The SDK's poller, or None when the deployment is ready.

    Raises:
        SpendingRefused: it is billed, and nobody said yes.
        azure.core.exceptions.HttpResponseError: the control plane refused it.
    """
    body = request(model, sku, capacity)
    control, wanted = here.control(), body["properties"]["model"]["name"]
    old = _find(control, here, name)
    if old is not None and old.properties.model.name == wanted:
        remember(here, name, model)
        if old.properties.provisioning_state == "Succeeded":
            return None
    else:
        here.confirm(_what(name, model, sku))
    # Written down first: a kernel that dies now leaves a note of what may be billed.
    remember(here, name, model)
    return control.deployments.begin_create_or_update(*here.place, name, body)


def _find(control: Any, here: AzureConnection, name: str) -> Any:
    from azure.core.exceptions import ResourceNotFoundError

    try:
        found = control.deployments.get(*here.place, name)
    except ResourceNotFoundError:
        return None
    return None if found.properties.provisioning_state == "Deleting" else found


def _what(name: str, model: str, sku: str) -> str:
    by_the_hour = hosting_price(sku)
    if TUNED_MARK not in model or sku.lower() in FREE_BY_THE_HOUR:
        return say("azure.deploy.tokens", name=name, model=model, sku=sku)
    if by_the_hour is None:
        return say("azure.deploy.no_price", name=name, model=model, sku=sku)
    return say(
        "azure.deploy.hour",
        name=name, model=model, sku=sku, amount=f"{by_the_hour.amount:.2f}",
        currency=by_the_hour.currency, date=by_the_hour.date,
    )  # fmt: skip


def deploy(
    here: AzureConnection, models: Mapping[str, str], *, sku: str = DEVELOPER
) -> list[str]:
    """Deploy models under names of ours, all at the same time, and wait.

    Args:
        here: the connection.
        models: name of a deployment -> model.
        sku: how all of them are deployed and billed.

    Returns:
        The names.

    Raises:
        DeploymentFailed: one of them did not become ready.
        SpendingRefused: it is billed, and nobody said yes.
    """
    waiting = {
        name: start_deployment(here, name, model, sku=sku)
        for name, model in models.items()
    }
    for name, poller in waiting.items():
        if poller is None:
            continue
        state = poller.result().properties.provisioning_state
        if state != "Succeeded":
            raise DeploymentFailed(say("azure.not_ready", name=name, state=state))
    return list(models)


@contextlib.contextmanager
def temporary(
    here: AzureConnection, models: Mapping[str, str], *, sku: str = DEVELOPER
) -> Iterator[list[str]]:
    """Deploy models for the time of a with block; delete them whatever happens in it.

    Args:
        here: the connection.
        models: name of a deployment -> model.
        sku: how all of them are deployed and billed.

    Yields:
        The names.
    """
    try:
        yield deploy(here, models, sku=sku)
    finally:
        undeploy(here, list(models))


def deployments(here: AzureConnection) -> pd.DataFrame:
    """List what is deployed in the resource, also what others have deployed.

    Returns:
        DataFrame with name, model, sku, state and ours (made by this notebook).
    """
    ours = remembered(here, DEPLOYMENT)
    found = list(here.control().deployments.list(*here.place))
    rows = [
        {
            "name": one.name,
            "model": one.properties.model.name,
            "sku": one.sku.name,
            "state": one.properties.provisioning_state,
            "ours": one.name in ours,
        }
        for one in found
    ]
    frame = pd.DataFrame(rows, columns=["name", "model", "sku", "state", "ours"])
    return frame.astype({"ours": bool})


def undeploy(here: AzureConnection, names: Sequence[str] | None = None) -> pd.DataFrame:
    """Delete deployments that were made here, and wait until they are gone.

    Args:
        here: the connection.
        names: which; all that are written down without it.

    Returns:
        DataFrame with kind, id and outcome ("deleted", "gone already").
    """
    noted = remembered(here, DEPLOYMENT)
    chosen = list(noted) if names is None else [n for n in names if n in noted]
    control = here.control()
    there = {one.name for one in control.deployments.list(*here.place)}
    waiting = {
        name: control.deployments.begin_delete(*here.place, name)
        for name in chosen
        if name in there
    }
    for poller in waiting.values():
        poller.result()
    for name in chosen:
        forget(here, name)
    rows = [
        {
            "kind": "deployment",
            "id": name,
            "outcome": "deleted" if name in waiting else "gone already",
        }
        for name in chosen
    ]
    return pd.DataFrame(rows, columns=["kind", "id", "outcome"])


def ask_deployment(
    here: AzureConnection,
    name: str,
    model: str,
    questions: Sequence[Sequence[Mapping[str, Any]]],
    *,
    max_tokens: int,
    label: str = "",
    show: bool = True,
) -> list[Answer]:
    """Ask a deployment, and keep the answers under the name of its model.

    Another model can stand behind the same deployment tomorrow, with other answers.

    Args:
        here: the connection.
        name: of the deployment.
        model: that it was made for.
        questions: the messages of each call.
        max_tokens: longest answer, in tokens.
        label: name at the progress bar; the deployment's without it.
        show: show a progress bar.

    Returns:
        One answer per question.

    Raises:
        SpendingRefused: it is billed, and nobody said yes.
        openai.OpenAIError: a call failed.
    """
    digest = hashlib.sha256(f"{here.endpoint} {model}".encode()).hexdigest()[:16]
    here.confirm(say("azure.ask", n=len(questions), name=name))
    return ask(
        here.client,
        name,
        questions,
        max_tokens=max_tokens,
        keep=output_folder(FOLDER) / f"answers-{digest}.jsonl",
        label=label or name,
        show=show,
    )


def remember(here: AzureConnection, name: str, model: str) -> None:
    """Write down that a deployment is ours, to be found and deleted later."""
    remembered(here, DEPLOYMENT, {name: model})


def forget(here: AzureConnection, name: str) -> None:
    """Strike a deployment out that is gone."""
    remembered(here, DEPLOYMENT, {name: None})


# --- jobs -------------------------------------------------------------------------


def pause(
    here: AzureConnection, job: FineTuningJob | str, after: int = 20
) -> FineTuningJob:
    """Pause a job when it has done some steps, and wait until it stands still.

    Azure pauses a job that runs and has done a step (`jobs.resume` lets it go on).

    Args:
        here: the connection.
        job: the job or its id.
        after: steps to let it do first.

    Returns:
        The job: paused, or ended where it was faster.
    """
    identifier = job if isinstance(job, str) else job.id
    history = History(here, identifier)
    now = wait_for(here, identifier, ["running"])
    while now.status == "running" and history.step < after:
        history.read()
        now = wait_for(here, identifier, ["running"])
        time.sleep(_pace(here))
    # It may end between two looks; then there is nothing to pause.
    with contextlib.suppress(openai.BadRequestError, openai.ConflictError):
        here.client.fine_tuning.jobs.pause(identifier)
    return wait_for(here, identifier, ["paused"])


def _pace(here: AzureConnection) -> float:
    return HOSTED_POLL_S if here.billed else LOCAL_POLL_S / 4


def wait_for(
    here: AzureConnection,
    job: FineTuningJob | str,
    states: Sequence[str],
    timeout_s: float = 3600.0,
) -> FineTuningJob:
    """Wait until a job is in one of some states, such as "paused".

    Args:
        here: the connection.
        job: the job or its id.
        states: those to wait for; an ended job is waited for no longer.
        timeout_s: how long to wait, in seconds.

    Raises:
        TimeoutError: it did not get there in time.
    """
    identifier = job if isinstance(job, str) else job.id
    deadline = time.monotonic() + timeout_s
    while True:
        now = here.client.fine_tuning.jobs.retrieve(identifier)
        if now.status in (*states, *FINAL):
            return now
        if time.monotonic() > deadline:
            raise TimeoutError(
                say("azure.waited", id=identifier, state=now.status, seconds=timeout_s)
            )
        time.sleep(_pace(here))


def delete_job(here: AzureConnection, job: FineTuningJob | str) -> None:
    """Delete a job that has ended, with its log; OpenAI's API has nothing like it."""
    identifier = job if isinstance(job, str) else job.id
    with openai.AzureOpenAI(
        azure_endpoint=here.endpoint,
        azure_ad_token_provider=here.token_provider(),
        api_version=API_VERSION,
        **here.http(),
    ) as azure:
        azure.delete(f"/fine_tuning/jobs/{identifier}", cast_to=object)


def tidy_up(
    here: AzureConnection, jobs: Sequence[FineTuningJob], *, models: bool = True
) -> pd.DataFrame:
    """Delete what was made here: deployments first, then models, files and jobs.

    Args:
        here: the connection.
        jobs: those that have ended.
        models: delete models and jobs as well; deployments and files always go.

    Returns:
        DataFrame with kind, id and outcome.
    """
    rows = [undeploy(here)]
    for job in jobs:
        try:
            rows.append(clean_up(here, job, models=models))
        except openai.NotFoundError:
            continue  # a second run: the job is gone with everything of it
        if models:
            delete_job(here, job)
            line = {"kind": "job", "id": job.id, "outcome": "deleted"}
            rows.append(pd.DataFrame([line]))
    return pd.concat([frame for frame in rows if len(frame)] or rows, ignore_index=True)


def still_there(here: AzureConnection, jobs: Sequence[FineTuningJob]) -> list[str]:
    """Return what is left of some jobs: deployments, models, files and the jobs.

    It asks the service, and believes no note.
    """
    bases = {job.fine_tuned_model for job in jobs if job.fine_tuned_model}
    files = {
        name
        for job in jobs
        for name in (job.training_file, job.validation_file, *job.result_files)
        if name
    }
    found = []
    for one in deployments(here).to_dict("records"):
        if one["ours"] or one["model"].partition(":ckpt")[0] in bases:
            found.append(f"deployment {one['name']}")
    for one in left_over(here).to_dict("records"):
        if one["id"] in files or one["id"].partition(":ckpt")[0] in bases:
            found.append(f"{one['kind']} {one['id']}")
    mine = {job.id for job in jobs}
    found += [
        f"job {job.id}" for job in here.client.fine_tuning.jobs.list() if job.id in mine
    ]
    return found


# --- facts about the service ------------------------------------------------------


def azure_facts(*topics: str, path: Path = FACTS) -> pd.DataFrame:
    """Return dated facts about Azure OpenAI from data/azure.csv.

    Args:
        topics: those wanted, such as "roles"; all of them without any.
        path: the table.

    Returns:
        DataFrame with topic, fact, as_of, read_on, source and verified.

    Raises:
        ValueError: there is no fact about a topic.
    """
    facts = pd.read_csv(path, dtype=str, keep_default_na=False)
    unknown = set(topics) - set(facts["topic"])
    if unknown:
        known = ", ".join(facts["topic"].unique())
        raise ValueError(say("azure.topic", found=min(unknown), known=known))
    return facts[facts["topic"].isin(topics or facts["topic"])].reset_index(drop=True)
