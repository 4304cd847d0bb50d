"""keras-tuner searches over models of this package."""
