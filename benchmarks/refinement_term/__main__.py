"""What does the refinement term bring? Forms with it against the same without.

    python -m benchmarks.refinement_term --arena=digits_0.02 \
        --forms="supcon,weight=0.1 bcl,views=3" --seeds=0,1,2,3,4,5,6,7,8,9,10,11

Every form is trained beside its control: the same seeds, initial weights, batches and
number of images. Its `cost` is the time of a step over that of the control's, measured
in turns; with `--equal_time` it stands beside a control that is longer by as much, too.
A line of `benchmarks/results/refinement_term/<arena>.jsonl` is a run, written when it
ends; runs that are there are not repeated.

Only validation images are judged. `--test` judges the test images too, of the forms
that are named, from the predictions in `--runs`: once, for those that were chosen, as
`plan.py` chooses them.
"""

import os
import sys

os.environ.setdefault("KERAS_BACKEND", "torch")

import torch
from absl import flags

from benchmarks import harness
from benchmarks.refinement_term import judge
from benchmarks.refinement_term.arenas import ARENAS
from benchmarks.refinement_term.contest import Contest
from benchmarks.refinement_term.forms import parse


def main(argv):
    """Trains what is missing, and prints the table."""
    values = options(argv)
    torch.set_num_threads(1)
    torch.set_default_device(values.device)
    contest = Contest(values.arena, values.runs, values.results)
    if values.only_table:
        print("\n".join(_table(contest, contest.records("validation"), "validation")))
        return
    forms = [parse(text) for text in values.forms.split()]
    seeds = [int(seed) for seed in values.seeds]
    wanted = dict.fromkeys(f for form in forms for f in (form.control, form))
    for form in wanted:
        contest.run_all(form, seeds)
    if values.equal_time:
        longer = [contest.as_long(form) for form in forms]
        for form in longer:
            contest.run_all(form, seeds)
        wanted |= dict.fromkeys(longer)
    part = "test" if values.test else "validation"
    if values.test:
        for form in wanted:
            contest.test_all(form, seeds)
    records = contest.records(part)
    records = {
        form.name: {seed: records[form.name][seed] for seed in seeds} for form in wanted
    }
    print("\n".join(_table(contest, records, part)))


def _table(contest, records, part):
    return judge.table(records, contest.controls(records), part)


def options(argv):
    """Returns the values of flags."""
    values = flags.FlagValues()
    common = {"flag_values": values}
    results = str(harness.RESULTS / "refinement_term")
    flags.DEFINE_enum("arena", "digits_0.02", sorted(ARENAS), "Which.", **common)
    flags.DEFINE_string("forms", "", "Blanks between; see `forms.Form`.", **common)
    flags.DEFINE_list("seeds", "0,1,2,3,4", "Of the paired runs.", **common)
    flags.DEFINE_string("runs", "runs/refinement_term", "Predictions.", **common)
    flags.DEFINE_string("results", results, "Folder of the lines.", **common)
    flags.DEFINE_string("device", "cpu", "That trains, of PyTorch.", **common)
    flags.DEFINE_bool("equal_time", False, "Train longer controls too.", **common)
    flags.DEFINE_bool("test", False, "Judge the test images.", **common)
    flags.DEFINE_bool("only_table", False, "Of all that is there.", **common)
    values(argv)
    return values


if __name__ == "__main__":
    main(sys.argv)
