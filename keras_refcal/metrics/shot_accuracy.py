"""Accuracy of groups of classes, by how many training samples they have."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from keras import ops

from keras_refcal.metrics.base import ClassifierMetric
from keras_refcal.metrics.counters import ClassAnswers
from keras_refcal.ops.class_groups import checked_groups, named_groups
from keras_refcal.ops.division import divide
from keras_refcal.registration import serializable
from keras_refcal.types import Tensor


@serializable
class ShotAccuracy(ClassifierMetric):
    """Accuracy of the samples of many-, medium- and few-shot classes.

    A sample is in the group of its label. The result is a mapping of
    `name + "_" + group` to the share of right answers, range [0, 1], NaN for a group
    without samples: the few-shot group of CIFAR-100-LT at factor 0.1 is always empty.

    Args:
        class_counts: Training samples of each class, shape `(num_classes,)`.
        groups: `"shots"` for `many`, `medium` and `few`; `"thirds"` for the `head`,
            `middle` and `tail` thirds of the classes by size; or a mapping of names to
            lists of class ids.
        many: A many-shot class has more training samples than this.
        few: A few-shot class has fewer training samples than this.
        name: Optional name of the metric.
        **kwargs: `from_logits`, `ignore_class`, `dtype`; see `ClassifierMetric`.

    Raises:
        ValueError: If counts or groups do not fit, or `y_pred` has other classes.

    Reference:
        [Liu et al., 2019](https://arxiv.org/abs/1904.05160), section 5.

    Example:

    >>> import numpy as np
    >>> from keras_refcal.metrics import ShotAccuracy
    >>> metric = ShotAccuracy(class_counts=[500, 50])
    >>> metric.update_state(np.array([1, 0]), np.array([[0.1, 0.9], [0.4, 0.6]]))
    >>> {name: float(value) for name, value in metric.result().items()}
    {'shot_accuracy_many': 0.0, 'shot_accuracy_medium': 1.0, 'shot_accuracy_few': nan}
    """

    def __init__(
        self,
        class_counts: Tensor,
        groups: str | Mapping = "shots",
        many: float = 100,
        few: float = 20,
        name: str | None = "shot_accuracy",
        **kwargs: Any,
    ):
        super().__init__(name=name, **kwargs)
        if self.multi_label:
            raise ValueError(
                "`multi_label=True` has no meaning here: a sample of several labels "
                "is in no one group of classes."
            )
        members = named_groups(class_counts, groups, many, few)
        self.class_counts = tuple(np.asarray(class_counts, "float64").tolist())
        self.groups = checked_groups(groups)
        self.many = many
        self.few = few
        self._names = tuple(members)
        self._members = np.stack(list(members.values()))
        self.count(answers=ClassAnswers(len(self.class_counts)))

    def score(self, answers: Tensor) -> Any:
        """Returns the accuracy of each group by name."""
        totals = ops.sum(ops.where(self._members[:, None], answers, 0.0), axis=-1)
        accuracy = ops.unstack(divide(totals[:, 1], totals[:, 0]))
        names = [f"{self.name}_{group}" for group in self._names]
        return dict(zip(names, accuracy, strict=True))
