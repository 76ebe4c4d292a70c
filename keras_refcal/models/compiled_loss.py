"""What `RefCalModel.compile` makes of its `loss` argument."""

from keras_refcal.losses.base import BatchPenalty, ClassificationLoss
from keras_refcal.losses.refcal import RefCalLoss
from keras_refcal.losses.supervised_contrastive import ContrastiveLoss


def as_refcal_loss(loss) -> RefCalLoss | None:
    """Returns a loss of this package as `RefCalLoss`, any other as `None`.

    A classification loss, a penalty or a contrastive loss alone becomes the one term
    of its kind, so that it sees logits or embeddings rather than predictions.
    """
    if isinstance(loss, RefCalLoss):
        return loss
    kinds = {
        ClassificationLoss: "classification",
        BatchPenalty: "calibration",
        ContrastiveLoss: "refinement",
    }
    for kind, term in kinds.items():
        if isinstance(loss, kind):
            absent = dict.fromkeys(("classification", "calibration", "refinement"))
            return RefCalLoss(**{**absent, term: loss}, calibration_weight=1.0)
    return None
