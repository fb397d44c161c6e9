"""kill -9 of the server in mid-batch: no answer is lost, none is asked for again."""

from __future__ import annotations

import json

from helpers.provider.batch_runner import LANES_ALONE
from tests.provider.harness import Served, wait_until

LINES, KILLS = 240, (60, 140)


def start_batch(server) -> str:
    """Begin a batch whose every answer is stored, so that answers can be counted."""
    rows = [
        {
            "custom_id": f"row {n}",
            "method": "POST",
            "url": "/v1/chat/completions",
            "body": {
                "model": "kitchen-base",
                "messages": [{"role": "user", "content": f"List the foods: {n} eggs"}],
                "max_completion_tokens": 12,
                "store": True,
            },
        }
        for n in range(LINES)
    ]
    data = "".join(json.dumps(row) + "\n" for row in rows).encode()
    file = server.client.files.create(file=("batch.jsonl", data), purpose="batch")
    batch = server.client.batches.create(
        input_file_id=file.id,
        endpoint="/v1/chat/completions",
        completion_window="24h",
    )
    return batch.id


def test_a_killed_server_loses_no_answer_of_a_batch(tmp_path, tiny_llama):
    home = tmp_path / "home"
    home.mkdir()
    server = Served(home, tiny_llama).start()
    batch_id = start_batch(server)
    journal = home / "batches" / f"{batch_id}.jsonl"

    def answered() -> list[bytes]:
        if not journal.exists():
            return []
        return [row for row in journal.read_bytes().splitlines(True) if row[-1] == 10]

    kept: dict[str, str] = {}
    for number in KILLS:
        wait_until(lambda number=number: len(answered()) >= number, 120)
        server.kill()
        # The very answer that was kept is the one that comes out in the end.
        results = [json.loads(row)["result"] for row in answered()]
        for row in results:
            answer = row["response"]["body"]["id"]
            assert kept.setdefault(row["custom_id"], answer) == answer
        assert len(results) == len(kept) < LINES
        server = Served(home, tiny_llama).start()
    try:
        client = server.client
        wait_until(lambda: client.batches.retrieve(batch_id).output_file_id, 120)
        batch = client.batches.retrieve(batch_id)
        assert batch.status == "completed"
        counts = batch.request_counts.to_dict()
        assert counts == {"total": LINES, "completed": LINES, "failed": 0}
        text = client.files.content(batch.output_file_id).text
        rows = [json.loads(row) for row in text.splitlines()]
        assert [row["custom_id"] for row in rows] == [f"row {n}" for n in range(LINES)]
        answers = {row["custom_id"]: row["response"]["body"]["id"] for row in rows}
        assert kept.items() <= answers.items()
        made = client.files.list(purpose="batch_output").data
        assert [file.id for file in made] == [batch.output_file_id]
        # Only what was under way when the server died was answered once more.
        stored = {completion.id for completion in client.chat.completions.list()}
        assert set(answers.values()) <= stored
        assert len(stored) <= LINES + len(KILLS) * LANES_ALONE
    finally:
        server.stop()
