"""A training step with its data: ours, TFRS as its tutorials have it, and PyTorch by hand."""
