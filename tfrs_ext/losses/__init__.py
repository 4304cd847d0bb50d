"""Losses for retrieval, at one contract."""
