"""A training process whose training is a countdown: for tests of a job's life.

It is the real worker with another `train`, which keeps its state on disk as the real
one does, so that supervision, journal and recovery are tested without torch.
"""

import json
import os
import time
from pathlib import Path

from helpers.provider import worker

SECONDS_PER_STEP = float(os.environ.get("FAKE_SECONDS_PER_STEP", "0.01"))


def train(spec, report, control):
    """Count to n_epochs x 4 steps; a checkpoint after each 4."""
    folder = Path(spec["work_dir"])
    state = folder / "state" / "step"
    total = spec["n_epochs"] * 4
    step = json.loads(state.read_text()) if state.exists() else 0
    if step:
        report({"type": "resumed", "step": step})
    while step < total:
        wish = control()
        if wish != "run":
            report({"type": "saving", "step": step})
            save(state, step)
            if wish == "pause" and step:
                offer(folder, step, report)
            return result("cancelled" if wish == "cancel" else "paused", step)
        time.sleep(SECONDS_PER_STEP)
        step += 1
        if (folder / "die").exists():
            os.kill(os.getpid(), 9)
        entry = {
            "type": "step",
            "step": step,
            "total_steps": total,
            "train_loss": 1 / step,
            "train_mean_token_accuracy": 1 - 1 / (step + 1),
        }
        if spec["validation_path"]:
            name = "full_valid_loss" if step % 4 == 0 else "valid_loss"
            entry[name] = 2 / step
        report(entry)
        if step % 4 == 0:
            offer(folder, step, report)
            report({"type": "saving", "step": step})
            save(state, step)
    return result("succeeded", step)


def offer(folder, step, report):
    """Write something in place of a model, and report it."""
    path = folder / "checkpoints" / f"step-{step}"
    path.mkdir(parents=True, exist_ok=True)
    (path / "config.json").write_text("{}")
    report(
        {
            "type": "checkpoint",
            "step": step,
            "epoch": step // 4,
            "model_path": str(path),
            "metrics": {"train_loss": 1 / step, "valid_loss": None},
        }
    )


def save(state, step):
    """Keep the state as the real training does: whole or not at all."""
    state.parent.mkdir(parents=True, exist_ok=True)
    temporary = state.with_suffix(".tmp")
    temporary.write_text(json.dumps(step))
    os.replace(temporary, state)


def result(status, step):
    """Return what the real training returns, as a dict."""
    return {"status": status, "step": step, "trained_tokens": 1234}


if __name__ == "__main__":
    worker.main(load=lambda: train)
