"""Tasks that wire towers, similarity, negatives, loss and metrics."""
