"""pandas frames to tf.data: schemas, splits, vocabularies, synthetic data."""
