"""Sources of negatives, each answering with `Candidates`, and estimators of Q."""
