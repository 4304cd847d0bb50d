"""PReLU with one slope a channel, for inputs of any rank."""

from tfrs_ext._keras import keras
from tfrs_ext.layers.arguments import Shape


@keras.saving.register_keras_serializable(package="tfrs_ext")
class ChannelPReLU(keras.layers.PReLU):
    """Keras's PReLU, which has a slope for every place of a sequence unless told its axes."""

    def build(self, input_shape: Shape) -> None:
        """Creates the slopes."""
        self.shared_axes = list(range(1, len(input_shape) - 1)) or None
        super().build(input_shape)
