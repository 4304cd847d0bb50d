"""Kinds of charts, each with its words and its numbers."""
