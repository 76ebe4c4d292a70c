"""How the weights of a `RefCalModel` lie on a mesh of devices, for JAX."""

from typing import Any

import keras


def layout_map(device_mesh: Any, axis: str = "model") -> Any:
    """Returns a layout that divides both heads of a `RefCalModel` among devices.

    The classifier's columns, one a class, and the hidden columns of the projection
    are divided along `axis`; its last layer by rows, so that its input lies where it
    is needed. The encoder is kept whole on every device. It is worth while where the
    classifier is most of the model, as with very many classes.

    Give it to `keras.distribution.ModelParallel` before the model is built.

    Args:
        device_mesh: A `keras.distribution.DeviceMesh`. The size of `axis` must divide
            the number of classes and the hidden width of the projection.
        axis: Name of the axis of the mesh that divides weights.

    Returns:
        A `keras.distribution.LayoutMap`.

    Raises:
        ValueError: If the mesh has no such axis.
    """
    if axis not in device_mesh.axis_names:
        raise ValueError(
            f"`axis` must be one of the mesh, {device_mesh.axis_names}. "
            f"Received: {axis!r}"
        )
    layout = keras.distribution.LayoutMap(device_mesh)
    layout[".*classifier/kernel"] = (None, axis)
    layout[".*classifier/bias"] = (axis,)
    layout[".*projection/hidden/kernel"] = (None, axis)
    layout[".*projection/hidden/bias"] = (axis,)
    layout[".*projection/output/kernel"] = (axis, None)
    return layout
