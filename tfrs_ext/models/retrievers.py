"""The registry of retrievers by name."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from tfrs_ext.features import Feature
from tfrs_ext.models.two_tower import TwoTower
from tfrs_ext.tasks import Retrieval
from tfrs_ext.typing import Config, HyperParameters, TensorLike
from tfrs_ext.variants import Variant, check_variant

SearchSpace = Callable[[HyperParameters, Sequence[Feature], Sequence[Feature]], Config]


class RetrievalVariant(Variant[TwoTower]):
    """A retriever under a name, built by the class's `from_features`."""

    @property
    def usual_values(self) -> Mapping[str, Any]:
        """The values of hyper-parameters that the model is usually trained with."""
        return self.model.usual_values

    def check_columns(
        self, query_features: Sequence[Feature], candidate_features: Sequence[Feature]
    ) -> None:
        """Raises `ValueError` where the model needs columns that aren't there.

        Args:
            query_features: Columns of queries, with their facts.
            candidate_features: Columns of candidates; the first is the item id.
        """
        missing = self.model.missing_columns(query_features, candidate_features)
        if missing:
            raise ValueError(
                f"`query_features` and `candidate_features` must hold {' and '.join(missing)} for "
                f"{self.model.__name__}, received the columns "
                f"{[f.name for f in (*query_features, *candidate_features)]}."
            )

    def build(
        self,
        query_features: Sequence[Feature],
        candidate_features: Sequence[Feature],
        task: Retrieval | None = None,
        *,
        item_counts: tuple[TensorLike, TensorLike] | None = None,
        **arguments: Any,
    ) -> TwoTower:
        """Returns the model of these columns.

        Args:
            query_features: Columns of queries, with their facts.
            candidate_features: Columns of candidates; the first is the item id.
            task: What is minimised, or None for what the class takes by itself.
            item_counts: The item ids and how often each occurs in training, where `task` is None.
            **arguments: Further arguments of the class's `from_features`.

        Raises:
            ValueError: The model needs columns that aren't there.
        """
        self.check_columns(query_features, candidate_features)
        return self.model.from_features(
            query_features,
            candidate_features,
            task,
            item_counts=item_counts,
            **{**self.arguments, **arguments},
        )


RETRIEVERS: dict[str, RetrievalVariant] = {}
"""All variants by name; `register_retriever` adds to them."""


def register_retriever(
    name: str,
    model: type[TwoTower],
    search_space: SearchSpace | None = None,
    **arguments: Any,
) -> None:
    """Adds a retriever to those that `tuning.RetrievalHyperModel` and the recipe build by name.

    Args:
        name: The name, such as `"two_tower"`; a name that is taken is replaced.
        model: `TwoTower` or a subclass. It says which columns it needs (`missing_columns`), how it
            is built from columns (`from_features`), what is searched (`search_space`), which values
            are usual (`usual_values`), whether its embeddings have unit length (`normalizes`), and
            whether it trains on whole sequences (`reads_sequences`).
        search_space: A function from hyper-parameters, query features and candidate features to
            arguments of `from_features`, in place of the class's own. Both may call `Int`,
            `Float`, `Choice` and `Boolean` of the hyper-parameters, with `step` and `default` by
            name, and `conditional_scope`.
        **arguments: Arguments of `from_features` that this name fixes.

    Raises:
        ValueError: `model` is no `TwoTower`, or `name` no name for a layer.

    Relations:
        `register_ranker` does this for models that rank.

    Example:
        >>> from tfrs_ext.models import RETRIEVERS, TwoTower, register_retriever
        >>> register_retriever("linear", TwoTower, hidden_units=())
        >>> RETRIEVERS.pop("linear").arguments
        {'hidden_units': ()}
    """
    check_variant(name, model, TwoTower)
    RETRIEVERS[name] = RetrievalVariant(model, search_space or model.search_space, arguments)


register_retriever("two_tower", TwoTower)
