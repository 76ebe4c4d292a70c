"""Draws time and memory of the contrastive loss by the number of rows.

    python -m benchmarks.contrastive_chart

From the results of `benchmarks.contrastive` to `docs/images/contrastive.svg`.
"""

import pathlib

import matplotlib
from matplotlib.figure import Figure

from benchmarks import harness
from keras_refcal.files import replacing

IMAGES = pathlib.Path(__file__).parents[1] / "docs" / "images"
BACKENDS = {"torch": "PyTorch", "jax": "JAX", "tensorflow": "TensorFlow"}


def main():
    results = {b: harness.read_result(f"contrastive-{b}") for b in BACKENDS}
    results = {b: result for b, result in results.items() if result}
    if not results:
        raise SystemExit("Run `python -m benchmarks.contrastive` first.")
    figure = Figure(figsize=(9, 3.6), layout="constrained")
    axes = figure.subplots(1, 2)
    measures = [("ms", "milliseconds"), ("extra_mb", "extra MB at the peak")]
    for axis, (kind, label) in zip(axes, measures, strict=True):
        for backend, result in results.items():
            draw(axis, result, kind, "ours", f"ours, {BACKENDS[backend]}", "o-")
        peers = results.get("torch", next(iter(results.values())))
        draw(axis, peers, kind, "published", "published code, PyTorch", "s--")
        draw(axis, peers, kind, "metric_learning", "pytorch-metric-learning", "^:")
        axis.set(xscale="log", yscale="log", xlabel="rows: samples times views")
        axis.set_ylabel(label)
        axis.grid(alpha=0.3)
    axes[0].legend(frameon=False, fontsize=8)
    save(figure, "contrastive.svg")
    print(*table(results), sep="\n")


def table(results):
    """Yields the claims of all backends as a table for the documentation."""
    yield "| claim | ours | peer | ratio | target |"
    yield "|---|---|---|---|---|"
    for result in results.values():
        for row in result["claims"]:
            ours, peer = (f"{row[k]:,.1f} {row['unit']}" for k in ("ours", "peer"))
            yield (
                f"| {row['claim']} | {ours} | {peer} | {row['ratio']} "
                f"| {row['target']} |"
            )


def draw(axis, result, kind, variant, label, style):
    points = sorted(
        (int(size), row[kind][variant])
        for size, row in result["rows"].items()
        if variant in row.get(kind, {})
    )
    if points:
        axis.plot(*zip(*points, strict=True), style, label=label, markersize=4)


def save(figure, name):
    IMAGES.mkdir(exist_ok=True)
    # With this salt and without a date the same results draw the same file.
    matplotlib.rcParams["svg.hashsalt"] = "keras_refcal"
    with replacing(IMAGES / name) as temporary:
        figure.savefig(temporary, metadata={"Date": None})
    print(IMAGES / name)


if __name__ == "__main__":
    main()
