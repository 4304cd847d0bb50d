"""Pure functions of tensors: no Keras objects, no state."""
