"""The search space of models that rank."""

from collections.abc import Mapping, Sequence
from typing import Any

from tfrs_ext._keras import keras
from tfrs_ext.callbacks import UserAUC
from tfrs_ext.features import Feature
from tfrs_ext.metrics import GAUC
from tfrs_ext.models import RANKERS, RankingModel
from tfrs_ext.tuning.batches import Batches, resize_batches
from tfrs_ext.tuning.bridge import keras_tuner
from tfrs_ext.tuning.hyper_model import FeatureHyperModel
from tfrs_ext.tuning.space import batch_size, optimizer, ranker
from tfrs_ext.typing import Config, HyperParameters

_METRICS = ("auc", "gauc")


class RankingHyperModel(FeatureHyperModel):
    """Builds and fits a `models.RankingModel` from hyper-parameters.

    The constructor takes the facts of the data, `build` what may vary, the model among it, with
    this package's defaults, and `fit` the size of the batches. Everything is a function of
    `tuning.space`: override `build` to leave some out or to add your own.

    Args:
        features: The columns to read, with their facts.
        item_id: Name of the `Categorical` feature with the candidate's id, which DIN, DIEN and
            NeuMF need; None where there is none.
        user_id: Name of the `Categorical` feature with the user's id, which NeuMF and GAUC need;
            None where there is none.
        model: A name out of `models.RANKERS`, or several, of which the first is the default. None
            is all that the features allow, by default DCN-V2.
        metric: What to search for: "auc" over all rows, or "gauc", the AUC within users.
        arguments: Arguments of models that aren't searched, by the model's name, such as
            `{"wide_deep": {"crosses": [("user_id", "genre")]}}`.
        name: The name of the hypermodel.
        tunable: False fixes the defaults, as for every keras-tuner hypermodel.

    Attributes:
        objective: What to search for: `val_auc` or `val_gauc`, the larger the better. `fit` needs
            `validation_data` for it.

    Raises:
        ValueError: An argument is out of range, or a model was named that needs other features.

    Relations:
        `models.register_ranker` gives a model of your own a name, by which it is built and
        searched here. `RetrievalHyperModel` searches for retrievers.

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
        item_id: str | None = None,
        user_id: str | None = None,
        model: str | Sequence[str] | None = None,
        metric: str = "auc",
        arguments: Mapping[str, Config] | None = None,
        name: str | None = None,
        tunable: bool = True,
    ) -> None:
        super().__init__(features, name, tunable)
        self.features = tuple(features)
        self.item_id, self.user_id, self.arguments = item_id, user_id, dict(arguments or {})
        if metric not in _METRICS or (metric == "gauc" and user_id is None):
            raise ValueError(
                f"`metric` must be one of {_METRICS}, and `user_id` be given for 'gauc', "
                f"received {metric=}, {user_id=}."
            )
        names = [feature.name for feature in self.features]
        if not names or len(set(names)) != len(names):
            raise ValueError(f"`features` must hold one or more distinct names, received {names}.")
        if metric == "gauc" and user_id not in names:
            raise ValueError(
                f"`user_id` must be the name of a column out of {names}, received {user_id!r}."
            )
        unknown = sorted(set(self.arguments) - set(RANKERS))
        if unknown:
            raise ValueError(
                f"`arguments` must be of models out of {tuple(RANKERS)}, received {unknown}."
            )
        self.metric = metric
        self.objective = keras_tuner.Objective(f"val_{metric}", "max")
        self.models = self._choose_models(model)

    def _choose_models(self, model: str | Sequence[str] | None) -> tuple[str, ...]:
        possible = tuple(name for name in RANKERS if not self._missing(name))
        if model is None:
            return possible
        names = (model,) if isinstance(model, str) else tuple(model)
        if not names or not set(names) <= set(RANKERS):
            raise ValueError(
                f"`model` must be out of {tuple(RANKERS)}, received {model=}; "
                "`models.register_ranker` adds a model of your own."
            )
        for name in names:
            if name not in possible:
                raise ValueError(
                    f"`model` must be out of {possible}, received {model=}: {name!r} needs "
                    f"{' and '.join(self._missing(name))}; received the columns "
                    f"{[f.name for f in self.features]}."
                )
        return names

    def _missing(self, name: str) -> list[str]:
        return RANKERS[name].model.missing_columns(self.features, self.item_id, self.user_id)

    def declare_hyperparameters(self, hp: HyperParameters) -> None:
        """Registers what `fit` reads, so that the first trial varies it too."""
        batch_size(hp)

    def declare_space(self, hp: HyperParameters) -> None:
        """Registers what `build` reads, in its order.

        Args:
            hp: The hyper-parameters.
        """
        ranker(hp, self.features, self.models)
        optimizer(hp)

    def build(self, hp: HyperParameters) -> RankingModel:
        """Returns a compiled model, whose name is that of the choice.

        Args:
            hp: The hyper-parameters; `tuning.fixed(values)` fixes them.
        """
        name, searched = ranker(hp, self.features, self.models)
        model = RANKERS[name].build(
            self.features,
            item_id=self.item_id,
            user_id=self.user_id,
            name=name,
            **{**searched, **self.arguments.get(name, {})},
        )
        auc = keras.metrics.AUC(name="auc")
        model.compile(optimizer(hp), "binary_crossentropy", weighted_metrics=[auc])
        return model

    def fit(
        self,
        hp: HyperParameters,
        model: keras.Model,
        train: Batches,
        callbacks: Sequence[keras.callbacks.Callback] = (),
        **kwargs: Any,
    ) -> keras.callbacks.History:
        """Fits a model.

        Args:
            hp: The hyper-parameters.
            model: The model that `build` returned.
            train: A function from a batch size to batches of `(columns, label)`, a third part
                being weights; or such batches, whose size is changed.
            callbacks: Keras callbacks; they find the objective in the logs.
            **kwargs: What `model.fit` is given: `epochs`, and `validation_data`, a dataset of such
                batches.

        Returns:
            Keras's `History`.
        """
        validation = kwargs.get("validation_data")
        if self.metric == "gauc" and validation is not None:
            callbacks = [UserAUC(validation, self.user_id or "", GAUC()), *callbacks]
        return model.fit(resize_batches(hp, train), callbacks=list(callbacks), **kwargs)
