"""Writes `docs/losses.md` from the classes in `keras_refcal.losses`.

Run `python docs/losses_table.py` after a change; a test compares the two.
"""

import inspect
import pathlib
import re

from keras_refcal.losses import registry
from keras_refcal.losses.base import BatchLoss

PATH = pathlib.Path(__file__).with_name("losses.md")
_LINK = re.compile(r"\[([^\]\n]+)\]\((http[^)\s]+)\)")
_NEEDS = {
    "class_counts": "class counts",
    "num_classes": "number of classes",
    "num_samples": "sample index in the labels",
}
_KINDS = {
    "classification": "Classification, and the three terms together",
    "calibration": "Penalties on calibration",
    "refinement": "Contrastive",
}
_INTRODUCTION = """\
# Losses

All are `keras.losses.Loss`, take class ids or rows of probabilities, and serialise.
Give one to `compile` of any Keras model or of a `RefCalModel`, or combine them as the
terms of a [`RefCalLoss`](api/losses.md), by name, as a loss, or `None`:

```python
from keras_refcal import losses

losses.RefCalLoss(
    classification=losses.FocalLoss(gamma=3),
    calibration="dca",
    refinement=None,
    calibration_weight=1.0,
)
losses.get("ldam", class_counts=[500, 50, 5])
```

`p` are probabilities, `z` logits or embeddings, `q` the target row, `y` the label,
`n_c` the number of training samples of class c.

**One column is two classes.** Where a model returns one sigmoid or one logit,
`(batch,)` or `(batch, 1)`, every loss but the contrastive ones takes it as it is, `p`
as `[1 - p, p]` and `z` as `[0, z]`, with labels 0 and 1 or any number between.
`CrossEntropyLoss` is then binary cross-entropy. A loss without a meaning there says so
(`LogitNormLoss` of one logit, a contrastive loss of embeddings of length 1).

**Labels** are class ids from 0 on, or rows of probabilities that sum to 1 within 0.01.
Anything else raises an error; where a compiled step cannot read values, the loss of the
sample, or of the batch, is NaN. Rows of probabilities (mixup, CutMix) are soft
positives in the contrastive losses: pairs count by the inner product of their rows.
Predictions that can be read and are no probabilities raise one too, unless the loss
has `from_logits=True`. `ignore_class=-1`, of every loss, leaves samples without a label
out of every mean and every pair, as if they were not in the batch.

**Weights.** `sample_weight` multiplies the value of a sample in losses that have one
for each sample. In the others, marked with *, it counts inside the means over the
batch: weight 0 equals absence, and the scale of the weights does not matter. In a
`RefCalLoss` weights scale every term alike: **a term marked with * is multiplied by the
mean of the weights above 0**, so that c times the weights are c times the loss.

Some losses learn while training. `BalancedContrastiveLoss` has prototypes,
`CorrectnessRankingLoss` a history, `AdaFocalLoss` exponents, a deferred
`ClassBalancedLoss` a switch: layers of the loss, whose variables a `RefCalModel`
counts among its own: `compile` copies such a loss, so that what was given can serve
the next model, and what is learned is read from `model.loss`. The model trains the
prototypes and updates the history by itself, on every backend, and saves all of them.
The exponents and the switch change through the
callbacks `UpdateAdaFocal` and `DeferredReweighting` in
`keras_refcal.callbacks`, in any model; a model other than `RefCalModel`
updates the history through `UpdateCorrectnessHistory`, and trains prototypes that it
holds as an attribute. Labels of `CorrectnessRankingLoss` are `[label, index]`, with
index -1, or no index at all in a `RefCalModel`, for validation data. `class_weight`
goes by the label there; a plain Keras model would take the greater number of each pair
for a class: give it `sample_weight`.

Written by `docs/losses_table.py` from the classes; do not edit.
"""


def markdown():
    """Returns the page: every exported loss by kind, in order of its name."""
    classes = registry.names()
    parts = [_INTRODUCTION]
    for kind, title in _KINDS.items():
        rows = [_row(n, c) for n, c in sorted(classes.items()) if c.term == kind]
        parts.append(
            f"## {title}\n\n"
            "| Name | Class | Formula | Needs | When | Paper |\n"
            "|---|---|---|---|---|---|\n" + "\n".join(rows) + "\n"
        )
    return "\n".join(parts)


def _row(name, cls):
    star = "*" if issubclass(cls, BatchLoss) else ""
    formula = cls.formula.replace("|", "\\|")
    cells = (
        f"`{name}`",
        f"`{cls.__name__}`{star}",
        f"<code>{formula}</code>",
        _needs(cls),
        cls.use,
        _paper(cls),
    )
    return "| " + " | ".join(cells) + " |"


def _needs(cls):
    required = [_NEEDS[name] for name in registry.required_arguments(cls)]
    if getattr(cls, "needs_validation", False):
        required.append("validation data")
    return ", ".join(required)


def _paper(cls):
    match = _LINK.search(inspect.getdoc(cls))
    return f"[{match[1]}]({match[2]})" if match else ""


if __name__ == "__main__":
    PATH.write_text(markdown(), encoding="utf-8")
