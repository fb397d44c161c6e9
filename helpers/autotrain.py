"""AutoTrain: its configuration file checked, its runs watched, its results looked at.

Purpose: the notebook about training without code runs AutoTrain as its users do, by a
configuration file and by its command line, in an environment of its own (`make
autotrain`), and finds out whether it has worked: AutoTrain ends with exit status 0 also
when the training failed. Use:

    report = check_config(settings)          # what it would refuse, or drop silently
    path = write_config(settings, folder)
    run = run_config(path, epochs=6)         # TrainingFailed says what and where
    run.losses, run.model

The keys are those of AutoTrain 0.8.36, the last release; a test compares them with the
installed one. It must never know what is trained, nor import AutoTrain: its packages
are two years older than ours.
"""

from __future__ import annotations

import ast
import json
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Literal

import pandas as pd
import yaml
from pydantic import BaseModel, ConfigDict, ValidationError

from helpers.child_processes import Started, running
from helpers.kept_results import fingerprint
from helpers.messages import say
from helpers.progress import Progress
from helpers.recipes import DATA_DIR

ROOT = Path(__file__).resolve().parent.parent
VARIABLE = "COMPANION_AUTOTRAIN"  # folder of an environment that lies elsewhere
NAME = "autotrain"
BASE_MODEL = DATA_DIR / "base_model"
LONGEST_NAME = 50  # of a project
IN_FEW_BITS = ("int4", "int8")
TEMPLATES = ("tokenizer", "chatml", "zephyr")
WEIGHTS, ADAPTER = "model.safetensors", "adapter_model.safetensors"
SOURCE = "companion_source.txt"  # which base model a folder was made from
POLL_S = 0.2
VERSION = "import importlib.metadata as m; print(m.version('autotrain-advanced'))"
# "INFO     | 2026-11-23 08:00:00 | module:function:line - message", at times behind a
# progress bar in the same line.
ERROR = re.compile(r"ERROR\s*\| [\d-]+ [\d:]+ \| \S+ - (?P<text>[^\r\n]*)")
# It logs each loss twice; this is the one with all digits.
LOSS = re.compile(r"on_log:\d+ - (?P<told>\{'loss':[^\r\n]*?\})")


class AutoTrainMissing(RuntimeError):
    """There is no environment with AutoTrain."""


class TrainingFailed(RuntimeError):
    """A run left no model, whatever its exit status says."""


# --- the environment --------------------------------------------------------------


def environment() -> Path | None:
    """Return the folder of AutoTrain's environment, or None where there is none."""
    told = os.environ.get(VARIABLE)
    folder = Path(told).expanduser() if told else ROOT / "out" / NAME
    return folder if (folder / ".installed").is_file() else None


def program(name: str = NAME) -> Path:
    """Return a program of AutoTrain's environment.

    Args:
        name: such as "autotrain" or "python".

    Raises:
        AutoTrainMissing: it was not made; the message says how.
    """
    folder = environment()
    if folder is None:
        raise AutoTrainMissing(say("autotrain.missing"))
    place = folder / ("Scripts" if os.name == "nt" else "bin")
    return place / (f"{name}.exe" if os.name == "nt" else name)


def variables(threads: int | None = None) -> dict[str, str]:
    """Return the variables that AutoTrain runs with: its own programs, no network.

    Args:
        threads: of the training; what OMP_NUM_THREADS says without it.
    """
    found = {
        "PATH": f"{program().parent}{os.pathsep}{os.environ.get('PATH', '')}",
        "HF_HUB_OFFLINE": "1",
        "PYTHONUNBUFFERED": "1",
        # Another environment's packages must not shadow its own.
        "PYTHONPATH": "",
        # A model folder may hold code; it is never run. AutoTrain's default is true.
        "ALLOW_REMOTE_CODE": "false",
    }
    if threads is not None:
        found["OMP_NUM_THREADS"] = str(threads)
    return found


def describe() -> str:
    """Return which AutoTrain is there, or that there is none and what to do."""
    if environment() is None:
        return say("autotrain.missing")
    told = subprocess.run(
        [program("python"), "-c", VERSION], capture_output=True, text=True, check=True
    )
    return say("autotrain.there", version=told.stdout.strip())


def not_run(what: str) -> str:
    """Return the sentence of a cell that does nothing for want of AutoTrain.

    Args:
        what: would have been run.
    """
    return say("autotrain.not_run", what=what)


def prepare_base(target: str | Path, source: Path = BASE_MODEL) -> Path:
    """Save the base model as AutoTrain's transformers reads it, unless that was done.

    Args:
        target: where the folder goes.
        source: a folder that today's transformers wrote.

    Returns:
        The target.

    Raises:
        AutoTrainMissing: there is no environment.
        TrainingFailed: it could not be saved.
    """
    target = Path(target)
    sign = fingerprint(source / WEIGHTS)
    mark = target / SOURCE
    if mark.is_file() and mark.read_text(encoding="utf-8").strip() == sign:
        return target
    tool = ROOT / "tools" / "resave_base.py"
    target.parent.mkdir(parents=True, exist_ok=True)
    done = subprocess.run(
        [program("python"), tool, "save", source, target],
        env={**os.environ, **variables()},
        capture_output=True,
        text=True,
    )
    if done.returncode:
        raise TrainingFailed(say("autotrain.resave", error=done.stderr[-800:]))
    mark.write_text(sign + "\n", encoding="utf-8")
    return target


@dataclass(frozen=True)
class Comparison:
    """What two folders make of the same texts, each read by its own transformers.

    Attributes:
        n: how many texts.
        ids: whether all token ids are the same.
        difference: the largest between two logits of the next token.
    """

    n: int
    ids: bool
    difference: float

    def __str__(self) -> str:
        key = "same" if self.ids else "other"
        return say(f"autotrain.ids.{key}", n=self.n, difference=self.difference)


def same_model(
    again: str | Path,
    chats: Sequence[Sequence[Mapping[str, str]]],
    source: Path = BASE_MODEL,
) -> Comparison:
    """Ask AutoTrain's transformers and today's what they make of the same texts.

    Args:
        again: the folder that `prepare_base` made, for AutoTrain's.
        chats: messages of each text.
        source: the folder that it was made from, for today's.
    """
    tool, asked = ROOT / "tools" / "resave_base.py", json.dumps(list(chats))
    told = []
    for python, folder, more in (
        (program("python"), again, variables()),
        (sys.executable, source, {"HF_HUB_OFFLINE": "1"}),
    ):
        done = subprocess.run(
            [python, tool, "probe", folder],
            input=asked, env={**os.environ, **more}, capture_output=True, text=True,
            check=True,
        )  # fmt: skip
        told.append(json.loads(done.stdout))
    pairs = list(zip(*told, strict=True))
    apart = [
        abs(one - other)
        for old, new in pairs
        for one, other in zip(
            [*old["first"], old["total"]], [*new["first"], new["total"]], strict=True
        )
    ]
    same = all(old["ids"] == new["ids"] for old, new in pairs)
    return Comparison(len(pairs), same, max(apart))


# --- the configuration file -------------------------------------------------------


class _Known(BaseModel):
    """A section whose keys are all known; values are as lenient as AutoTrain's.

    YAML reads 1e-4 as a text, which AutoTrain takes for a number.
    """

    model_config = ConfigDict(extra="forbid", protected_namespaces=())


class Params(_Known):
    """The section `params` for language models, with AutoTrain's own defaults."""

    add_eos_token: bool = True
    block_size: int | list[int] = -1
    model_max_length: int = 2048
    padding: str | None = "right"
    trainer: str = "default"
    use_flash_attention_2: bool = False
    disable_gradient_checkpointing: bool = False
    logging_steps: int = -1
    eval_strategy: str = "epoch"
    save_total_limit: int = 1
    auto_find_batch_size: bool = False
    mixed_precision: str | None = None
    lr: float = 3e-5
    epochs: int = 1
    batch_size: int = 2
    warmup_ratio: float = 0.1
    gradient_accumulation: int = 4
    optimizer: str = "adamw_torch"
    scheduler: str = "linear"
    weight_decay: float = 0.0
    max_grad_norm: float = 1.0
    seed: int = 42
    quantization: str | None = "int4"
    target_modules: str | None = "all-linear"
    merge_adapter: bool = False
    peft: bool = False
    lora_r: int = 16
    lora_alpha: int = 32
    lora_dropout: float = 0.05
    model_ref: str | None = None
    dpo_beta: float = 0.1
    max_prompt_length: int = 128
    max_completion_length: int | None = None
    unsloth: bool = False
    distributed_backend: str | None = None


class Columns(_Known):
    """The section `data.column_mapping`."""

    text_column: str
    prompt_text_column: str | None = None
    rejected_text_column: str | None = None


class Data(_Known):
    """The section `data`; AutoTrain stops when one of its keys is missing."""

    path: str
    train_split: str
    valid_split: str | None
    chat_template: str | None
    column_mapping: Columns


class Hub(_Known):
    """The section `hub`, which may be left out."""

    username: str | None
    token: str | None
    push_to_hub: bool


class Config(_Known):
    """A whole file for a task of language models.

    Source: docs/source/config.mdx and src/autotrain/parser.py of AutoTrain 0.8.36,
    read on 2026-11-23.
    """

    task: Literal["llm", "llm-sft", "llm-dpo", "llm-orpo", "llm-reward", "llm-generic"]
    base_model: str
    project_name: str
    log: Literal["none", "tensorboard", "wandb"]
    backend: str
    data: Data
    params: Params = Params()
    hub: Hub | None = None


@dataclass(frozen=True)
class Remark:
    """Something about a configuration.

    Attributes:
        severity: "error" (it cannot work) or "warning" (not what one may think).
        where: the key, with dots.
        reason: what is wrong.
        fix: how to mend it.
    """

    severity: str
    where: str
    reason: str
    fix: str

    def __str__(self) -> str:
        return say(
            "autotrain.remark",
            severity=self.severity, where=self.where, reason=self.reason, fix=self.fix,
        )  # fmt: skip


class Remarks(list[Remark]):
    """What was found in a configuration; shows itself line by line."""

    @property
    def ok(self) -> bool:
        """True when it can work."""
        return not any(remark.severity == "error" for remark in self)

    def __repr__(self) -> str:
        return "\n".join(map(str, self)) or say("autotrain.config.ok")


def check_config(
    settings: Mapping[str, Any] | str | Path,
    folder: str | Path | None = None,
    gpu: bool = False,
) -> Remarks:
    """Say what AutoTrain would refuse, and what it would drop without a word.

    Args:
        settings: the content of a configuration, or the path of its file.
        folder: what paths in it start from; the file's folder without it.
        gpu: whether there is one with CUDA.

    Returns:
        The remarks, errors first.
    """
    if isinstance(settings, str | Path):
        folder = folder or Path(settings).parent
        settings = yaml.safe_load(Path(settings).read_text(encoding="utf-8"))
    if not isinstance(settings, Mapping):
        return Remarks(
            [_remark("error", "config", "whole", found=type(settings).__name__)]
        )
    found = _shape(settings)
    if not found.ok:
        return found
    config = Config.model_validate(dict(settings))
    found = Remarks(_errors(config, Path(folder or "."), gpu))
    return Remarks([*found, *_warnings(config, Path(folder or "."), settings)])


def _remark(severity: str, key: str, where: str, **values: Any) -> Remark:
    return Remark(
        severity,
        where,
        say(f"autotrain.reason.{key}", **values),
        say(f"autotrain.fix.{key}", **values),
    )


def _shape(settings: Mapping[str, Any]) -> Remarks:
    """Return keys that are missing, unknown or of another type."""
    try:
        Config.model_validate(dict(settings))
    except ValidationError as error:
        return Remarks(_of_pydantic(one) for one in error.errors())
    return Remarks()


def _of_pydantic(error: Mapping[str, Any]) -> Remark:
    place = [str(part) for part in error["loc"]]
    where = ".".join(place)
    if error["type"] == "missing":
        return _remark("error", "lacking", where)
    if error["type"] == "extra_forbidden":
        near = get_close_matches(place[-1], _keys(place[:-1]), n=1)
        if near:
            return _remark("error", "misspelled", where, near=near[0])
        return _remark("error", "unknown", where)
    return _remark("error", "type", where, found=error["input"], wanted=error["msg"])


def _keys(place: Sequence[str]) -> list[str]:
    """Return the keys that exist at a place of the file."""
    known: dict[tuple[str, ...], type[BaseModel]] = {
        (): Config,
        ("data",): Data,
        ("data", "column_mapping"): Columns,
        ("params",): Params,
        ("hub",): Hub,
    }
    return list(known[tuple(place)].model_fields) if tuple(place) in known else []


def _errors(config: Config, folder: Path, gpu: bool) -> list[Remark]:
    """Return what stops a run, some of it after minutes."""
    found, params = [], config.params
    name = config.project_name
    if not name.replace("-", "").isalnum() or len(name) > LONGEST_NAME:
        found.append(_remark("error", "name", "project_name", most=LONGEST_NAME))
    if params.peft and params.quantization in IN_FEW_BITS and not gpu:
        found.append(
            _remark(
                "error", "quantization", "params.quantization",
                found=params.quantization,
            )
        )  # fmt: skip
    if params.mixed_precision == "fp16" and not gpu:
        found.append(_remark("error", "fp16", "params.mixed_precision"))
    table = _training_file(config, folder)
    if table is not None:
        column = config.data.column_mapping.text_column
        with table.open(encoding="utf-8") as rows:
            first = json.loads(rows.readline() or "{}")
        if column not in first:
            found.append(
                _remark(
                    "error", "column", "data.column_mapping.text_column",
                    column=column, known=", ".join(first),
                )
            )  # fmt: skip
        elif isinstance(first[column], list) and (
            config.data.chat_template not in TEMPLATES
        ):
            found.append(_remark("error", "template", "data.chat_template"))
    elif config.backend == "local" and (folder / config.data.path).is_dir():
        found.append(
            _remark("error", "file", "data.train_split", name=config.data.train_split)
        )
    return found


def _training_file(config: Config, folder: Path) -> Path | None:
    """Return the rows, when they are JSON Lines on this machine."""
    path = folder / config.data.path / f"{config.data.train_split}.jsonl"
    return path if path.is_file() else None


def _warnings(
    config: Config, folder: Path, settings: Mapping[str, Any]
) -> list[Remark]:
    """Return what works, but not as one may think."""
    found, params = [], config.params
    local = (folder / config.data.path).is_dir()
    if config.data.valid_split is not None and local:
        found.append(_remark("warning", "valid_split", "data.valid_split"))
    if config.task == "llm-sft":
        found.append(_remark("warning", "packing", "params.block_size"))
    if params.seed != Params().seed:
        found.append(_remark("warning", "seed", "params.seed"))
    if params.merge_adapter and not params.peft:
        found.append(_remark("warning", "merge", "params.merge_adapter"))
    told = settings.get("params") or {}
    if "gradient_accumulation" not in told:
        found.append(_remark("warning", "accumulation", "params.gradient_accumulation"))
    if config.hub is not None and config.hub.push_to_hub:
        found.append(_remark("warning", "hub", "hub.push_to_hub"))
    return found


def write_config(settings: Mapping[str, Any], path: str | Path) -> Path:
    """Check a configuration and write it as YAML.

    Args:
        settings: its content.
        path: the file.

    Returns:
        The path.

    Raises:
        ValueError: it cannot work; the message lists why.
    """
    path = Path(path)
    remarks = check_config(settings, path.parent)
    if not remarks.ok:
        raise ValueError(repr(remarks))
    text = yaml.safe_dump(dict(settings), sort_keys=False, allow_unicode=True)
    path.write_text(text, encoding="utf-8", newline="\n")
    return path


# --- runs -------------------------------------------------------------------------


@dataclass(frozen=True)
class Run:
    """A training that was run.

    Attributes:
        project: the folder that it left.
        log: all that it said.
        seconds: how long it took, the start of its programs included.
        losses: epoch and loss, as it logged them.
        exit_status: of the program; 0 does not mean that it worked.
    """

    project: Path
    log: Path
    seconds: float
    losses: pd.DataFrame = field(repr=False)
    exit_status: int = 0

    @property
    def model(self) -> Path:
        """The folder, if it holds a whole model.

        Raises:
            TrainingFailed: it holds none.
        """
        return check_result(self)


def run_config(path: str | Path, *, again: bool = True, label: str = "config") -> Run:
    """Train as a configuration file says: `autotrain --config FILE`.

    Args:
        path: the file; AutoTrain works in its folder.
        again: remove what an earlier run of this project has left. AutoTrain itself
            writes over it, and an old model would look like a new one.
        label: name at the progress bar.

    Returns:
        What it left; its model was looked at.

    Raises:
        AutoTrainMissing: there is no environment.
        TrainingFailed: it left no model.
        FileExistsError: the project is there, and `again` is False.
    """
    path = Path(path).resolve()
    config = yaml.safe_load(path.read_text(encoding="utf-8"))
    return _run(
        ["--config", path.name], path.parent, config["project_name"],
        float((config.get("params") or {}).get("epochs", 1)), again, label,
    )  # fmt: skip


def command_line(settings: Mapping[str, str | int | float | bool]) -> list[str]:
    """Return the arguments of `autotrain llm --train`.

    Args:
        settings: names with underscores; True becomes an option without a value, False
            is left out.
    """
    words = ["llm", "--train"]
    for name, value in settings.items():
        # Two of its options are spelled with underscores, all others with hyphens.
        spelled = name if name == "disable_gradient_checkpointing" else None
        option = f"--{spelled or name.replace('_', '-')}"
        if value is True:
            words.append(option)
        elif value is not False:
            words += [option, str(value)]
    return words


def run_command(
    arguments: Sequence[str],
    folder: str | Path,
    *,
    again: bool = True,
    label: str = "command",
) -> Run:
    """Train by the command line: `autotrain llm --train ...`.

    Args:
        arguments: as `command_line` makes them.
        folder: where AutoTrain works.
        again, label: as in `run_config`.

    Returns:
        What it left; its model was looked at.

    Raises:
        AutoTrainMissing, TrainingFailed, FileExistsError: as in `run_config`.
    """
    words = list(arguments)
    project = words[words.index("--project-name") + 1]
    epochs = float(words[words.index("--epochs") + 1]) if "--epochs" in words else 1.0
    return _run(words, Path(folder).resolve(), project, epochs, again, label)


def _run(
    words: Sequence[str],
    folder: Path,
    project: str,
    epochs: float,
    again: bool,
    label: str,
) -> Run:
    place, log = folder / project, folder / f"{project}.log"
    if place.exists():
        if not again:
            raise FileExistsError(say("autotrain.exists", folder=place.name))
        _remove(place)
    started = time.monotonic()
    command = [program(), *words]
    with running(command, folder=folder, log=log, variables=variables()) as child:
        _watch(child, epochs, label)
    run = Run(
        place, log, time.monotonic() - started, read_losses(log),
        child.process.returncode or 0,
    )  # fmt: skip
    check_result(run)
    return run


def _remove(project: Path) -> None:
    # Only what AutoTrain itself has made: it writes this file first.
    if not (project / "training_params.json").is_file():
        raise FileExistsError(say("autotrain.not_ours", folder=project.name))
    shutil.rmtree(project)


def _watch(child: Started, epochs: float, label: str) -> None:
    """Show how far a training is until its program ends."""
    with Progress(100, label) as progress:
        while child.process.poll() is None:
            time.sleep(POLL_S)
            show_progress(read_losses(child.log), epochs, progress)
        show_progress(read_losses(child.log), epochs, progress)


def show_progress(losses: pd.DataFrame, epochs: float, progress: Progress) -> None:
    """Show how far a training is, by the last loss that it has logged.

    Args:
        losses: epoch and loss.
        epochs: how many there are in all.
        progress: a bar of 100.
    """
    if len(losses):
        last = losses.iloc[-1]
        note = say("autotrain.note", epoch=last["epoch"], loss=last["loss"])
        progress.to(min(100, round(100 * last["epoch"] / epochs)), note)


def read_losses(log: str | Path) -> pd.DataFrame:
    """Return the losses that AutoTrain has logged so far.

    Args:
        log: the file with its output.

    Returns:
        DataFrame with epoch and loss; the loss is a mean over all tokens of a row,
        those of the question included.
    """
    rows = []
    for match in LOSS.finditer(_text(Path(log))):
        told = ast.literal_eval(match["told"])
        rows.append((float(told["epoch"]), float(told["loss"])))
    return pd.DataFrame(rows, columns=["epoch", "loss"])


def check_result(run: Run) -> Path:
    """Look at what a run has left, because its exit status tells nothing.

    Args:
        run: the run.

    Returns:
        The folder of the model.

    Raises:
        TrainingFailed: there is no whole model; the message has the last error and
            the place of the log.
    """
    errors = [match["text"] for match in ERROR.finditer(_text(run.log))]
    made = (run.project / WEIGHTS).is_file()
    asked = _params(run.project)
    merged = asked.get("peft") and asked.get("merge_adapter")
    adapter = (run.project / ADAPTER).is_file()
    good = made and not (merged and adapter)
    if asked.get("peft") and not merged:
        good = adapter
    if run.exit_status == 0 and good and not errors:
        return run.project
    last = errors[-1] if errors else _last_line(run.log)
    raise TrainingFailed(
        say(
            "autotrain.failed",
            status=run.exit_status, error=last[:400], log=run.log,
        )
    )  # fmt: skip


def _text(path: Path) -> str:
    return path.read_text(encoding="utf-8", errors="replace")


def _last_line(path: Path) -> str:
    lines = [line for line in _text(path).splitlines() if line.strip()]
    return lines[-1] if lines else say("autotrain.silent")


def _params(project: Path) -> dict[str, Any]:
    path = project / "training_params.json"
    return json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
