"""Two towers of LibRecommender, with its defaults besides the width of the tables."""

import pandas as pd
from exchange import Recommend, Watch, answer
from factors import Factors
from libreco.algorithms import TwoTower
from libreco.data import DatasetPure


def train(rows: pd.DataFrame, spec: dict, watch: Watch) -> Recommend:
    """Returns the answers after the best epoch."""
    pairs = rows[["user_id", "item_id"]].set_axis(["user", "item"], axis=1).assign(label=1.0)
    table, info = DatasetPure.build_trainset(pairs)
    threads = {f"{kind}_op_parallelism_threads": spec["threads"] for kind in ("intra", "inter")}
    model = TwoTower(
        "ranking",
        info,
        embed_size=spec["dim"],
        n_epochs=1,
        seed=spec["seed"],
        tf_sess_config=threads,
    )
    users, items = (pairs[name].sort_values().unique() for name in ("user", "item"))
    while True:
        model.user_embeds_np = None  # Each fit makes the vectors anew then.
        model.fit(table, neg_sampling=True, verbose=0)
        model.seed += 1  # Another order of the rows.
        factors = Factors(
            users,
            items,
            model.get_user_embedding(include_bias=True),
            model.get_item_embedding(include_bias=True),
        )
        if watch(factors.recommend, lambda factors=factors: factors):
            return watch.kept.recommend


answer(train, "LibRecommender", "tensorflow", "torch")
