"""Interactions in Parquet files that are larger than memory, read row group by row group."""
