"""Regularizers for large embedding tables."""
