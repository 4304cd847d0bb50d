"""Versions of a bundle: folders, manifest, warm-up and batching."""
