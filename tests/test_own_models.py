"""A model folder behind a provider of its own."""

import openai
import pytest

from helpers.own_models import served
from helpers.provider.settings import BASE_MODEL_PATH


def test_a_folder_answers_under_its_name_and_the_provider_ends(tmp_path) -> None:
    with served({"mine": BASE_MODEL_PATH}, tmp_path / "home") as client:
        reply = client.chat.completions.create(
            model="mine",
            messages=[{"role": "user", "content": "Hello"}],
            max_tokens=3,
            temperature=0,
        )
        assert reply.model == "mine"
        asked = client.with_options(max_retries=0)
        base_url = client.base_url
    with (
        openai.OpenAI(api_key=asked.api_key, base_url=base_url, max_retries=0) as late,
        pytest.raises(openai.APIConnectionError),
    ):
        late.models.list()
