"""The stand-in for the Hub answers three calls, and says no to the rest."""

from __future__ import annotations

from collections.abc import Iterator

import httpx2
import pytest

from helpers.hub_stand_in import USER, HubStandIn


@pytest.fixture
def hub() -> Iterator[HubStandIn]:
    with HubStandIn() as hub:
        yield hub


def ask(hub: HubStandIn, method: str, path: str, token: str = "") -> httpx2.Response:
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    with httpx2.Client(trust_env=False) as client:
        return client.request(method, hub.url + path, headers=headers)


def test_it_listens_on_this_machine_alone(hub: HubStandIn) -> None:
    assert hub.url.startswith("http://127.0.0.1:")
    assert hub._server.server_address[0] == "127.0.0.1"


def test_it_knows_no_models(hub: HubStandIn) -> None:
    assert ask(hub, "GET", "/api/models?limit=100&sort=downloads").json() == []


def test_its_token_belongs_to_a_user_and_another_one_to_nobody(
    hub: HubStandIn,
) -> None:
    answer = ask(hub, "GET", "/api/whoami-v2", hub.token)
    assert answer.json() == {"id": USER, "name": USER, "orgs": []}
    for token in ("", "hf_another"):
        assert ask(hub, "GET", "/api/whoami-v2", token).status_code == 401


def test_the_name_of_every_project_is_free(hub: HubStandIn) -> None:
    answer = ask(hub, "GET", f"/api/models/{USER}/recipes", hub.token)
    assert answer.status_code == 404
    assert answer.headers["X-Error-Code"] == "RepoNotFound"


def test_what_would_send_something_away_is_refused_and_noted(hub: HubStandIn) -> None:
    for method in ("POST", "PUT", "DELETE"):
        assert ask(hub, method, "/api/repos/create", hub.token).status_code == 404
    assert [one.method for one in hub.asked] == ["POST", "PUT", "DELETE"]


def test_two_of_them_have_tokens_of_their_own() -> None:
    with HubStandIn() as one, HubStandIn() as other:
        assert one.token != other.token
        assert one.url != other.url


def test_nothing_answers_afterwards(hub: HubStandIn) -> None:
    with HubStandIn() as other:
        pass
    with pytest.raises(httpx2.TransportError):
        ask(other, "GET", "/api/models")
