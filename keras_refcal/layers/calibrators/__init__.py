"""Post-hoc calibrators: layers that are fitted on validation predictions."""
