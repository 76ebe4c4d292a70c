"""JAX functions compiled soon rather than well."""

import inspect

import jax


def quick_jit(function):
    """Returns a compiled function, without optimisation where JAX can do without."""
    if "compiler_options" not in inspect.signature(jax.jit).parameters:  # before 0.5
        return jax.jit(function)
    options = {"xla_backend_optimization_level": 0}
    return jax.jit(function, compiler_options=options)
