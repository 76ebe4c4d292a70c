"""Log-sum-exp of the similarities to all others, in tiles, on JAX."""

import functools

import jax
import jax.numpy as jnp
from jax import lax

from keras_refcal.backend.tiles import tile_plan

_TINY = 1e-37
_NEVER = -1e30


@functools.partial(jax.custom_vjp, nondiff_argnums=(2, 3))
@functools.partial(jax.jit, static_argnums=(2, 3))
def log_sum_exp_of_others(rows, weights, block_size, bounded):
    """Returns `log Σ_{j≠i} w_j e^{z_i·z_j}` of every row, shape `(N,)`.

    The backward pass computes the similarities again: nothing N x N is kept.

    Args:
        rows: Shape `(N, D)`.
        weights: Shape `(N,)`, not negative; they get no gradient.
        block_size: The most rows a tile has.
        bounded: Whether no similarity is beyond ±60, so that exponentials need no
            shift.
    """
    forward = _forward_bounded if bounded else _forward
    return forward(rows, weights, block_size)


def _forward_and_residuals(rows, weights, block_size, bounded):
    values = log_sum_exp_of_others(rows, weights, block_size, bounded)
    return values, (rows, weights, values)


@functools.partial(jax.jit, static_argnums=(0, 1))
def _backward(block_size, bounded, residuals, upstream):
    rows, weights, values = residuals
    found = _gradient(upstream, rows, weights, values, block_size, bounded)
    return found, jnp.zeros_like(weights)


log_sum_exp_of_others.defvjp(_forward_and_residuals, _backward)


def _forward_bounded(rows, weights, block_size):
    size = rows.shape[0]
    blocks, block, width = tile_plan(size, block_size)
    rows, weights = (_around(x, blocks * block, width) for x in (rows, weights))

    def add_tile(number, totals):
        start = number * block
        own_rows, own_weights = (_cut(x, start, block) for x in (rows, weights))
        strip_rows, strip_weights = (_cut(x, start, width) for x in (rows, weights))
        powers = jnp.exp(own_rows @ strip_rows.T) * _others(block, width)
        return _add(
            totals, start, powers @ strip_weights, own_weights @ powers[:, block:]
        )

    totals = lax.fori_loop(0, blocks, add_tile, jnp.zeros_like(weights))
    return jnp.log(jnp.maximum(_fold(totals, blocks * block, size), _TINY))


def _forward(rows, weights, block_size):
    size = rows.shape[0]
    blocks = -(-size // block_size)
    block = -(-size // blocks)
    log_weights = _log(weights)
    padded = jnp.pad(rows, ((0, blocks * block - size), (0, 0)))

    def of_block(number):
        logits = _cut(padded, number * block, block) @ rows.T + log_weights
        index = number * block + jnp.arange(block)
        itself = index[:, None] == jnp.arange(size)
        return jax.nn.logsumexp(jnp.where(itself, _NEVER, logits), axis=1)

    values = lax.map(of_block, jnp.arange(blocks)).reshape(-1)[:size]
    # An anchor whose others all have weight 0; its value is not used.
    return jnp.where(values < _NEVER / 2, 0, values)


def _gradient(upstream, rows, weights, values, block_size, bounded):
    size = rows.shape[0]
    blocks, block, width = tile_plan(size, block_size)
    if bounded:
        tables, pulls = (weights, upstream * jnp.exp(-values)), _bounded_pulls
    else:
        tables, pulls = (_log(weights), values, upstream), _pulls
    rows, *tables = (_around(x, blocks * block, width) for x in (rows, *tables))

    def add_tile(number, gradient):
        start = number * block
        own, tile = _cut(rows, start, block), _cut(rows, start, width)
        pull = pulls(
            own @ tile.T,
            [_cut(x, start, block)[:, None] for x in tables],
            [_cut(x, start, width)[None, :] for x in tables],
        )
        pull = jnp.where(_others(block, width), pull, 0)
        return _add(gradient, start, pull @ tile, pull[:, block:].T @ own)

    gradient = lax.fori_loop(0, blocks, add_tile, jnp.zeros_like(rows))
    return _fold(gradient, blocks * block, size)


def _bounded_pulls(logits, own, tile):
    """Returns how much row i and row j pull at each other, shape of `logits`."""
    (own_weights, own_shares), (weights, shares) = own, tile
    return jnp.exp(logits) * (own_shares * weights + own_weights * shares)


def _pulls(logits, own, tile):
    own_log_weights, own_values, own_upstream = own
    log_weights, values, upstream = tile
    as_anchor = own_upstream * jnp.exp(logits + log_weights - own_values)
    return as_anchor + upstream * jnp.exp(logits + own_log_weights - values)


def _log(weights):
    return jnp.where(weights > 0, jnp.log(jnp.maximum(weights, _TINY)), _NEVER)


def _others(block, width):
    return jnp.arange(block)[:, None] != jnp.arange(width)


def _around(table, padded, width):
    """Returns a table padded with zeros and followed by its own first rows."""
    padding = [(0, padded - len(table))] + [(0, 0)] * (table.ndim - 1)
    table = jnp.pad(table, padding)
    return jnp.concatenate([table, table[:width]])


def _cut(table, start, length):
    return lax.dynamic_slice_in_dim(table, start, length)


def _add(table, start, *parts):
    """Adds the parts, one after another, to a table from row `start` on."""
    part = jnp.concatenate(parts)
    part = part + _cut(table, start, len(part))
    return lax.dynamic_update_slice_in_dim(table, part, start, axis=0)


def _fold(table, padded, size):
    """Adds what was gathered beyond the circle's start to the first rows."""
    beyond = len(table) - padded
    return table.at[:beyond].add(table[padded:])[:size]
