"""Operations drawn by chance for every image of a batch: RandAugment and its kin.

Keras' own `RandAugment` draws one pair of operations for the whole batch. Here each
image has its own operation, strength and sign. The five operations that move pixels are
one warp, the three that are linear in the colours one matrix.

Shapes: `images` are `(batch, height, width, channels)`, float32 in [0, 1], with one
channel or three; `strength` is `(batch,)`, in [0, 1]; `xp` are the arrays of a seed.
"""

import functools
import math

from keras_refcal.data import colour, geometry
from keras_refcal.data.seeds import arrays

MAX_SHEAR = 0.3
MAX_ANGLE = 30 * math.pi / 180
MAX_SHIFT = 0.3
MAX_ENHANCEMENT = 0.9


def rand_augment(images, seed, num_ops=2, strength=0.3):
    """Returns images after `num_ops` operations of one strength, drawn by chance.

    Args:
        images: Shape `(batch, height, width, channels)`, float32 in [0, 1].
        seed: See `seeds`.
        num_ops: Operations an image, one after another.
        strength: In [0, 1]; the paper's magnitude over 30. At 1 an image is turned by
            30 degrees, moved by 30 % of its width, sheared by 0.3 and enhanced by 0.9.

    Reference:
        [Cubuk et al., 2020](https://arxiv.org/abs/1909.13719).
    """
    xp = arrays(seed)
    for part in xp.split(seed, num_ops):
        strengths = xp.full([xp.rows(images)], float(strength))
        images = _random_operation(images, part, strengths)
    return images


def trivial_augment(images, seed):
    """Returns images after one operation of a random strength each.

    Args:
        images: Shape `(batch, height, width, channels)`, float32 in [0, 1].
        seed: See `seeds`.

    Reference:
        [Müller and Hutter, 2021](https://arxiv.org/abs/2103.10158).
    """
    xp = arrays(seed)
    strength_seed, kind_seed = xp.split(seed, 2)
    strengths = xp.uniform(strength_seed, [xp.rows(images)])
    return _random_operation(images, kind_seed, strengths)


def auto_augment(images, seed):
    """Returns images after one of the 25 pairs of operations found for CIFAR-10.

    Args:
        images: Shape `(batch, height, width, channels)`, float32 in [0, 1].
        seed: See `seeds`.

    Reference:
        [Cubuk et al., 2019](https://arxiv.org/abs/1805.09501).
    """
    xp = arrays(seed)
    pair_seed, chance_seed, sign_seed = xp.split(seed, 3)
    batch = xp.rows(images)
    pairs = xp.integers(pair_seed, [batch], len(CIFAR_KINDS[0]))
    chances = xp.uniform(chance_seed, (2, batch))
    signs = xp.sign(xp.uniform(sign_seed, (2, batch), -1.0, 1.0))
    for place in range(2):
        happens = chances[place] < xp.take(xp.tensor(CIFAR_CHANCES[place]), pairs)
        kinds = xp.where(happens, xp.take(CIFAR_KINDS[place], pairs), 0)
        strengths = xp.take(xp.tensor(CIFAR_STRENGTHS[place]), pairs)
        images = operate(images, kinds, strengths * signs[place], xp)
    return images


def operate(images, kinds, strengths, xp):
    """Returns images after one operation each.

    Args:
        images: Shape `(batch, height, width, channels)`, float32 in [0, 1].
        kinds: Numbers in `OPERATIONS`, shape `(batch,)`.
        strengths: In [-1, 1], shape `(batch,)`; the sign is a direction.
        xp: Arrays, see `seeds`.
    """
    functions = [functools.partial(group, xp=xp) for group in GROUPS]
    groups = xp.take(GROUP_OF_KIND, kinds)
    operated = xp.by_group(functions, groups, images, kinds, strengths)
    return xp.clip(operated, 0.0, 1.0)


def _random_operation(images, seed, strengths):
    xp = arrays(seed)
    kind_seed, sign_seed = xp.split(seed, 2)
    batch = xp.rows(images)
    kinds = xp.integers(kind_seed, [batch], DRAWN)
    signs = xp.sign(xp.uniform(sign_seed, [batch], -1.0, 1.0))
    return operate(images, kinds, strengths * signs, xp)


def _moved(images, kinds, strengths, xp):
    def amount(name, most):
        return xp.where(kinds == OPERATIONS.index(name), strengths * most, 0.0)

    rows, columns = images.shape[1:3]
    turn = amount("rotate", MAX_ANGLE)
    return geometry.warp(
        images,
        a=xp.cos(turn),
        b=amount("shear_x", MAX_SHEAR) - xp.sin(turn),
        c=amount("shear_y", MAX_SHEAR) + xp.sin(turn),
        d=xp.cos(turn),
        right=amount("translate_x", MAX_SHIFT * columns),
        down=amount("translate_y", MAX_SHIFT * rows),
        xp=xp,
    )


def _recoloured(images, kinds, strengths, xp):
    """Brightness, contrast and saturation: a blend with black, mean and luma."""

    def factor(name):
        chosen = kinds == OPERATIONS.index(name)
        return xp.where(chosen, 1 + MAX_ENHANCEMENT * strengths, 1.0)

    bright, contrast = factor("brightness"), factor("contrast")
    matrix = (bright * contrast)[:, None, None] * xp.eye(3)
    matrix = xp.matmul(matrix, colour.saturation_matrix(factor("saturation"), xp))
    means = xp.mean(images, axis=(1, 2))
    if images.shape[-1] == 1:
        mean = means
        scale = (bright * contrast)[:, None, None, None]
        shift = ((1 - contrast)[:, None] * mean)[:, None, None]
        return xp.clip(images * scale + shift, 0.0, 1.0)
    mean = xp.sum(means * xp.tensor(colour.LUMA), axis=1)
    return colour.recolour(images, matrix, (1 - contrast) * mean, xp)


def _auto_contrast(images, kinds, strengths, xp):
    low = xp.min(images, axis=(1, 2), keepdims=True)
    high = xp.max(images, axis=(1, 2), keepdims=True)
    stretched = (images - low) / xp.maximum(high - low, 1e-6)
    return xp.where(high > low, stretched, images)


def _equalize(images, kinds, strengths, xp):
    """Spreads the grey levels of each channel evenly, by its histogram of 256."""
    height, width, channels = images.shape[1:]
    planes = xp.rows(images) * channels
    levels = xp.cast(xp.round(images * 255), "int32")
    levels = xp.reshape(xp.transpose(levels, (0, 3, 1, 2)), (-1, height * width))
    cells = levels + 256 * xp.arange(planes)[:, None]
    counts = xp.reshape(xp.count(cells, 256 * planes), (-1, 256))
    below = xp.cumsum(counts, axis=1) - counts
    # The highest level maps to white; a plane of one level stays as it is.
    last = xp.max(xp.where(counts > 0, below, 0), axis=1, keepdims=True)
    table = xp.cast(below, "float32") / xp.cast(xp.maximum(last, 1), "float32")
    spread = xp.take(xp.reshape(table, (-1,)), cells)
    spread = xp.where(last > 0, spread, xp.cast(levels, "float32") / 255)
    spread = xp.reshape(spread, (-1, channels, height, width))
    return xp.transpose(spread, (0, 2, 3, 1))


def _solarize(images, kinds, strengths, xp):
    threshold = 1 - xp.abs(strengths)[:, None, None, None]
    return xp.where(images >= threshold, 1 - images, images)


def _posterize(images, kinds, strengths, xp):
    """Keeps 8 bits at strength 0, and 4 at strength 1."""
    bits = xp.round(8 - 4 * xp.abs(strengths))[:, None, None, None]
    step = xp.power(2.0, 8 - bits)
    return xp.floor(xp.round(images * 255) / step) * step / 255


def _sharpness(images, kinds, strengths, xp):
    sums = images[:, :-2] + images[:, 1:-1] + images[:, 2:]
    sums = sums[:, :, :-2] + sums[:, :, 1:-1] + sums[:, :, 2:]
    inner = images[:, 1:-1, 1:-1]
    # The edge stays as it is.
    change = inner - (sums + 4 * inner) / 13
    change = xp.pad(change, [[0, 0], [1, 1], [1, 1], [0, 0]])
    amount = MAX_ENHANCEMENT * xp.abs(strengths)[:, None, None, None]
    return images + amount * change


def _invert(images, kinds, strengths, xp):
    return 1 - images


def _unchanged(images, kinds, strengths, xp):
    return images


# Those of one function run together; it tells them apart by `kinds`.
FUNCTIONS = {
    "identity": _unchanged,
    "auto_contrast": _auto_contrast,
    "equalize": _equalize,
    "rotate": _moved,
    "solarize": _solarize,
    "saturation": _recoloured,
    "posterize": _posterize,
    "contrast": _recoloured,
    "brightness": _recoloured,
    "sharpness": _sharpness,
    "shear_x": _moved,
    "shear_y": _moved,
    "translate_x": _moved,
    "translate_y": _moved,
    "invert": _invert,
}
# RandAugment and TrivialAugment draw from all but the last.
DRAWN = len(FUNCTIONS) - 1
OPERATIONS = tuple(FUNCTIONS)
GROUPS = tuple(dict.fromkeys(FUNCTIONS.values()))
GROUP_OF_KIND = tuple(map(GROUPS.index, FUNCTIONS.values()))

# Pairs of operation, probability and magnitude in ninths, see `auto_augment`.
CIFAR_POLICY = """
invert 1 0, contrast 2 6
rotate 7 2, translate_x 3 9
sharpness 8 1, sharpness 9 3
shear_y 5 8, translate_y 7 9
auto_contrast 5 0, equalize 9 0
shear_y 2 7, posterize 3 7
saturation 4 3, brightness 6 7
sharpness 3 9, brightness 7 9
equalize 6 0, equalize 5 0
contrast 6 7, sharpness 6 5
saturation 7 7, translate_x 5 8
equalize 3 0, auto_contrast 4 0
translate_y 4 3, sharpness 2 6
brightness 9 6, saturation 2 8
solarize 5 2, invert 0 0
equalize 2 0, auto_contrast 6 0
equalize 2 0, equalize 6 0
saturation 9 9, equalize 6 0
auto_contrast 8 0, solarize 2 8
brightness 1 3, saturation 7 0
solarize 4 5, auto_contrast 9 0
translate_y 9 9, translate_y 7 9
auto_contrast 9 0, solarize 8 3
equalize 8 0, invert 1 0
translate_y 7 9, auto_contrast 9 0
"""
# Its largest shift is 150 of 331 pixels.
CIFAR_SHIFT = 150 / 331 / MAX_SHIFT


def _table(place):
    """Returns kinds, probabilities and strengths of an operation of each pair."""
    kinds, chances, strengths = [], [], []
    for pair in CIFAR_POLICY.strip().splitlines():
        name, chance, ninths = pair.split(",")[place].split()
        kinds.append(OPERATIONS.index(name))
        chances.append(int(chance) / 10)
        scale = CIFAR_SHIFT if name.startswith("translate") else 1.0
        strengths.append(scale * int(ninths) / 9)
    return kinds, chances, strengths


CIFAR_KINDS, CIFAR_CHANCES, CIFAR_STRENGTHS = zip(_table(0), _table(1), strict=True)
