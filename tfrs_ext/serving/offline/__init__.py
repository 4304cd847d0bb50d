"""Files for other programs: recommendations of everybody, and embeddings."""
