"""Pure functions of tensors on `keras.ops`."""
