"""Views of a batch of standardised images, every image changed by draws of its own."""

import math

import torch
from torch.nn import functional

# Rotation in degrees, relative change of scale and shear, shift as a share of half the
# image, change of contrast and brightness, side of the square that is cut out.
_DIGITS = {
    "mild": (10, 0.1, 0.1, 0.2, 0.0, 0.0),
    "strong": (20, 0.2, 0.2, 0.3, 0.4, 0.3),
}
_CIFAR = {
    "mild": (0, 0.0, 0.0, 0.25, 0.0, 0.0),
    "strong": (5, 0.25, 0.1, 0.3, 0.4, 0.35),
}


def view(images, kind, generator):
    """Returns one view of each image.

    Args:
        images: Shape `(n, channels, size, size)`; three channels are CIFAR's, which
            are flipped too.
        kind: `"mild"` or `"strong"`.
        generator: A `torch.Generator`.
    """
    is_colour = images.shape[1] == 3
    degrees, scale, shear, shift, colour, hole = (_CIFAR if is_colour else _DIGITS)[
        kind
    ]
    draws = 2 * torch.rand(len(images), 8, generator=generator) - 1
    images = _moved(images, draws, degrees, scale, shear, shift, is_colour)
    if colour:
        contrast = 1 + colour * torch.rand(len(images), 1, 1, 1, generator=generator)
        contrast = torch.where(
            draws[:, 6, None, None, None] > 0, contrast, 1 / contrast
        )
        brightness = colour * draws[:, 7, None, None, None]
        images = images * contrast + brightness
    return _cut(images, hole, generator) if hole else images


def _moved(images, draws, degrees, scale, shear, shift, flip):
    angle = draws[:, 0] * math.radians(degrees)
    size = torch.exp(draws[:, 1] * scale)
    slant = draws[:, 2] * shear
    side = torch.where((draws[:, 5] > 0) & flip, -1.0, 1.0)
    cosine, sine = torch.cos(angle) * size, torch.sin(angle) * size
    move = draws[:, 3:5] * shift
    if not degrees:  # whole pixels, so that nothing is blurred
        half = images.shape[-1] / 2
        move = torch.round(move * half) / half
    rows = [
        torch.stack([cosine * side, slant - sine, move[:, 0]], 1),
        torch.stack([sine * side, cosine, move[:, 1]], 1),
    ]
    grid = functional.affine_grid(
        torch.stack(rows, 1), list(images.shape), align_corners=False
    )
    padding = "border" if flip else "zeros"
    if padding == "border":
        return functional.grid_sample(
            images, grid, padding_mode=padding, align_corners=False
        )
    # Digits stand on black, which standardised images have below zero.
    black = images.amin()
    moved = functional.grid_sample(images - black, grid, align_corners=False)
    return moved + black


def _cut(images, hole, generator):
    """Sets a square of each image to the mean of all."""
    size = images.shape[-1]
    middle = torch.rand(len(images), 2, generator=generator) * size
    places = torch.arange(size) + 0.5
    inside = (places - middle[..., None]).abs() < hole * size / 2
    square = inside[:, 0, :, None] & inside[:, 1, None, :]
    return images.masked_fill(square[:, None], 0.0)
