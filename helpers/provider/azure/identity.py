"""The address that `DefaultAzureCredential` asks for a token.

With IDENTITY_ENDPOINT=http://127.0.0.1:PORT/msi/token and IDENTITY_HEADER=<key> in the
environment, the credential believes to be on a machine of Azure's App Service, and asks
here. Source of the protocol: azure-identity 1.27.0.
"""

from __future__ import annotations

import time
from typing import Annotated

from fastapi import APIRouter, Depends, Request
from starlette.responses import JSONResponse, Response

from helpers.provider.azure.tokens import Tokens
from helpers.provider.errors import ApiError

router = APIRouter()


def _tokens(request: Request) -> Tokens:
    return request.app.state.tokens


@router.get("/msi/token")
def make_token(
    request: Request,
    tokens: Annotated[Tokens, Depends(_tokens)],
    resource: str = "",
) -> Response:
    """Give a token to who brings the key in X-IDENTITY-HEADER."""
    given = request.headers.get("x-identity-header", "")
    if not tokens.is_key(given):
        raise ApiError(
            401,
            "IDENTITY_HEADER is not the provider's key; it stands in the file 'key' of "
            "the provider's folder.",
            code="unauthorized",
        )
    token, ends = tokens.make(int(time.time()))
    return JSONResponse(
        {
            "access_token": token,
            "expires_on": str(ends),
            "resource": resource[:200],
            "token_type": "Bearer",
        },
        headers={"cache-control": "no-store"},
    )
