"""Thompson's baseline: each arm as often as it is probably the best."""

from collections.abc import Sequence

import numpy as np

from tfrs_ext.bandits.bandit import Bandit, check_at_least
from tfrs_ext.bandits.rounds import Contexts, Floats
from tfrs_ext.typing import Config

_POINTS = 512


class ThompsonSampling(Bandit):
    """Chooses each awake arm with the probability that it is the best, given the log.

    Each arm's chance of a reward has a Beta distribution, `Beta(successes + a, failures + b)`, with
    the mean of the inversely weighted rewards and as many rounds as Kish's effective number.
    `P(a) = ∫ Π_{c≠a} F_c(F_a⁻¹(u)) du` is integrated at 512 points: probabilities are known, as a
    log needs them, and not drawn.

    Args:
        arms: The names of all arms, each once.
        prior: The two parameters of the distribution before the first round, above 0.

    Raises:
        ImportError: scipy is missing, when probabilities are asked for.

    Example:
        >>> ThompsonSampling(["a", "b"]).policy([["a", "b"]]).round(6)
        array([[0.5, 0.5]])

    References:
        Thompson: On the Likelihood that One Unknown Probability Exceeds Another, Biometrika 1933.
    """

    kind = "thompson_sampling"

    def __init__(self, arms: Sequence[str], *, prior: tuple[float, float] = (1.0, 1.0)) -> None:
        super().__init__(arms)
        first, second = prior
        self.prior = (
            check_at_least("prior", first, 0, is_open=True),
            check_at_least("prior", second, 0, is_open=True),
        )

    def settings(self) -> Config:
        """Returns the constructor's arguments besides `arms`."""
        return {"prior": list(self.prior)}

    def probabilities(self, contexts: Contexts) -> Floats:
        """Returns the probability of each entry of `contexts`, `[E]`."""
        if not len(contexts):
            return np.zeros(0)
        awake = np.zeros((len(contexts), len(self.arms)), bool)
        awake[contexts.owners, contexts.arms] = True
        # Few sets of arms are awake together, so each is integrated once.
        sets, inverse = np.unique(awake, axis=0, return_inverse=True)
        below = self._chances_below()
        table = np.stack([_chances_of_best(below, mask) for mask in sets])
        return table[inverse.reshape(-1)[contexts.owners], contexts.arms]

    def _chances_below(self) -> Floats:
        """Returns `F_c(F_a⁻¹(u))` at the middles of equal parts of [0, 1], `[A, C, points]`."""
        try:
            from scipy import stats
        except ImportError as error:
            raise ImportError(
                'ThompsonSampling needs scipy: `pip install "tfrs-ext[tune]"`.'
            ) from error
        side = self.statistics.chosen
        wins = side.size * np.nan_to_num(side.mean)
        first, second = wins + self.prior[0], side.size - wins + self.prior[1]
        middles = (np.arange(_POINTS) + 0.5) / _POINTS
        places = stats.beta.ppf(middles, first[:, None], second[:, None])
        return stats.beta.cdf(places[:, None], first[None, :, None], second[None, :, None])


def _chances_of_best(below: Floats, mask: np.ndarray) -> Floats:
    """Returns the probability that each awake arm is the best of them, `[A]`, 0 for the others."""
    arms = np.flatnonzero(mask)
    result = np.zeros(len(mask))
    for arm in arms:
        others = arms[arms != arm]
        result[arm] = below[arm, others].prod(axis=0).mean()
    return result / result.sum()
