"""How the symmetric matrix of similarities is cut into tiles.

The rows are cut into an odd number of equal blocks. Tile k is block k against itself
and the blocks that follow, half way around the circle: so every pair of blocks lies in
one tile, all tiles have one shape, and what a tile reads is one slice of the rows
written after themselves.
"""

BLOCK_SIZE = 256

# A sum of fractional weights of positives that is smaller beside the anchor's own is 0.
SOFT_ROUNDING = 1e-6

# Up to so many rows all is read from tables of every row with every row, 4 MB each.
MAX_TABLE_ROWS = 1024


def default_block_size(num_rows):
    """Returns the quickest block size for a number of rows, `None` if it is unknown."""
    if num_rows is not None and num_rows <= MAX_TABLE_ROWS:
        return num_rows
    return BLOCK_SIZE


def tile_plan(num_rows, block_size):
    """Returns the number of blocks, the rows of a block and the columns of a tile.

    Args:
        num_rows: Integer, or an integer tensor.
        block_size: The most rows a block has.

    >>> tile_plan(1000, 256)
    (5, 200, 600)
    """
    blocks = -(-num_rows // block_size) // 2 * 2 + 1
    block = -(-num_rows // blocks)
    return blocks, block, (blocks + 1) // 2 * block
