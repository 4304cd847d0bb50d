"""What the hypermodels of this package share."""

from collections.abc import Sequence
from typing import Any

from tfrs_ext._keras import keras
from tfrs_ext.features import Feature
from tfrs_ext.tuning.bridge import keras_tuner
from tfrs_ext.tuning.fixed_values import FixedHyperParameters
from tfrs_ext.typing import Config


class FeatureHyperModel(keras_tuner.HyperModel):
    """A hypermodel over columns, which refuses values of hyper-parameters that it doesn't have.

    Args:
        features: All columns that the models read, with their facts.
        name: The name of the hypermodel.
        tunable: False fixes the defaults, as for every keras-tuner hypermodel.
    """

    is_exploring = False  # While keras-tuner only asks which hyper-parameters there are.

    def __init__(
        self, features: Sequence[Feature], name: str | None = None, tunable: bool = True
    ) -> None:
        super().__init__(name=name, tunable=tunable)
        self._described = [feature.get_config() for feature in features]

    def describe_data(self) -> Config:
        """Returns the facts of the columns: a search over others is another search."""
        return {"features": self._described}

    def _build_wrapper(
        self, hp: keras_tuner.HyperParameters, *args: Any, **kwargs: Any
    ) -> keras.Model | None:
        # keras-tuner calls this around `build`, be it ours or that of a user's subclass.
        if self.is_exploring and self.tunable and type(self).build is self._declared_build():
            self.declare_space(hp)
            return None
        model = super()._build_wrapper(hp, *args, **kwargs)
        if self.tunable and isinstance(hp, FixedHyperParameters):
            self.declare_hyperparameters(hp)
            hp.check_names()
        return model

    def declare_space(self, hp: keras_tuner.HyperParameters) -> None:
        """Registers the hyper-parameters that `build` of the same class reads, and builds nothing.

        Args:
            hp: The hyper-parameters.
        """
        raise NotImplementedError

    @classmethod
    def _declared_build(cls) -> Any:
        """Returns the `build` of the class whose `declare_space` is used."""
        owner = next(base for base in cls.__mro__ if "declare_space" in vars(base))
        return vars(owner).get("build")
