"""The training script in one process, in two, killed, sharded, and TRL's own command.

Small shapes: 64 short rows, six steps, float32, one thread, all weights trained. Two
processes add up gradients in another order than one. Seen on the machine where this was
written: losses of a step differ by 4e-7, weights by 3e-6 after six steps. Allowed is
1e-4. One process that was killed, and TRL's command, end with the very same bits.
"""

from __future__ import annotations

import importlib.util
import json
import random
import subprocess
import time
from pathlib import Path

import pytest
from safetensors.torch import load_file

from helpers import launching
from helpers.provider.settings import BASE_MODEL_PATH

FSDP_ON_CPU = launching.SCRIPT.with_name("fsdp_on_cpu.py")
STEPS = 6
SMALL = (
    f"--max_steps={STEPS}",
    "--per_device_train_batch_size=8",
    "--logging_steps=1",
    "--learning_rate=2e-3",
    "--lr_scheduler_type=linear",
    "--bf16=False",
    "--use_peft=False",
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """Return a folder with data/train.jsonl: questions over small tables."""
    made = tmp_path_factory.mktemp("sql")
    draw = random.Random(0)
    words = "name age city price year score".split()
    (made / "data").mkdir()
    with (made / "data" / "train.jsonl").open("w") as file:
        for _ in range(64):
            a, b = draw.sample(words, 2)
            n = draw.randint(1, 99)
            texts = {
                "system": f"CREATE TABLE film ({a} TEXT, {b} INTEGER)",
                "user": f"Show the {a} of each film whose {b} is {n}.",
                "assistant": f"SELECT {a} FROM film WHERE {b} = {n}",
            }
            chat = [{"role": role, "content": text} for role, text in texts.items()]
            row = {"prompt": chat[:-1], "completion": chat[-1:]}
            file.write(json.dumps(row) + "\n")
    return made


@pytest.fixture(scope="module")
def script():
    """Return the script as a module."""
    made = importlib.util.spec_from_file_location("train_sql", launching.SCRIPT)
    module = importlib.util.module_from_spec(made)
    made.loader.exec_module(module)
    return module


def spec(folder: Path, name: str, words: list[str]) -> dict:
    """Return what Popen needs to run a command on the data, into a folder."""
    told = [f"--dataset_name={folder / 'data'}", f"--output_dir={folder / name}"]
    return {
        "args": [*launching.command(words), *SMALL, *told],
        "env": launching.environment(folder),
        "cwd": launching.ROOT,
        "stdout": subprocess.PIPE,
        "stderr": subprocess.STDOUT,
        "text": True,
    }


def run(folder: Path, name: str, words: list[str]) -> str:
    """Run to the end, which has to be a good one; returns what was said."""
    done = subprocess.run(**spec(folder, name, words))
    assert done.returncode == 0, done.stdout[-3000:]
    return done.stdout


def result(folder: Path, name: str) -> dict:
    """Return what a run of the script wrote down."""
    return json.loads((folder / name / "result.json").read_text())


def losses(found: dict) -> list[float]:
    """Return the loss of each step."""
    return [loss for _, loss in found["losses"]]


def farthest(one: Path, other: Path) -> float:
    """Return how far the weights of two models are apart, at most."""
    a, b = (load_file(folder / "model.safetensors") for folder in (one, other))
    # Gathered from shards, the head is saved as well, though it is the embedding.
    for found in (a, b):
        found.setdefault("lm_head.weight", found["model.embed_tokens.weight"])
    assert a.keys() == b.keys()
    return max((a[key].float() - b[key].float()).abs().max().item() for key in a)


@pytest.fixture(scope="module")
def one(folder) -> dict:
    """Train in one process, undisturbed."""
    run(folder, "one", launching.torchrun(1))
    return result(folder, "one")


@pytest.mark.slow
def test_one_process_learns_and_says_what_it_did(folder, one):
    assert one["processes"] == len(set(one["pids"])) == 1
    assert one["rows_a_step"] == 8
    assert one["steps"] == len(one["losses"]) == STEPS
    assert losses(one)[-1] < 0.7 * losses(one)[0]
    assert farthest(folder / "one", BASE_MODEL_PATH) > 1e-4
    assert not list((folder / "one").glob("checkpoint-*"))
    assert not list((folder / "one").rglob("*.bin"))  # nothing pickled


@pytest.mark.slow
def test_two_processes_take_part_and_learn_what_one_does(folder, one):
    told = run(folder, "two", [*launching.torchrun(2), "--processes=2"])
    two = result(folder, "two")
    assert two["processes"] == len(set(two["pids"])) == 2
    assert told.count("2 process(es)") == 1  # one of them speaks
    assert two["rows_a_step"] == one["rows_a_step"]
    assert losses(two) == pytest.approx(losses(one), abs=1e-4)
    assert farthest(folder / "one", folder / "two") < 1e-4


@pytest.mark.slow
def test_a_killed_run_goes_on_and_ends_with_the_same_weights(folder, one):
    words = [*launching.torchrun(1), "--save_steps=2"]
    with subprocess.Popen(**spec(folder, "killed", words)) as process:
        state = folder / "killed" / "checkpoint-2" / "trainer_state.json"
        while not state.exists() and process.poll() is None:
            time.sleep(0.01)
        process.kill()
    assert not (folder / "killed" / "result.json").exists()
    run(folder, "killed", words)
    found = result(folder, "killed")
    assert found["resumed_at_step"] in (2, 4)
    assert losses(found) == losses(one)
    assert farthest(folder / "one", folder / "killed") == 0.0


PROBE = """
from accelerate import Accelerator
found = Accelerator(cpu=True)
print("processes:", found.num_processes, "type:", found.distributed_type.name)
"""


def probe(folder: Path, words: list[str], **environ: str) -> str:
    """Run what accelerate says of itself; returns what was said, once a process."""
    script = folder / "probe.py"
    script.write_text(PROBE)
    done = subprocess.run(
        [*launching.command([*words, str(script)])],
        env=launching.environment(folder) | environ,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout


@pytest.mark.slow
def test_accelerate_starts_one_process_on_processors_whatever_it_is_told(folder):
    words = ["accelerate", "launch", "--cpu", "--num_processes=2"]
    assert probe(folder, words).count("processes: 1 ") == 1


def test_accelerate_leaves_shards_out_on_processors(folder):
    environ = {"ACCELERATE_USE_FSDP": "true", "FSDP_VERSION": "2", "RANK": "0"}
    environ |= {"LOCAL_RANK": "0", "WORLD_SIZE": "1", "MASTER_ADDR": "localhost"}
    said = probe(folder, ["python"], MASTER_PORT="0", **environ)
    assert "type: MULTI_CPU" in said


def test_the_script_stops_when_other_processes_take_part_than_it_was_told(script):
    script.check_processes(2, 2)
    script.check_processes(2, None)
    with pytest.raises(SystemExit, match="1 process.* take part, 2 were wanted"):
        script.check_processes(1, 2)


def test_the_script_stops_when_shards_were_configured_and_left_out(script, monkeypatch):
    script.check_sharding(False)
    monkeypatch.setenv("ACCELERATE_USE_FSDP", "true")
    script.check_sharding(True)
    with pytest.raises(SystemExit, match="every process holds the whole model"):
        script.check_sharding(False)


def test_the_rows_of_data_sql_are_written_once(script, tmp_path):
    file = script.write_data(tmp_path / "rows")
    first = json.loads(file.read_text("utf-8").splitlines()[0])
    assert set(first) == {"prompt", "completion"}
    file.write_text("mine")
    assert script.write_data(tmp_path / "rows").read_text("utf-8") == "mine"


def sharded(script: Path) -> list[str]:
    """Return the words that start a script in shards, in float32, at a free port."""
    words = launching.sharded(2, script)
    launcher = ["--mixed_precision=no", "--main_process_port=0"]
    return [*words[:-1], *launcher, words[-1], "--processes=2"]


@pytest.mark.slow
def test_shards_of_weights_are_saved_as_the_whole_that_one_process_learns(folder, one):
    run(folder, "shards", sharded(FSDP_ON_CPU))
    found = result(folder, "shards")
    assert found["weights"] == "FSDP2"
    assert found["processes"] == 2
    assert losses(found) == pytest.approx(losses(one), abs=1e-4)
    assert farthest(folder / "one", folder / "shards") < 1e-4


@pytest.mark.slow
def test_the_command_of_trl_does_the_same_job_from_the_same_settings(folder, one):
    words = [*launching.trl_sft(), *SMALL, f"--save_steps={STEPS}"]
    words += [f"--dataset_name={folder / 'data'}"]
    found = launching.run(words, folder / "trl", launching.environment(folder))
    assert found["steps"] == STEPS
    assert losses(found) == losses(one)
    assert farthest(folder / "one", folder / "trl") == 0.0
