"""The runs of an arena: trained once, judged, and kept as lines of JSON."""

import dataclasses
import json
import pathlib
import time

import numpy as np

from benchmarks import harness
from benchmarks.refinement_term import judge
from benchmarks.refinement_term.arenas import ARENAS, load
from benchmarks.refinement_term.forms import parse
from benchmarks.refinement_term.train import Training, clock


class Contest:
    """The runs of an arena, and the files that they are in."""

    def __init__(self, arena_name, runs, results):
        self.name, self.arena = arena_name, ARENAS[arena_name]
        self.runs = pathlib.Path(runs) / arena_name
        self.results = pathlib.Path(results)
        self.images, self.costs = {}, {}

    def path(self, part):
        """Returns the file of lines of `"validation"` or `"test"`."""
        end = "" if part == "validation" else f".{part}"
        return self.results / f"{self.name}{end}.jsonl"

    def records(self, part):
        """Returns form name → seed → record; every test record has its cost."""
        found = {}
        if self.path(part).exists():
            for line in self.path(part).read_text().splitlines():
                record = json.loads(line)
                found.setdefault(record["form"], {})[record["seed"]] = record
        return found

    def controls(self, names):
        """Returns form name → controls: of equal images, and of equal time."""
        found = {}
        for name in names:
            form = parse(name)
            equal = [form.control, self.as_long(form)]
            if form.sam or form.mixup or form.average:
                equal += [parse("none"), self.as_long(form, plain=True)]
            found[name] = [c for c in dict.fromkeys(f.name for f in equal) if c != name]
        return found

    def as_long(self, form, plain=False):
        """Returns the control that takes the time of a form, to a twentieth."""
        control = parse("none") if plain else form.control
        by_seed = self.records("validation").get(form.name)
        if by_seed is None or plain:
            return control
        cost = np.median([record["cost"] for record in by_seed.values()])
        longer = round(round(20 * cost) / 20 * control.length, 2)
        return dataclasses.replace(control, length=max(longer, control.length))

    def chosen(self, count, num_seeds):
        """Returns the forms whose validation images gained most, best first.

        Gained accuracy over the control of equal images, the same head, in three
        seeds or more of the first `num_seeds`.
        """
        records, gains = self.records("validation"), {}
        for name, by_seed in records.items():
            form = parse(name)
            control = records.get(form.control.name, {})
            seeds = [s for s in range(num_seeds) if s in by_seed and s in control]
            if form.term != "none" and len(seeds) >= 3:
                pairs = [
                    (by_seed[s]["validation"], control[s]["validation"]) for s in seeds
                ]
                gains[name] = judge.best_gain(pairs)
        return sorted(gains, key=gains.get, reverse=True)[:count]

    def run_all(self, form, seeds):
        """Trains a form on the seeds that are still to be done."""
        for seed in seeds:
            self.run(form, seed)

    def test_all(self, form, seeds):
        """Judges the test images of a form, once a seed."""
        for seed in seeds:
            self.test(form.name, seed)

    def run(self, form, seed):
        """Trains one form on one seed, if that is still to be done."""
        if seed in self.records("validation").get(form.name, {}):
            return
        if seed not in self.images:
            self.images[seed] = load(self.arena, seed)
        images, counts = self.images[seed], self.arena.counts
        if form.name not in self.costs:
            self.costs[form.name] = self._cost(form, images)
        started = time.time()
        training = Training(self.arena, form, images, seed)
        seconds = training.run()
        parts = {}
        for part, (x, labels) in (
            ("validation", images.validation),
            ("test", images.test),
        ):
            parts[part] = training.predictions(x) | {"labels": labels.cpu().numpy()}
        record = {
            "form": form.name,
            "seed": seed,
            "steps": training.steps,
            "images": training.steps * self.arena.rows * (2 if form.sam else 1),
            "cost": self.costs[form.name],
            "seconds": round(seconds, 2),
            "validation": judge.figures(
                parts["validation"], parts["validation"], counts
            ),
        }
        self.runs.mkdir(parents=True, exist_ok=True)
        flat = {f"{p}_{k}": v for p, part in parts.items() for k, v in part.items()}
        np.savez(self._predictions(form.name, seed), **flat)
        self._write("validation", record)
        figures, wall = record["validation"]["classifier"], time.time() - started
        print(
            f"{form.name} seed {seed}: accuracy {figures['accuracy']:.4f}, "
            f"AURC {figures['aurc']:.4f}, {seconds:.0f} s of {wall:.0f}",
            flush=True,
        )

    def test(self, name, seed):
        """Judges the test images of a run, once."""
        if seed in self.records("test").get(name, {}):
            return
        parts = {"validation": {}, "test": {}}
        with np.load(self._predictions(name, seed)) as file:
            for key in file:
                part, kind = key.split("_")
                parts[part][kind] = file[key]
        found = judge.figures(parts["validation"], parts["test"], self.arena.counts)
        cost = self.records("validation")[name][seed]["cost"]
        record = {"form": name, "seed": seed, "cost": cost, "test": found}
        self._write("test", record)

    def _cost(self, form, images):
        """Returns the time of the form's steps over that of the control's, an image."""
        if form.term == "none":
            return form.length
        for record in self.records("validation").get(form.name, {}).values():
            return record["cost"]
        early, late = (self._step_ratio(form, images, at) for at in (0.0, 0.99))
        return round(form.first * early + (1 - form.first) * late, 3)

    def _step_ratio(self, form, images, progress):
        steps = {}
        for name, each in (("form", form), ("control", form.control)):
            training = Training(self.arena, each, images, 0)
            training.done = int(progress * training.steps)
            steps[name] = training.step
        took = harness.median_ms(steps, repeats=20, warmup=5, clock=clock)
        return took["form"] / took["control"]

    def _predictions(self, name, seed):
        return self.runs / f"{name}-{seed}.npz"

    def _write(self, part, record):
        self.results.mkdir(parents=True, exist_ok=True)
        with self.path(part).open("a") as file:
            file.write(json.dumps(record) + "\n")
