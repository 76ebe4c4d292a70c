"""What `RefCalModel.compile` makes of its `loss` argument."""

from keras_refcal.losses import registry
from keras_refcal.losses.base import FloatLoss
from keras_refcal.losses.refcal import TERMS, RefCalLoss
from keras_refcal.losses.state import own_copy

HEADS = {"projection": "embeddings", "classifier": "logits"}


def own_loss(loss):
    """Returns a loss as the model keeps it: what it learns belongs to the model alone.

    A name of this package becomes the loss, and a loss of this package that keeps
    something between batches a copy. Any other loss is returned as it is.
    """
    if isinstance(loss, str) and loss in registry.names():
        return registry.get(loss)
    return own_copy(loss) if isinstance(loss, FloatLoss) else loss


def as_refcal_loss(loss) -> RefCalLoss | None:
    """Returns a loss of this package as `RefCalLoss`, any other as `None`.

    A loss of this package alone becomes the one term of its kind, so that it sees
    logits or embeddings rather than predictions.
    """
    if isinstance(loss, RefCalLoss) or not isinstance(loss, FloatLoss):
        return loss if isinstance(loss, RefCalLoss) else None
    terms = {**dict.fromkeys(TERMS), loss.term: loss}
    return RefCalLoss(**terms, calibration_weight=1.0)


def unreached_heads(loss) -> tuple[str, ...]:
    """Returns the heads of a `RefCalModel` from which a loss reads nothing.

    Args:
        loss: What the model is compiled with. A loss of another package sees the
            predictions alone; without a loss every head may be in use.
    """
    if loss is None:
        return ()
    refcal_loss = as_refcal_loss(loss)
    read = ["logits"] if refcal_loss is None else refcal_loss.outputs_read
    return tuple(head for head, output in HEADS.items() if output not in read)
