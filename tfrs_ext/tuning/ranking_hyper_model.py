"""The search space of models that rank."""

from collections.abc import Callable, Sequence
from typing import Any

import tensorflow as tf

from tfrs_ext._keras import keras
from tfrs_ext.callbacks import UserAUC
from tfrs_ext.features import Categorical, Feature, History
from tfrs_ext.metrics import GAUC
from tfrs_ext.models import RankingModel
from tfrs_ext.tuning._batches import sized
from tfrs_ext.tuning._bridge import keras_tuner
from tfrs_ext.tuning.space import RANKERS, batch_size, optimizer, ranker

_METRICS = ("auc", "gauc")


class RankingHyperModel(keras_tuner.HyperModel):
    """Builds and fits a `models.RankingModel` from hyper-parameters.

    The constructor takes the facts of the data, `build` what may vary, the model among it, with
    this package's defaults, and `fit` the size of the batches. Everything is a function of
    `tuning.space`: override `build` to leave some out or to add your own.

    Args:
        features: The columns to read, with their facts.
        target: Name of the `Categorical` feature that is the candidate's id, which DIN, DIEN and
            NeuMF need.
        user_id: Name of the `Categorical` feature that is the user's id, which NeuMF and GAUC need.
        model: A name out of `tuning.space.RANKERS`, or several, of which the first is the default.
            None is all that the features allow, by default DCN-V2.
        metric: What to search for: "auc" over all rows, or "gauc", the AUC within users.
        crosses: As in `models.WideDeep`.
        name: Of the hypermodel.
        tunable: False fixes the defaults, as for every keras-tuner hypermodel.

    Attributes:
        objective: What to search for: `val_auc` or `val_gauc`, the larger the better. `fit` needs
            `validation_data` for it.

    Raises:
        ValueError: An argument is out of range, or a model was named that needs other features.

    Example:
        >>> from tfrs_ext import tuning
        >>> from tfrs_ext.features import Categorical, Numeric
        >>> features = [Categorical("user", (1, 2)), Categorical("item", (7, 8)), Numeric("age")]
        >>> hypermodel = tuning.RankingHyperModel(features, model=("dcn_v2", "wide_deep"))
        >>> hypermodel.build(tuning.fixed({"model": "wide_deep", "hidden_units": 64})).name
        'wide_deep'
    """

    def __init__(
        self,
        features: Sequence[Feature],
        target: str | None = None,
        user_id: str | None = None,
        model: str | Sequence[str] | None = None,
        metric: str = "auc",
        crosses: Sequence[Sequence[str]] = (),
        name: str | None = None,
        tunable: bool = True,
    ) -> None:
        super().__init__(name=name, tunable=tunable)
        self.features = tuple(features)
        self.target, self.user_id, self.crosses = target, user_id, crosses
        if metric not in _METRICS or (metric == "gauc" and user_id is None):
            raise ValueError(
                f"`metric` must be one of {_METRICS}, and `user_id` be given for 'gauc', "
                f"received {metric=}, {user_id=}."
            )
        self.metric = metric
        self.objective = keras_tuner.Objective(f"val_{metric}", "max")
        self.models = self._checked(model)

    def _checked(self, model: str | Sequence[str] | None) -> tuple[str, ...]:
        possible = self._possible()
        if model is None:
            return possible
        names = (model,) if isinstance(model, str) else tuple(model)
        if not names or not set(names) <= set(possible):
            raise ValueError(
                f"`model` must be out of {possible}, received {model=}: NeuMF needs `target` and "
                "`user_id`, DIN and DIEN need `target` and a `History` among `features`."
            )
        return names

    def _possible(self) -> tuple[str, ...]:
        ids = {feature.name for feature in self.features if isinstance(feature, Categorical)}
        histories = sum(isinstance(feature, History) for feature in self.features)
        possible = ["dcn_v2", "dcn_mix", "dcn", "dnn", "wide_deep"]
        if {self.target, self.user_id} <= ids:
            possible.append("neumf")
        if self.target in ids and histories:
            possible.append("din")
        if self.target in ids and histories == 1:
            possible.append("dien")
        return tuple(possible)

    def declare_hyperparameters(self, hp: Any) -> None:
        """Registers what `fit` reads, so that the first trial varies it too."""
        batch_size(hp)

    def build(self, hp: Any) -> RankingModel:
        """Returns a compiled model, whose name is that of the choice.

        Args:
            hp: The hyper-parameters; `tuning.fixed(values)` fixes them.
        """
        name, arguments = ranker(hp, self.features, self.models)
        features = self.features
        if name == "neumf":
            by_name = {feature.name: feature for feature in features}
            features = (by_name[self.user_id or ""], by_name[self.target or ""])
        elif name in ("din", "dien"):
            arguments["target"] = self.target
        elif name == "wide_deep":
            arguments["crosses"] = self.crosses
        model = RANKERS[name](features, **arguments, name=name)
        auc = keras.metrics.AUC(name="auc")
        model.compile(optimizer(hp), "binary_crossentropy", weighted_metrics=[auc])
        return model

    def fit(
        self,
        hp: Any,
        model: Any,
        train: tf.data.Dataset | Callable[[int], tf.data.Dataset],
        callbacks: Sequence[Any] = (),
        **kwargs: Any,
    ) -> Any:
        """Fits a model.

        Args:
            hp: The hyper-parameters.
            model: From `build`.
            train: From a batch size to batches of `(columns, label)`, a third part being weights;
                or batches, whose size is changed.
            callbacks: Find the objective in the logs.
            **kwargs: For `model.fit`: `epochs`, and `validation_data`, a dataset of such batches.

        Returns:
            Keras's `History`.
        """
        validation = kwargs.get("validation_data")
        if self.metric == "gauc" and validation is not None:
            callbacks = [UserAUC(validation, self.user_id or "", GAUC()), *callbacks]
        return model.fit(sized(hp, train), callbacks=list(callbacks), **kwargs)
