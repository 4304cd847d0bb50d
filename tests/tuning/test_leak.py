"""The search never sees the test part: what stands there changes nothing."""

import dataclasses
import json

import numpy as np
import pytest

from recipes import retrieval, shared
from recipes.retriever_settings import RetrieverSettings
from tfrs_ext import data

pytestmark = pytest.mark.slow


class OtherTest(shared.DataSource):
    """The same data, but for the items of the test part, which are drawn anew."""

    def load(self):
        frames = super().load()
        split = data.global_time_split(frames)
        items = frames.items[frames.schema.item_id].to_numpy()
        test = split.test.interactions.copy()
        test[frames.schema.item_id] = np.random.default_rng(0).choice(items, len(test))
        other = dataclasses.replace(split.test, interactions=test)
        return data.join(split.train, split.validation, other)


def tune(folder, source, settings_class=RetrieverSettings):
    settings = settings_class(
        source=source(smoke=True),
        runs=folder,
        base=folder,
        trials=1,
        budget=None,
        epochs=1,
        patience=1,
        user=None,
        k=10,
        index="exact",
        seed=1,
        fresh=False,
        trial_epochs=1,
        out=None,
        requests=None,
        model="two_tower",
    )
    folder.mkdir()
    retrieval.tune(settings)
    rows = json.loads((folder / "trials.json").read_text())
    return [(row["values"], row["score"]) for row in rows]


class EvaluatesOnTest(RetrieverSettings):
    """Leaks: the objective is taken on the test part."""

    def evaluation(self):
        self.__dict__["validation"] = self.test
        return super().evaluation()


class CountsTest(RetrieverSettings):
    """Leaks: the items' frequencies, which the loss corrects by, are those of all data."""

    def hypermodel(self):
        hypermodel = super().hypermodel()
        counts = self.frames.interactions["item_id"].value_counts()
        hypermodel.item_counts = counts.index.tolist(), counts.tolist()
        return hypermodel


def test_the_search_of_the_recipe_does_not_depend_on_the_test_part(tmp_path):
    sources = shared.DataSource, OtherTest
    one, other = (tune(tmp_path / source.__name__, source) for source in sources)
    assert one == other


@pytest.mark.parametrize("leak", [EvaluatesOnTest, CountsTest])
def test_a_leak_of_the_test_part_would_be_caught(leak, tmp_path):
    sources = shared.DataSource, OtherTest
    one, other = (tune(tmp_path / source.__name__, source, leak) for source in sources)
    assert one != other
