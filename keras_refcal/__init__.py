"""Train, measure and repair the confidence of Keras classifiers."""

__version__ = "0.1.0"
