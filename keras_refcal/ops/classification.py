"""Classification losses: pure functions, one value a sample.

Shapes: B batch, C classes. `targets` are rows of probabilities `(B, C)`, see
`ops.labels.class_distribution`; `logits` are `(B, C)`. All values are in nats.
"""

from keras import ops

from keras_refcal.types import Tensor


def cross_entropy(targets: Tensor, logits: Tensor, label_smoothing=0.0) -> Tensor:
    """Returns `-sum_c q_c log softmax(logits)_c`, shape `(B,)`.

    Args:
        targets: Rows of probabilities, shape `(B, C)`.
        logits: Shape `(B, C)`.
        label_smoothing: Share of each row that is spread over all C classes.
    """
    if label_smoothing:
        num_classes = logits.shape[-1]
        targets = (1 - label_smoothing) * targets + label_smoothing / num_classes
    return -ops.sum(targets * ops.log_softmax(logits, axis=-1), axis=-1)
