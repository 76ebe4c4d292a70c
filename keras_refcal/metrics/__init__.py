"""Metrics, all `keras.metrics.Metric`."""
