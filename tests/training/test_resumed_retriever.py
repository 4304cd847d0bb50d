"""A retriever with rows that are updated lazily goes on bit for bit where it was killed."""

import numpy as np
import pytest

from tfrs_ext import data, training, tuning
from tfrs_ext._keras import keras
from tfrs_ext.optimizers import LazyAdam


class Kill(keras.callbacks.Callback):
    """Ends the training in the middle of its second epoch."""

    def on_epoch_begin(self, epoch, logs=None):
        self.epoch = epoch

    def on_train_batch_end(self, batch, logs=None):
        if (self.epoch, batch) == (1, 2):
            raise KeyboardInterrupt


@pytest.mark.slow
def test_a_killed_retriever_ends_with_the_weights_of_one_that_was_not(tmp_path):
    frames, _ = data.synthetic(60, 40, 8)
    features = data.fit_features(frames)
    hypermodel = tuning.RetrievalHyperModel(
        features.query, features.candidate, data.item_counts(frames)
    )

    def train(folder, *callbacks):
        keras.utils.set_random_seed(1)
        model = hypermodel.build(tuning.fixed({"dropout": 0.4}))
        assert isinstance(model.optimizer, LazyAdam)
        batches = data.training_dataset(frames, features, 128, seed=1)
        training.fit_resumable(
            model, batches, folder, monitor="loss", mode="min", epochs=3, callbacks=callbacks,
            save_every=2, print_fn=[].append, verbose=0,
        )  # fmt: skip
        return [weight.numpy() for tower in (model.query_model, model.candidate_model)
                for weight in tower.trainable_weights]  # fmt: skip

    whole = train(tmp_path / "whole")
    with pytest.raises(KeyboardInterrupt):
        train(tmp_path / "killed", Kill())
    for ours, theirs in zip(train(tmp_path / "killed"), whole, strict=True):
        np.testing.assert_array_equal(ours, theirs)
