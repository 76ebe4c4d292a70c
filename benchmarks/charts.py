"""Draws the results as charts and fills the tables of `docs/performance.md`.

    python -m benchmarks.charts

`docs/images/performance-<name>.svg` shows how many times better than the peer each
claim is, its target as a line; `docs/images/contrastive.svg` shows time and memory by
rows. A table follows each `<!-- claims: … -->` of the page, which names results.
"""

import json
import pathlib
import re

import matplotlib
from matplotlib.figure import Figure

from benchmarks import harness
from keras_refcal.files import replacing

IMAGES = harness.ROOT / "docs" / "images"
PAGE = harness.ROOT / "docs" / "performance.md"
PICTURES = {
    "metrics": ("metric_update", "metric_set"),
    "evaluation": ("calibration_error", "ranking"),
    "training": ("training_step", "cached_features"),
}
BACKENDS = {"torch": "PyTorch", "jax": "JAX", "tensorflow": "TensorFlow"}


def main():
    """Writes every picture whose results lie there, and the page."""
    for name, prefixes in PICTURES.items():
        if rows := claims_of(prefixes):
            save(bars(rows), f"performance-{name}.svg")
    results = {b: harness.read_result(f"contrastive-{b}") for b in BACKENDS}
    save(lines({b: r for b, r in results.items() if r}), "contrastive.svg")
    with replacing(PAGE) as temporary:
        temporary.write_text(filled(PAGE.read_text()))
    print(PAGE)


def claims_of(prefixes):
    """Returns the claims of the results whose names start with one of the prefixes."""
    paths = sorted(harness.RESULTS.glob("*.json"))
    paths = [path for path in paths if path.stem.startswith(prefixes)]
    return [
        row for path in paths for row in json.loads(path.read_text()).get("claims", [])
    ]


def filled(page):
    """Returns the text of a page, each table of claims made anew."""
    marked = re.compile(r"(<!-- claims: (.+) -->\n\n)(?:\|.*\n)*")
    return marked.sub(lambda m: m[1] + table(claims_of(tuple(m[2].split()))), page)


def table(rows):
    """Returns claims as a Markdown table."""
    text = "| claim | ours | peer | ratio | target | |\n|---|---|---|---|---|---|\n"
    for row in rows:
        ours, peer = (f"{row[key]:,g} {row['unit']}" for key in ("ours", "peer"))
        verdict = "met" if row["ratio"] >= row["target"] else "**missed**"
        cells = (row["claim"], ours, peer, row["ratio"], row["target"], verdict)
        text += "| " + " | ".join(map(str, cells)) + " |\n"
    return text


def bars(rows):
    """Returns a picture of claims, a bar each."""
    figure = Figure(figsize=(9, 0.8 + 0.42 * len(rows)), layout="constrained")
    axis = figure.subplots()
    positions = range(len(rows))
    axis.barh(positions, [row["ratio"] for row in rows], color="#3a6ea5")
    for position, row in enumerate(rows):
        axis.text(row["ratio"], position, f" {row['ratio']:g}", va="center")
        axis.plot(
            2 * [row["target"]], [position - 0.4, position + 0.4], color="#c0392b"
        )
    axis.set_yticks(positions, [row["claim"] for row in rows])
    axis.invert_yaxis()
    axis.set_xscale("log")
    axis.margins(x=0.15)
    axis.set_xlabel("times better than the peer; the line is the target")
    return figure


def lines(results):
    """Returns a picture of the contrastive losses, from their result a backend."""
    figure = Figure(figsize=(9, 3.6), layout="constrained")
    axes = figure.subplots(1, 2)
    measures = [("ms", "milliseconds"), ("extra_mb", "extra MB at the peak")]
    for axis, (kind, label) in zip(axes, measures, strict=True):
        for backend, result in results.items():
            _line(axis, result, kind, "ours", f"ours, {BACKENDS[backend]}", "o-")
        peers = results["torch"]
        _line(axis, peers, kind, "published", "published code, PyTorch", "s--")
        _line(axis, peers, kind, "metric_learning", "pytorch-metric-learning", "^:")
        axis.set(xscale="log", yscale="log", xlabel="rows: samples times views")
        axis.set_ylabel(label)
        axis.grid(alpha=0.3)
    axes[0].legend(frameon=False, fontsize=8)
    return figure


def _line(axis, result, kind, variant, label, style):
    points = sorted(
        (int(size), row[kind][variant])
        for size, row in result["rows"].items()
        if variant in row.get(kind, {})
    )
    if points:
        axis.plot(*zip(*points, strict=True), style, label=label, markersize=4)


def save(figure, name):
    """Writes a picture; the same results draw the same file."""
    matplotlib.rcParams["svg.hashsalt"] = "keras_refcal"
    path: pathlib.Path = IMAGES / name
    with replacing(path) as temporary:
        figure.savefig(temporary, metadata={"Date": None})
    print(path)


if __name__ == "__main__":
    main()
