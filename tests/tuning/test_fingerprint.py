"""A folder goes on with its own search alone, and fixed values have names that a search knows."""

import pytest

from tests.tuning.simulated import Simulated, Weightless, tuner_of, without_collecting_garbage
from tfrs_ext import tuning
from tfrs_ext.features import Categorical, Numeric

FEATURES = [Categorical("user", (1, 2)), Categorical("item", (7, 8)), Numeric("age")]


@pytest.fixture(autouse=True)
def _quick(monkeypatch):
    without_collecting_garbage(monkeypatch)


class Other(Simulated):
    def build(self, hp):
        hp.Choice("height", [0.1, 0.9])
        hp.Int("kind", 1, 3)
        return Weightless()


class WithData(Simulated):
    def __init__(self, facts):
        super().__init__()
        self.describe_data = lambda: facts


def run(folder, hypermodel, trials=2, **options):
    tuner = tuner_of(tuning.RandomSearch, folder, hypermodel, max_trials=trials)
    return tuning.search(tuner, print_fn=lambda line: None, **options)


def test_the_same_search_goes_on(tmp_path):
    first = run(tmp_path, Simulated())
    assert len(run(tmp_path, Simulated(), trials=3).trials) == len(first.trials) + 1


@pytest.mark.parametrize(
    ("first", "second", "reason"),
    [
        (Simulated(), Other(), r"its space has changed in \['height'\]"),
        (WithData({"ids": [1, 2]}), WithData({"ids": [1, 2, 3]}), "its data have changed"),
    ],
)
def test_another_search_is_refused_with_the_mend(tmp_path, first, second, reason):
    run(tmp_path, first)
    with pytest.raises(ValueError, match=f"{reason}.*`project_name`.*overwrite=True"):
        run(tmp_path, second)


def test_no_trials_are_refused():
    with pytest.raises(ValueError, match="`trials` must be a positive integer or None, received"):
        tuning.search(None, trials=0)


def test_data_can_be_named(tmp_path):
    run(tmp_path, Simulated(), data_version="log.csv of Monday")
    run(tmp_path, Simulated(), data_version="log.csv of Monday")
    with pytest.raises(ValueError, match="its data have changed"):
        run(tmp_path, Simulated(), data_version="log.csv of Tuesday")


def test_overwriting_begins_anew(tmp_path):
    run(tmp_path, Simulated())
    tuner = tuner_of(tuning.RandomSearch, tmp_path, Other(), max_trials=2, overwrite=True)
    assert len(tuning.search(tuner, print_fn=lambda line: None).trials) == 2


def test_the_facts_of_columns_are_data():
    more = [Categorical("user", (1, 2, 3)), *FEATURES[1:]]
    one, same, other = (
        tuning.RankingHyperModel(f, model="dnn").describe_data() for f in (FEATURES, FEATURES, more)
    )
    assert one == same != other


def test_fixed_refuses_names_that_the_search_has_not():
    hyper = tuning.RankingHyperModel(FEATURES, model="dnn")
    hyper.build(tuning.fixed({"embedding_dim": 8, "batch_size": 256, "tuner/epochs": 3}))
    with pytest.raises(ValueError, match=r"received unknown ones: \['embeding_dim'\]"):
        hyper.build(tuning.fixed({"embeding_dim": 8}))
    retrieval = tuning.RetrievalHyperModel(FEATURES[:1], FEATURES[1:])
    with pytest.raises(ValueError, match=r"received unknown ones: \['adam_learning_rate'\]"):
        retrieval.build(tuning.fixed({"adam_learning_rate": 0.1}))


def test_a_subclass_may_add_names_of_its_own():
    class Mine(tuning.RankingHyperModel):
        def build(self, hp):
            model = super().build(hp)
            model.extra = hp.Float("extra", 0.0, 1.0)
            return model

    model = Mine(FEATURES, model="dnn").build(tuning.fixed({"extra": 0.5}))
    assert model.extra == 0.5
