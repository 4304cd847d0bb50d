"""A worker: trains and evaluates on its shard of a folder of Parquet files, writes what it has.

`python -m tests.training.worker FOLDER RESULT [STEPS]`, alone or with TF_CONFIG.
"""

import pathlib
import sys
import time

import numpy as np
import tensorflow as tf

from tfrs_ext import data, frequencies, losses, models, negatives, optimizers, tasks

BATCH = 16


def build(facts):
    frequency = frequencies.CountedFrequency(facts.item_ids, facts.item_counts)
    source = negatives.CrossReplica(negatives.InBatch(frequency))
    return models.TwoTower.from_features(
        facts.features.query,
        facts.features.candidate,
        tasks.Retrieval(losses.CorrectedSampledSoftmax(), negatives=source),
        embedding_dim=8,
        hidden_units=(8,),
    )


def main(folder, result, steps):
    strategy = tf.distribute.MultiWorkerMirroredStrategy()
    workers = strategy.num_replicas_in_sync
    tf.keras.utils.set_random_seed(1)
    opened = data.open_parquet(folder)
    facts = data.scan_parquet(opened)
    with strategy.scope():
        model = build(facts)
        model.compile(optimizers.LazyAdam(0.05))

    def batches(context):
        shard = (context.input_pipeline_id, context.num_input_pipelines)
        return data.parquet_dataset(
            opened,
            facts.features,
            context.get_per_replica_batch_size(BATCH),
            shuffle=False,
            drop_remainder=True,
            shard=shard,
        ).repeat()

    distributed = strategy.distribute_datasets_from_function(batches)
    logs = model.fit(distributed, epochs=2, steps_per_epoch=steps, verbose=0).history
    begin = time.perf_counter()
    model.fit(distributed, epochs=1, steps_per_epoch=steps, verbose=0)
    seconds = (time.perf_counter() - begin) / steps
    evaluated = model.evaluate(distributed, steps=steps, return_dict=True, verbose=0)
    role = strategy.cluster_resolver and strategy.cluster_resolver.task_id
    if not role:
        weights = {
            f"weight{i}": w for i, w in enumerate(model.get_weights()) if w.dtype.kind == "f"
        }
        np.savez(
            result, workers=workers, loss=logs["loss"], seconds=seconds,
            evaluated=evaluated["loss"], **weights,
        )  # fmt: skip


if __name__ == "__main__":
    main(sys.argv[1], pathlib.Path(sys.argv[2]), int(sys.argv[3]))
