"""What early stopping by loss, by accuracy and by refinement picks.

    KERAS_BACKEND=torch python -m benchmarks.early_stopping [--seeds=3] [--only=NAME]

Long-tailed digits, CIFAR-10 and CIFAR-100 at 16×16 (`refinement_term.arenas`; images
from `shared/data`), a small network of convolutions, balanced softmax, Adam. Each rule
picks an epoch on the validation images; the weights of that epoch and one temperature,
fitted to the same validation images, are judged on the test images. Writes
`results/early_stopping/NAME-seed-S.json` (and `NAME-seed-S.npz`, the validation and
test logits of the epoch that refinement picks, with `--logits=FOLDER`); what lies there
is not measured anew. `--draw` makes the table and the picture of
`docs/early-stopping.md`.
"""

import argparse
import pathlib
import time

import numpy as np

from benchmarks import charts, harness

DATA = {"digits": "digits_0.02", "cifar10": "cifar10_0.02", "cifar100": "cifar100_0.1"}
TITLES = {
    "digits": "digits, 331 images",
    "cifar10": "CIFAR-10, 1,270 images",
    "cifar100": "CIFAR-100, 5,850 images",
}
EPOCHS = {"digits": 60, "cifar10": 40, "cifar100": 24}
RULES = {
    "loss": lambda h: np.argmin(h["nll"]),
    "accuracy": lambda h: np.argmax(h["accuracy"]),
    "refinement": lambda h: np.argmin(h["nll_refinement"]),
    "last epoch": lambda h: len(h["nll"]) - 1,
}
FIGURES = ("accuracy", "nll", "ece", "nll_tempered", "brier_tempered", "ece_tempered")


def measure(name, seed, folder=None):
    """Trains once and returns the history and what each rule picks."""
    import keras

    from benchmarks.refinement_term import arenas
    from keras_refcal import losses

    arena = arenas.ARENAS[DATA[name]]
    images = arenas.load(arena, seed)
    parts = [
        (x.numpy().transpose(0, 2, 3, 1).copy(), y.numpy())
        for x, y in (images.train, images.validation, images.test)
    ]
    keras.utils.set_random_seed(seed)
    model = network(arena, parts[0][0].shape[1:])
    loss = losses.BalancedSoftmaxLoss(arena.counts.tolist(), from_logits=True)
    model.compile(keras.optimizers.Adam(1e-3), loss)
    start = time.process_time()
    history, snapshots = train(model, parts, EPOCHS[name], flips=name != "digits")
    picks = {}
    for rule, pick in RULES.items():
        epoch = int(pick(history))
        model.set_weights(snapshots[epoch])
        logits = [model.predict(x, batch_size=500, verbose=0) for x, _ in parts[1:]]
        picks[rule] = {"epoch": epoch + 1, **judge(parts, *logits)}
        if folder and rule == "refinement":
            save_logits(folder, f"{name}-seed-{seed}", parts, logits)
    seconds = round(time.process_time() - start)
    return {"history": history, "picks": picks, "process_seconds": seconds}


def network(arena, shape):
    """Returns convolutions with batch normalisation, and logits."""
    from keras import Input, Sequential, layers

    model = Sequential([Input(shape)])
    for width, stride in zip(arena.widths, arena.strides, strict=True):
        model.add(layers.Conv2D(width, 3, stride, padding="same", use_bias=False))
        model.add(layers.BatchNormalization(momentum=0.9))
        model.add(layers.Activation("relu"))
    model.add(layers.GlobalAveragePooling2D())
    model.add(layers.Dense(len(arena.counts)))
    return model


def train(model, parts, epochs, flips):
    """Returns the validation figures of every epoch, and its weights."""
    from keras_refcal.evaluation import evaluate

    (x, y), (held_out, labels), _ = parts
    generator = np.random.default_rng(0)
    names = ["accuracy", "nll", "nll_refinement_in_sample"]
    history = {"accuracy": [], "nll": [], "nll_refinement": []}
    snapshots = []
    for _ in range(epochs):
        mirrored = generator.random(len(x)) < 0.5 * flips
        views = np.where(mirrored[:, None, None, None], x[:, :, ::-1], x)
        model.fit(views, y, batch_size=64, verbose=0)
        logits = model.predict(held_out, batch_size=500, verbose=0)
        found = evaluate(labels, logits=logits, scores=names)
        for key, value in zip(history, found.values(), strict=True):
            history[key].append(value)
        snapshots.append([np.array(w) for w in model.get_weights()])
    return history, snapshots


def judge(parts, validation_logits, test_logits):
    """Returns figures of the test images, raw and after the temperature."""
    from keras_refcal.evaluation import evaluate

    (_, labels), (_, test_labels) = parts[1:]
    fitted = evaluate(labels, logits=validation_logits, scores=["temperature"])
    raw = evaluate(test_labels, logits=test_logits, scores=["accuracy", "nll", "ece"])
    tempered = evaluate(
        test_labels,
        logits=test_logits / fitted["temperature"],
        scores=["nll", "brier", "ece"],
    )
    return raw | {f"{key}_tempered": value for key, value in tempered.items()}


def save_logits(folder, name, parts, logits):
    """Writes logits and labels of the validation and the test images."""
    (_, y_train), (_, y), (_, y_test) = parts
    np.savez_compressed(
        pathlib.Path(folder) / f"{name}.npz",
        val_logits=logits[0].astype("float16"),
        val_labels=y,
        test_logits=logits[1].astype("float16"),
        test_labels=y_test,
        class_counts=np.bincount(y_train),
    )


def results(name):
    """Returns the results of every seed that lies there."""
    found = sorted((harness.RESULTS / "early_stopping").glob(f"{name}-seed-*.json"))
    return [harness.read_result(f"early_stopping/{path.stem}") for path in found]


def table():
    """Returns the table of the page: means and standard deviations over seeds."""
    lines = [
        "| data | picked by | epoch | accuracy % | NLL | ECE | NLL after a temperature "
        "| Brier | ECE |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for name in DATA:
        runs = results(name)
        for rule in RULES:
            picks = [run["picks"][rule] for run in runs]
            epochs = ", ".join(str(pick["epoch"]) for pick in picks)
            cells = [_cell(picks, figure) for figure in FIGURES]
            title = TITLES[name] if rule == "loss" else ""
            lines.append(f"| {title} | {rule} | {epochs} | {' | '.join(cells)} |")
    return "\n".join(lines)


def _cell(picks, figure):
    values = np.array([pick[figure] for pick in picks])
    if figure == "accuracy":
        return f"{100 * values.mean():.2f} ± {100 * values.std(ddof=1):.2f}"
    return f"{values.mean():.3f} ± {values.std(ddof=1):.3f}"


def picture():
    """Returns validation curves of the first seed with the epochs that are picked."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(10, 3.4), layout="constrained")
    for axis, name in zip(figure.subplots(1, 3), DATA, strict=True):
        run = results(name)[0]
        history = run["history"]
        epochs = np.arange(1, len(history["nll"]) + 1)
        curves = {
            "loss": ("#c0392b", history["nll"]),
            "accuracy": ("#7f8c8d", 1 - np.array(history["accuracy"])),
            "refinement": ("#1f618d", history["nll_refinement"]),
        }
        for rule, (colour, values) in curves.items():
            label = {"loss": "loss", "accuracy": "share of errors"}.get(
                rule, "loss after the best temperature"
            )
            axis.plot(epochs, values, color=colour, label=label)
            epoch = run["picks"][rule]["epoch"]
            axis.plot(epoch, values[epoch - 1], "o", color=colour)
        top = 2.2 * min(history["nll"])
        axis.set(title=TITLES[name], xlabel="epoch", ylim=(0, top))
    figure.axes[0].set_ylabel("validation, nats or share")
    figure.axes[0].legend(frameon=False, fontsize=8)
    return figure


def main():
    """Measures what is not there yet, or draws."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--only", choices=DATA)
    parser.add_argument("--logits")
    parser.add_argument("--draw", action="store_true")
    arguments = parser.parse_args()
    if arguments.draw:
        charts.save(picture(), "early-stopping.svg")
        print(table())
        return
    (harness.RESULTS / "early_stopping").mkdir(exist_ok=True)
    for seed in range(arguments.seeds):
        for name in [arguments.only] if arguments.only else DATA:
            key = f"early_stopping/{name}-seed-{seed}"
            if harness.read_result(key) is None:
                found = measure(name, seed, arguments.logits)
                harness.write_result(key, found)
                picks = {rule: pick["epoch"] for rule, pick in found["picks"].items()}
                print(key, picks, found["process_seconds"], flush=True)


if __name__ == "__main__":
    main()
