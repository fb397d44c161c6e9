"""Twenty runs of the storm: faults at every point of a job's life, and no harm done.

Two hundred of them: `python -m tests.faults.storm --runs 200 --seed 1`.
"""

from __future__ import annotations

import sys
import time

import pytest

from tests.faults.storm.plan import FAULTS, JOBS, make_plan

SEEDS = range(1, 21)

pytestmark = [
    pytest.mark.slow,
    # Signals, file limits of other processes and the forkserver are Linux's.
    pytest.mark.skipif(sys.platform != "linux", reason="faults are injected on Linux"),
]


@pytest.fixture(scope="module")
def references(tmp_path_factory, tiny_llama):
    from tests.faults.storm.run import references_for

    return references_for(tmp_path_factory.mktemp("undisturbed") / "run", tiny_llama)


@pytest.mark.parametrize("seed", SEEDS)
def test_no_fault_costs_a_job_an_event_or_a_bit(seed, tiny_llama, references):
    from tests.faults.storm.run import play

    report = play(seed, tiny_llama, references)
    again = f"python -m tests.faults.storm --seed {seed}"
    assert not report.violations, "\n".join([again, *report.violations])


def test_a_stretch_of_seeds_meets_every_kind_of_fault():
    met = set().union(*(make_plan(seed).faults for seed in range(len(FAULTS))))
    assert met == set(FAULTS)
    assert {job for seed in SEEDS for job in make_plan(seed).jobs} == set(JOBS)


def test_a_run_follows_from_its_seed():
    assert make_plan(7) == make_plan(7)
    assert make_plan(7) != make_plan(7 + len(FAULTS))


def test_a_broken_promise_is_noticed(tmp_path, tiny_llama, references, monkeypatch):
    """The storm itself can fail: a model that is gone while it is listed is seen."""
    from tests.faults.storm import run

    def seen(violations: list[str]) -> bool:
        return any("is listed, but config.json" in text for text in violations)

    def remove_models(world, _) -> None:
        # Of listed models only: one that goes earlier makes its job fail instead.
        jobs = world.client().fine_tuning.jobs
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline and not seen(world.violations):
            for job_id, _ in list(world.jobs):
                for item in jobs.checkpoints.list(job_id):
                    checkpoints = world.job_folder(job_id) / "checkpoints"
                    folder = checkpoints / f"step-{item.step_number}"
                    (folder / "config.json").unlink(missing_ok=True)
            time.sleep(0.01)

    monkeypatch.setattr(run, "strike", remove_models)
    report = run.play(16, tiny_llama, references)
    assert seen(report.violations), report.violations
