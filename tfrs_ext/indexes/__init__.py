"""Top-k layers over a corpus of candidates."""
