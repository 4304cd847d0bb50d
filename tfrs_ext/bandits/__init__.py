"""Bandits that choose among arms which sleep and recover, their logs and their value."""

from tfrs_ext.bandits.bandit import Bandit, Choices
from tfrs_ext.bandits.exploring_policies import EpsilonGreedy, SoftmaxPolicy, UpperConfidenceBound
from tfrs_ext.bandits.recovering_bandit import RecoveringDifferenceSoftmax
from tfrs_ext.bandits.rounds import Contexts, Rounds
from tfrs_ext.bandits.softmax_layers import BonusSoftmax, DifferenceSoftmax
from tfrs_ext.bandits.static_policies import BestStaticPolicy, LastPolicy, UniformPolicy
from tfrs_ext.bandits.thompson_sampling import ThompsonSampling
from tfrs_ext.ops.difference_softmax import bonus_softmax, recovering_difference_softmax

__all__ = [
    "Bandit",
    "BestStaticPolicy",
    "BonusSoftmax",
    "Choices",
    "Contexts",
    "DifferenceSoftmax",
    "EpsilonGreedy",
    "LastPolicy",
    "RecoveringDifferenceSoftmax",
    "Rounds",
    "SoftmaxPolicy",
    "ThompsonSampling",
    "UniformPolicy",
    "UpperConfidenceBound",
    "bonus_softmax",
    "recovering_difference_softmax",
]
