"""The policies that a bandit is compared with."""

from collections.abc import Sequence

from tfrs_ext.bandits.bandit import Bandit
from tfrs_ext.bandits.exploring_policies import EpsilonGreedy, SoftmaxPolicy, UpperConfidenceBound
from tfrs_ext.bandits.static_policies import BestStaticPolicy, LastPolicy, UniformPolicy
from tfrs_ext.bandits.thompson_sampling import ThompsonSampling

_KINDS: tuple[type[Bandit], ...] = (
    UniformPolicy,
    LastPolicy,
    BestStaticPolicy,
    EpsilonGreedy,
    SoftmaxPolicy,
    UpperConfidenceBound,
    ThompsonSampling,
)


def usual_policies(arms: Sequence[str]) -> dict[str, Bandit]:
    """Returns one policy of each baseline, by what people call it, with default settings.

    Args:
        arms: The names of all arms, each once.

    Example:
        >>> list(usual_policies(["a", "b"]))[:3]
        ['uniform', 'last', 'best static']
    """
    return {kind.kind.replace("_", " "): kind(arms) for kind in _KINDS}
