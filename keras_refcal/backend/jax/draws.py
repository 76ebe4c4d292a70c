"""Random numbers of a key on JAX, the same on every device."""

import jax


def uniform(key, shape):
    """Returns float32 draws from [0, 1); a key is two numbers of 32 bits."""
    return jax.random.uniform(key, shape)


def split_key(key, count):
    """Returns `count` keys made of one."""
    return list(jax.random.split(key, count))


def fold_in(key, number):
    """Returns a key made of one and a whole number."""
    return jax.random.fold_in(key, number)


def key_of_replica(key):
    """Returns the key as it is: a step sees the global batch."""
    return key
