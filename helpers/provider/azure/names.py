"""Names of models and checkpoints as Azure writes them, and back.

A fine-tuned model is called `ft:base:local:suffix:random` here and
`base.ft-<32 hex digits>-suffix` there. The digits are a hash of the job's id, so a name
is the same at every look, and needs no place in the database. Names are looked up among
those that exist; they never become paths.
"""

from __future__ import annotations

import hashlib
import re

from helpers.provider.store import Job, Session

_AZURE_NAME = re.compile(
    r"(?P<base>.+)\.ft-(?P<digits>[0-9a-f]{32})(?P<suffix>-[^:]*)?"
    r"(?P<checkpoint>:ckpt-step-\d{1,9})?"
)
# Names end in eight random letters and digits, or in the step of a checkpoint.
_OWN_NAME = re.compile(
    r"ft:[^\s'\"]+?:[A-Za-z0-9]{8}(?::ckpt-step-\d{1,9})?(?=[.,;:)]*(?:[\s'\"]|$))"
)
_CHECKPOINT = ":ckpt-step-"
CHECKPOINT_PREFIX = "ftchkpt-"


def digits_of(text: str) -> str:
    """Return 32 hex digits that stand for an id."""
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def azure_name(job: Job, own: str) -> str:
    """Return Azure's name of a model that a job made.

    Args:
        job: the job.
        own: the model's name here, perhaps that of a checkpoint.
    """
    base = job.model.partition(".ft-")[0]
    suffix = ""
    if base.startswith("ft:"):
        # Trained on from a fine-tuned model: the base is the first one.
        base = base.split(":")[1]
    if (parts := job.planned_name.split(":"))[0] == "ft" and len(parts) >= 5:
        suffix = f"-{parts[-2]}" if parts[-2] else ""
    _, mark, step = own.partition(_CHECKPOINT)
    return f"{base}.ft-{digits_of(job.id)}{suffix}{mark}{step}"


def checkpoint_id(own: str) -> str:
    """Return Azure's id of a checkpoint."""
    return CHECKPOINT_PREFIX + digits_of(own)


def own_name(session: Session, name: str) -> str:
    """Return the name here of a model that Azure's name or checkpoint id stands for.

    Args:
        session: an open view of the store.
        name: any name; one that is not Azure's comes back as it is.
    """
    if name.startswith(CHECKPOINT_PREFIX):
        for own_id, model in session.checkpoint_ids():
            if checkpoint_id(own_id) == name:
                return model
        return name
    match = _AZURE_NAME.fullmatch(name)
    if match is None:
        return name
    for job_id, planned in session.planned_names():
        if digits_of(job_id) == match["digits"]:
            own = planned + (match["checkpoint"] or "")
            return own if azure_name(session.job(job_id), own) == name else name
    return name


def own_cursor(session: Session, job_id: str, shown: str) -> str:
    """Return the id here of a job's checkpoint; any other id comes back as it is."""
    for own_id, _ in session.checkpoint_ids(job_id):
        if checkpoint_id(own_id) == shown:
            return own_id
    return shown


def shown_name(session: Session, own: str) -> str:
    """Return Azure's name of any model; those that no job made keep theirs.

    The model need not exist: it may be planned, or deleted.
    """
    # JSON can hold half a character, a database cannot.
    planned = own.partition(_CHECKPOINT)[0].encode("utf-8", "replace").decode()
    job_id = session.job_id_of(planned)
    return own if job_id is None else azure_name(session.job(job_id), own)


def shown_text(session: Session, text: str) -> str:
    """Return a sentence with Azure's names where it has those of here."""
    return _OWN_NAME.sub(lambda match: shown_name(session, match[0]), text)
