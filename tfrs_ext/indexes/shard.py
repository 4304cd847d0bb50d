"""A part of a corpus, as an index of its own sees it."""

from collections.abc import Iterator

import tensorflow as tf

from tfrs_ext.indexes.corpus import Corpus


class Shard:
    """Consecutive candidates of a corpus, with the tensors that search them, in a corpus's place.

    It holds variables of the corpus but not the corpus, which may go when its last user lets it go.

    Args:
        corpus: The whole corpus.
        number: The number of the part, from 0.
        start: The position of its first candidate.
        stop: The position after its last candidate.
    """

    def __init__(self, corpus: Corpus, number: int, start: int, stop: int) -> None:
        self._variables = {
            name: corpus[name_in_corpus(name, number)] for name in _names(corpus, number)
        }
        self._numbers = {
            name: corpus.number(name_in_corpus(name, number))
            for name, variable in self._variables.items()
            if variable.shape.rank == 0 and variable.dtype != tf.string
        }
        self.start, self.num_candidates = start, stop - start
        self.width = corpus.width
        self.unique_name = f"{corpus.unique_name}-{number}"

    def __getitem__(self, name: str) -> tf.Variable:
        return self._variables[name]

    def number(self, name: str) -> float:
        """Returns a scalar among the tensors as a Python number."""
        return self._numbers[name]


def name_in_corpus(name: str, number: int) -> str:
    """Returns what the corpus calls a tensor of a part.

    Args:
        name: What the part's index calls it.
        number: The number of the part.
    """
    return f"shard{number}_{name}"


def shards_of(count: int, num_shards: int) -> Iterator[tuple[int, int, int]]:
    """Yields the number of each part, and where it begins and ends.

    Args:
        count: C, the size of the corpus.
        num_shards: How many parts there are; as many as candidates where these are fewer.
    """
    parts = min(num_shards, count)
    for number in range(parts):
        yield number, count * number // parts, count * (number + 1) // parts


def _names(corpus: Corpus, number: int) -> Iterator[str]:
    prefix = name_in_corpus("", number)
    for name in corpus.variables_by_name():
        if name.startswith(prefix):
            yield name.removeprefix(prefix)
