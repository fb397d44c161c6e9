"""files/import: refused, allowed below a place, and never beyond it."""

from __future__ import annotations

import http.server
import os
import threading

import pytest

from helpers.provider.azure.imports import check_prefix
from tests.provider.azure.sdk import http_client
from tests.provider.harness import FakeTraining, jsonl

IMPORT = "/openai/files/import?api-version=2024-10-21"


def body(url: str, **change) -> dict:
    return {
        "purpose": "fine-tune",
        "filename": "rows.jsonl",
        "content_url": url,
        **change,
    }


class Pages(http.server.BaseHTTPRequestHandler):
    """A web server that holds a file, a redirect and an error."""

    def do_GET(self) -> None:
        self.server.asked.append(self.path)
        status = {"/data/moved": 302, "/data/gone": 404}.get(self.path, 200)
        self.send_response(status)
        if status == 302:
            self.send_header("location", "/data/rows.jsonl")
        self.end_headers()
        if status == 200:
            self.wfile.write(jsonl())

    def log_message(self, *_) -> None:
        """Say nothing."""


@pytest.fixture(scope="module")
def pages():
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Pages) as server:
        server.asked = []
        threading.Thread(target=server.serve_forever, daemon=True).start()
        server.url = f"http://127.0.0.1:{server.server_port}"
        yield server
        server.shutdown()


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A folder that may be imported from, a secret beside it, and links."""
    place = tmp_path_factory.mktemp("place")
    inside = place / "data"
    inside.mkdir()
    (inside / "rows.jsonl").write_bytes(jsonl())
    (inside / "with space.jsonl").write_bytes(jsonl())
    (inside / "empty.jsonl").write_bytes(b"")
    (inside / "large.jsonl").write_bytes(b"x" * 3_000_000)
    (place / "secret.jsonl").write_text("secret")
    (place / "database").mkdir()
    (inside / "link.jsonl").symlink_to(place / "secret.jsonl")
    (inside / "up").symlink_to(place)
    (inside / "circle").symlink_to(inside / "circle")
    os.mkfifo(inside / "pipe.jsonl")
    return inside


@pytest.fixture(scope="module")
def importing(tmp_path_factory, folder, pages):
    """A server that may import from the folder and from the pages."""
    from dataclasses import replace

    from helpers.provider.settings import Limits

    home = tmp_path_factory.mktemp("importing")
    allowed = (f"file://{folder}/", f"{pages.url}/data/")
    limits = replace(Limits(), file_bytes=1_000_000)
    with (
        FakeTraining(home, import_from=allowed, limits=limits) as server,
        http_client(server) as client,
    ):
        yield client


def test_nothing_is_imported_unless_the_command_line_allows_it(http):
    refused = http.post(IMPORT, json=body("file:///etc/hostname"))
    assert refused.status_code == 403
    assert refused.json()["error"]["code"] == "forbidden"
    assert "--allow-import" in refused.json()["error"]["message"]


@pytest.mark.parametrize("name", ["rows.jsonl", "with%20space.jsonl", "./rows.jsonl"])
def test_a_file_below_an_allowed_folder_is_kept(importing, folder, name):
    made = importing.post(IMPORT, json=body(f"file://{folder}/{name}"))
    assert made.status_code == 201
    assert made.json()["bytes"] == len(jsonl())
    assert importing.get(made.headers["location"]).json()["id"] == made.json()["id"]
    content = importing.get(f"/openai/files/{made.json()['id']}/content")
    assert content.content == jsonl()


def test_a_file_at_an_allowed_address_is_kept(importing, pages):
    made = importing.post(IMPORT, json=body(f"{pages.url}/data/rows.jsonl?sig=a%20b"))
    assert made.status_code == 201
    assert made.json()["bytes"] == len(jsonl())


@pytest.mark.parametrize(
    "name",
    [
        "../secret.jsonl",
        "%2e%2e/secret.jsonl",
        "link.jsonl",
        "up/secret.jsonl",
        "circle",
        "pipe.jsonl",
        "",
        "nobody.jsonl",
        "rows.jsonl%00",
        "x" * 5000,
    ],
)
def test_no_path_leads_out_of_the_folder(importing, folder, name):
    refused = importing.post(IMPORT, json=body(f"file://{folder}/{name}"))
    assert refused.status_code == 403
    assert "secret" not in refused.text


@pytest.mark.parametrize(
    "url",
    [
        "file:///etc/passwd",
        "file://localhost{folder}/rows.jsonl",
        "FILE:/{folder}/rows.jsonl",
        "http://127.0.0.1:1/data/rows.jsonl",
        "http://localhost:{port}/data/rows.jsonl",
        "http://user@127.0.0.1:{port}/data/rows.jsonl",
        "http://127.0.0.1:{port}@evil/data/rows.jsonl",
        "http://127.0.0.1:{port}\\@evil/data/rows.jsonl",
        "http://127.0.0.1:{port}/other/rows.jsonl",
        "http://127.0.0.1:{port}/database/rows.jsonl",
        "http://127.0.0.1:{port}/data/../other",
        "http://127.0.0.1:{port}/data/%2e%2e/other",
        "http://127.0.0.1:{port}/data/%252e%252e/other",
        "http://127.0.0.1:{port}/data/..;/other",
        "http://127.0.0.1:{port}/data/..%5cother",
        "http://127.0.0.1:{port}/data/\tx",
        "http://[::1/data/",
        "gopher://127.0.0.1/",
        "ftp://127.0.0.1:{port}/data/rows.jsonl",
        "http://169.254.169.254/latest/meta-data/",
    ],
)
def test_no_address_but_the_allowed_ones_is_asked(importing, folder, pages, url):
    before = len(pages.asked)
    url = url.format(port=pages.server_port, folder=folder)
    refused = importing.post(IMPORT, json=body(url))
    assert refused.status_code == 403
    assert refused.json()["error"]["code"] == "forbidden"
    assert len(pages.asked) == before


def test_redirects_are_not_followed_and_errors_are_told(importing, pages):
    for name, status in (("moved", 302), ("gone", 404)):
        refused = importing.post(IMPORT, json=body(f"{pages.url}/data/{name}"))
        assert refused.status_code == 400
        assert refused.json()["error"]["code"] == "fileImportFailed"
        assert f"HTTP status {status}" in refused.json()["error"]["message"]
    assert pages.asked[-2:] == ["/data/moved", "/data/gone"]


@pytest.mark.parametrize(
    ("change", "status", "param"),
    [
        ({"purpose": None}, 400, "purpose"),
        ({"purpose": "none such"}, 400, "purpose"),
        ({"filename": "rows.csv"}, 400, "filename"),
        ({"filename": 7}, 400, "filename"),
        ({"content_url": ""}, 400, "content_url"),
    ],
)
def test_what_is_missing_or_wrong_is_named(importing, folder, change, status, param):
    refused = importing.post(IMPORT, json=body(f"file://{folder}/rows.jsonl") | change)
    assert refused.status_code == status
    assert refused.json()["error"]["innererror"]["param"] == param


def test_empty_and_too_large_files_leave_nothing_behind(importing, folder):
    before = importing.get("/openai/files").json()["data"]
    for name in ("empty.jsonl", "large.jsonl"):
        refused = importing.post(IMPORT, json=body(f"file://{folder}/{name}"))
        assert refused.status_code == 400
        assert refused.json()["error"]["code"] == "fileImportFailed"
    assert importing.get("/openai/files").json()["data"] == before


@pytest.mark.parametrize(
    "text",
    [
        "/srv/data",
        "file://host/data/",
        "file:data",
        "https://",
        "https://user@example.org/",
        "https://example.org/?x",
        "ftp://example.org/",
    ],
)
def test_a_place_that_is_none_is_refused_on_the_command_line(text):
    with pytest.raises(ValueError, match="import from|absolute"):
        check_prefix(text)
    assert check_prefix("https://example.org/data/") == "https://example.org/data/"
