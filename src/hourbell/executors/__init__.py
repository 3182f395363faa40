"""Where bodies run. One small protocol; the engine knows no more of them than that."""
