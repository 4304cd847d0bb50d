"""The modules that are exported: their signatures, and the state behind them."""
