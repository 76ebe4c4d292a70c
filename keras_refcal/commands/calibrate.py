"""Calibrates the model of a run on its validation predictions.

    keras-refcal calibrate --run=runs/digits --method=temperature
    keras-refcal calibrate --run=runs/digits --method=auto
    keras-refcal calibrate --run=runs/tail --method=auto --class_weight=balanced

`train --validation=0.2` keeps validation predictions; `--validation` names others. With
`auto`, five-fold cross-validation shows the table and picks the simplest method whose
log-loss is within one standard error of the least. `--class_weight=balanced` is for a
validation set that is long-tailed where the classes to come are equally frequent.
Writes `model.keras` with the calibrator inside, `predictions.npz` of the test set and
`calibration.json` to `calibrated` in the run's directory, or to `--output_dir`.
"""

from absl import flags

from keras_refcal.training.calibrating import calibrate_run
from keras_refcal.training.cross_validation import METHODS


def define_flags(flag_values):
    """Defines the flags of the command."""
    flags.DEFINE_enum(
        "method",
        "temperature",
        ["auto", *METHODS],
        "Calibrator; auto compares all by cross-validation.",
        flag_values=flag_values,
    )
    flags.DEFINE_enum(
        "class_weight",
        None,
        ["balanced"],
        "Weights each class alike, whatever its share of the validation set.",
        flag_values=flag_values,
    )
    for name, text in (
        ("run", "Directory that `keras-refcal train` wrote."),
        ("validation", "File of validation predictions, if not in the run."),
        ("output_dir", "Directory to write to, if not RUN/calibrated."),
    ):
        flags.DEFINE_string(name, None, text, flag_values=flag_values)
    flags.mark_flag_as_required("run", flag_values)


def run(flag_values, positional):
    """Calibrates what the flags say."""
    if positional:
        raise ValueError(
            f"calibrate takes flags only. Received: {' '.join(positional)}"
        )
    calibrate_run(
        flag_values.run,
        flag_values.method,
        flag_values.validation,
        flag_values.output_dir,
        flag_values.class_weight,
    )
