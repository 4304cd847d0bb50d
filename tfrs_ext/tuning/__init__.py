"""keras-tuner searches over models of this package: importing it is all that it takes."""

from tfrs_ext.tuning import space as space
from tfrs_ext.tuning.bridge import keras_tuner as _keras_tuner
from tfrs_ext.tuning.confirmation import Confirmation as Confirmation
from tfrs_ext.tuning.driver import search as search
from tfrs_ext.tuning.final_choice import confirm as confirm
from tfrs_ext.tuning.fixed_values import fixed as fixed
from tfrs_ext.tuning.index_search import tune_index as tune_index
from tfrs_ext.tuning.local_search import LocalSearch as LocalSearch
from tfrs_ext.tuning.ranking_hyper_model import RankingHyperModel as RankingHyperModel
from tfrs_ext.tuning.result import SearchResult as SearchResult
from tfrs_ext.tuning.retrieval_hyper_model import RetrievalHyperModel as RetrievalHyperModel
from tfrs_ext.tuning.trials.loop import SearchError as SearchError
from tfrs_ext.tuning.trials.stopping import is_hopeless as is_hopeless

BayesianOptimization = _keras_tuner.BayesianOptimization
GridSearch = _keras_tuner.GridSearch
HyperModel = _keras_tuner.HyperModel
Hyperband = _keras_tuner.Hyperband
HyperParameters = _keras_tuner.HyperParameters
Objective = _keras_tuner.Objective
RandomSearch = _keras_tuner.RandomSearch

__all__ = [
    "BayesianOptimization",
    "Confirmation",
    "GridSearch",
    "HyperModel",
    "HyperParameters",
    "Hyperband",
    "LocalSearch",
    "Objective",
    "RandomSearch",
    "RankingHyperModel",
    "RetrievalHyperModel",
    "SearchError",
    "SearchResult",
    "confirm",
    "fixed",
    "is_hopeless",
    "search",
    "space",
    "tune_index",
]
