"""Forms of a training: with or without a refinement term, and how."""

import dataclasses

from benchmarks.refinement_term.contrast import TERMS


@dataclasses.dataclass(frozen=True)
class Form:
    """One way to train; the default is the control, balanced softmax alone.

    Attributes:
        term: `"none"`, or a name of `contrast.TERMS`.
        weight: Of the term.
        temperature: Of the term.
        views: 1 or 2 views an image, each classified and contrasted; or 3, the first
            classified, the other two contrasted. Each counts in the budget.
        view: `"mild"` or `"strong"`, the first view.
        contrasted: The same of the other views; as the first by default.
        on: What is contrasted, `"projection"` or `"features"`, of unit length.
        schedule: `"constant"`, or `"falling"` (to 0) for the weight of the term.
        first: Share of the steps with the term alone, before the classifier learns.
        freeze: Whether the encoder stays as it is after `first`.
        mixup: Weight of the loss on mixed images, which take half the rows.
        sam: Radius of sharpness-aware minimisation, which takes two steps for one.
        friendly: Whether SAM perturbs along the noise of the gradient alone (F-SAM).
        average: Momentum of an average of the weights, with batch statistics anew.
        classifier: `"balanced_softmax"` or `"cross_entropy"`.
        length: Images seen, in units of the arena's budget.
    """

    term: str = "none"
    weight: float = 1.0
    temperature: float = 0.1
    views: int = 1
    view: str = "mild"
    contrasted: str = ""
    on: str = "projection"
    schedule: str = "constant"
    first: float = 0.0
    freeze: bool = False
    mixup: float = 0.0
    sam: float = 0.0
    friendly: bool = False
    average: float = 0.0
    classifier: str = "balanced_softmax"
    length: float = 1.0

    def __post_init__(self):
        if self.term != "none" and self.term not in TERMS:
            raise ValueError(f"unknown term {self.term!r}, not one of {[*TERMS]}")

    @property
    def name(self):
        """The shortest text that `parse` makes this form of."""
        changed = [
            f"{field.name}={getattr(self, field.name)}"
            for field in dataclasses.fields(self)[1:]
            if getattr(self, field.name) != field.default
        ]
        return ",".join([self.term, *changed])

    @property
    def control(self):
        """The same training without the term, at the same number of images.

        It classifies every view.
        """
        kept = ("view", "mixup", "sam", "friendly", "average", "classifier", "length")
        return Form(**{name: getattr(self, name) for name in kept})


def parse(text):
    """Returns the form of a text: a term, then fields: `"bcl,weight=0.3,views=3"`."""
    term, *changes = text.split(",")
    kinds = {field.name: type(field.default) for field in dataclasses.fields(Form)}
    values = {}
    for change in changes:
        name, value = change.split("=")
        as_kind = kinds[name] if kinds[name] is not bool else "True".__eq__
        values[name] = as_kind(value)
    return Form(term, **values)
