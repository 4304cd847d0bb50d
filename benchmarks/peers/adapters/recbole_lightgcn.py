"""LightGCN of RecBole, with its defaults besides the width."""

import pathlib
from unittest import mock

import pandas as pd
import torch
from exchange import Recommend, Watch, answer
from factors import Factors
from recbole.config import Config
from recbole.data import create_dataset
from recbole.data.dataloader import TrainDataLoader
from recbole.data.dataset import Dataset
from recbole.model.general_recommender import LightGCN
from recbole.sampler import Sampler
from recbole.trainer import Trainer
from recbole.utils import init_seed

IDS = ["user_id", "item_id"]


def read(rows: pd.DataFrame, spec: dict, folder: pathlib.Path) -> Dataset:
    """Returns the rows as RecBole reads them, from a file, and all of them as its training part."""
    path = folder / "rows" / "rows.inter"
    path.parent.mkdir(exist_ok=True)
    head = [f"{name}:token" for name in IDS]
    rows[IDS].drop_duplicates().to_csv(path, sep="\t", header=head, index=False)
    settings = {
        "data_path": str(folder),
        "checkpoint_dir": str(folder / "saved"),
        "load_col": {"inter": IDS},
        "eval_args": {"split": {"RS": [1.0, 0.0, 0.0]}},
        "embedding_size": spec["dim"],
        "seed": spec["seed"],
        "use_gpu": False,
    }
    return create_dataset(Config("LightGCN", "rows", config_dict=settings)).build()[0]


def train(rows: pd.DataFrame, spec: dict, watch: Watch) -> Recommend:
    """Returns the answers after the best epoch."""
    torch.set_num_threads(spec["threads"])
    table = read(rows, spec, watch.folder)
    init_seed(spec["seed"], reproducibility=True)
    sampler = Sampler(["train"], [table]).set_phase("train")
    batches = TrainDataLoader(table.config, table, sampler, shuffle=True)
    model = LightGCN(table.config, table)
    with mock.patch("recbole.trainer.trainer.get_tensorboard"):  # Or it writes where it runs.
        trainer = Trainer(table.config, model)
    ids = [rows[name].sort_values().unique() for name in IDS]
    places = [table.token2id(*pair) for pair in zip(IDS, (i.astype(str) for i in ids), strict=True)]

    @torch.no_grad()
    def make_factors() -> Factors:
        vectors = (every[own].numpy() for every, own in zip(model(), places, strict=True))
        return Factors(*ids, *vectors)

    while True:
        trainer.start_epoch, trainer.epochs = len(watch.rows), len(watch.rows) + 1
        trainer.fit(batches, saved=False, verbose=False)
        factors = make_factors()
        if watch(factors.recommend, lambda factors=factors: factors):
            return watch.kept.recommend


answer(train, "recbole", "torch")
