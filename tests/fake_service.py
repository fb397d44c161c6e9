"""A small fine-tuning service in the same process, for tests of helpers.

Only what helpers ask for, in the shapes of the API; the provider has its own tests.
"""

import base64
import json
from urllib.parse import parse_qs, unquote, urlparse

import httpx2
import openai

CSV = (
    "step,train_loss,train_accuracy,valid_loss,valid_mean_token_accuracy\n"
    "1,2.0,0.4,,\n2,1.0,0.6,1.5,0.5\n"
)


class Service:
    """A small fine-tuning service in the same process.

    Every look at a running job makes it go on by one step.
    """

    def __init__(self, outcome="succeeded", steps=3, result=None):
        self.outcome = outcome
        self.steps = steps
        self.result = base64.b64encode(CSV.encode()) if result is None else result
        self.files, self.jobs, self.events = {}, {}, {}
        self.models = {"kitchen-base": 100}
        self.asked = []
        self.down = 0
        self.page = 2

    def client(self):
        transport = httpx2.MockTransport(self.answer)
        return openai.OpenAI(
            api_key="sk-none",
            base_url="http://service.invalid/v1",
            max_retries=0,
            http_client=httpx2.Client(transport=transport),
        )

    def answer(self, request):
        if self.down:
            self.down -= 1
            raise httpx2.ConnectError("the service is away")
        url = urlparse(str(request.url))
        path = unquote(url.path).removeprefix("/v1/")
        query = {k: v[0] for k, v in parse_qs(url.query).items()}
        self.asked.append(f"{request.method} {path}")
        parts = path.removeprefix("fine_tuning/").split("/")
        handle = getattr(self, f"{request.method.lower()}_{parts[0]}")
        status, body = handle(parts[1:], request, query)
        if isinstance(body, bytes):
            return httpx2.Response(status, content=body)
        return httpx2.Response(status, json=body)

    def missing(self, what):
        error = {"message": f"No such {what}", "code": None, "param": None}
        return 404, {"error": {**error, "type": "invalid_request_error"}}

    def post_chat(self, parts, request, query):
        body = json.loads(request.content)
        text = self.chat(body["model"], body["messages"])
        message = {"role": "assistant", "content": text}
        choice = {"index": 0, "finish_reason": "stop", "message": message}
        usage = {"prompt_tokens": 9, "completion_tokens": 3, "total_tokens": 12}
        return 200, {
            "id": "chatcmpl-1", "object": "chat.completion", "created": 1,
            "model": body["model"], "choices": [choice], "usage": usage,
        }  # fmt: skip

    def chat(self, model, messages):
        """Answer a question; tests put their own in place of this."""
        return "[]"

    # files
    def post_files(self, parts, request, query):
        name = f"file-{len(self.files) + 1}"
        self.files[name] = {
            "id": name, "object": "file", "bytes": len(request.content),
            "created_at": 1, "filename": "train.jsonl", "purpose": "fine-tune",
            "status": "processed",
        }  # fmt: skip
        return 200, self.files[name]

    def get_files(self, parts, request, query):
        if not parts:
            return 200, self.listed(list(self.files.values()))
        if parts[0] not in self.files:
            return self.missing("file")
        if parts[1:] == ["content"]:
            return 200, self.result
        return 200, self.files[parts[0]]

    def delete_files(self, parts, request, query):
        if self.files.pop(parts[0], None) is None:
            return self.missing("file")
        return 200, {"id": parts[0], "object": "file", "deleted": True}

    # models
    def get_models(self, parts, request, query):
        def view(name):
            created = self.models[name]
            return {"id": name, "object": "model", "created": created, "owned_by": "x"}

        if not parts:
            return 200, {"object": "list", "data": [view(m) for m in self.models]}
        name = "/".join(parts)
        return (200, view(name)) if name in self.models else self.missing("model")

    def delete_models(self, parts, request, query):
        if self.models.pop(parts[0], None) is None:
            return self.missing("model")
        return 200, {"id": parts[0], "object": "model", "deleted": True}

    # jobs
    def listed(self, items, after=None, limit=100):
        names = [item["id"] for item in items]
        start = names.index(after) + 1 if after else 0
        data = items[start : start + limit]
        more = start + limit < len(items)
        return {"object": "list", "data": data, "has_more": more}

    def post_jobs(self, parts, request, query):
        if parts[1:] == ["cancel"]:
            job = self.jobs[parts[0]]
            if job["status"] in ("succeeded", "failed", "cancelled"):
                message = f"Job has already completed: {job['id']}"
                return 400, {"error": {"message": message, "code": None}}
            job["status"] = "cancelled"
            return 200, job
        body = json.loads(request.content)
        name = f"ftjob-{len(self.jobs) + 1}"
        self.jobs[name] = {
            "id": name, "object": "fine_tuning.job", "created_at": 1, "error": None,
            "fine_tuned_model": None, "finished_at": None, "hyperparameters": {},
            "organization_id": "org", "result_files": [], "seed": 1,
            "status": "queued", "trained_tokens": None, "validation_file": None,
            **{k: v for k, v in body.items() if k != "suffix"},
        }  # fmt: skip
        self.events[name] = []
        self.event(name, f"Created fine-tuning job: {name}")
        return 200, self.jobs[name]

    def event(self, name, message, **data):
        number = len(self.events[name]) + 1
        self.events[name].insert(
            0,
            {
                "id": f"ftevent-{number}", "object": "fine_tuning.job.event",
                "created_at": number, "level": "info", "message": message,
                "type": "metrics" if data else "message", "data": data,
            },
        )  # fmt: skip

    def get_jobs(self, parts, request, query):
        if not parts:
            return 200, self.listed(list(self.jobs.values())[::-1])
        job = self.jobs.get(parts[0])
        if job is None:
            return self.missing("job")
        if parts[1:] == ["events"]:
            found = self.events[job["id"]]
            return 200, self.listed(found, query.get("after"), self.page)
        if parts[1:] == ["checkpoints"]:
            if not job["fine_tuned_model"]:
                return 200, self.listed([])
            return 200, self.listed([self.checkpoint(job, s) for s in (3, 2)])
        self.go_on(job)
        return 200, job

    def checkpoint(self, job, step):
        name = job["fine_tuned_model"]
        return {
            "id": f"ftckpt_{step}", "object": "fine_tuning.job.checkpoint",
            "created_at": 1, "fine_tuning_job_id": job["id"], "step_number": step,
            "fine_tuned_model_checkpoint": f"{name}:ckpt-step-{step}" if step < 3
            else name, "metrics": {"step": step, "full_valid_loss": 1 / step},
        }  # fmt: skip

    def go_on(self, job):
        if job["status"] not in ("queued", "running"):
            return
        job["status"] = "running"
        name = job["id"]
        done = sum(e["type"] == "metrics" for e in self.events[name])
        if done < self.steps:
            step = done + 1
            numbers = {"train_loss": 2 / step, "train_mean_token_accuracy": 0.5}
            if step % 2 == 0:
                numbers["valid_loss"] = 1.0
            self.event(
                name, f"Step {step}/{self.steps}: training loss={2 / step:.2f}",
                step=step, total_steps=self.steps, **numbers,
            )  # fmt: skip
            return
        job["status"] = self.outcome
        if self.outcome == "succeeded":
            job["fine_tuned_model"] = f"ft:kitchen-base:local::{name}"
            self.models[job["fine_tuned_model"]] = 5
            self.files["file-result"] = {
                "id": "file-result", "object": "file", "bytes": 9, "created_at": 1,
                "filename": "step_metrics.csv", "purpose": "fine-tune-results",
                "status": "processed",
            }  # fmt: skip
            job["result_files"] = ["file-result"]
        if self.outcome == "failed":
            job["error"] = {
                "code": "invalid_training_file",
                "message": "Example 3, message 2 Discriminator 'role' is missing",
                "param": "training_file",
            }
