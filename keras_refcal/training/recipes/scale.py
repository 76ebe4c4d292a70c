"""How long and how fast a recipe trains: as published, or small enough for a CPU."""

import dataclasses


@dataclasses.dataclass(frozen=True)
class Phase:
    """The fit of one stage; the fields are those of `Stage`."""

    epochs: int
    batch_size: int
    learning_rate: float
    milestones: tuple[int, ...] = ()
    decay_rate: float = 0.1
    warmup_epochs: int = 0
    l2: float = 1e-4

    def options(self):
        """Returns the fields as arguments of `Stage`."""
        return {
            field.name: getattr(self, field.name) for field in dataclasses.fields(self)
        }


@dataclasses.dataclass(frozen=True)
class Scale:
    """The phases that recipes are made of.

    Attributes:
        encoder: RefCal's first stage, two views an image.
        classifier: RefCal's second stage, on the frozen encoder.
        joint: RefCal in one fit, two views an image.
        end_to_end: The only stage of a baseline, one view an image.
    """

    encoder: Phase
    classifier: Phase
    joint: Phase
    end_to_end: Phase


def small(epochs=60, classifier_epochs=20, batch_size=64) -> Scale:
    """Returns a scale for CPUs in which every recipe sees as many images.

    Args:
        epochs: Epochs of the encoder, two views an image.
        classifier_epochs: Epochs of the classifier.
        batch_size: Images a step.
    """
    return Scale(
        encoder=Phase(epochs, batch_size, 0.2, warmup_epochs=min(5, epochs // 4)),
        classifier=Phase(classifier_epochs, batch_size, 0.3, l2=0.0),
        joint=Phase(epochs + classifier_epochs // 2, batch_size, 0.1),
        end_to_end=Phase(2 * epochs + classifier_epochs, batch_size, 0.1),
    )


# The joint mode has no published length: it takes that of the first stage.
_ENCODER = Phase(1000, 1024, 0.5, warmup_epochs=10)
PAPER = Scale(
    encoder=_ENCODER,
    classifier=Phase(100, 512, 5.0, milestones=(60, 75, 90), decay_rate=0.2, l2=0.0),
    joint=_ENCODER,
    end_to_end=Phase(500, 512, 0.2, milestones=(350, 400, 450)),
)


def get_scale(name, epochs=None, classifier_epochs=None, batch_size=None) -> Scale:
    """Returns a scale by name, with numbers of one's own where they are given.

    Raises:
        ValueError: If there is no scale of that name, or numbers are given to
            `"paper"`, whose milestones belong to its epochs.

    >>> get_scale("small", epochs=10).end_to_end.epochs
    40
    """
    given = {
        "epochs": epochs,
        "classifier_epochs": classifier_epochs,
        "batch_size": batch_size,
    }
    given = {key: value for key, value in given.items() if value is not None}
    if name == "small":
        return small(**given)
    if name != "paper":
        raise ValueError(f"`scale` must be 'small' or 'paper'. Received: {name!r}")
    if given:
        raise ValueError(
            "`scale` 'paper' fixes epochs and batches; leave out "
            f"{', '.join(given)} or choose 'small'."
        )
    return PAPER
