"""Peers in one harness: the same data, the same questions, the same threads, scored by one code."""
