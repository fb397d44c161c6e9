"""A plug-in of pytest: each process of the notebook tests has a provider of its own.

`make notebooks` runs several notebooks at the same time. With one provider for all, a
notebook would wait for the training of another, or stop what another one uses.
"""

from __future__ import annotations

import contextlib
import os

import pytest

from tools.notebooks import own_provider


def pytest_configure(config: pytest.Config) -> None:
    """Set the variables that name the folders, for this process and its kernels."""
    worker = "PYTEST_XDIST_WORKER" in os.environ
    if not worker and config.getoption("numprocesses", None):
        return  # this process only hands out the work
    stack = contextlib.ExitStack()
    os.environ.update(stack.enter_context(own_provider()))
    config.add_cleanup(stack.close)
