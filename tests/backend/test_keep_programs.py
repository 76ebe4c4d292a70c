"""Compiled programs are kept where a backend can keep them."""

import keras
import pytest

from keras_refcal.backend import keep_programs


def test_programs_are_kept_or_refused(tmp_path):
    if keras.backend.backend() != "jax":
        with pytest.raises(ValueError, match="`compilation_cache` is for the JAX"):
            keep_programs(tmp_path)
        return
    import jax

    def many_steps(x):
        for number in range(300):
            x = jax.numpy.sin(x) * number
        return x

    keep_programs(tmp_path)
    try:
        jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.0)
        jax.jit(many_steps)(1.0)
        assert [path.name for path in tmp_path.glob("*many_steps*")]
    finally:
        jax.config.update("jax_compilation_cache_dir", None)
