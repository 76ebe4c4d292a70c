"""Draws the claims of the results as charts for the documentation.

    python -m benchmarks.charts

One picture for each kind of claim, `docs/images/performance-<name>.svg`: how many times
better than the peer each is, with its target as a line, on a logarithmic axis.
"""

import json
import pathlib

from benchmarks.harness import RESULTS, ROOT

IMAGES = ROOT / "docs" / "images"
PICTURES = {
    "metrics": ("metric_update", "metric_set"),
    "evaluation": ("calibration_error", "ranking"),
    "training": ("training_step", "cached_features"),
}


def claims_of(prefixes):
    """Returns the claims of the results whose names start with one of the prefixes."""
    paths = [p for p in sorted(RESULTS.glob("*.json")) if p.stem.startswith(prefixes)]
    return [
        row for path in paths for row in json.loads(path.read_text()).get("claims", [])
    ]


def draw(rows, path: pathlib.Path):
    """Draws claims as bars and writes the picture."""
    import matplotlib

    matplotlib.use("Agg")
    matplotlib.rcParams["svg.hashsalt"] = "keras_refcal"
    from matplotlib import pyplot

    figure, axis = pyplot.subplots(figsize=(9, 0.8 + 0.42 * len(rows)))
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
    figure.savefig(path, bbox_inches="tight", metadata={"Date": None})
    pyplot.close(figure)


def main():
    """Draws every picture whose results lie there and prints their paths."""
    for name, prefixes in PICTURES.items():
        if rows := claims_of(prefixes):
            path = IMAGES / f"performance-{name}.svg"
            draw(rows, path)
            print(path)


if __name__ == "__main__":
    main()
