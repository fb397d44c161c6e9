"""The parts of the provider that routes use, in one place."""

from __future__ import annotations

import time
from dataclasses import dataclass

from fastapi import Request

from helpers.provider.blobs import BlobStore
from helpers.provider.models import Registry
from helpers.provider.runner import Runner
from helpers.provider.serving import Serving
from helpers.provider.settings import BASE_MODEL_NAME, Settings
from helpers.provider.store import Store


@dataclass(frozen=True)
class Provider:
    """Everything between HTTP and the disk."""

    settings: Settings
    store: Store
    blobs: BlobStore
    registry: Registry
    runner: Runner
    serving: Serving

    def start(self) -> None:
        """Take up interrupted jobs; load the base model in the background."""
        base = self.registry.find(BASE_MODEL_NAME)
        self.serving.start(preload=base.path if base else None)
        self.runner.start()

    def stop(self) -> None:
        """Put everything down so that the next start goes on from here."""
        self.runner.stop()
        self.serving.close()
        self.store.close()


def make_provider(settings: Settings) -> Provider:
    """Put the parts together; the folder must be prepared and locked."""
    store = Store(settings.database)
    blobs = BlobStore(settings.blobs, settings.limits.free_disk_bytes)
    registry = Registry(store, settings)
    serving = Serving()
    runner = Runner(store, blobs, registry, settings, on_model=serving.preload)
    return Provider(settings, store, blobs, registry, runner, serving)


def provider_of(request: Request) -> Provider:
    """Return the provider that serves this request (a FastAPI dependency)."""
    return request.app.state.provider


def now() -> int:
    """Return the time as the API states it: whole seconds since 1970."""
    return int(time.time())
