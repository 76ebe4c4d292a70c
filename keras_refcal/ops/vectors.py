"""Vectors of length one, with a finite gradient everywhere."""

from keras_refcal.backend.l2_normalize import l2_normalize

__all__ = ["l2_normalize"]
