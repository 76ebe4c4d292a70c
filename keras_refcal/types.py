"""Names for the types that appear in public signatures."""

from typing import Any, TypeAlias

Tensor: TypeAlias = Any
"""A tensor of the running backend, or anything `keras.ops` converts to one."""
