"""What the fault tests share."""

from __future__ import annotations

import sys

import pytest

from tests.provider.tiny_models import make_llama

# Only Linux can change the limits of another process from outside.
collect_ignore = [] if sys.platform == "linux" else ["test_full_disk.py", "storm"]


@pytest.fixture(scope="session")
def tiny_llama(tmp_path_factory):
    """The folder of a random model of the base model's kind, a few kilobytes large."""
    return make_llama(tmp_path_factory.mktemp("models") / "tiny", spread=2.0)
