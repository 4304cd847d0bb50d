"""TFRS's tutorials, each written once here and run with the classes of either library."""
