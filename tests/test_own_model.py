"""A model folder behind a provider of its own."""

import openai
import pytest

from helpers.own_model import serving
from helpers.provider.settings import BASE_MODEL_PATH


def test_a_folder_answers_under_its_name_and_the_provider_ends(tmp_path) -> None:
    with serving("mine", BASE_MODEL_PATH, tmp_path / "home") as client:
        reply = client.chat.completions.create(
            model="mine",
            messages=[{"role": "user", "content": "Hello"}],
            max_tokens=3,
            temperature=0,
        )
        assert reply.model == "mine"
    with pytest.raises(openai.APIConnectionError):
        client.with_options(max_retries=0).models.list()
