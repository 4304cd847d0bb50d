"""Running the trials of a search: their records, limits, progress, and what survives a kill."""
