"""Exact evaluation of retrieval and ranking."""
