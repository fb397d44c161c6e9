"""The assignment handed in: one Markdown file that people and programs can read.

Purpose: `write_report` puts steps, numbers, decision and answers into one file without
keys, paths or names of a machine. `read_report` reads it back, and a teacher holds the
answers of many against the lock with

    python -m helpers.assignment.report handed_in/*.md

The file is a report, not a proof: whoever wants to can write one by hand. What can be
checked again, the answers to the held-out questions, is checked again.
It must never know a provider.
"""

from __future__ import annotations

import argparse
import datetime
import json
import re
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from helpers.assignment import AUTOMATIC, BY_TEACHER, STEPS, Work
from helpers.assignment.data import load
from helpers.environment import installed_version
from helpers.messages import say

FORMAT = 1
FENCE = "```"
PACKAGES = ("openai", "torch", "transformers")
# Put together, so that this file names no such folder itself.
SECRETS = re.compile(
    r"\b(?:sk-[\w-]{8,}|hf_\w{8,}|Bearer\s+\S{16,}|api[-_ ]?key\s*[:=]\s*\S{8,})"
    r"|(?<![\w.:/])/(?:" + "|".join(("root", "home", "Users", "tmp", "private"))
    + r")/\S*|\b[A-Za-z]:\\Users\S*",
    re.I,
)  # fmt: skip
BLOCK = re.compile(rf"^{FENCE}json\n(.*?)\n{FENCE}$", re.S | re.M)


def clean(text: str) -> str:
    """Return a text without keys and folders of a machine."""
    return SECRETS.sub("***", text)


def write_report(
    work: Work, path: str | Path | None = None, *, learner: str = ""
) -> Path:
    """Write what was done into one Markdown file.

    Args:
        work: the assignment.
        path: of the file; a file in the folder of the work without it.
        learner: a name or number to put on top; nothing without it.

    Returns:
        The path.
    """
    path = Path(path) if path is not None else work.folder / "assignment.md"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(_markdown(work, learner), encoding="utf-8", newline="\n")
    return path


def as_data(work: Work, learner: str = "") -> dict[str, Any]:
    """Return what a report holds, for programs."""
    difference = work.difference()
    return {
        "format": FORMAT,
        "learner": clean(learner),
        "date": datetime.date.today().isoformat(),
        "tutorial": clean(str(work.tutorial)) if work.tutorial is not ... else None,
        "data": work.data.name,
        "steps": {step.name: work.state(step.name) for step in STEPS},
        "points": work.points,
        "numbers": {name: list(pair) for name, pair in work.numbers().items()},
        "verdict": difference.verdict if difference else None,
        "tries": len(work.tries()),
        "choice": work.choice,
        "reasons": clean(work.reasons),
        "answers": {item: clean(text) for item, text in work.final.items()},
        "versions": {name: installed_version(name) for name in PACKAGES},
    }


def _markdown(work: Work, learner: str) -> str:
    data = as_data(work, learner)
    tutorial = data["tutorial"] or "-"
    lines = [f"# {say('report.assignment.title')}", ""]
    if learner:
        name = _line(data["learner"])
        lines += [f"{say('report.assignment.learner')}: {name}", ""]
    lines += [
        say(
            "report.assignment.about",
            data=data["data"], title=work.data.title, tutorial=tutorial,
            date=data["date"],
        ),
        "",
        say(
            "report.assignment.points",
            points=data["points"], automatic=AUTOMATIC, teacher=BY_TEACHER,
        ),
        "",
    ]  # fmt: skip
    lines += [*_steps(work), "", f"## {say('report.assignment.numbers')}", ""]
    for name, (right, n) in data["numbers"].items():
        lines.append(f"- {name}: {right} / {n} ({right / n:.0%})")
    lines += [
        "",
        clean(work.verdict()),
        "",
        say("report.assignment.tries", n=data["tries"]),
        "",
        f"## {say('report.assignment.decision')}: {data['choice'] or '-'}",
        "",
        *(f"> {line}" for line in (data["reasons"] or "-").splitlines()),
        "",
        f"## {say('report.assignment.programs')}",
        "",
        f"{FENCE}json",
        # A fence inside an answer would end the block.
        json.dumps(data, ensure_ascii=False, indent=1).replace("`", "\\u0060"),
        FENCE,
        "",
    ]
    return "\n".join(lines)


def _steps(work: Work) -> list[str]:
    """Return the table of steps."""
    columns = ("step", "points", "check")
    lines = [_row(*(say(f"assignment.column.{name}") for name in columns))]
    lines.append("|---|---|---|")
    for step in STEPS:
        got = step.points if work.state(step.name) == "right" else 0
        outcome = work.outcomes.get(step.name)
        said = clean(repr(outcome)) if outcome else say("check.not_tried")
        name = say(f"assignment.step.{step.name}")
        lines.append(_row(name, f"{got} / {step.points}", said))
    return lines


def _row(*cells: str) -> str:
    return "| " + " | ".join(_line(cell) for cell in cells) + " |"


def _line(text: str) -> str:
    return " ".join(text.replace("|", "\\|").split())


# --- reading ----------------------------------------------------------------------


def read_report(path: str | Path) -> dict[str, Any]:
    """Return what a report holds.

    Raises:
        ValueError: the file is no report of this assignment.
    """
    text = Path(path).read_text(encoding="utf-8")
    blocks = BLOCK.findall(text)
    try:
        data = json.loads(blocks[-1]) if blocks else None
    except ValueError:
        data = None
    if not isinstance(data, dict) or data.get("format") != FORMAT:
        raise ValueError(say("report.assignment.unreadable", path=path))
    return data


def recheck(data: dict[str, Any]) -> int:
    """Count again how many of the answers in a report are right.

    Args:
        data: what `read_report` returns.

    Raises:
        ValueError: its data set is not there.
    """
    known = load(data["data"])
    return sum(
        known.seal.right(item, text) is True
        for item, text in data.get("answers", {}).items()
        if item in known.seal.questions
    )


def main(arguments: Sequence[str] | None = None) -> int:
    """Print one line per report; return 1 when a claim does not hold."""
    parser = argparse.ArgumentParser(prog="python -m helpers.assignment.report")
    parser.add_argument("reports", nargs="+", type=Path)
    wrong = 0
    for path in parser.parse_args(arguments).reports:
        try:
            data = read_report(path)
            found = recheck(data)
        except (OSError, ValueError) as error:
            print(f"{path.name}: {error}", file=sys.stderr)
            wrong += 1
            continue
        claimed = data.get("numbers", {}).get("held-out questions", [0, 0])[0]
        key = "report.assignment.same" if claimed == found else "report.assignment.not"
        print(
            say(
                key,
                file=path.name, learner=data.get("learner") or "-", data=data["data"],
                points=data.get("points", 0), found=found, claimed=claimed,
                tries=data.get("tries", 0), choice=data.get("choice") or "-",
            )
        )  # fmt: skip
        wrong += claimed != found
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
