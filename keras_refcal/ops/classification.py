"""Classification losses: pure functions, one value a sample.

Shapes: B batch, C classes. `targets` are rows of probabilities `(B, C)`, see
`ops.labels.class_distribution`; `logits` are `(B, C)`. All values are in nats unless
said otherwise.
"""

from keras import ops

from keras_refcal.types import Tensor

# 1 - p below this is read as this, so that fractional powers keep finite gradients.
_TINY = 1e-30


def cross_entropy(
    targets: Tensor, logits: Tensor, label_smoothing=0.0, spread="uniform"
) -> Tensor:
    """Returns `-sum_c q_c log softmax(logits)_c`, shape `(B,)`.

    Args:
        targets: Rows of probabilities, shape `(B, C)`.
        logits: Shape `(B, C)`.
        label_smoothing: Share of each row that is spread: one number, or one for
            each class, shape `(C,)`.
        spread: See `smooth`.
    """
    targets = smooth(targets, label_smoothing, spread)
    return -ops.sum(targets * ops.log_softmax(logits, axis=-1), axis=-1)


def smooth(targets: Tensor, label_smoothing, spread="uniform") -> Tensor:
    """Returns targets of which a share moves from each class to others, `(B, C)`.

    Args:
        targets: Rows of probabilities, shape `(B, C)`.
        label_smoothing: The share: one number, or one for each class, shape `(C,)`.
        spread: Where it goes: evenly over all classes (`"uniform"`) or evenly over
            the classes that it does not come from (`"others"`).
    """
    num_classes = targets.shape[-1]
    moved = label_smoothing * targets
    total = ops.sum(moved, axis=-1, keepdims=True)
    if spread == "uniform":
        return targets - moved + total / num_classes
    return targets - moved + (total - moved) / (num_classes - 1)


def focal(targets: Tensor, logits: Tensor, gamma) -> Tensor:
    """Returns `-sum_c q_c (1 - p_c)^gamma log p_c`, shape `(B,)`.

    Args:
        targets: Rows of probabilities, shape `(B, C)`.
        logits: Shape `(B, C)`.
        gamma: Number of 0 or more, or a tensor of them, shape `(B, C)`.
    """
    log_p = ops.log_softmax(logits, axis=-1)
    log_rest = ops.log(ops.maximum(-ops.expm1(log_p), _TINY))
    return -ops.sum(targets * ops.exp(gamma * log_rest) * log_p, axis=-1)


def sample_dependent_gamma(logits: Tensor, gamma=3.0) -> Tensor:
    """Returns FLSD-53's exponent for each sample and class, shape `(B, C)`.

    Args:
        logits: Shape `(B, C)`.
        gamma: Exponent for probabilities of 0.5 or more; below it is 3, and 5 below
            0.2.
    """
    probability = ops.stop_gradient(ops.softmax(logits, axis=-1))
    middle = ops.where(probability < 0.5, 3.0, gamma)
    return ops.where(probability < 0.2, 5.0, middle)


def brier(targets: Tensor, logits: Tensor) -> Tensor:
    """Returns `sum_c (p_c - q_c)^2`, shape `(B,)`, in [0, 2]."""
    gap = ops.softmax(logits, axis=-1) - targets
    return ops.sum(ops.square(gap), axis=-1)


def logit_norm(targets: Tensor, logits: Tensor, temperature: float) -> Tensor:
    """Returns the cross-entropy of `logits / (|logits| + 1e-7) / temperature`."""
    # In units of the greatest entry, which counts as constant, squares are in range.
    unit = ops.stop_gradient(ops.max(ops.abs(logits), axis=-1, keepdims=True))
    unit = ops.where(unit > _TINY, unit, 1.0)
    square = ops.sum(ops.square(logits / unit), axis=-1, keepdims=True)
    positive = square > _TINY
    # The inner `where` keeps the gradient of the root finite for a row of zeros.
    norm = ops.where(positive, ops.sqrt(ops.where(positive, square, 1.0)) * unit, 0.0)
    # A factor, as the gradient of a quotient divides twice before it multiplies.
    scale = 1 / (norm + 1e-7)
    return cross_entropy(targets, logits * scale / temperature)


def margin_excess(logits: Tensor, margin: float) -> Tensor:
    """Returns MbLS' penalty, the mean over classes of `relu(max - z_c - margin)`."""
    gap = ops.max(logits, axis=-1, keepdims=True) - logits
    return ops.mean(ops.relu(gap - margin), axis=-1)


def adaptive_margin_excess(
    logits: Tensor, margin: float, pos_weight=1.0, neg_weight=0.1, variant="published"
) -> Tensor:
    """Returns ACLS' penalty on the logits of each sample, shape `(B,)`.

    With z_max the greatest and z_min the least logit of a row, it is
    `pos_weight * relu(z_max - margin)^2` for each class that has z_max plus
    `neg_weight * mean relu(z_max - z_c - margin)^2` over the others, in which z_max
    counts as constant.

    Args:
        logits: Shape `(B, C)`.
        margin: Positive number, in units of logits.
        pos_weight: Number of 0 or more.
        neg_weight: Number of 0 or more.
        variant: `"published"`, or `"paper"`, whose first term has `z_max - z_min`, the
            latter constant.
    """
    maximum = ops.max(logits, axis=-1, keepdims=True)
    constant = ops.stop_gradient(maximum)
    is_top = ops.cast(logits >= constant, logits.dtype)
    reference = 0.0
    if variant == "paper":
        reference = ops.stop_gradient(ops.min(logits, axis=-1, keepdims=True))
    top = ops.square(ops.relu(maximum - reference - margin))
    rest = (1 - is_top) * ops.square(ops.relu(constant - logits - margin))
    rest = ops.sum(rest, axis=-1) / (logits.shape[-1] - 1)
    return pos_weight * ops.sum(is_top * top, axis=-1) + neg_weight * rest


def margin_logits(targets: Tensor, logits: Tensor, margins: Tensor, scale: float):
    """Returns LDAM's logits, `scale * (z - max z - q * margins)`, shape `(B, C)`.

    Args:
        targets: Rows of probabilities q, shape `(B, C)`.
        logits: z, shape `(B, C)`.
        margins: Margin of each class, shape `(C,)`.
        scale: Positive number.
    """
    # Before anything is multiplied: XLA fuses products with differences, and rounding
    # near 1e13 is more than the exponential function takes.
    return scale * (below_greatest(logits) - targets * margins)


def below_greatest(logits: Tensor) -> Tensor:
    """Returns logits minus the greatest of their row, so that small terms add up.

    Args:
        logits: Shape `(B, C)`; of their differences alone the result is used.
    """
    return logits - ops.stop_gradient(ops.max(logits, axis=-1, keepdims=True))
