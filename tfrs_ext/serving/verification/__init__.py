"""Checks that a bundle, loaded in a fresh process, answers as the model does."""
