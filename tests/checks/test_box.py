"""Checks of notebook 03: any way of writing it passes, each mistake gets its hint."""

from collections.abc import Callable

import pytest

from helpers.checks.box import (
    check_answer_loss,
    check_lora_numbers,
    check_mask,
    check_rate_share,
    rate_share,
)
from helpers.provider import hyperparameters


def blank(*arguments: object) -> object:
    return ...


# --- the mask ---------------------------------------------------------------------


@pytest.mark.parametrize(
    "function",
    [
        lambda role, n: [0] + [role == "assistant"] * (n + 1),
        lambda role, n: (0.0, *(float(role == "assistant"),) * n, role == "assistant"),
    ],
)
def test_a_mask_is_right_in_every_type(function: Callable) -> None:
    assert check_mask(function).state == "right"


@pytest.mark.parametrize(
    ("function", "words"),
    [
        (lambda role, n: 1, "list of numbers"),
        (lambda role, n: ["x"] * (n + 2), "list of numbers"),
        (lambda role, n: [role == "assistant"] * n, "2 weights for 4 tokens"),
        (lambda role, n: [1.0] * (n + 2), "the role system"),
        (lambda role, n: [role == "assistant"] * (n + 2), "need not write it"),
        (lambda role, n: [0, *[role == "assistant"] * n, 0], "for ever"),
        (lambda role, n: [0] * (n + 1) + [role == "assistant"], "counts the same"),
        (lambda role: [], "TypeError"),
    ],
)
def test_a_wrong_mask_gets_a_hint(function: Callable, words: str) -> None:
    outcome = check_mask(function)
    assert outcome.state == "not yet"
    assert words in outcome.text


# --- the loss ---------------------------------------------------------------------


def by_hand(logits, ids, weights):
    """Sum over tokens in a loop."""
    total = 0.0
    for t in range(1, len(ids)):
        if weights[t]:
            p = logits[t - 1].softmax(-1)[ids[t]]
            total = total - weights[t] * p.log()
    return total / weights[1:].sum()


def by_torch(logits, ids, weights):
    """Let torch leave out what has the label -100."""
    import torch.nn.functional as F

    labels = ids[1:].masked_fill(weights[1:] == 0, -100)
    return F.cross_entropy(logits[:-1], labels)


@pytest.mark.parametrize("function", [by_hand, by_torch])
def test_a_loss_is_right_however_it_is_written(function: Callable) -> None:
    assert check_answer_loss(function).state == "right"


def mistake(shift: int = 1, mask: str = "same", over: str = "mask", sign: int = 1):
    """Return a loss with one mistake in it."""

    def loss(logits, ids, weights):
        import torch.nn.functional as F

        if shift == 1:
            losses, w = (
                F.cross_entropy(logits[:-1], ids[1:], reduction="none"),
                weights[1:],
            )
        elif shift == 0:
            losses, w = F.cross_entropy(logits, ids, reduction="none"), weights
        else:
            losses, w = (
                F.cross_entropy(logits[1:], ids[:-1], reduction="none"),
                weights[:-1],
            )
        if mask == "none":
            w = w * 0 + 1
        elif mask == "left":
            w = weights[:-1]
        divisor = {"mask": w.sum(), "all": len(losses), "nothing": 1}[over]
        return sign * (losses * w).sum() / divisor

    return loss


@pytest.mark.parametrize(
    ("function", "words"),
    [
        (mistake(shift=0), "the token itself"),
        (mistake(shift=-1), "the token before"),
        (mistake(mask="none"), "question counts"),
        (mistake(mask="left"), "weights stayed"),
        (mistake(over="all"), "divided by all"),
        (mistake(over="nothing"), "the sum"),
        (mistake(sign=-1), "sign"),
        (lambda *a: 3.0, "Three steps"),
        (lambda *a: None, "one number"),
        (lambda *a: a[0], "one number"),
        (lambda *a: by_hand(*a).item(), "no gradient"),
        (lambda *a: 1 / 0, "ZeroDivisionError"),
    ],
)
def test_a_wrong_loss_gets_a_hint(function: Callable, words: str) -> None:
    outcome = check_answer_loss(function)
    assert outcome.state == "not yet"
    assert words in outcome.text


# --- the learning rate ------------------------------------------------------------


def test_the_rate_is_that_of_the_provider() -> None:
    for total in (1, 2, 10, 33, 100, 300):
        for step in range(total):
            assert rate_share(step, total) == pytest.approx(
                hyperparameters.schedule(step, total)
            )
    outcome = check_rate_share(lambda step, total, n: rate_share(step, total))
    assert outcome.state == "right"


@pytest.mark.parametrize(
    ("function", "words"),
    [
        (lambda step, total, n: None, "NoneType"),
        (lambda step, total, n: step / n, "change nothing"),
        (lambda step, total, n: 1.0, "climb evenly"),
        (lambda step, total, n: min(1.0, (step + 1) / n), "straight line"),
        (lambda step: 1.0, "TypeError"),
    ],
)
def test_a_wrong_rate_gets_a_hint(function: Callable, words: str) -> None:
    outcome = check_rate_share(function)
    assert outcome.state == "not yet"
    assert words in outcome.text


# --- LoRA -------------------------------------------------------------------------


def test_the_numbers_of_two_thin_matrices_are_right() -> None:
    outcome = check_lora_numbers(16 * (512 + 192), 512, 192, 16)
    assert outcome.state == "right"
    assert "11,264" in outcome.text


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        ("many", "a number"),
        (512 * 192, "frozen"),
        (16 * 512, "one of the two"),
        (16 * 192, "one of the two"),
        (16 * 512 * 192, "add up"),
        (256, "add up"),
        (5, "as many rows as the rank"),
    ],
)
def test_wrong_numbers_of_lora_get_a_hint(answer: object, words: str) -> None:
    outcome = check_lora_numbers(answer, 512, 192, 16)
    assert outcome.state == "not yet"
    assert words in outcome.text


def test_a_blank_is_not_a_mistake() -> None:
    outcomes = [
        check_mask(blank),
        check_answer_loss(blank),
        check_rate_share(blank),
        check_lora_numbers(..., 2, 3, 1),
    ]
    assert [outcome.state for outcome in outcomes] == ["not tried"] * 4
