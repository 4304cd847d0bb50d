"""Keras layers for towers and rankers."""
