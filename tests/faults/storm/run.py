"""Play the run of a seed, and say what was injected and what was broken."""

from __future__ import annotations

import shutil
import tempfile
import threading
import time
import traceback
from dataclasses import dataclass, field
from pathlib import Path

from tests.faults.storm.faults import await_moment, strike
from tests.faults.storm.invariants import Reference, check_left_behind, check_served
from tests.faults.storm.plan import JOBS, JobKind, Plan, make_plan
from tests.faults.storm.world import FINAL, Stuck, World


@dataclass(frozen=True)
class Report:
    """A run that is over.

    Attributes:
        plan: what was to happen.
        struck: (fault, moment, whether the moment came before all jobs had ended).
        violations: what was broken; empty if all is well.
        seconds: how long it took.
    """

    plan: Plan
    struck: list[tuple[str, str, bool]]
    violations: list[str]
    seconds: float
    ends: list[str] = field(default_factory=list)


def references_for(folder: Path, model: Path) -> dict[JobKind, Reference]:
    """Train each kind of job once, on one server that nobody disturbs."""
    plan = Plan(-1, tuple(JOBS), (), False, False)
    world = World(folder, model, plan)
    world.server.start()
    world.submit_all()
    _wait_for_ends(world, follow=True)
    found = {}
    for job_id, kind in world.jobs:
        client = world.client()
        job = client.fine_tuning.jobs.retrieve(job_id)
        if job.status != "succeeded":
            raise RuntimeError(f"an undisturbed job ended as {job.status}: {job.error}")
        log = list(client.fine_tuning.jobs.list_events(job_id, limit=1000))[::-1]
        weights = world.job_folder(job_id) / "checkpoints" / f"step-{kind.steps}"
        found[kind] = Reference(
            (weights / "model.safetensors").read_bytes(),
            [event.data for event in log if event.type == "metrics"],
        )
    world.server.stop()
    world.close()
    return found


def _wait_for_ends(world: World, *, follow: bool = False) -> None:
    while world.left() > 0:
        if follow:
            for job_id, _ in world.jobs:
                world._follow(job_id)
        ended = [world.statuses.get(job_id) in FINAL for job_id, _ in world.jobs]
        if all(ended):
            return
        time.sleep(0.02)
    states = {job_id: world.statuses.get(job_id) for job_id, _ in world.jobs}
    raise Stuck(f"jobs do not end: {states}")


def play(
    seed: int,
    model: Path,
    references: dict[JobKind, Reference],
    *,
    keep: Path | None = None,
) -> Report:
    """Play one run.

    Args:
        seed: decides everything but the system's own timing.
        model: folder of the tiny base model.
        references: the undisturbed twins.
        keep: where the folder of a run with violations goes.
    """
    plan = make_plan(seed)
    folder = Path(tempfile.mkdtemp(prefix=f"storm-{seed}-"))
    world = World(folder, model, plan)
    struck: list[tuple[str, str, bool]] = []

    def strike_all() -> None:
        for one in plan.strikes:
            came = await_moment(world, one)
            struck.append((one.fault, one.moment, came))
            strike(world, one)

    helpers: list[threading.Thread] = []

    def start(target) -> threading.Thread:
        def guarded() -> None:
            try:
                target()
            except Exception:
                world.blame(traceback.format_exc(limit=-4))

        thread = threading.Thread(target=guarded, daemon=True)
        thread.start()
        helpers.append(thread)
        return thread

    try:
        world.server.start()
        start(world.follow)
        start(world.look_at_models)
        if plan.chats:
            start(world.chat)
        if plan.uploads:
            start(world.upload)
        striking = start(strike_all)
        world.submit_all()
        striking.join(world.left())
        if striking.is_alive():
            raise Stuck("the faults did not come to an end")
        if world.forgetful:
            _forget_lost_jobs(world)
        _wait_for_ends(world)
        world.over.set()
        for thread in helpers:
            thread.join(30)
        if world.forgetful:
            # What was rolled back and done again is tidied up at the next start.
            world.server.stop()
            world.server.start()
        check_served(world, references)
        if (code := world.server.stop()) != 0:
            world.blame(f"the server ended with {code} when it was asked to stop")
        check_left_behind(world)
    except Exception:
        world.blame(traceback.format_exc(limit=-4))
    finally:
        world.over.set()
        world.close()
        if world.server.process is not None and world.server.process.is_alive():
            world.server.kill_both()
    if world.violations and keep is not None:
        keep.mkdir(parents=True, exist_ok=True)
        shutil.copytree(folder, keep / folder.name, dirs_exist_ok=True)
    shutil.rmtree(folder, ignore_errors=True)
    ends = [world.statuses.get(job_id, "lost") for job_id, _ in world.jobs]
    seconds = time.monotonic() - world.began
    return Report(plan, struck, world.violations, seconds, ends)


def _forget_lost_jobs(world: World) -> None:
    """Do not wait for jobs whose creation went with the end of the database's log."""
    client = world.client()
    there = {job.id for job in client.fine_tuning.jobs.list(limit=100)}
    world.jobs = [job for job in world.jobs if job[0] in there]
