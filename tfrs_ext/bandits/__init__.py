"""Bandits that choose among arms which sleep and recover, their logs and their value."""

from tfrs_ext.bandits.bandit import Bandit, Choices
from tfrs_ext.bandits.exploring_policies import EpsilonGreedy, SoftmaxPolicy, UpperConfidenceBound
from tfrs_ext.bandits.log_tables import split_log
from tfrs_ext.bandits.off_policy import (
    PolicyValue,
    choice_shares,
    compare_policies,
    evaluate_policy,
)
from tfrs_ext.bandits.recovering_bandit import RecoveringDifferenceSoftmax
from tfrs_ext.bandits.recovery import Recovery, estimate_recovery
from tfrs_ext.bandits.rounds import Contexts, Rounds
from tfrs_ext.bandits.simulation import NotificationSimulator, Simulation
from tfrs_ext.bandits.softmax_layers import BonusSoftmax, DifferenceSoftmax
from tfrs_ext.bandits.static_policies import BestStaticPolicy, LastPolicy, UniformPolicy
from tfrs_ext.bandits.thompson_sampling import ThompsonSampling
from tfrs_ext.bandits.tuning_by_value import PolicyTrial, tune_policy
from tfrs_ext.bandits.usual import usual_policies
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
    "NotificationSimulator",
    "PolicyTrial",
    "PolicyValue",
    "RecoveringDifferenceSoftmax",
    "Recovery",
    "Rounds",
    "Simulation",
    "SoftmaxPolicy",
    "ThompsonSampling",
    "UniformPolicy",
    "UpperConfidenceBound",
    "bonus_softmax",
    "choice_shares",
    "compare_policies",
    "estimate_recovery",
    "evaluate_policy",
    "recovering_difference_softmax",
    "split_log",
    "tune_policy",
    "usual_policies",
]
