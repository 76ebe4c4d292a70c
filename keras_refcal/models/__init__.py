"""Encoders and `RefCalModel`."""
