"""Log-sum-exp of the similarities to all others, in tiles, on TensorFlow."""

import tensorflow as tf

from keras_refcal.backend.tiles import tile_plan

_TINY = 1e-37
_NEVER = -1e30


def log_sum_exp_of_others(rows, weights, block_size, bounded):
    """Returns `log Σ_{j≠i} w_j e^{z_i·z_j}` of every row, shape `(N,)`.

    The backward pass computes the similarities again: nothing N x N is kept.

    Args:
        rows: Shape `(N, D)`; N may be unknown while a function is traced.
        weights: Shape `(N,)`, not negative; they get no gradient.
        block_size: The most rows a tile has.
        bounded: Whether no similarity is beyond ±60, so that exponentials need no
            shift.
    """
    weights = tf.stop_gradient(weights)

    @tf.custom_gradient
    def with_gradient(rows):
        # Otherwise TensorFlow keeps every step of the loop for a gradient of its own.
        rows = tf.stop_gradient(rows)
        forward = _forward_bounded if bounded else _forward
        values = forward(rows, weights, block_size)

        def backward(upstream):
            return _gradient(upstream, rows, weights, values, block_size, bounded)

        return values, backward

    return with_gradient(rows)


@tf.function(jit_compile=True, reduce_retracing=True)
def _forward_bounded(rows, weights, block_size):
    size = _size(rows)
    blocks, block, width = tile_plan(size, block_size)
    rows, weights = (_around(x, blocks * block, width) for x in (rows, weights))

    def add_tile(start, totals):
        own_rows, own_weights = (_cut(x, start, block) for x in (rows, weights))
        strip_rows, strip_weights = (_cut(x, start, width) for x in (rows, weights))
        logits = tf.matmul(own_rows, strip_rows, transpose_b=True)
        powers = tf.where(_others(block, width), tf.exp(logits), 0)
        as_anchors = tf.linalg.matvec(powers, strip_weights)
        as_contrasts = tf.linalg.matvec(
            powers[:, block:], own_weights, transpose_a=True
        )
        return _add(totals, start, as_anchors, as_contrasts)

    totals = _for_each_block(blocks, block, add_tile, tf.zeros_like(weights))
    return tf.math.log(tf.maximum(_fold(totals, blocks * block, size), _TINY))


@tf.function(jit_compile=True, reduce_retracing=True)
def _forward(rows, weights, block_size):
    size = _size(rows)
    blocks, block, _ = tile_plan(size, block_size)
    log_weights = _log(weights)
    padded = _around(rows, blocks * block, 0)

    def add_block(start, values):
        logits = tf.matmul(_cut(padded, start, block), rows, transpose_b=True)
        itself = start + tf.range(block)[:, None] == tf.range(size)
        logits = tf.where(itself, _never(logits), logits + log_weights)
        return _add(values, start, tf.reduce_logsumexp(logits, axis=1))

    values = _for_each_block(blocks, block, add_block, tf.zeros_like(padded[:, 0]))
    # An anchor whose others all have weight 0; its value is not used.
    return tf.where(values < _NEVER / 2, tf.zeros_like(values), values)[:size]


@tf.function(jit_compile=True, reduce_retracing=True)
def _gradient(upstream, rows, weights, values, block_size, bounded):
    size = _size(rows)
    blocks, block, width = tile_plan(size, block_size)
    if bounded:
        tables, pulls = (weights, upstream * tf.exp(-values)), _bounded_pulls
    else:
        tables, pulls = (_log(weights), values, upstream), _pulls
    rows, *tables = (_around(x, blocks * block, width) for x in (rows, *tables))

    def add_tile(start, gradient):
        own, tile = _cut(rows, start, block), _cut(rows, start, width)
        pull = pulls(
            tf.matmul(own, tile, transpose_b=True),
            [_cut(x, start, block)[:, None] for x in tables],
            [_cut(x, start, width)[None, :] for x in tables],
        )
        pull = tf.where(_others(block, width), pull, 0)
        as_contrasts = tf.matmul(pull[:, block:], own, transpose_a=True)
        return _add(gradient, start, tf.matmul(pull, tile), as_contrasts)

    gradient = _for_each_block(blocks, block, add_tile, tf.zeros_like(rows))
    return _fold(gradient, blocks * block, size)


def _bounded_pulls(logits, own, tile):
    """Returns how much row i and row j pull at each other, shape of `logits`."""
    (own_weights, own_shares), (weights, shares) = own, tile
    return tf.exp(logits) * (own_shares * weights + own_weights * shares)


def _pulls(logits, own, tile):
    own_log_weights, own_values, own_upstream = own
    log_weights, values, upstream = tile
    as_anchor = own_upstream * tf.exp(logits + log_weights - own_values)
    return as_anchor + upstream * tf.exp(logits + own_log_weights - values)


def _for_each_block(blocks, block, add, table):
    """Returns `table` after `add(start, table)` for the first row of every block."""
    return tf.while_loop(
        lambda number, table: number < blocks,
        lambda number, table: (number + 1, add(number * block, table)),
        (0, table),
        parallel_iterations=1,
    )[1]


def _size(rows):
    return rows.shape[0] or tf.shape(rows)[0]


def _log(weights):
    logs = tf.math.log(tf.maximum(weights, _TINY))
    return tf.where(weights > 0, logs, _never(logs))


def _never(like):
    return tf.constant(_NEVER, like.dtype)


def _others(block, width):
    return tf.range(block)[:, None] != tf.range(width)


def _around(table, padded, width):
    """Returns a table padded with zeros and followed by its own first rows."""
    padding = [[0, padded - _size(table)]] + [[0, 0]] * (len(table.shape) - 1)
    table = tf.pad(table, padding)
    return tf.concat([table, table[:width]], axis=0)


def _cut(table, start, length):
    rest = len(table.shape) - 1
    return tf.slice(table, [start] + [0] * rest, [length] + [-1] * rest)


def _add(table, start, *parts):
    """Adds the parts, one after another, to a table from row `start` on."""
    part = tf.concat(parts, axis=0)
    index = start + tf.range(tf.shape(part)[0])
    return tf.tensor_scatter_nd_add(table, index[:, None], part)


def _fold(table, padded, size):
    """Adds what was gathered beyond the circle's start to the first rows."""
    index = tf.range(_size(table) - padded)
    return tf.tensor_scatter_nd_add(table, index[:, None], table[padded:])[:size]
