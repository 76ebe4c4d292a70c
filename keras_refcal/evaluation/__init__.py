"""Exact evaluation of saved predictions."""
