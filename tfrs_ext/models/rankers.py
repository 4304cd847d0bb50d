"""The registry of ranking models by name."""

from collections.abc import Callable, Sequence
from typing import Any

from tfrs_ext.features import Feature
from tfrs_ext.models.ranking_model import RankingModel
from tfrs_ext.typing import Config, HyperParameters
from tfrs_ext.variants import Variant, check_variant

SearchSpace = Callable[[HyperParameters, Sequence[Feature]], Config]


class RankingVariant(Variant[RankingModel]):
    """A ranking model under a name."""

    def build(
        self,
        features: Sequence[Feature],
        *,
        item_id: str | None = None,
        user_id: str | None = None,
        **arguments: Any,
    ) -> RankingModel:
        """Returns the model of these columns.

        Args:
            features: The columns to read, with their facts.
            item_id: Name of the column with the item's id, or None.
            user_id: Name of the column with the user's id, or None.
            **arguments: Further arguments of the class.
        """
        arguments = {**self.arguments, **arguments}
        return self.model.from_features(features, item_id=item_id, user_id=user_id, **arguments)


RANKERS: dict[str, RankingVariant] = {}
"""All variants by name; `register_ranker` adds to them."""


def register_ranker(
    name: str,
    model: type[RankingModel],
    search_space: SearchSpace | None = None,
    **arguments: Any,
) -> None:
    """Adds a ranking model to those that `tuning.RankingHyperModel` builds and searches by name.

    Args:
        name: The name, such as `"dcn_mix"`; a name that is taken is replaced.
        model: A subclass of `RankingModel`. It says which columns it needs (`missing_columns`),
            how it is built from columns (`from_features`) and what is searched (`search_space`).
        search_space: A function from hyper-parameters and features to arguments of `model`, in
            place of the class's own. Both may call `Int`, `Float`, `Choice` and `Boolean` of the
            hyper-parameters, with `step` and `default` by name, and `conditional_scope`.
        **arguments: Arguments of `model` that this name fixes.

    Raises:
        ValueError: `model` is no subclass of `RankingModel`, or `name` no name for a layer.

    Example:
        >>> from tfrs_ext.models import DCN, RANKERS, register_ranker
        >>> register_ranker("shallow", DCN, cross_layers=1, hidden_units=(8,))
        >>> RANKERS.pop("shallow").arguments
        {'cross_layers': 1, 'hidden_units': (8,)}
    """
    check_variant(name, model, RankingModel)
    RANKERS[name] = RankingVariant(model, search_space or model.search_space, arguments)
