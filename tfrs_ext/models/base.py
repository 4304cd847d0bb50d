"""The training loop that TFRS models share, with losses that mean something."""

from typing import Any, Union

import tensorflow as tf
import tensorflow_recommenders as tfrs

from tfrs_ext._keras import keras, mark_errors
from tfrs_ext.models.early_slots import EarlySlots
from tfrs_ext.models.loaded_compilation import compile_as_saved
from tfrs_ext.ops.replicas import count_all_rows, num_replicas
from tfrs_ext.ops.tracing import as_users_wrote
from tfrs_ext.tasks import Retrieval
from tfrs_ext.typing import Columns, Config

_LOOKUPS = (keras.layers.IntegerLookup, keras.layers.StringLookup)
_Inputs = Union[tf.Tensor, Columns, tuple[Columns, ...]]


@keras.saving.register_keras_serializable(package="tfrs_ext")
class Model(EarlySlots, tfrs.Model):
    """A `tfrs.Model` that reports epoch means and trains in mixed precision.

    Implement `compute_loss(inputs, training)` as for `tfrs.Model`, which this class replaces line
    for line. TFRS reports the loss of the last batch as that of the epoch, and doesn't scale the
    loss under a `LossScaleOptimizer`; here `loss`, `regularization_loss` and `total_loss` are
    means over the batches of the epoch, weighted by the batches' sizes, also where replicas of a
    strategy have different numbers of rows. Metrics that a step doesn't
    compute are left out of its logs; TFRS reports 0 for them.

    Relations:
        `TwoTower` and `MultiTask` are such models.

    Example:
        >>> class Constant(Model):
        ...     def compute_loss(self, inputs, training=False):
        ...         return tf.reduce_mean(inputs)
        >>> model = Constant()
        >>> model.compile()
        >>> round(model.evaluate(tf.constant([1.0, 2.0, 6.0]), batch_size=2, verbose=0)[0], 3)
        3.0
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._mean_losses = _MeanLosses()
        self._mean_losses.add("loss", "regularization_loss", "total_loss")
        # Results are those of all replicas already; by default Keras adds those of workers up.
        self.distribute_reduction_method = "first"

    def compile(self, *args: Any, jit_compile: bool | None = None, **kwargs: Any) -> None:
        """Prepares training as Keras does; XLA (`jit_compile=True`) takes models without lookups.

        Args:
            *args: What `keras.Model.compile` takes first.
            jit_compile: Whether XLA compiles the steps.
            **kwargs: More of what `keras.Model.compile` takes.

        Raises:
            ValueError: XLA is wanted for a model that looks values up in vocabularies.
        """
        layers = self._flatten_layers(include_self=False) if jit_compile else ()
        lookups = [layer.name for layer in layers if isinstance(layer, _LOOKUPS)]
        if lookups:
            raise ValueError(
                "`jit_compile` must be False for a model that looks values up in vocabularies, as "
                f"{len(lookups)} layers of this one do: XLA has neither tables nor strings. Look "
                "them up in the dataset, and give the model positions."
            )
        super().compile(*args, jit_compile=jit_compile, **kwargs)

    def compile_from_config(self, config: Config) -> None:
        """Compiles a loaded model as it was before it was saved."""
        compile_as_saved(self, config)

    def reset_metrics(self) -> None:
        """Begins the epoch's means anew."""
        super().reset_metrics()
        self._mean_losses.reset()

    def epoch_metrics(self) -> list[keras.metrics.Metric]:
        """Returns all metrics that an epoch begins anew: those of Keras, and the mean losses.

        Who goes on in the middle of an epoch gives them the values that they had.
        """
        return [*self.metrics, *self._mean_losses.metrics()]

    @mark_errors
    def train_step(self, inputs: _Inputs) -> dict[str, tf.Tensor]:
        """Takes one step of training and returns the metrics so far."""
        rows = _count_rows(inputs)  # Before `compute_loss`, which may pop some.
        # Keras asks for a step more where it can't know that an epoch is over. Counters, of steps
        # and of draws, then must not move on, which need no data themselves.
        with tf.control_dependencies(_tensors(inputs)[:1]):
            with tf.GradientTape() as tape:
                loss, regularization, total = self._compute_losses(inputs, training=True)
            # `minimize` scales the loss where the optimizer is a `LossScaleOptimizer`.
            self.optimizer.minimize(total, self.trainable_variables, tape=tape)
        return self._report(rows, loss, regularization, total)

    @mark_errors
    def test_step(self, inputs: _Inputs) -> dict[str, tf.Tensor]:
        """Evaluates one batch and returns the metrics so far."""
        rows = _count_rows(inputs)
        return self._report(rows, *self._compute_losses(inputs, training=False))

    def get_build_config(self) -> Config | None:
        """Returns the names, shapes and types of what the model was called with."""
        spec = self.save_spec()
        if spec is None:
            return super().get_build_config()
        return {"inputs": keras.saving.serialize_keras_object(spec[0][0])}

    def build_from_config(self, config: Config) -> None:
        """Creates the variables for the inputs that `get_build_config` described."""
        if self.built or "inputs" not in config:
            return
        inputs = keras.saving.deserialize_keras_object(config["inputs"])
        # Traced, not run: no values need to be made up, which a lookup might not know.
        tf.function(lambda columns: self(columns)).get_concrete_function(inputs)

    def _compute_losses(
        self, inputs: _Inputs, training: bool
    ) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
        loss = as_users_wrote(self.compute_loss)(inputs, training=training)
        loss = tf.cast(loss, tf.float32)
        terms = [tf.reduce_sum(tf.cast(term, tf.float32)) for term in self.losses]
        regularization = tf.add_n(terms) if terms else tf.constant(0.0)
        # Gradients are summed over replicas: each pays its share of the regularization.
        regularization /= num_replicas()
        return loss, regularization, loss + regularization

    def _report(self, rows: tf.Tensor, *losses: tf.Tensor) -> dict[str, tf.Tensor]:
        for name, loss in zip(("loss", "regularization_loss", "total_loss"), losses, strict=True):
            self._mean_losses.update(name, loss, rows)
        idle = {id(metric) for metric in self._idle_metrics()}
        computed = [metric for metric in self.metrics if id(metric) not in idle]
        results = {metric.name: metric.result() for metric in computed}
        return {**results, **self._mean_losses.results()}

    def _idle_metrics(self) -> list[keras.metrics.Metric]:
        """Returns the metrics that this step left alone: their results would mean nothing."""
        layers = self._flatten_layers(include_self=False)
        tasks = [layer for layer in layers if isinstance(layer, Retrieval)]
        return [metric for task in tasks for metric in task.idle_metrics]


class _MeanLosses:
    """The means of an epoch's losses. Keras would count metrics of a model as its weights."""

    def __init__(self) -> None:
        self._means: dict[str, keras.metrics.Mean] = {}

    def add(self, *names: str) -> None:
        """Begins to follow losses."""
        self._means.update({name: keras.metrics.Mean(name=name) for name in names})

    def update(self, name: str, loss: tf.Tensor, rows: tf.Tensor) -> None:
        """Takes the loss of a batch, this replica's share of it.

        Args:
            name: The loss's name.
            loss: The share, a scalar.
            rows: How much it counts by: a replica's share of all rows of the batch, the same on
                each replica, as `share_of_rows` gives it.
        """
        self._means[name].update_state(loss * num_replicas(), sample_weight=rows)

    def reset(self) -> None:
        """Forgets all batches."""
        for mean in self._means.values():
            mean.reset_state()

    def metrics(self) -> list[keras.metrics.Metric]:
        """Returns the means."""
        return list(self._means.values())

    def results(self) -> dict[str, tf.Tensor]:
        """Returns the means by name."""
        return {name: mean.result() for name, mean in self._means.items()}


def _count_rows(inputs: _Inputs) -> tf.Tensor:
    """Returns an equal share for each replica of the size of the batch.

    The size is that of the first axis of the first input that has one.

    Args:
        inputs: What the step was given.
    """
    columns = [tensor for tensor in _tensors(inputs) if tensor.shape.rank != 0]
    return share_of_rows(tf.shape(columns[0])[0] if columns else 1)


def _tensors(inputs: _Inputs) -> list[tf.Tensor]:
    return [tensor for tensor in tf.nest.flatten(inputs) if tensor is not None]


def share_of_rows(rows: int | tf.Tensor) -> tf.Tensor:
    """Returns the mean number of rows of a replica, by which each replica's loss counts.

    Args:
        rows: How many rows this replica has.
    """
    return count_all_rows(rows) / num_replicas()
