"""Fits the few numbers of a calibrator to validation predictions, in NumPy float64.

NumPy alone, so that a calibrator can be fitted wherever the package runs and gives the
same numbers on every backend.
"""
