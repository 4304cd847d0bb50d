"""Towers and the named architectures of the literature."""
