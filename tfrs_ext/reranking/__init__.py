"""Rules that change ranked lists before they are shown, each a step of TensorFlow alone."""

from tfrs_ext.reranking.boost import Boost
from tfrs_ext.reranking.cool_down import CoolDown
from tfrs_ext.reranking.determinantal_rule import Determinantal
from tfrs_ext.reranking.exclude import Exclude
from tfrs_ext.reranking.filter_tags import FilterTags
from tfrs_ext.reranking.item_tags import ItemTags
from tfrs_ext.reranking.limit_groups import LimitGroups
from tfrs_ext.reranking.marginal_relevance_rule import MarginalRelevance
from tfrs_ext.reranking.ranked import Ranked
from tfrs_ext.reranking.rule import RequestInput, Rule

__all__ = [
    "Boost",
    "CoolDown",
    "Determinantal",
    "Exclude",
    "FilterTags",
    "ItemTags",
    "LimitGroups",
    "MarginalRelevance",
    "Ranked",
    "RequestInput",
    "Rule",
]
