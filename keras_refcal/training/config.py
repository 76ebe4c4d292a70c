"""The configuration of runs; each field is a flag of `keras-refcal`."""

import dataclasses
import typing

from keras_refcal.data.augment import AUGMENTATIONS
from keras_refcal.data.draw import ALL, IMBALANCE, MAX_COUNT, SPLIT_SEED
from keras_refcal.data.long_tail import imbalance_ratio
from keras_refcal.validation import check_choice

LARGEST = 10**9
PIPELINES = (None, "tf.data", "device")
SELECTIONS = ("last", "refinement")
DTYPE_POLICIES = (None, "float32", "mixed_bfloat16", "mixed_float16")


def _flag(help, default=dataclasses.MISSING):
    return dataclasses.field(default=default, metadata={"help": help})


@dataclasses.dataclass(frozen=True, kw_only=True)
class RunConfig:
    """What is trained on, and how long; the same for every recipe and seed."""

    dataset: str = _flag(
        "Name or path of a data set; 'digits' is bundled with scikit-learn."
    )
    output_dir: str = _flag("Directory of the runs; the same command again resumes.")
    data_dir: str | None = _flag("Where data sets that are not bundled lie.", None)
    image_size: int | None = _flag(
        "Height and width to bring images of files to; needed if they differ.", None
    )
    skip_damaged: bool = _flag(
        "Whether to leave out image files that cannot be read.", False
    )
    augmentation: str | None = _flag(
        f"{', '.join(AUGMENTATIONS)}; by default what suits the data set.", None
    )
    imbalance_factor: float | typing.Literal["none"] | None = _flag(IMBALANCE, None)
    max_count: int | None = _flag(MAX_COUNT, None)
    split_seed: int = _flag("Seed of what is drawn where not all are used.", SPLIT_SEED)
    validation: float | None = _flag(
        "Share of each training class kept for validation, in [0, 1); by default 0, "
        "and 0.2 where a recipe chooses or calibrates by it.",
        None,
    )
    select: str = _flag(
        "Epoch to keep of stages that train the classifier: the last, or that of the "
        "best refinement of the --validation part (its log-loss after a temperature).",
        "last",
    )
    encoder: str = _flag("Encoder: small_cnn, resnet20, resnet32, …", "small_cnn")
    seeds: tuple[int, ...] = _flag(
        "Seeds of initialisation and batches, one training each.", (0, 1, 2)
    )
    scale: str = _flag("Epochs, rates and batches: small, or paper.", "small")
    epochs: int | None = _flag("Epochs of the encoder at scale small; 60.", None)
    classifier_epochs: int | None = _flag(
        "Epochs of the classifier at scale small; 20.", None
    )
    batch_size: int | None = _flag("Images a step at scale small; 64.", None)
    jit_compile: bool | None = _flag(
        "Whether to compile steps with XLA; by default Keras decides.", None
    )
    pipeline: str | None = _flag(
        "Where augmented views are made: tf.data, on the processor, or device, inside "
        "the step; by default device on JAX and PyTorch, which then need no "
        "TensorFlow.",
        None,
    )
    compilation_cache: str | None = _flag(
        "Directory in which JAX keeps compiled programs for the next run.", None
    )
    dtype_policy: str | None = _flag(
        "Keras' dtype policy: mixed_bfloat16 is faster on GPUs; that of Keras' "
        "configuration by default.",
        None,
    )

    def __post_init__(self):
        """Checks the numbers; names are checked where they are looked up."""
        for name in ("max_count", "epochs", "classifier_epochs", "batch_size"):
            value = getattr(self, name)
            if value is not None and not 1 <= value <= LARGEST:
                bound = "1 or more" if value < 1 else f"{LARGEST} or less"
                raise ValueError(f"`{name}` must be {bound}. Received: {value}")
        if not self.output_dir.strip():
            raise ValueError(
                "`output_dir` must name a directory. Received an empty text."
            )
        if self.validation is not None and not 0 <= self.validation < 1:
            raise ValueError(
                f"`validation` must be a share in [0, 1). Received: {self.validation}"
            )
        check_choice("augmentation", self.augmentation, (None, *AUGMENTATIONS))
        check_choice("dtype_policy", self.dtype_policy, DTYPE_POLICIES)
        check_choice("pipeline", self.pipeline, PIPELINES)
        self._check_selection()
        if not self.seeds:
            raise ValueError("`seeds` must name one seed or more. Received none.")
        for name, values in (("seeds", self.seeds), ("split_seed", [self.split_seed])):
            if wrong := [seed for seed in values if not 0 <= seed < 2**32]:
                raise ValueError(
                    f"`{name}` must be from 0 to {2**32 - 1}. Received: {wrong[0]}"
                )
        if len({*self.seeds}) < len(self.seeds):
            raise ValueError(
                f"`seeds` must differ. Received: {', '.join(map(str, self.seeds))}"
            )
        if self.imbalance_factor not in (None, ALL):
            imbalance_ratio(self.imbalance_factor)

    def _check_selection(self):
        check_choice("select", self.select, SELECTIONS)
        if self.select != "last" and not self.validation:
            raise ValueError(
                f"`select` {self.select!r} needs a part of the data to choose by: give "
                "`validation` a share above 0."
            )


@dataclasses.dataclass(frozen=True, kw_only=True)
class TrainConfig(RunConfig):
    """What `keras-refcal train` trains, and on what; `--help` explains each field."""

    method: str = _flag(
        "Recipe to train: refcal, refcal_joint, refcal_two_stage, …, or "
        "module:function of your own.",
        "refcal",
    )
    baseline: tuple[str, ...] | None = _flag(
        "Recipes to train beside it, with the same images and seeds; by default "
        "cross_entropy, and beside refcal also refcal_control: balanced softmax, "
        "trained as long and as augmented.",
        None,
    )

    @property
    def recipes(self):
        """The recipes to train: the method, then the baseline."""
        baseline = self.baseline
        if baseline is None:
            control = ("refcal_control",) if self.method == "refcal" else ()
            baseline = (*control, "cross_entropy")
        return tuple(dict.fromkeys((self.method, *baseline)))


@dataclasses.dataclass(frozen=True, kw_only=True)
class SweepConfig(RunConfig):
    """What `keras-refcal sweep` trains; `--help` explains each field."""

    recipes: tuple[str, ...] = _flag("Recipes to train, the first one leads the files.")

    def __post_init__(self):
        """Checks that there are recipes, each named once."""
        super().__post_init__()
        if not any(self.recipes) or len({*self.recipes}) < len(self.recipes):
            raise ValueError(
                "`recipes` must name one recipe or more, each once. "
                f"Received: {','.join(self.recipes)!r}"
            )
