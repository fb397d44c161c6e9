"""Fifty clients ask at once while a job trains: all are answered, the job succeeds."""

from __future__ import annotations

import asyncio
import json
import time

import openai

from tests.provider.harness import KEY, served, wait_for_job, wait_until
from tests.provider.tiny_models import recipe_examples

CLIENTS = 50


def test_fifty_chats_at_once_are_answered_while_a_job_trains(tmp_path, tiny_llama):
    with served(tmp_path / "home", tiny_llama) as server:
        client = server.client
        rows = "\n".join(json.dumps(row) for row in recipe_examples(100)).encode()
        job = client.fine_tuning.jobs.create(
            model="kitchen-base",
            training_file=client.files.create(file=rows, purpose="fine-tune").id,
            hyperparameters={"n_epochs": 50, "batch_size": 1},
        )

        def training() -> bool:
            newest = client.fine_tuning.jobs.list_events(job.id, limit=1).data[0]
            return newest.type == "metrics"

        wait_until(training, 60)
        answers, looks = asyncio.run(ask_all(server.url, job.id))
        assert len(answers) == CLIENTS
        assert all(answer.choices[0].finish_reason for answer in answers)
        tokens = {answer.usage.prompt_tokens for answer in answers}
        assert len(tokens) > 1
        # Looking at the job stays quick meanwhile, also on a busy machine.
        assert max(seconds for seconds, _ in looks) < 5
        assert {status for _, status in looks} == {"running"}
        client.fine_tuning.jobs.cancel(job.id)
        assert wait_for_job(client, job.id).status == "cancelled"


async def ask_all(url: str, job_id: str):
    """Ask from fifty clients at once, and look at the job all the while."""
    looks: list[tuple[float, str]] = []
    async with openai.AsyncOpenAI(base_url=url, api_key=KEY, max_retries=0) as client:

        async def ask(number: int):
            words = " ".join(str(n) for n in range(number % 7 + 1))
            return await client.chat.completions.create(
                model="kitchen-base",
                messages=[{"role": "user", "content": f"Count: {words}"}],
                max_completion_tokens=40,
                seed=number,
            )

        async def look() -> None:
            while True:
                began = time.perf_counter()
                job = await client.fine_tuning.jobs.retrieve(job_id)
                looks.append((time.perf_counter() - began, job.status))
                await asyncio.sleep(0.05)

        looking = asyncio.create_task(look())
        answers = await asyncio.gather(*(ask(number) for number in range(CLIENTS)))
        await asyncio.sleep(0.2)
        looking.cancel()
    return answers, looks
