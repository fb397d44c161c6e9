"""Whether a training file has what the grader of its job reads.

Purpose: a template that names a field which the 500th row lacks would end a job in the
middle of its training; it is said when the files are validated instead.
It must never know HTTP, SQL or tensors.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from helpers.chat_format import Example, read_examples
from helpers.provider import graders


def grader_error(
    path: Path, param: str, grader: dict[str, Any]
) -> dict[str, str] | None:
    """Return the error of a job whose file does not fit its grader.

    Args:
        path: a file of the reinforcement format, already checked as such.
        param: "training_file" or "validation_file".
        grader: as JSON values, already checked.

    Returns:
        {"code", "message", "param"}, or None.
    """
    kind = param.removesuffix("_file")
    read = graders.parse(grader)
    for item in read_examples(path, "reinforcement"):
        if not isinstance(item, Example):
            continue
        try:
            graders.check_item(read, item.data)
        except graders.MissingField as fault:
            return {
                "code": f"invalid_{kind}_file",
                "message": f"The job failed due to an invalid {kind} file. Example "
                f"{item.number} (line {item.line}): the grader names {fault}. Add the "
                "field to every line, or change the grader.",
                "param": param,
            }
    return None
