"""Personal data and secrets in training text: find them, and never show them in full.

Purpose: a model can repeat what it was trained on, and a training file is copied to
places that nobody remembers. So look before the upload:

    for place, found in find_in_example(example):
        print(place, found.kind, found.masked)
    clean = redact_example(example)

What has a shape is found: e-mail addresses, phone numbers, card numbers, IBANs, Korean
resident registration numbers, keys of known services. What has none (names, street
addresses, illnesses) is not: somebody has to read a sample. It needs the standard
library only, and it must never know files, providers or data sets. No package that is
required here does this work; Presidio and scrubadub do more, with models to install.

Shapes, read on 2026-11-22: ISO/IEC 7812-1 and tables of issuers (cards, Luhn's check
digit); ISO 13616 with the lengths of SWIFT's registry as generated in
mamrhein/identifiers (IBAN, remainder 97); E.164 (15 digits at most); GitHub's changelog
of 2021-03-31 and the rules of gitleaks (keys); the numbers of Korean residents as of
October 2020, when all digits but the first seven became random.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

# Kinds whose finder has more to do than to delete the text: the secret is out.
SECRETS = frozenset({"key"})
PLACEHOLDERS = {
    "key": "[KEY]",
    "iban": "[IBAN]",
    "card": "[CARD]",
    "resident": "[RESIDENT NUMBER]",
    "email": "[EMAIL]",
    "phone": "[PHONE]",
}


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that should not be in a training text.

    Attributes:
        kind: a key of PLACEHOLDERS.
        start, end: where it stands in the text.
        masked: enough of it to recognise it, never all of it.
    """

    kind: str
    start: int
    end: int
    masked: str


# --- shapes -----------------------------------------------------------------------

GAP = "[ \u00a0\u202f.\u2010-\u2013-]"  # what people put between groups of digits

EMAIL = re.compile(
    r"(?<![A-Za-z0-9._%+@-])[A-Za-z0-9_%+-](?:[A-Za-z0-9._%+-]{0,62}[A-Za-z0-9_%+-])?"
    r"@(?:[A-Za-z0-9-]{1,63}\.){1,8}[A-Za-z]{2,24}(?![A-Za-z0-9])"
)
PHONES = (
    # Any country, written with a plus.
    re.compile(rf"(?<![0-9A-Za-z+])\+[1-9](?:[()/]|{GAP}|[0-9]){{6,24}}(?<=[0-9])"),
    # North America: three, three and four digits; neither group begins with 0 or 1.
    re.compile(
        rf"(?<![0-9A-Za-z-])(?:1{GAP})?(?:\([2-9][0-9]{{2}}\) ?|[2-9][0-9]{{2}}{GAP})"
        rf"[2-9][0-9]{{2}}{GAP}[0-9]{{4}}(?![0-9A-Za-z])"
    ),
    # Countries whose numbers begin with 0 at home, Korea's among them.
    re.compile(
        rf"(?<![0-9A-Za-z.-])(?:0[1-9][0-9]{{0,3}}|\(0[1-9][0-9]{{0,3}}\))(?:{GAP}|/)"
        rf"[0-9]{{3,4}}{GAP}?[0-9]{{3,5}}(?![0-9A-Za-z])"
    ),
)
CARD = re.compile(r"(?<![0-9A-Za-z])[2-6](?:[ \u00a0-]?[0-9]){12,18}(?![0-9])")
IBAN = re.compile(r"(?<![A-Za-z0-9])[A-Z]{2}[0-9]{2}(?: ?[A-Z0-9]){11,30}")
RESIDENT = re.compile(
    r"(?<![0-9-])[0-9]{2}(?:0[1-9]|1[0-2])(?:0[1-9]|[12][0-9]|3[01])-[0-9]{7}(?![0-9-])"
)
KEY = re.compile(
    r"(?<![A-Za-z0-9])(?:"
    r"sk-(?=[A-Za-z_-]{0,200}[0-9])[A-Za-z0-9_-]{20,}"  # OpenAI and services like it
    r"|gh[oprsu]_[A-Za-z0-9]{36,}|github_pat_[A-Za-z0-9_]{22,}"
    r"|hf_[A-Za-z0-9]{30,}"  # Hugging Face
    r"|(?:AKIA|ASIA)[A-Z0-9]{16}(?![A-Za-z0-9])"  # AWS
    r"|AIza[A-Za-z0-9_-]{35}"  # Google
    r"|xox[abeoprs]-[A-Za-z0-9-]{10,}"  # Slack
    r"|[rs]k_live_[A-Za-z0-9]{16,}"  # Stripe
    r"|eyJ[A-Za-z0-9_-]{8,300}\.eyJ[A-Za-z0-9_-]{8,2000}\.[A-Za-z0-9_-]{8,2000}"
    r")"  # the last of them: a JSON web token
    r"|-----BEGIN (?:[A-Z]+ )*PRIVATE KEY-----"
    r"(?:[\s\S]*?-----END (?:[A-Z]+ )*PRIVATE KEY-----|[\s\S]*)"
)

# Length of an IBAN by country; countries that joined lately may be missing.
IBAN_LENGTHS = {
    code: int(length)
    for length, codes in {
        "15": "NO", "16": "BE", "18": "DK FI FO GL NL", "19": "MK SI",
        "20": "AT BA EE KZ LT LU XK", "21": "CH HR LI LV",
        "22": "BG BH CR DE GB GE IE ME RS VA", "23": "AE GI IL IQ TL",
        "24": "AD CZ ES MD PK RO SA SE SK TN VG", "25": "LY PT ST", "26": "IS TR",
        "27": "FR GR IT MC MR SM", "28": "AL AZ BY CY DO GT HU LB PL SV",
        "29": "BR EG PS QA UA", "30": "JO KW MU", "31": "MT SC", "32": "LC",
    }.items()
    for code in codes.split()
}  # fmt: skip


def passes_luhn(digits: str) -> bool:
    """Check the last digit of a number by Luhn's rule (ISO/IEC 7812-1, annex B).

    Args:
        digits: the number, digits only.
    """
    total = 0
    for place, digit in enumerate(reversed(digits)):
        value = int(digit) * (1 + place % 2)
        total += value - 9 if value > 9 else value
    return total % 10 == 0


def passes_iban(iban: str) -> bool:
    """Check length and check digits of an IBAN (ISO 13616: remainder 1 by 97).

    Args:
        iban: without spaces, capitals only.
    """
    if IBAN_LENGTHS.get(iban[:2]) != len(iban):
        return False
    turned = iban[4:] + iban[:4]
    return int("".join(str(int(letter, 36)) for letter in turned)) % 97 == 1


def _card_lengths(digits: str) -> tuple[int, ...]:
    """Return how long a card number may be that begins like this."""
    two, four = int(digits[:2]), int(digits[:4])
    if digits[0] == "4":
        return 13, 16, 19
    if two in (34, 37):
        return (15,)
    if two in (30, 36, 38, 39):
        return (14,)
    if 51 <= two <= 55 or 2221 <= four <= 2720 or two == 35:
        return (16,)
    return (16, 17, 18, 19) if digits[0] == "6" else ()


def _goes_on(text: str, end: int) -> bool:
    """True when a letter or digit follows; Hangul and the like may stand close."""
    after = text[end : end + 1]
    return after.isascii() and after.isalnum()


def _prefixes(text: str, start: int, end: int) -> Iterator[tuple[int, str]]:
    """Yield (end, letters and digits) of every part that begins at `start`."""
    kept = ""
    for at in range(start, end):
        if text[at].isalnum():
            kept += text[at]
            yield at + 1, kept


def _cards(text: str) -> Iterator[tuple[int, int]]:
    for match in CARD.finditer(text):
        # A number that follows may have been read along, so shorter ends count too.
        for end, digits in _prefixes(text, *match.span()):
            if (
                len(digits) >= 13
                and not _goes_on(text, end)
                and len(digits) in _card_lengths(digits)
                and passes_luhn(digits)
            ):
                yield match.start(), end
                break


def _ibans(text: str) -> Iterator[tuple[int, int]]:
    for match in IBAN.finditer(text):
        for end, letters in _prefixes(text, *match.span()):
            if len(letters) == IBAN_LENGTHS.get(letters[:2]):
                if not _goes_on(text, end) and passes_iban(letters):
                    yield match.start(), end
                break


def _phones(text: str) -> Iterator[tuple[int, int]]:
    for shape in PHONES:
        for match in shape.finditer(text):
            if 8 <= sum(letter.isdigit() for letter in match[0]) <= 15:
                yield match.span()


def _spans(shape: re.Pattern[str]) -> Callable[[str], Iterator[tuple[int, int]]]:
    return lambda text: (match.span() for match in shape.finditer(text))


# Most texts hold nothing of a kind, and these tell so at once: a file of a million
# examples is searched in minutes, not in hours.
KEY_SIGNS = (
    "sk-", "gho_", "ghp_", "ghr_", "ghs_", "ghu_", "github_pat_", "hf_", "AKIA",
    "ASIA", "AIza", "xox", "k_live_", "eyJ", "-----BEGIN",
)  # fmt: skip
MANY_DIGITS = re.compile(r"[0-9](?:[^0-9A-Za-z]{0,3}[0-9]){6}")


def _may_hold_key(text: str) -> bool:
    return any(sign in text for sign in KEY_SIGNS)


def _may_hold_number(text: str) -> bool:
    return MANY_DIGITS.search(text) is not None


def _may_hold_address(text: str) -> bool:
    return "@" in text


# In order: what was taken for a key is not taken for a phone number as well.
DETECTORS: tuple[
    tuple[str, Callable[[str], bool], Callable[[str], Iterator[tuple[int, int]]]], ...
] = (
    ("key", _may_hold_key, _spans(KEY)),
    ("iban", _may_hold_number, _ibans),
    ("card", _may_hold_number, _cards),
    ("resident", _may_hold_number, _spans(RESIDENT)),
    ("email", _may_hold_address, _spans(EMAIL)),
    ("phone", _may_hold_number, _phones),
)


# --- texts ------------------------------------------------------------------------


def find(text: str) -> list[Finding]:
    """Find what should not be in a training text.

    Args:
        text: any text.

    Returns:
        The findings in the order of the text; no two of them overlap.
    """
    found: list[Finding] = []
    for kind, may_hold, spans in DETECTORS:
        if not may_hold(text):
            continue
        for start, end in spans(text):
            if all(end <= other.start or other.end <= start for other in found):
                masked = _masked(kind, text[start:end])
                found.append(Finding(kind, start, end, masked))
    return sorted(found, key=lambda one: one.start)


def _masked(kind: str, text: str) -> str:
    """Keep of a finding what helps to find it again, and no more."""
    if kind == "email":
        return f"{text[0]}…@…{text[text.rindex('.') :]}"
    if kind == "key":
        return "-----BEGIN…" if text.startswith("-") else f"{text[:4]}…"
    return f"{text[:2]}…{text[-2:]}"


def mask(text: str) -> str:
    """Return a text to show to people, with its findings masked."""
    return _replaced(text, lambda found: found.masked)


def redact(text: str) -> str:
    """Return a text to train on: each finding becomes a placeholder such as [EMAIL]."""
    return _replaced(text, lambda found: PLACEHOLDERS[found.kind])


def _replaced(text: str, word: Callable[[Finding], str]) -> str:
    for found in reversed(find(text)):
        text = text[: found.start] + word(found) + text[found.end :]
    return text


# --- examples ---------------------------------------------------------------------


def texts_of(example: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield (field, text) of every text in an example, tools and arguments included.

    Args:
        example: one decoded line of a training file.

    Yields:
        Fields as problems name them, such as "messages[1].content".
    """
    yield from _texts(example, "")


def _texts(value: Any, field: str) -> Iterator[tuple[str, str]]:
    if isinstance(value, str):
        yield field, value
    elif isinstance(value, Mapping):
        for key, inner in value.items():
            yield from _texts(inner, f"{field}.{key}" if field else str(key))
    elif isinstance(value, (list, tuple)):
        for at, inner in enumerate(value):
            yield from _texts(inner, f"{field}[{at}]")


def find_in_example(example: Mapping[str, Any]) -> Iterator[tuple[str, Finding]]:
    """Yield (field, finding) for every finding in an example."""
    for field, text in texts_of(example):
        for found in find(text):
            yield field, found


def redact_example(example: Mapping[str, Any]) -> dict[str, Any]:
    """Return a copy of an example with placeholders instead of findings.

    Args:
        example: one decoded line of a training file; it stays as it is.
    """
    return _redacted(example)


def _redacted(value: Any) -> Any:
    if isinstance(value, str):
        return redact(value)
    if isinstance(value, Mapping):
        return {key: _redacted(inner) for key, inner in value.items()}
    if isinstance(value, (list, tuple)):
        return [_redacted(inner) for inner in value]
    return value
