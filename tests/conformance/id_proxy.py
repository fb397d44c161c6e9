"""Real objects behind the literal ids that openai-python's generated tests use.

Those tests were made for a mock server: they ask for `file_id`, `ft-AF1W…` and the
like. This proxy stands between them and a real, stateful server and rewrites requests
only (ids and model names become those of real objects, made on demand); every answer
is the server's own, untouched. Jobs are really trained.

Use: `python -m tests.conformance.id_proxy --upstream URL/v1 --key KEY --base-model NAME
--train FILE`; it prints the port it listens on.
"""

from __future__ import annotations

import argparse
import hashlib
import http.client
import json
import re
import threading
import time
import urllib.parse
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

JOB = "ft-AF1WoRqd3aJAHsqc9NY7iL8F"
UPLOAD = "upload_abc123"
PERMISSION = "cp_zc4Q7MP6XxulcVzj4MZdwsAB"
RESPONSE = "resp_677efb5139a88190b512bc3fef8e535d"
# What the lines of batches ask for, and how many last a while.
BATCHED, LONG_BATCH = "/v1/responses", 500
FINAL = ("failed", "cancelled", "succeeded")
CHAT_FIELDS = (
    "model messages stream stream_options temperature top_p n seed stop logprobs "
    "top_logprobs presence_penalty frequency_penalty user metadata"
).split()
# What a request for a response can hold here beside its model and input; prompt
# templates and the like are refused by design.
RESPONSE_FIELDS = (
    "access_programs image include instructions max_output_tokens max_tool_calls "
    "metadata parallel_tool_calls prompt_cache_key prompt_cache_retention reasoning "
    "safety_identifier service_tier store stream stream_options temperature text "
    "tool_choice tools top_logprobs top_p truncation user"
).split()
COMPLETION_FIELDS = "model prompt stream temperature top_p seed stop".split()
NOT_FORWARDED = (
    "host",
    "transfer-encoding",
    "content-length",
    "connection",
    "authorization",
    "accept-encoding",
)
Answer = tuple[int, list[tuple[str, str]], bytes]


class Upstream:
    """The server under test.

    Args:
        url: its base URL.
        key: its key.
        seconds: how long an answer or a job may take.
    """

    def __init__(self, url: str, key: str, seconds: float) -> None:
        self._url = urllib.parse.urlsplit(url)
        self._key = key
        self.seconds = seconds

    def raw(
        self,
        method: str,
        path: str,
        body: bytes | None = None,
        headers: dict[str, str] | None = None,
    ) -> Answer:
        """Send a request and return the answer as it is."""
        connection = http.client.HTTPConnection(
            self._url.hostname, self._url.port, timeout=self.seconds
        )
        sent = {"Authorization": f"Bearer {self._key}", **(headers or {})}
        try:
            connection.request(
                method, self._url.path.rstrip("/") + path, body=body, headers=sent
            )
            answer = connection.getresponse()
            return answer.status, answer.getheaders(), answer.read()
        finally:
            connection.close()

    def call(self, method: str, path: str, body: Any = None, **form: Any) -> Any:
        """Send JSON (or the form's fields) and return the JSON that comes back."""
        headers: dict[str, str] = {}
        if form:
            body, headers = multipart(**form)
        elif body is not None:
            body = json.dumps(body).encode()
            headers = {"Content-Type": "application/json"}
        status, _, content = self.raw(method, path, body, headers)
        if status >= 300:
            raise RuntimeError(f"{method} {path} -> {status} {content[:300]!r}")
        return json.loads(content)


def multipart(
    fields: dict[str, str], field: str, name: str, data: bytes
) -> tuple[bytes, dict[str, str]]:
    """Return a multipart body with one file, and its headers."""
    boundary = "proxy" + hashlib.sha256(data).hexdigest()[:32]
    head = f"--{boundary}\r\nContent-Disposition: form-data; "
    parts = [f'{head}name="{key}"\r\n\r\n{text}\r\n' for key, text in fields.items()]
    parts.append(
        f'{head}name="{field}"; filename="{name}"\r\n'
        "Content-Type: application/octet-stream\r\n\r\n"
    )
    body = "".join(parts).encode() + data + f"\r\n--{boundary}--\r\n".encode()
    return body, {"Content-Type": f"multipart/form-data; boundary={boundary}"}


class World:
    """The real objects, made when they are first needed.

    Args:
        upstream: the server under test.
        train: content of a valid training file.
        base_model: a model that can be trained and asked.
        embed_model: a model that makes embeddings.
    """

    def __init__(
        self, upstream: Upstream, train: bytes, base_model: str, embed_model: str
    ) -> None:
        self.upstream = upstream
        self.train = train
        self.base_model = base_model
        self.embed_model = embed_model
        self._made: dict[str, Any] = {}
        self._lock = threading.RLock()

    def once(self, name: str, make: Callable[[], Any]) -> Any:
        """Return a thing that is made once."""
        with self._lock:
            if name not in self._made:
                self._made[name] = make()
            return self._made[name]

    def new_file(self) -> str:
        """Upload the training file."""
        return self.upstream.call(
            "POST",
            "/files",
            fields={"purpose": "fine-tune"},
            field="file",
            name="train.jsonl",
            data=self.train,
        )["id"]

    def file(self) -> str:
        """Return a training file that stays."""
        return self.once("file", self.new_file)

    def new_job(self) -> str:
        """Create a job of one epoch."""
        body = {
            "model": self.base_model,
            "training_file": self.file(),
            "hyperparameters": {"n_epochs": 1},
        }
        return self.upstream.call("POST", "/fine_tuning/jobs", body)["id"]

    def wait(self, job: str, *states: str) -> None:
        """Wait until a job is in one of the states."""
        deadline = time.monotonic() + self.upstream.seconds
        while time.monotonic() < deadline:
            seen = self.upstream.call("GET", f"/fine_tuning/jobs/{job}")
            if seen["status"] in states:
                return
            if seen["status"] in FINAL:
                raise RuntimeError(f"{job} ended as {seen['status']}: {seen['error']}")
            time.sleep(0.1)
        raise RuntimeError(f"{job} was never {states}")

    def new_done_job(self) -> str:
        """Train a job to its end."""
        job = self.new_job()
        self.wait(job, "succeeded")
        return job

    def done_job(self) -> str:
        """Return a finished job that stays."""
        return self.once("done job", self.new_done_job)

    def job_for(self, action: str) -> str:
        """Return a job in the state that an action needs."""
        job = self.new_job()
        if action != "cancel":
            self.wait(job, "running")
        if action == "resume":
            self.upstream.call("POST", f"/fine_tuning/jobs/{job}/pause")
            self.wait(job, "paused")
        return job

    def checkpoint(self) -> str:
        """Return the name of a checkpoint's model."""

        def find() -> str:
            path = f"/fine_tuning/jobs/{self.done_job()}/checkpoints"
            listed = self.upstream.call("GET", path)["data"]
            return listed[0]["fine_tuned_model_checkpoint"]

        return self.once("checkpoint", find)

    def new_permission(self) -> str:
        """Permit some project to use the checkpoint."""
        name = urllib.parse.quote(self.checkpoint(), safe="")
        body = {"project_ids": [f"proj_{time.time_ns()}"]}
        path = f"/fine_tuning/checkpoints/{name}/permissions"
        return self.upstream.call("POST", path, body)["data"][0]["id"]

    def new_upload(self) -> str:
        """Begin an upload in parts."""
        body = {
            "bytes": len(self.train),
            "filename": "train.jsonl",
            "mime_type": "application/jsonl",
            "purpose": "fine-tune",
        }
        return self.upstream.call("POST", "/uploads", body)["id"]

    def new_part(self, upload: str) -> str:
        """Send all of an upload as one part."""
        path = f"/uploads/{upload}/parts"
        return self.upstream.call(
            "POST", path, fields={}, field="data", name="part", data=self.train
        )["id"]

    def new_completion(self) -> str:
        """Store a chat completion."""
        # The package's type of a stored message knows the role "assistant" only.
        body = {
            "model": self.base_model,
            "messages": [{"role": "assistant", "content": "Hello."}],
            "max_completion_tokens": 4,
            "store": True,
        }
        return self.upstream.call("POST", "/chat/completions", body)["id"]

    def completion(self) -> str:
        """Return a stored chat completion that stays."""
        return self.once("completion", self.new_completion)

    def new_response(self) -> str:
        """Store a response."""
        body = {"model": self.base_model, "input": "Hello.", "max_output_tokens": 16}
        return self.upstream.call("POST", "/responses", body)["id"]

    def response(self) -> str:
        """Return a stored response that stays."""
        return self.once("response", self.new_response)

    def new_batch_file(self, lines: int = 1) -> str:
        """Upload a file of requests for responses."""
        body = {"model": self.base_model, "input": "Hello.", "max_output_tokens": 16}
        rows = (
            {"custom_id": f"line-{n}", "method": "POST", "url": BATCHED, "body": body}
            for n in range(lines)
        )
        return self.upstream.call(
            "POST",
            "/files",
            fields={"purpose": "batch"},
            field="file",
            name="batch.jsonl",
            data="".join(json.dumps(row) + "\n" for row in rows).encode(),
        )["id"]

    def batch_file(self) -> str:
        """Return a file of one request that stays."""
        return self.once("batch file", self.new_batch_file)

    def new_batch(self, lines: int = 1) -> str:
        """Begin a batch."""
        body = {
            "input_file_id": self.new_batch_file(lines),
            "endpoint": BATCHED,
            "completion_window": "24h",
        }
        return self.upstream.call("POST", "/batches", body)["id"]

    def batch(self) -> str:
        """Return a batch that stays."""
        return self.once("batch", self.new_batch)

    def deleted_model(self) -> Answer:
        """Delete a fine-tuned model and return the answer; one costs a training."""

        def delete() -> Answer:
            job = self.upstream.call("GET", f"/fine_tuning/jobs/{self.new_done_job()}")
            name = urllib.parse.quote(job["fine_tuned_model"], safe=":")
            return self.upstream.raw("DELETE", f"/models/{name}")

        return self.once("deleted model", delete)

    # Requests, rewritten

    def rewrite(
        self, method: str, path: str, query: str, body: bytes, kind: str
    ) -> tuple[str, bytes]:
        """Return path with query, and body, as the real server needs them."""
        path = urllib.parse.unquote(path)
        if "file_id" in path:
            file = self.new_file() if method == "DELETE" else self.file()
            path = path.replace("file_id", file)
        if "completion_id" in path:
            deleted = method == "DELETE"
            completion = self.new_completion() if deleted else self.completion()
            path = path.replace("completion_id", completion)
        if path.startswith("/responses/"):
            for literal in (RESPONSE, "response_id"):
                if literal in path:
                    deleted = method == "DELETE"
                    stays = self.new_response() if deleted else self.response()
                    path = path.replace(literal, stays)
        if "batch_id" in path:
            # One that is to be cancelled must not have ended before that.
            cancels = path.endswith("/cancel")
            batch = self.new_batch(LONG_BATCH) if cancels else self.batch()
            path = path.replace("batch_id", batch)
        if UPLOAD in path:
            upload = self.new_upload()
            path = path.replace(UPLOAD, upload)
            if path.endswith("/complete"):
                body = self._complete(upload, body)
        if f"/fine_tuning/jobs/{JOB}" in path:
            action = path.rpartition("/")[2]
            acting = action in ("cancel", "pause", "resume")
            path = path.replace(
                JOB, self.job_for(action) if acting else self.done_job()
            )
        if "/fine_tuning/checkpoints/" in path:
            path = re.sub(r"(/checkpoints/)[^/]+", rf"\g<1>{self.checkpoint()}", path)
            if PERMISSION in path:
                path = path.replace(PERMISSION, self.new_permission())
        if path.startswith("/models/gpt-"):
            path = f"/models/{self.base_model}"
        if path in ("/responses", "/responses/input_tokens"):
            body = json.dumps(self._response_fields(path, json.loads(body or b"{}")))
            body = body.encode()
        elif kind.startswith("application/json") and body:
            body = json.dumps(self._fields(path, json.loads(body))).encode()
        pairs = [
            (name, {("limit", "0"): "1"}.get((name, value), value))
            for name, value in urllib.parse.parse_qsl(query, keep_blank_values=True)
            if (name, value) != ("after", "after")
        ]
        pairs = [
            (n, "fine-tune" if (n, v) == ("purpose", "purpose") else v)
            for n, v in pairs
        ]
        quoted = urllib.parse.quote(path, safe="/:@!$&'()*+,;=-._~")
        return quoted + ("?" + urllib.parse.urlencode(pairs) if pairs else ""), body

    def _complete(self, upload: str, body: bytes) -> bytes:
        fields = json.loads(body)
        fields["part_ids"] = [self.new_part(upload)]
        if "md5" in fields:
            fields["md5"] = hashlib.md5(self.train).hexdigest()
        return json.dumps(fields).encode()

    def _response_fields(self, path: str, fields: dict[str, Any]) -> dict[str, Any]:
        given = fields
        counting = path.endswith("input_tokens")
        known = "instructions parallel_tool_calls reasoning text tool_choice tools"
        names = [*known.split(), "truncation"] if counting else RESPONSE_FIELDS
        fields = {name: given[name] for name in names if name in given}
        fields |= {"model": self.base_model, "input": given.get("input", "Hello.")}
        # Their functions are loaded later and called asynchronously, which is refused
        # by design, and have strict parameters that break the rules of strict.
        fields["tools"] = [
            {k: tool[k] for k in tool if k not in ("async", "defer_loading")}
            | {"strict": False}
            for tool in given.get("tools", ())
        ]
        if "previous_response_id" in given:
            fields["previous_response_id"] = self.response()
        if not counting:
            fields["max_output_tokens"] = 16
            if not fields.get("stream"):
                fields.pop("stream_options", None)
        return fields

    def _fields(self, path: str, fields: dict[str, Any]) -> dict[str, Any]:
        for name in ("training_file", "validation_file"):
            if fields.get(name) == "file-abc123":
                fields[name] = self.file()
        if path == "/fine_tuning/jobs":
            fields.pop("integrations", None)
            for other in ("dpo", "reinforcement"):
                fields.get("method", {}).pop(other, None)
        if "model" in fields:
            embedding = "input" in fields
            fields["model"] = self.embed_model if embedding else self.base_model
        if path == "/chat/completions":
            fields = {k: v for k, v in fields.items() if k in CHAT_FIELDS}
            fields |= {"max_completion_tokens": 4, "n": 1}
            fields["stream"] = fields.get("stream") or False
            if not fields["stream"]:
                fields.pop("stream_options", None)
            if not fields.get("logprobs"):
                fields.pop("top_logprobs", None)
        if path == "/batches":
            fields["input_file_id"] = self.batch_file()
        if path == "/completions":
            fields = {k: v for k, v in fields.items() if k in COMPLETION_FIELDS}
            fields["max_tokens"] = 4
        if path == "/embeddings":
            fields.pop("dimensions", None)
        if path == "/uploads" and fields.get("bytes") == 0:
            fields |= {
                "bytes": len(self.train),
                "mime_type": "application/jsonl",
                "purpose": "fine-tune",
            }
        return fields


def handler_for(world: World) -> type[BaseHTTPRequestHandler]:
    """Return the request handler of the proxy."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _body(self) -> bytes:
            if "chunked" not in self.headers.get("transfer-encoding", "").lower():
                return self.rfile.read(int(self.headers.get("content-length") or 0))
            body = b""
            while size := int(self.rfile.readline().split(b";")[0], 16):
                body += self.rfile.read(size)
                self.rfile.readline()
            self.rfile.readline()
            return body

        def _answer(self, body: bytes) -> Answer:
            path, _, query = self.path.partition("?")
            if self.command == "DELETE" and path.startswith("/models/"):
                return world.deleted_model()
            kind = self.headers.get("content-type", "")
            target, body = world.rewrite(self.command, path, query, body, kind)
            headers = {
                name: value
                for name, value in self.headers.items()
                if name.lower() not in NOT_FORWARDED
            }
            return world.upstream.raw(self.command, target, body or None, headers)

        def _serve(self) -> None:
            body = self._body()
            try:
                status, headers, content = self._answer(body)
            except Exception as fault:
                error = {"error": {"message": f"id_proxy: {fault}"}}
                headers = [("content-type", "application/json")]
                status, content = 599, json.dumps(error).encode()
            self.send_response(status)
            for name, value in headers:
                if name.lower() not in NOT_FORWARDED:
                    self.send_header(name, value)
            self.send_header("content-length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        do_GET = do_POST = do_DELETE = _serve

        def log_message(self, *_: object) -> None:
            """Say nothing; the tests say enough."""

    return Handler


def main() -> None:
    """Serve until the process is ended."""
    parser = argparse.ArgumentParser(prog="python -m tests.conformance.id_proxy")
    parser.add_argument("--upstream", required=True)
    parser.add_argument("--key", required=True)
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--base-model", required=True)
    parser.add_argument("--embed-model", default="none")
    parser.add_argument("--train", type=Path, required=True)
    parser.add_argument("--seconds", type=float, default=300)
    given = parser.parse_args()
    world = World(
        Upstream(given.upstream, given.key, given.seconds),
        given.train.read_bytes(),
        given.base_model,
        given.embed_model,
    )
    server = ThreadingHTTPServer(("127.0.0.1", given.port), handler_for(world))
    print(server.server_address[1], flush=True)
    server.serve_forever()


if __name__ == "__main__":
    main()
