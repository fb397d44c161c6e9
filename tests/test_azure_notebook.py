"""The notebook about Azure: what can be proved without a job."""

from __future__ import annotations

import re

from helpers.sarcasm import load_rows, plain_example
from tools import notebooks as tool

NAME = "21_deploy_on_azure.ipynb"
BOOK = tool.read(tool.NOTEBOOKS / NAME)
CODE = {cell.id: cell.source for cell in tool.code_cells(BOOK)}
EVERYTHING = "\n".join(CODE.values())


def test_the_notebook_never_insists_on_the_local_provider() -> None:
    assert "connect_azure()" in CODE["connect"]
    assert "127.0.0.1" not in EVERYTHING
    assert "kitchen-base" not in EVERYTHING
    # What is asserted about numbers holds for the local base model alone.
    for cell_id in ("claims-ten", "claims-mixed", "compare-losses"):
        assert "if here.home:" in CODE[cell_id]


def test_every_deployment_is_made_by_the_helper_that_asks_and_notes() -> None:
    assert "begin_create_or_update" not in EVERYTHING
    for cell_id, code in CODE.items():
        made = re.search(r"\b(deploy|start_deployment|temporary)\(here", code)
        if made and made[1] != "temporary":
            assert cell_id in ("deploy", "ask-base-and-ten")


def test_only_the_base_model_stands_on_a_tier_that_could_be_billed_by_the_hour() -> (
    None
):
    assert re.findall(r'sku="Standard"', EVERYTHING) == ['sku="Standard"']
    assert 'deploy(here, {"base": here.base_model}, sku="Standard")' in EVERYTHING


def test_the_job_has_the_seed_of_the_tutorial() -> None:
    assert '"seed": 105' in CODE["train-ten"]


def test_the_steps_come_in_the_order_of_the_tutorial() -> None:
    order = [
        "preliminary-check", "token-check", "train-ten", "job-events", "results",
        "checkpoints", "deploy", "ask-azure-client", "clean-up", "prove-it-is-gone",
    ]  # fmt: skip
    ids = list(CODE)
    places = [ids.index(cell_id) for cell_id in order]
    assert places == sorted(places)


def test_the_mix_that_is_trained_is_the_one_of_the_exercise() -> None:
    from helpers.checks.azure import check_mix

    rows = load_rows("training_100")
    names = {"hundred_rows": rows, "plain_example": plain_example}
    line = CODE["train-mixed"].split("mixed = ")[1].splitlines()[0]
    assert check_mix(eval(line, names), rows).state == "right"


def test_what_was_chosen_with_is_not_what_is_reported_with() -> None:
    assert "rows=to_choose" in CODE["ask-checkpoints"]
    assert "facts_of(validation_rows)" in CODE["ask-checkpoints"]
    assert "rows=" not in CODE["test-chosen"]


def test_the_fine_tuned_deployments_fit_into_azures_quota() -> None:
    from helpers.azure import azure_facts

    allowed = int(azure_facts("quota")["fact"].iloc[0].split()[0])
    # One stays, three checkpoints come for a while; base models do not count.
    assert allowed >= 1 + 3
    assert ".tail(3)" in CODE["ask-checkpoints"]
