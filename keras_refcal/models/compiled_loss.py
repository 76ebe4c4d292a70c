"""What `RefCalModel.compile` makes of its `loss` argument."""

from keras_refcal.losses import registry
from keras_refcal.losses.base import FloatLoss
from keras_refcal.losses.refcal import TERMS, RefCalLoss


def as_refcal_loss(loss) -> RefCalLoss | None:
    """Returns a loss of this package as `RefCalLoss`, any other as `None`.

    A loss of this package alone, or its name, becomes the one term of its kind, so
    that it sees logits or embeddings rather than predictions.
    """
    if isinstance(loss, str) and loss in registry.names():
        loss = registry.get(loss)
    if isinstance(loss, RefCalLoss) or not isinstance(loss, FloatLoss):
        return loss if isinstance(loss, RefCalLoss) else None
    terms = {**dict.fromkeys(TERMS), loss.term: loss}
    return RefCalLoss(**terms, calibration_weight=1.0)
