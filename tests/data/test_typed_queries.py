"""Queries as people type them."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tfrs_ext.data import abridge, misspell

TITLES = ["Toy Story", "The Silent Harbour of Oslo II", "It", "", "8½", "!"] * 30


def distance(a, b):
    """The edits from one text to the other, a swap of neighbours counting as one, by the table."""
    table = np.zeros((len(a) + 1, len(b) + 1), int)
    table[:, 0], table[0] = range(len(a) + 1), range(len(b) + 1)
    for i in range(1, len(a) + 1):
        for j in range(1, len(b) + 1):
            same = a[i - 1] == b[j - 1]
            costs = [table[i - 1, j] + 1, table[i, j - 1] + 1, table[i - 1, j - 1] + (not same)]
            if i > 1 and j > 1 and a[i - 1] == b[j - 2] and a[i - 2] == b[j - 1]:
                costs.append(table[i - 2, j - 2] + 1)
            table[i, j] = min(costs)
    return table[-1, -1]


@settings(max_examples=30, deadline=None)
@given(st.lists(st.text("abcÄé 1!", max_size=9), max_size=6), st.integers(0, 99))
def test_a_misspelt_text_is_one_edit_away(texts, seed):
    for text, found in zip(texts, misspell(texts, seed), strict=True):
        assert distance(text.lower(), found.lower()) == 1


def test_all_four_kinds_of_typos_occur_and_seeds_repeat():
    texts = ["abcdefgh"] * 200
    found = misspell(texts, seed=3)
    lengths = [len(text) for text in found]
    swapped = [sorted(text) == list("abcdefgh") for text in found]
    assert min(lengths.count(7), lengths.count(9), sum(swapped)) > 20
    assert lengths.count(8) - sum(swapped) > 20
    assert misspell(texts, seed=3) == found
    assert misspell(texts, seed=4) != found


@pytest.mark.parametrize("seed", range(3))
def test_an_abridged_text_is_the_begin_of_a_run_of_its_words(seed):
    for text, found in zip(TITLES, abridge(TITLES, seed), strict=True):
        words, kept = text.split(), found.split()
        assert len(kept) >= len(words) / 2
        if kept:
            assert found in " ".join(words)
            assert len(kept[-1]) >= min(3, min(map(len, words)))
    assert len(set(abridge(TITLES, seed))) > 6
