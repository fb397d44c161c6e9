"""What happens in a run, made from its seed and nothing else."""

from __future__ import annotations

import random
from dataclasses import dataclass


@dataclass(frozen=True)
class JobKind:
    """A job of the tiny model; its undisturbed twin is trained once and compared."""

    rows: int
    epochs: int
    batch: int
    seed: int
    validation: bool

    @property
    def steps(self) -> int:
        """Optimiser steps of the whole job."""
        return -(-self.rows // self.batch) * self.epochs


JOBS = {
    "short": JobKind(rows=12, epochs=3, batch=2, seed=3, validation=False),
    # More epochs than checkpoints are offered, so that old models are withdrawn.
    "many epochs": JobKind(rows=10, epochs=6, batch=1, seed=5, validation=False),
    "validated": JobKind(rows=20, epochs=4, batch=1, seed=7, validation=True),
}

# Each kind of fault and the moments at which it makes sense.
ANY = (
    "any time",
    "validating",
    "queued",
    "first step",
    "a step",
    "state write",
    "model write",
    "last model write",
)
LATE = ("result", "model load")
TRAINING = ("first step", "a step", "state write", "model write", "last model write")
FAULTS = {
    "kill server": (*ANY, *LATE),
    "kill worker": (*TRAINING, "validating", "queued"),
    "kill both": (*ANY, *LATE),
    "restart": (*ANY, *LATE),
    "stop server": (*ANY, *LATE),
    "stop worker": TRAINING,
    "starve worker": ("first step", "a step", "state write"),
    "orphan worker": TRAINING,
    "disk full, server": (*ANY, *LATE),
    "disk full, worker": TRAINING,
    "torn state": ("a step", "state write", "model write", "last model write"),
    "torn journal": (*TRAINING, "result"),
    "torn database": (*ANY, *LATE),
    "clock jump": (*ANY, *LATE),
    "port taken": ANY,
    "second server": ("any time", "a step", "model write"),
    "client gone": ("any time", "a step", "model load"),
    "upload cut off": ANY,
    "kill during upload": ANY,
    "pause, resume": (*ANY, *LATE),
    "cancel": (*ANY, *LATE),
}
_KILLS_WORKER = {"kill worker", "starve worker"}


@dataclass(frozen=True)
class Strike:
    """A fault and when it strikes; `size` in 0..1 is how hard, long or far."""

    fault: str
    moment: str
    size: float
    place: float


@dataclass(frozen=True)
class Plan:
    """A whole run."""

    seed: int
    jobs: tuple[str, ...]
    strikes: tuple[Strike, ...]
    chats: bool
    uploads: bool

    @property
    def faults(self) -> set[str]:
        """The kinds of faults in it."""
        return {strike.fault for strike in self.strikes}


def make_plan(seed: int) -> Plan:
    """Return the run of a seed.

    The first fault goes round the kinds with the seed, so that a stretch of seeds as
    long as the list meets each kind; everything else is drawn.
    """
    chance = random.Random(f"storm {seed}")
    jobs = tuple(chance.choices(list(JOBS), k=chance.choice((1, 1, 1, 2))))
    kinds = [list(FAULTS)[seed % len(FAULTS)]]
    kinds += chance.choices(list(FAULTS), k=chance.choice((0, 0, 1, 2)))
    strikes, deaths = [], 0
    for kind in kinds:
        # A job whose training process dies three times without getting further fails,
        # as it should: that is a rule with a test of its own.
        deaths += kind in _KILLS_WORKER
        if deaths > 2:
            continue
        moments = FAULTS[kind]
        if len(jobs) < 2:
            moments = [moment for moment in moments if moment != "queued"]
        moment = chance.choice(list(moments))
        strikes.append(Strike(kind, moment, chance.random(), chance.random()))
    return Plan(
        seed, jobs, tuple(strikes), chance.random() < 0.4, chance.random() < 0.3
    )
