"""Tokens in place of the key."""

from __future__ import annotations

import time

import httpx2 as httpx
from hypothesis import given
from hypothesis import strategies as st

from helpers.provider.azure.tokens import LIFETIME_SECONDS, Tokens
from tests.provider.azure.sdk import root_of
from tests.provider.harness import KEY

tokens = Tokens(KEY)
NOW = 1_800_000_000


def test_a_token_is_good_until_its_end():
    token, ends = tokens.make(NOW)
    assert ends == NOW + LIFETIME_SECONDS
    assert tokens.is_valid(token.encode(), ends - 1)
    assert not tokens.is_valid(token.encode(), ends)


def test_tokens_of_another_key_or_with_another_end_are_worth_nothing():
    token, ends = tokens.make(NOW)
    assert not Tokens("another key").is_valid(token.encode(), NOW)
    later = token.replace(str(ends), str(ends + 1))
    assert later != token
    assert not tokens.is_valid(later.encode(), NOW)
    assert tokens.make(NOW)[0] != token


@given(st.binary(max_size=200))
def test_any_bytes_are_refused_and_not_an_error(garbage):
    assert tokens.is_valid(garbage, NOW) is False
    assert tokens.is_valid(tokens.make(NOW)[0].encode() + b"x" + garbage, NOW) is False


@given(st.text(max_size=30))
def test_any_header_is_compared_and_not_an_error(given):
    assert tokens.is_key(given) is (given == KEY)


def ask(azure, header: bytes | None) -> httpx.Response:
    headers = {} if header is None else {"X-IDENTITY-HEADER": header}
    address = f"{root_of(azure)}/msi/token?resource=https://ai.azure.com"
    return httpx.get(address, headers=headers)


def test_who_has_the_key_gets_a_token_that_opens(azure):
    given = ask(azure, KEY.encode()).json()
    assert given["token_type"] == "Bearer"
    assert int(given["expires_on"]) > time.time() + 3600
    assert given["resource"] == "https://ai.azure.com"
    bearer = {"authorization": f"Bearer {given['access_token']}"}
    assert httpx.get(f"{azure.url}/models", headers=bearer).status_code == 200
    assert KEY not in given["access_token"]


def test_nobody_else_gets_one(azure):
    for header in (None, b"", b"wrong", b"\xff\xfe"):
        refused = ask(azure, header)
        assert refused.status_code == 401
        assert "access_token" not in refused.text


def test_expired_forged_and_odd_tokens_are_refused_with_401(azure):
    old, _ = tokens.make(int(time.time()) - LIFETIME_SECONDS - 1)
    forged = old.rpartition(".")[0] + "." + "0" * 64
    for token in (old.encode(), forged.encode(), b"local-token..", b"\xff.\xfe.\xfd"):
        for headers in ({"api-key": token}, {"authorization": b"Bearer " + token}):
            answer = httpx.get(f"{root_of(azure)}/openai/models", headers=headers)
            assert answer.status_code == 401
            assert answer.json()["error"]["code"] == "401"
