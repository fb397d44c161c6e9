"""How alike two texts are, by the metrics that OpenAI's graders name.

Purpose: each metric from its published formula, from 0 for nothing in common to 1,
because none of the usual packages is among the requirements. Where a metric leaves a
choice open, the choice is stated at its function. OpenAI does not publish the
tokenizers behind its own scores, so a hosted score can differ a little.
It must never know about graders, HTTP or models.
"""

from __future__ import annotations

import math
import re
from collections import Counter, defaultdict
from collections.abc import Callable, Hashable, Sequence

_MARKS = re.compile(r"\w+|[^\w\s]")
_WORDS = re.compile(r"\w+")
LONGEST_NGRAM = 4


def tokens_with_marks(text: str) -> list[str]:
    """Return words and punctuation marks, each a token, as they are written."""
    return _MARKS.findall(text)


def words(text: str) -> list[str]:
    """Return the words in lower case, without punctuation, as rouge-score does."""
    return _WORDS.findall(text.lower())


def _ngrams(tokens: Sequence[str], n: int) -> Counter:
    return Counter(zip(*(tokens[start:] for start in range(n)), strict=False))


def _common(left: Counter, right: Counter) -> int:
    return (left & right).total()


def longest_common_subsequence(left: Sequence, right: Sequence) -> int:
    """Return the length of the longest common subsequence.

    All of `left` stands in one integer, so that a step handles all of it at once.
    Source: Hyyrö, "Bit-parallel LCS-length computation revisited" (2004), figure 5.
    """
    places: dict[Hashable, int] = defaultdict(int)
    for position, item in enumerate(left):
        places[item] |= 1 << position
    everything = (1 << len(left)) - 1
    row = everything
    for item in right:
        if matches := row & places.get(item, 0):
            row = ((row + matches) | (row - matches)) & everything
    return len(left) - row.bit_count()


def _ratio(matches: int, left: int, right: int) -> float:
    """Return the harmonic mean of precision and recall: 2 m / (left + right)."""
    return 2 * matches / (left + right)


def _either_empty(left: Sequence, right: Sequence) -> float | None:
    """Return the score of texts without tokens, None when both have some."""
    if left and right:
        return None
    return 1.0 if not left and not right else 0.0


def fuzzy_match(text: str, reference: str) -> float:
    """Return how few letters have to be inserted or deleted.

    This is rapidfuzz's `fuzz.ratio` divided by 100: the normalized Indel similarity,
    2 LCS / (len + len), on the texts as they are (rapidfuzz documentation, 2026-11).
    """
    empty = _either_empty(text, reference)
    if empty is not None:
        return empty
    matches = longest_common_subsequence(text, reference)
    return _ratio(matches, len(text), len(reference))


def bleu(text: str, reference: str) -> float:
    """Return the BLEU score of one sentence.

    Geometric mean of the precisions of 1- to 4-grams, times the brevity penalty
    (Papineni et al. 2002, doi:10.3115/1073083.1073135). Orders longer than the text
    are left out, and a precision without a match counts as 1/2, 1/4, … of one match
    (NIST smoothing, method 3 of Chen & Cherry 2014), as sacrebleu does for sentences.
    """
    found, wanted = tokens_with_marks(text), tokens_with_marks(reference)
    empty = _either_empty(found, wanted)
    if empty is not None:
        return empty
    logs, smoothing = [], 1.0
    for n in range(1, min(LONGEST_NGRAM, len(found)) + 1):
        matches = float(_common(_ngrams(found, n), _ngrams(wanted, n)))
        if n == 1 and not matches:
            return 0.0
        if not matches:
            smoothing /= 2
            matches = smoothing
        logs.append(math.log(matches / (len(found) - n + 1)))
    penalty = min(0.0, 1 - len(wanted) / len(found))
    return math.exp(penalty + sum(logs) / len(logs))


def gleu(text: str, reference: str) -> float:
    """Return the Google BLEU score of one sentence.

    The smaller of precision and recall over all 1- to 4-grams together (Wu et al.
    2016, arXiv:1609.08144, section 5.2).
    """
    found, wanted = tokens_with_marks(text), tokens_with_marks(reference)
    empty = _either_empty(found, wanted)
    if empty is not None:
        return empty
    matches = n_found = n_wanted = 0
    for n in range(1, LONGEST_NGRAM + 1):
        left, right = _ngrams(found, n), _ngrams(wanted, n)
        matches += _common(left, right)
        n_found += left.total()
        n_wanted += right.total()
    return matches / max(n_found, n_wanted)


def _align(found: list[str], wanted: list[str]) -> list[int | None]:
    """Return for each token of `found` the place in `wanted` it is matched with.

    As many as possible are matched; a token goes on behind the match before it where
    it can, else it takes the first free place. That keeps chunks few, if not always
    the fewest.
    """
    free: dict[str, list[int]] = defaultdict(list)
    for place in range(len(wanted) - 1, -1, -1):
        free[wanted[place]].append(place)
    taken: set[int] = set()
    places: list[int | None] = []
    follows = 0
    for token in found:
        left = free[token]
        while left and left[-1] in taken:
            left.pop()
        place = None
        if follows < len(wanted) and wanted[follows] == token and follows not in taken:
            place = follows
        elif left:
            place = left.pop()
        if place is not None:
            taken.add(place)
            follows = place + 1
        places.append(place)
    return places


def meteor(text: str, reference: str) -> float:
    """Return the METEOR score with its stage of exact matches.

    F = P R / (0.9 P + 0.1 R) over matched words in lower case, times 1 - 0.5
    (chunks / matches)³ (Banerjee & Lavie 2005, aclanthology.org/W05-0909). The
    stages of stems and of WordNet synonyms need data that is not here, so a synonym
    counts as a wrong word.
    """
    found = tokens_with_marks(text.lower())
    wanted = tokens_with_marks(reference.lower())
    empty = _either_empty(found, wanted)
    if empty is not None:
        return empty
    places = _align(found, wanted)
    matches = sum(place is not None for place in places)
    if not matches:
        return 0.0
    chunks, before = 0, None
    for place in places:
        if place is not None and (before is None or place != before + 1):
            chunks += 1
        before = place
    precision, recall = matches / len(found), matches / len(wanted)
    mean = precision * recall / (0.9 * precision + 0.1 * recall)
    return mean * (1 - 0.5 * (chunks / matches) ** 3)


def rouge_n(text: str, reference: str, n: int) -> float:
    """Return the F1 of common n-grams of words.

    Source: Lin 2004, aclanthology.org/W04-1013; F1 and lower case as rouge-score.
    """
    left, right = _ngrams(words(text), n), _ngrams(words(reference), n)
    empty = _either_empty(left, right)
    if empty is not None:
        # Texts too short for one n-gram have nothing to compare, unless equal.
        return float(words(text) == words(reference)) if empty else 0.0
    return _ratio(_common(left, right), left.total(), right.total())


def rouge_l(text: str, reference: str) -> float:
    """Return the F1 of the longest common subsequence of words (Lin 2004)."""
    left, right = words(text), words(reference)
    empty = _either_empty(left, right)
    if empty is not None:
        return empty
    return _ratio(longest_common_subsequence(left, right), len(left), len(right))


def _rouge(n: int) -> Callable[[str, str], float]:
    return lambda text, reference: rouge_n(text, reference, n)


METRICS: dict[str, Callable[[str, str], float]] = {
    "fuzzy_match": fuzzy_match,
    "bleu": bleu,
    "gleu": gleu,
    "meteor": meteor,
    **{f"rouge_{n}": _rouge(n) for n in range(1, 6)},
    "rouge_l": rouge_l,
}
