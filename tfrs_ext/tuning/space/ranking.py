"""Which model ranks, and its arguments."""

from collections.abc import Callable, Sequence
from typing import Any

from tfrs_ext.features import Feature
from tfrs_ext.models import DCN, DIEN, DIN, NeuMF, RankingModel, WideDeep

RANKERS: dict[str, Callable[..., RankingModel]] = {
    "dnn": DCN,
    "dcn": DCN,
    "dcn_v2": DCN,
    "dcn_mix": DCN,
    "wide_deep": WideDeep,
    "neumf": NeuMF,
    "din": DIN,
    "dien": DIEN,
}
_FIXED: dict[str, dict[str, Any]] = {
    "dnn": {"cross_layers": 0},
    "dcn": {"parameterization": "vector", "structure": "parallel"},
}
_EMBEDDING_DIMS = [8, 16, 32, 64]
_RANKS = [8, 16, 32, 64]
_FLAT = ("dnn", "dcn", "dcn_v2", "dcn_mix", "wide_deep")
_SEQUENTIAL = ("din", "dien")


def ranker(
    hp: Any, features: Sequence[Feature], names: Sequence[str] = tuple(RANKERS)
) -> tuple[str, dict[str, Any]]:
    """Returns the name of a model out of `RANKERS`, and its arguments beside the features.

    Args:
        hp: The hyper-parameters.
        features: The columns that the model reads; they bound the rank of its crosses.
        names: The models to choose from; the first is the default.
    """
    name = hp.Choice("model", list(names), default=names[0])
    arguments = {"hidden_units": _widths(hp), **_FIXED.get(name, {})}
    activation = "dice" if names[0] in _SEQUENTIAL else "relu"
    for users, part in {
        (*_FLAT, *_SEQUENTIAL): lambda: _network(hp, activation),
        ("dcn", "dcn_v2", "dcn_mix"): lambda: _crosses(hp),
        ("dcn_v2", "dcn_mix"): lambda: _structure(hp),
        ("dcn_v2",): lambda: _full_or_low_rank(hp, features),
        ("dcn_mix",): lambda: _experts(hp, features),
        ("neumf",): lambda: _factors(hp),
        ("din",): lambda: _attention(hp),
        ("dien",): lambda: _evolution(hp),
    }.items():
        chosen = [user for user in users if user in names]
        if chosen:
            # Registered whatever the model is, so that the first trial shows the whole space.
            with hp.conditional_scope("model", chosen):
                values = part()
            if name in chosen:
                arguments.update(values)
    return name, arguments


def _least_width(features: Sequence[Feature]) -> int:
    return sum(feature.output_width(_EMBEDDING_DIMS[0]) for feature in features)


def _widths(hp: Any) -> tuple[int, ...]:
    # Each layer half as wide as the one below it, as in most of the papers.
    units = hp.Choice("hidden_units", [32, 64, 128, 256, 512], default=256)
    return tuple(units >> layer for layer in range(hp.Int("num_layers", 1, 3, default=2)))


def _network(hp: Any, activation: str) -> dict[str, Any]:
    return {
        "embedding_dim": hp.Choice("embedding_dim", _EMBEDDING_DIMS, default=32),
        "dropout": hp.Float("dropout", 0.0, 0.5, step=0.1, default=0.0),
        "activation": hp.Choice("activation", ["relu", "dice"], default=activation),
    }


def _crosses(hp: Any) -> dict[str, Any]:
    return {"cross_layers": hp.Int("cross_layers", 1, 4, default=3)}


def _structure(hp: Any) -> dict[str, Any]:
    return {"structure": hp.Choice("structure", ["stacked", "parallel"], default="stacked")}


def _rank(hp: Any, features: Sequence[Feature]) -> dict[str, Any]:
    ranks = [rank for rank in _RANKS if rank <= _least_width(features)] or [1]
    default = max(rank for rank in ranks if rank <= 32)
    return {"projection_dim": hp.Choice("projection_dim", ranks, default=default)}


def _full_or_low_rank(hp: Any, features: Sequence[Feature]) -> dict[str, Any]:
    hp.Boolean("low_rank", default=False)
    with hp.conditional_scope("low_rank", [True]):
        return _rank(hp, features)  # None where the rank is full.


def _experts(hp: Any, features: Sequence[Feature]) -> dict[str, Any]:
    number = hp.Choice("num_experts", [2, 4, 8], default=4)
    return {"num_experts": number, **_rank(hp, features)}


def _factors(hp: Any) -> dict[str, Any]:
    return {"factors": hp.Choice("factors", [8, 16, 32, 64], default=8)}


def _attention(hp: Any) -> dict[str, Any]:
    units = hp.Choice("attention_units", [20, 40, 80], default=80) or 0
    return {
        "attention_units": (units, units // 2),
        "interaction": hp.Choice("interaction", ["difference", "outer"], default="difference"),
        "use_softmax": hp.Boolean("use_softmax", default=False),
        "history_product": hp.Boolean("history_product", default=False),
    }


def _evolution(hp: Any) -> dict[str, Any]:
    return {
        "variant": hp.Choice("variant", ["AUGRU", "AIGRU", "AGRU"], default="AUGRU"),
        "auxiliary_weight": hp.Choice("auxiliary_weight", [0.0, 0.3, 1.0], default=1.0),
    }
