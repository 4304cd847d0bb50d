"""A search as its own process: `python -m tests.tuning.process FOLDER`, resumable."""

import json
import pathlib
import sys

from tfrs_ext import tuning  # isort: skip
from tests.tuning import toy
from tfrs_ext._keras import keras


class Log(keras.callbacks.Callback):
    """Appends a line for every training that ends."""

    def __init__(self, path):
        super().__init__()
        self.path = path

    def on_train_end(self, logs=None):
        with self.path.open("a") as file:
            file.write(self.model.label + "\n")


def build(hp):
    model = toy.build(hp)
    model.label = json.dumps(hp.values)
    return model


def main(folder, trials):
    folder = pathlib.Path(folder)
    data = toy.interactions()
    tuner = tuning.RandomSearch(
        build,
        tuning.Objective(toy.OBJECTIVE, "max"),
        max_trials=trials,
        seed=5,
        directory=folder,
        project_name="p",
    )
    callbacks = [toy.Evaluation(data), Log(folder / "trained.jsonl")]
    result = tuning.search(tuner, data, validation_data=data, epochs=3, callbacks=callbacks)
    result.save(folder / f"result_{tuner.tuner_id}.json")


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
