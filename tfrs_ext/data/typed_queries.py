"""Queries as people type them: texts with a slip of the finger, or cut short."""

from collections.abc import Sequence

import numpy as np


def misspell(texts: Sequence[str], seed: int) -> list[str]:
    """Returns the texts with one typo each: a letter too many, missing, wrong, or two swapped.

    Args:
        texts: The texts; letters that are put in are drawn from all their letters.
        seed: The seed of the draws.

    Returns:
        As many texts, each one edit away from the one that it was made of, whatever the case.

    Relations:
        `abridge` leaves words out.

    Example:
        >>> misspell(["Star Wars", "Alien"], seed=1)
        ['Sta rWars', 'Aliean']
    """
    rng = np.random.default_rng(seed)
    letters = sorted({letter for text in texts for letter in text.lower() if letter.isalnum()})
    return [_edit(text, letters or ["a"], rng) for text in texts]


def abridge(texts: Sequence[str], seed: int) -> list[str]:
    """Returns a run of at least half of the words of each text, the last perhaps unfinished.

    Args:
        texts: The texts.
        seed: The seed of the draws.

    Returns:
        As many texts. The last word keeps at least three letters, and at least half of them.

    Relations:
        `misspell` makes typos.

    Example:
        >>> abridge(["The Silent Harbour of Oslo"], seed=2)
        ['The Silent Harbour of Osl']
    """
    rng = np.random.default_rng(seed)
    return [_cut(text.split(), rng) for text in texts]


def _edit(text: str, letters: list[str], rng: np.random.Generator) -> str:
    places = [place for place, letter in enumerate(text) if letter.isalnum()]
    if not places:
        return text + letters[0]
    while True:
        place = places[rng.integers(len(places))]
        before, after = text[:place], text[place + 1 :]
        letter = letters[rng.integers(len(letters))]
        edited = (
            before + letter + text[place:],
            before + after,
            before + letter + after,
            before + after[:1] + text[place] + after[1:],
        )[rng.integers(4)]
        if edited.lower() != text.lower() and edited.strip():
            return edited


def _cut(words: list[str], rng: np.random.Generator) -> str:
    if not words:
        return ""
    length = int(rng.integers((len(words) + 1) // 2, len(words) + 1))
    start = int(rng.integers(len(words) - length + 1))
    *whole, last = words[start : start + length]
    shortest = min(len(last), max(3, (len(last) + 1) // 2))
    return " ".join([*whole, last[: int(rng.integers(shortest, len(last) + 1))]])
