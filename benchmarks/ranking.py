"""Exact AUROC, AURC, ECE and smooth ECE of saved predictions, against scikit-learn.

python -m benchmarks.ranking
"""

from sklearn.metrics import roc_auc_score

from benchmarks.calibration_error import predictions
from benchmarks.harness import claim, median_ms, write_result
from keras_refcal import evaluation

BACKENDS = ("torch",)  # NumPy alone, on all the same
# (samples, classes): beside scikit-learn, and alone, where that needs most of an hour.
SMALL, LARGE, LARGE_SECONDS = (10_000, 100), (50_000, 1000), 1.0
FIGURES = ("refinement", "auroc_ovr", "aurc", "ece", "smece")


def ours(labels, probabilities, multi_class):
    """Returns a function of our AUROC."""
    return lambda: evaluation.multiclass_auroc(
        labels, probabilities, multi_class=multi_class
    )


def theirs(labels, probabilities, multi_class):
    """Returns a function of scikit-learn's AUROC."""
    # scikit-learn wants rows whose float32 sums are 1 to the digit.
    rows = probabilities.astype("float64")
    rows /= rows.sum(axis=1, keepdims=True)
    return lambda: roc_auc_score(labels, rows, multi_class=multi_class)


def against_scikit_learn(multi_class, target):
    """Returns the claim of one kind of AUROC, and how far the figures differ."""
    data = predictions(*SMALL)
    functions = {kind.__name__: kind(*data, multi_class) for kind in (ours, theirs)}
    times = median_ms(functions, repeats=3, warmup=1)
    difference = abs(functions["ours"]() - functions["theirs"]())
    text = f"exact {multi_class.upper()} AUROC of 100 classes against scikit-learn"
    return claim(text, times["ours"], times["theirs"], target, "ms"), difference


def each_figure(labels, probabilities):
    """Returns the milliseconds of each figure by itself, checks of input included."""
    functions = {
        name: lambda name=name: evaluation.evaluate(
            labels, probabilities, scores=[name]
        )
        for name in FIGURES
    }
    times = median_ms(functions, repeats=3, warmup=1)
    return {name: round(value, 1) for name, value in times.items()}


def main(argv=None):
    """Measures, writes the result and prints where it lies."""
    ovo, ovo_difference = against_scikit_learn("ovo", 200)
    ovr, ovr_difference = against_scikit_learn("ovr", 1)
    large = each_figure(*predictions(*LARGE))
    one_second = claim(
        "exact OVO AUROC of 1000 classes and 50,000 samples, in about a second",
        large["refinement"],
        1e3 * LARGE_SECONDS,
        1,
        "ms",
    )
    result = {
        "small": SMALL,
        "large": LARGE,
        "difference_to_scikit_learn": {"ovo": ovo_difference, "ovr": ovr_difference},
        "milliseconds_small": each_figure(*predictions(*SMALL)),
        "milliseconds_large": large,
        "claims": [ovo, one_second, ovr],
    }
    print(write_result("ranking", result))


if __name__ == "__main__":
    main()
