"""What a search varies of a deep network, the same for every model that has one."""

from tfrs_ext.typing import Config, HyperParameters

EMBEDDING_DIMS = (8, 16, 32, 64)


def search_hidden_units(hp: HyperParameters) -> tuple[int, ...]:
    """Returns the widths of one to three layers, each half as wide as the one below it.

    Args:
        hp: The hyper-parameters.
    """
    units = hp.Choice("hidden_units", [32, 64, 128, 256, 512], default=256)
    return tuple(units >> layer for layer in range(hp.Int("num_layers", 1, 3, default=2)))


def search_network(hp: HyperParameters, activation: str = "relu") -> Config:
    """Returns the arguments that models with embeddings below a deep network share.

    Args:
        hp: The hyper-parameters.
        activation: The default activation: "relu" or "dice".
    """
    return {
        "hidden_units": search_hidden_units(hp),
        "embedding_dim": hp.Choice("embedding_dim", EMBEDDING_DIMS, default=32),
        "dropout": hp.Float("dropout", 0.0, 0.5, step=0.1, default=0.0),
        "activation": hp.Choice("activation", ["relu", "dice"], default=activation),
    }
