"""Layers, heads and calibrators."""
