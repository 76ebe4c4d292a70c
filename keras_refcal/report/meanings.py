"""What each figure is called, which way is better, and how it is shown."""

import dataclasses


@dataclasses.dataclass(frozen=True)
class Meaning:
    """How the page speaks of a figure.

    Attributes:
        title: Its name in full.
        topic: Under which heading it stands.
        better: `"higher"`, `"lower"`, or `""` where neither is.
        text: What it is, a sentence.
        kind: How values are shown, see `tables.shown`.
    """

    title: str
    topic: str
    better: str
    text: str
    kind: str = "number"


_RANKING = "Accuracy and ranking"
_TOP = "Calibration of the predicted class"
_ALL = "Calibration of every class"
_PROPER = "Proper scores"
_SELECTIVE = "Confidence as a score of being right"

MEANINGS = {
    "accuracy": Meaning(
        "Accuracy", _RANKING, "higher", "Share of right answers.", "share2"
    ),
    "refinement": Meaning(
        "Refinement (OVO AUROC)",
        _RANKING,
        "higher",
        "How well each class is told from each other one, whatever the scale of the "
        "probabilities; RefCal's measure.",
    ),
    "auroc_ovr": Meaning(
        "AUROC, one against rest", _RANKING, "higher", "Mean over classes."
    ),
    "ece": Meaning(
        "Expected calibration error",
        _TOP,
        "lower",
        "Mean distance between confidence and accuracy over bins of equal width.",
    ),
    "mce": Meaning(
        "Maximum calibration error", _TOP, "lower", "The largest gap of a bin."
    ),
    "rmsce": Meaning(
        "Root mean square calibration error",
        _TOP,
        "lower",
        "As ECE, large gaps weigh more.",
    ),
    "ece_debiased": Meaning(
        "Expected calibration error, debiased",
        _TOP,
        "lower",
        "Less what chance adds to it on few samples.",
    ),
    "kuiper": Meaning(
        "Kuiper statistic",
        _TOP,
        "lower",
        "The largest miscalibration of an interval of confidences, times its share.",
    ),
    "kuiper_p_value": Meaning(
        "Kuiper: p-value",
        _TOP,
        "",
        "How probable so large a statistic is if the model is calibrated.",
    ),
    "kolmogorov_smirnov": Meaning(
        "Kolmogorov-Smirnov statistic",
        _TOP,
        "lower",
        "The same, of all confidences below one.",
    ),
    "kolmogorov_smirnov_p_value": Meaning(
        "Kolmogorov-Smirnov: p-value",
        _TOP,
        "",
        "How probable so large a statistic is if the model is calibrated.",
    ),
    "rmsce_debiased": Meaning(
        "Root mean square, debiased",
        _TOP,
        "lower",
        "Less the part that few samples a bin add.",
    ),
    "average_calibration_error": Meaning(
        "Average calibration error",
        _TOP,
        "lower",
        "Mean gap of non-empty bins, however few samples they hold.",
    ),
    "overconfidence_error": Meaning(
        "Overconfidence error",
        _TOP,
        "lower",
        "Only gaps where confidence exceeds accuracy, times the confidence.",
    ),
    "ece_quantile": Meaning(
        "ECE, bins of equal mass", _TOP, "lower", "Each bin holds as many samples."
    ),
    "smece": Meaning(
        "Smooth calibration error", _TOP, "lower", "A kernel in place of bins."
    ),
    "proper_calibration_error": Meaning(
        "Proper calibration error",
        _ALL,
        "lower",
        "Mean distance of the rows to what a temperature makes of them, across folds.",
    ),
    "classwise_ece": Meaning(
        "Classwise ECE (SCE)",
        _ALL,
        "lower",
        "Mean over classes, all probabilities count.",
    ),
    "ace": Meaning(
        "Adaptive calibration error",
        _ALL,
        "lower",
        "Classwise with bins of equal mass.",
    ),
    "tace": Meaning(
        "Thresholded adaptive error",
        _ALL,
        "lower",
        "ACE that reads tiny probabilities as 0.",
    ),
    "brier": Meaning(
        "Brier score",
        _PROPER,
        "lower",
        "Squared distance to the one-hot label, 0 to 2.",
    ),
    "brier_calibration": Meaning(
        "Brier: calibration part",
        _PROPER,
        "lower",
        "What a temperature fitted to other samples saves.",
    ),
    "brier_refinement": Meaning(
        "Brier: refinement part", _PROPER, "lower", "What remains after it."
    ),
    "brier_refinement_in_sample": Meaning(
        "Brier: refinement part, in sample",
        _PROPER,
        "lower",
        "What the best temperature on these very samples leaves.",
    ),
    "brier_calibration_binned": Meaning(
        "Brier: calibration part, binned",
        _PROPER,
        "lower",
        "Mean squared gap of the bins of every class.",
    ),
    "brier_refinement_binned": Meaning(
        "Brier: refinement part, binned", _PROPER, "lower", "The rest of the score."
    ),
    "nll": Meaning(
        "Negative log-likelihood",
        _PROPER,
        "lower",
        "Mean surprise at the label, in nats.",
    ),
    "nll_calibration": Meaning(
        "NLL: calibration part",
        _PROPER,
        "lower",
        "What a temperature fitted to other samples saves.",
    ),
    "nll_refinement": Meaning(
        "NLL: refinement part", _PROPER, "lower", "What remains after it."
    ),
    "nll_refinement_in_sample": Meaning(
        "NLL: refinement part, in sample",
        _PROPER,
        "lower",
        "What the best temperature on these very samples leaves.",
    ),
    "temperature": Meaning(
        "Best temperature",
        _PROPER,
        "",
        "Above 1, the logits are too large: overconfident.",
    ),
    "correctness_auroc": Meaning(
        "Correctness AUROC",
        _SELECTIVE,
        "higher",
        "How well confidence tells right answers from wrong ones.",
    ),
    "fpr_at_95_recall": Meaning(
        "FPR at 95 % recall",
        _SELECTIVE,
        "lower",
        "Wrong answers kept when 95 % of the right ones are.",
    ),
    "aupr_success": Meaning(
        "AUPR, right answers",
        _SELECTIVE,
        "higher",
        "Precision-recall area, right answers as positives.",
    ),
    "aupr_error": Meaning(
        "AUPR, wrong answers",
        _SELECTIVE,
        "higher",
        "Precision-recall area, wrong answers as positives.",
    ),
    "aurc": Meaning("AURC", _SELECTIVE, "lower", "Area under the risk-coverage curve."),
    "excess_aurc": Meaning(
        "Excess AURC", _SELECTIVE, "lower", "AURC above that of a perfect ordering."
    ),
    "augrc": Meaning(
        "AUGRC",
        _SELECTIVE,
        "lower",
        "Area under the generalised risk: chance of an answered error.",
    ),
}
HEADLINES = ("accuracy", "ece", "refinement", "nll", "brier", "correctness_auroc")
