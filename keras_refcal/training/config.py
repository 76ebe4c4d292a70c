"""The configuration of a run; each field is a flag of `keras-refcal train`."""

import dataclasses


def _flag(help, default=dataclasses.MISSING):
    return dataclasses.field(default=default, metadata={"help": help})


@dataclasses.dataclass(frozen=True)
class TrainConfig:
    """What `keras-refcal train` trains, and on what; `--help` explains each field."""

    dataset: str = _flag("Name of a data set; 'digits' is bundled with scikit-learn.")
    output_dir: str = _flag("Directory of the run; the same command again resumes it.")
    data_dir: str | None = _flag("Where data sets that are not bundled lie.", None)
    imbalance_factor: float = _flag(
        "Smallest class over largest, in (0, 1], or its inverse.", 0.1
    )
    method: str = _flag("Recipe to train: refcal, refcal_joint, …", "refcal")
    baseline: str = _flag(
        "Recipe to train beside it, with as many images seen and the same seeds.",
        "cross_entropy",
    )
    encoder: str = _flag("Encoder: small_cnn, resnet20, resnet32, …", "small_cnn")
    seeds: tuple[int, ...] = _flag(
        "Seeds of initialisation and batches, one training each.", (0, 1, 2)
    )
    split_seed: int = _flag("Seed of the long-tailed draw.", 1234)
    epochs: int = _flag("Epochs of the encoder.", 60)
    classifier_epochs: int = _flag("Epochs of the classifier.", 20)
    batch_size: int = _flag("Images a step.", 64)

    def __post_init__(self):
        """Checks the numbers; names are checked where they are looked up."""
        for name in ("epochs", "classifier_epochs", "batch_size"):
            if getattr(self, name) < 1:
                raise ValueError(
                    f"`{name}` must be 1 or more. Received: {getattr(self, name)}"
                )
        if not self.seeds:
            raise ValueError("`seeds` must name one seed or more. Received none.")

    @property
    def methods(self):
        """The recipes to train: the method, then the baseline."""
        return tuple(dict.fromkeys((self.method, self.baseline)))
