"""What the baselines share: histories in, a score for every candidate out."""

import abc
from typing import Any

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from tfrs_ext._keras import keras
from tfrs_ext.baselines.search import Passes, best_in_blocks
from tfrs_ext.baselines.taken_items import TakenItems, TrainingLog, as_ragged
from tfrs_ext.typing import Config, HyperParameters, PathLike, PrintFn, TensorLike


class Baseline(keras.layers.Layer, abc.ABC):
    """Scores all candidates for histories of positions, by statistics of other histories.

    Every baseline is evaluated in the same way, beside a model on the same queries:
    `evaluation.evaluate_scores(baseline, histories, positives, seen, num_candidates=C)`.

    Args:
        num_candidates: The number of candidates, C.

    Call arguments:
        histories: Positions of candidates, oldest first: a `tf.RaggedTensor` `[B, (L)]`, or
            `[B, L]` integers with negative numbers as padding.
        groups: `[B]`, the group of each query's user, where `reads_groups`.

    Attributes:
        reads_history: Whether scores depend on the history of the query.
        reads_groups: Whether scores depend on a group that the query's user is in.
        reads_times: Whether `fit` needs times.
        relates_items: Whether a history of one item gives the items that go with it.

    Returns:
        `[B, C]` float32.

    Relations:
        `make_baseline` makes one by its name, `serving.export_baseline` publishes it.
    """

    reads_history = True
    reads_groups = False
    reads_times = False
    relates_items = False

    def __init__(self, num_candidates: int, **kwargs: Any) -> None:
        kwargs.setdefault("trainable", False)
        super().__init__(**kwargs)
        if num_candidates < 1:
            raise ValueError(
                f"`num_candidates` must be at least 1, received num_candidates={num_candidates}."
            )
        self.num_candidates = num_candidates
        self._popularity = self.add_weight(
            name="popularity", shape=[num_candidates], initializer="zeros", trainable=False
        )

    def fit(
        self,
        histories: TensorLike,
        *,
        times: TensorLike | None = None,
        groups: TensorLike | None = None,
        print_fn: PrintFn | None = None,
    ) -> "Baseline":
        """Learns from histories.

        Args:
            histories: `[U, (L)]` or padded `[U, L]`, as a call takes them, such as
                `data.item_histories` gives.
            times: The time of each entry of `histories`, in the same form, where `reads_times`;
                `data.history_times` gives them in seconds.
            groups: `[U]` integers or strings, the group of each user, where `reads_groups`.
            print_fn: Where lines for people go, which tell of work that takes long; None for
                nowhere.

        Returns:
            The baseline itself.

        Raises:
            ValueError: A position isn't below `num_candidates`, or what the baseline reads is
                missing, or of another length, or a time isn't a number.
        """
        ragged = as_ragged(histories)
        taken = TakenItems.of(ragged)
        taken.check(self.num_candidates)
        log = TrainingLog(
            taken,
            self._times_of(ragged, times),
            self._check_groups(groups, int(taken.count)),
            print_fn or (lambda line: None),
        )
        counts = np.bincount(taken.positions.numpy(), minlength=self.num_candidates)
        self._popularity.assign(counts.astype(np.float32))
        self._learn(log)
        return self

    def call(self, histories: TensorLike, groups: TensorLike | None = None) -> tf.Tensor:
        """Returns scores `[B, C]`."""
        if self.reads_groups and groups is None:
            raise ValueError(f"`groups` must be given: {type(self).__name__} ranks by them.")
        return self._score(TakenItems.of(histories), groups)

    def recommend(
        self,
        histories: TensorLike,
        k: int = 10,
        *,
        groups: TensorLike | None = None,
        exclusions: TensorLike | None = None,
        exclude_seen: bool = True,
    ) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.int32]]:
        """Returns the best candidates of each query.

        Args:
            histories: `[B, (L)]` or padded `[B, L]`, as a call takes them.
            k: The number of candidates; C where there are fewer.
            groups: `[B]`, the group of each query's user, where `reads_groups`.
            exclusions: `[B, (E)]` or padded `[B, E]` positions that are left out as well.
            exclude_seen: Whether the candidates in the history are left out.

        Returns:
            Scores `[B, k]` and positions `[B, k]` int32, best first; where no candidate is left,
            the position is -1 and the score the lowest float32.

        Raises:
            ValueError: `k` isn't positive.

        Example:
            >>> from tfrs_ext.baselines import make_baseline
            >>> popular = make_baseline("popularity", 3).fit(tf.ragged.constant([[0, 2], [2]]))
            >>> popular.recommend(tf.ragged.constant([[2]]), k=2)[1].tolist()
            [[0, 1]]
        """
        if k < 1:
            raise ValueError(f"`k` must be a positive integer, received k={k}.")
        ragged = as_ragged(histories)
        left_out = [ragged] if exclude_seen else []
        left_out += [] if exclusions is None else [as_ragged(exclusions)]
        padded = [tf.cast(lists.to_tensor(-1), tf.int32) for lists in left_out]
        nothing = tf.zeros([ragged.nrows(), 0], tf.int32)
        found = self.search(ragged, k, tf.concat([nothing, *padded], axis=1), groups=groups)
        return found[0].numpy(), found[1].numpy()

    def search(
        self,
        histories: tf.RaggedTensor,
        k: int | tf.Tensor,
        excluded: tf.Tensor,
        *,
        groups: tf.Tensor | None = None,
        passes: Passes | None = None,
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """Returns scores and positions `[B, min(k, C)]`, best first, also in graphs.

        Args:
            histories: `[B, (L)]` positions.
            k: The number of candidates, an int32 scalar.
            excluded: `[B, E]` int32 positions that are left out; -1 leaves out nothing.
            groups: `[B]`, the group of each query's user, where `reads_groups`.
            passes: A function from positions `[b, C]` and the numbers `[b]` of their queries to
                bool `[b, C]`: which candidates may be shown. None for all.
        """

        def score(queries: tf.Tensor) -> tf.Tensor:
            of_block = None if groups is None else tf.gather(groups, queries)
            return self(tf.gather(histories, queries), of_block)

        return best_in_blocks(score, excluded, k, self.num_candidates, passes)

    def save(self, path: PathLike) -> None:
        """Writes the baseline, as a Keras model of one layer; `Baseline.load` reads it.

        Args:
            path: A file whose name ends in `.keras`.
        """
        asked = [keras.Input([None], dtype="int64", name="history")]
        if self.reads_groups:
            asked.append(keras.Input([], dtype=self._dtype_of_groups(), name="group"))
        keras.Model(asked, self(*asked)).save(str(path), save_format="keras")

    @classmethod
    def load(cls, path: PathLike) -> "Baseline":
        """Returns the baseline that `save` wrote, of whatever class.

        Args:
            path: The file.

        Raises:
            ValueError: The file holds another model.
        """
        model = keras.models.load_model(str(path))
        found = [layer for layer in model.layers if isinstance(layer, Baseline)]
        if len(found) != 1:
            raise ValueError(
                f"`path` must be a file that `Baseline.save` wrote, received {path} of a "
                f"{type(model).__name__}."
            )
        return found[0]

    @staticmethod
    def search_space(hp: HyperParameters) -> Config:
        """Returns arguments of the class, drawn from what is worth a try.

        Args:
            hp: The hyper-parameters.
        """
        return {}

    def get_config(self) -> Config:
        """Returns the arguments of the constructor."""
        return {**super().get_config(), "num_candidates": self.num_candidates}

    def _learn(self, log: TrainingLog) -> None:
        """Learns from checked histories; popularity is counted already, and enough for some."""

    @abc.abstractmethod
    def _score(self, queries: TakenItems, groups: TensorLike | None) -> tf.Tensor:
        """Returns scores `[B, C]`."""

    def _shares(self) -> tf.Tensor:
        """Returns popularity between 0 and below 1, `[C]` float32, by which ties are broken."""
        popularity = tf.cast(self._popularity, tf.float32)
        return popularity / (1.0 + tf.reduce_max(popularity))

    def _popular_where_unknown(self, scores: tf.Tensor) -> tf.Tensor:
        """Ranks candidates without a score behind the others, by popularity, in [-1, 0)."""
        return tf.where(scores == 0, self._shares() - 1.0, scores)

    def _popular_where_silent(self, scores: tf.Tensor) -> tf.Tensor:
        """Ranks by popularity, in [-1, 0), for queries that give no candidate a score."""
        silent = tf.reduce_all(scores == 0, axis=1, keepdims=True)
        return tf.where(silent, self._shares() - 1.0, scores)

    def _dtype_of_groups(self) -> str:
        return "string"

    def _times_of(
        self, histories: tf.RaggedTensor, times: TensorLike | None
    ) -> npt.NDArray[np.float64] | None:
        """Returns the time of each entry that isn't padding."""
        if not self.reads_times:
            return None
        if times is None:
            raise ValueError(
                f"`times` must be given: {type(self).__name__} learns from them. "
                "`data.history_times` gives them."
            )
        flat = np.asarray(as_ragged(times).values, np.float64)
        if len(flat) != int(tf.size(histories.values)):
            raise ValueError(
                f"`times` must hold one time for each of {int(tf.size(histories.values))} entries "
                f"of `histories`, received {len(flat)}."
            )
        flat = flat[histories.values.numpy() >= 0]
        if np.isnan(flat).any():
            raise ValueError(
                f"`times` must be numbers, received NaN for {np.isnan(flat).sum():,} of "
                f"{len(flat):,} entries: leave these out, or give them a time."
            )
        return flat

    def _check_groups(self, groups: TensorLike | None, users: int) -> tf.Tensor | None:
        if not self.reads_groups:
            return None
        if groups is None:
            raise ValueError(f"`groups` must be given: {type(self).__name__} learns from them.")
        found = tf.convert_to_tensor(groups)
        if found.shape != (users,):
            raise ValueError(
                f"`groups` must hold the group of each of {users} users, received "
                f"shape={tuple(found.shape)}."
            )
        return found
