"""What a run directory holds, as far as it is there."""

import dataclasses
import math
import os
import pathlib
from collections.abc import Mapping
from typing import Any

from keras_refcal.files import read_json
from keras_refcal.predictions.files import SavedPredictions, read_predictions
from keras_refcal.report.plots import epoch_logs

READ = (
    "predictions.npz",
    "validation.npz",
    "config.json",
    "metrics.json",
    "history.json",
)


@dataclasses.dataclass(frozen=True)
class Entry:
    """One classifier that is judged: a method, with the predictions of one seed.

    Attributes:
        label: What the page calls it.
        saved: Its predictions.
        source: The file they came from.
        history: Pairs of a stage's name and its logs, name to one value an epoch.
        over_seeds: Figure to `{"mean": …, "spread": …}` over several seeds.
        seeds: How many seeds that are; 0 if not known.
        validation: Predictions that it was not trained on and that are not judged:
            thresholds and prediction sets are fitted to them. `None` without them.
    """

    label: str
    saved: SavedPredictions
    source: str
    history: tuple = ()
    over_seeds: Mapping = dataclasses.field(default_factory=dict)
    seeds: int = 0
    validation: SavedPredictions | None = None

    def __post_init__(self):
        """Checks that the validation predictions are of the same classes."""
        if self.validation is None:
            return
        classes = self.saved.predictions.num_classes
        received = self.validation.predictions.num_classes
        if received != classes:
            raise ValueError(
                f"The validation predictions must be of the {classes} classes of "
                f"{self.source}. Received: {received} classes."
            )


@dataclasses.dataclass(frozen=True)
class Run:
    """A run directory.

    Attributes:
        name: Name of the directory.
        entries: Its classifiers, one or more.
        config: What `config.json` holds, empty if there is none.
        path: Where it lies; tells runs of one name apart.
    """

    name: str
    entries: tuple[Entry, ...]
    config: Mapping = dataclasses.field(default_factory=dict)
    path: str = ""


def read_runs(paths: Any, images: bool = True) -> list[Run]:
    """Reads run directories or files of predictions, see `read_run`.

    What is given twice, whatever the spelling of its path, is read once.
    """
    once = {}
    for path in paths:
        once.setdefault(os.path.realpath(path), path)
    return [read_run(path, images) for path in once.values()]


def files_read(path: str | os.PathLike) -> list[pathlib.Path]:
    """Returns the files that `read_run` may read; not all of them need exist."""
    path = pathlib.Path(path)
    if not path.is_dir():
        return [path]
    seeds = [file for name in READ for file in path.glob(f"*/seed-*/{name}")]
    return [*(path / name for name in READ), *seeds]


def read_run(directory: Any, images: bool = True) -> Run:
    """Reads a run directory; only predictions are required.

    They are `METHOD/seed-N/predictions.npz`, as `keras-refcal train` writes them (of
    each method the first seed), or else `predictions.npz`. `config.json`,
    `metrics.json`, `history.json` and, beside the predictions, `validation.npz` are
    used where they are there.

    Args:
        directory: The directory, or a file of predictions.
        images: Whether to read the images too, which may take much memory.

    Raises:
        OSError: If there is no such directory, or no predictions in it.
        ValueError: If a file in it does not hold what it should.
    """
    directory = pathlib.Path(directory)
    if directory.is_file():
        saved = read_predictions(directory, images=images)
        entry = Entry(directory.stem, saved, source=str(directory))
        return Run(directory.stem, (entry,), path=str(directory))
    if not directory.is_dir():
        raise FileNotFoundError(f"No run directory: {directory}")
    name = directory.resolve().name
    config = _mapping(directory / "config.json")
    method = str(config.get("method", name))
    metrics = _mapping(directory / "metrics.json")
    summaries = _figures(directory / "metrics.json", metrics)
    folders = _first_seeds(directory, [method, *summaries])
    if not folders:
        if not (directory / "predictions.npz").is_file():
            raise FileNotFoundError(
                f"No predictions in {directory}: expected predictions.npz, or "
                "METHOD/seed-N/predictions.npz."
            )
        folders = {method: directory}
    entries = tuple(
        Entry(
            method,
            read_predictions(folder / "predictions.npz", images=images),
            source=(folder / "predictions.npz").relative_to(directory).as_posix(),
            history=_stages(folder / "history.json"),
            over_seeds=summaries.get(method, {}),
            seeds=_number_of_seeds(directory / "metrics.json", metrics),
            validation=_validation(folder),
        )
        for method, folder in folders.items()
    )
    return Run(name, entries, config, str(directory))


MISSHAPEN = (AttributeError, KeyError, OverflowError, TypeError, ValueError)


def _validation(folder):
    path = folder / "validation.npz"
    return read_predictions(path, images=False) if path.is_file() else None


def _first_seeds(directory, order):
    """Returns method to the folder of its first seed, in the order given."""
    seeds = {}
    for path in directory.glob("*/seed-*/predictions.npz"):
        seeds.setdefault(path.parent.parent.name, []).append(path.parent)
    ordered = [name for name in dict.fromkeys(order) if name in seeds]
    return {
        name: min(seeds[name], key=lambda folder: (len(folder.name), folder.name))
        for name in [*ordered, *sorted(set(seeds) - set(ordered))]
    }


def _mapping(path):
    value = read_json(path) if path.is_file() else None
    if value is not None and not isinstance(value, dict):
        raise ValueError(f"{path}: expected an object. Received: {str(value)[:60]}")
    return value or {}


def _number_of_seeds(path, metrics):
    seeds = metrics.get("seeds") or []
    if not isinstance(seeds, list):
        raise ValueError(f'{path}: expected a list of "seeds". Received: {seeds!r:.60}')
    return len(seeds)


def _figures(path, metrics):
    methods = metrics.get("methods", {})
    try:
        return {
            method: {name: _mean_and_spread(value) for name, value in scores.items()}
            for method, scores in methods.items()
        }
    except MISSHAPEN as error:
        raise ValueError(
            f'{path}: expected {{"methods": {{name: {{figure: {{"mean": …, '
            f'"spread": …}}}}}}}}. Received: {str(methods)[:80]}'
        ) from error


def _mean_and_spread(value):
    if not isinstance(value, dict):
        value = {"mean": value}
    numbers = (value["mean"], value.get("spread"))
    mean, spread = (math.nan if number is None else float(number) for number in numbers)
    return {"mean": mean, "spread": spread}


def _stages(path):
    value = read_json(path) if path.is_file() else None
    if not value:
        return ()
    try:
        staged = isinstance(value, dict) and all(
            epochs and isinstance(epochs[0], dict) for epochs in value.values()
        )
        stages = value if staged else {"": value}
        return tuple((name, epoch_logs(logs)) for name, logs in stages.items())
    except MISSHAPEN as error:
        raise ValueError(
            f"{path}: expected the logs of each epoch, or of each stage by name. "
            f"Received: {str(value)[:80]}"
        ) from error
