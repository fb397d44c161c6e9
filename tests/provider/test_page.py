"""The code on docs/provider.md is run as it stands there, one piece after the other."""

from __future__ import annotations

import json
import re

from helpers.provider.settings import REPOSITORY
from tests.provider.harness import KEY, wait_for_job
from tests.provider.tiny_models import recipe_examples

PAGE = REPOSITORY / "docs" / "provider.md"


def pieces() -> list[str]:
    return re.findall(r"```python\n(.*?)```", PAGE.read_text("utf-8"), re.DOTALL)


def test_every_piece_of_code_on_the_page_runs(real, monkeypatch):
    monkeypatch.setenv("OPENAI_BASE_URL", real.url)
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    rows = "\n".join(json.dumps(row) for row in recipe_examples(12)).encode()
    names: dict = {"FILE": ("chats.jsonl", rows)}
    assert len(pieces()) == 6
    for piece in pieces():
        exec(compile(piece, str(PAGE), "exec", dont_inherit=True), names)
    assert names["answer"].output_text
    assert isinstance(names["parsed"].choices[0].message.parsed, names["Dish"])
    for job in ("preferred", "rewarded"):
        ended = wait_for_job(real.client, names[job].id, 100)
        assert ended.status == "succeeded", ended.error
