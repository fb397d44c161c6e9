"""Files brought in from an address, and result files with Azure's columns.

Purpose: `files/import` makes the provider fetch something, which is how servers are
made to read what their callers may not (SSRF). So it is refused unless the command line
allows it, and then only below the places that it names: `file:///folder/` or
`https://host/path/`. No redirects are followed, and the cap on files holds.
"""

from __future__ import annotations

import csv
import io
import re
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from starlette.responses import JSONResponse, Response
from starlette.types import Scope

from helpers.provider import views
from helpers.provider.azure.translate import RESULT_COLUMNS, REWARD_COLUMNS
from helpers.provider.context import Provider, now
from helpers.provider.errors import ApiError, invalid
from helpers.provider.routes.files import add_file, check_name, check_purpose

_TIMEOUT_SECONDS = 30.0
# Of the whole transfer: a server that sends a byte now and then holds a thread.
_MOST_SECONDS = 600.0
_PIECE = 1024 * 1024


def results_csv(metrics: Iterable[dict[str, Any]], method: str = "supervised") -> bytes:
    """Write the result file of a job as Azure does.

    Args:
        metrics: data of the job's metrics events, oldest first.
        method: of the job; rewards have columns of their own.
    """
    columns = REWARD_COLUMNS if method == "reinforcement" else RESULT_COLUMNS
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow([shown for shown, _ in columns])
    for data in metrics:
        writer.writerow([data.get(own, "") for _, own in columns])
    return text.getvalue().encode()


def import_file(here: Provider, body: dict[str, Any] | None, scope: Scope) -> Response:
    """Fetch a file and keep it.

    Args:
        here: the provider.
        body: purpose, filename and content_url.
        scope: of the request; says the address for the Location header.

    Raises:
        ApiError: importing is not allowed, or not from there, or it failed.
    """
    allowed = here.settings.import_from
    if not allowed:
        raise ApiError(
            403,
            "Importing files from an address is switched off. Upload the file, or "
            "start the provider with --allow-import PREFIX for a place that you trust.",
            code="forbidden",
        )
    fields = {}
    for name in ("purpose", "filename", "content_url"):
        value = (body or {}).get(name)
        if not isinstance(value, str) or not value:
            raise invalid(
                f"Missing required parameter: '{name}'.",
                name,
                "missing_required_parameter",
            )
        fields[name] = value.encode("utf-8", "replace").decode()
    check_purpose(fields["purpose"])
    check_name(fields["filename"], fields["purpose"], "filename")
    pieces = _open(fields["content_url"], allowed)
    size, limit = 0, here.settings.limits.file_bytes
    here.blobs.check_space(0)
    with here.blobs.writing() as draft:
        for piece in pieces:
            size += len(piece)
            if size > limit:
                raise invalid(
                    f"The file at 'content_url' is larger than {limit} bytes.",
                    "content_url",
                    "fileImportFailed",
                )
            draft.file.write(piece)
        if size == 0:
            raise invalid("File is empty.", "content_url", "fileImportFailed")
        blob = draft.keep()
    columns = {
        "filename": fields["filename"][-255:],
        "purpose": fields["purpose"],
        "bytes": size,
        "created_at": now(),
        "expires_at": None,
    }
    file = add_file(here, blob, columns)
    shown = views.dump(views.file_view(file))
    host = dict(scope["headers"]).get(b"host", b"").decode("latin-1")
    url = f"{scope['scheme']}://{host}/openai/files/{file.id}"
    return JSONResponse(shown, 201, {"location": url})


def check_prefix(text: str) -> str:
    """Return a place that importing may be allowed from.

    Raises:
        ValueError: it is no address of a folder.
    """
    place = urlsplit(text)
    host = place.netloc
    fits = place.scheme in ("http", "https") and host and "@" not in host
    if not (fits or (place.scheme == "file" and not host)) or place.query:
        raise ValueError(
            f"'{text}' is no place to import from: expected the address of a folder, "
            "such as file:///srv/data/ or https://example.org/data/"
        )
    if place.scheme == "file" and not place.path.startswith("/"):
        raise ValueError(f"'{text}': expected an absolute path, file:///...")
    return text


def _open(url: str, allowed: Iterable[str]) -> Iterator[bytes]:
    """Return the content at an address that is allowed, in pieces."""
    for prefix in allowed:
        try:
            source = _below(url, prefix)
        except (OSError, ValueError, RuntimeError):
            continue  # no address, no path, or a circle of links
        if source is not None:
            return source
    raise ApiError(
        403,
        "Importing from this address is not allowed. The provider was started with "
        "--allow-import for other places only.",
        param="content_url",
        code="forbidden",
    )


def _below(url: str, prefix: str) -> Iterator[bytes] | None:
    """Return the content at an address, or None if it does not lie below a prefix."""
    if not url.isascii() or not url.isprintable() or " " in url or "\\" in url:
        return None  # what parsers of addresses disagree about
    parts, place = urlsplit(url), urlsplit(prefix)
    if (parts.scheme, parts.netloc) != (place.scheme, place.netloc):
        return None
    if parts.scheme == "file":
        folder = Path(unquote(place.path)).resolve()
        # Links are followed first, so that none leads out of the folder.
        path = Path(unquote(parts.path)).resolve()
        inside = path.is_relative_to(folder) and path.is_file()
        return _of_file(path) if inside else None
    return _of_address(url) if _is_below(parts.path, place.path) else None


def _is_below(path: str, folder: str) -> bool:
    """Say whether a path of a URL lies below another, with no way back up."""
    plain = path
    while (decoded := unquote(plain)) != plain:
        plain = decoded  # some servers decode twice
    climbs = any(
        part.partition(";")[0] in (".", "..") for part in re.split(r"[/\\]", plain)
    )
    return not climbs and path.startswith(folder.rstrip("/") + "/")


def _of_file(path: Path) -> Iterator[bytes]:
    with open(path, "rb") as file:
        while piece := file.read(_PIECE):
            yield piece


def _of_address(url: str) -> Iterator[bytes]:
    import httpx2 as httpx

    failed = "The file at 'content_url' could not be fetched"
    deadline = time.monotonic() + _MOST_SECONDS
    try:
        with httpx.stream(
            "GET",
            url,
            # Packed bytes would say nothing about how large the file is.
            headers={"accept-encoding": "identity"},
            follow_redirects=False,
            timeout=_TIMEOUT_SECONDS,
        ) as answer:
            if answer.status_code != 200:
                raise invalid(
                    f"{failed}: HTTP status {answer.status_code}.",
                    "content_url",
                    "fileImportFailed",
                )
            for piece in answer.iter_bytes(_PIECE):
                if time.monotonic() > deadline:
                    raise httpx.ReadTimeout("the whole transfer took too long")
                yield piece
    except (httpx.HTTPError, httpx.InvalidURL) as fault:
        raise invalid(
            f"{failed} ({type(fault).__name__}).", "content_url", "fileImportFailed"
        ) from fault
