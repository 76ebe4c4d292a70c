"""The plan of the arenas: what is tried, in which order, and what is judged at the end.

    python -m benchmarks.refinement_term.plan digits
    python -m benchmarks.refinement_term.plan cifar
    python -m benchmarks.refinement_term.plan gpu --device=cuda --processes=8

First every form on the arenas that screen, judged on their validation images; then the
two forms that gained most on the first arena, on fresh seeds and in a second arena,
beside controls of equal images and of equal time, on test images. Killed, it resumes.
With `--processes` seeds are trained side by side; no form is begun `--seconds` after a
stage began.
"""

import argparse
import subprocess
import sys
import time
from concurrent import futures

from benchmarks.refinement_term.__main__ import main, options
from benchmarks.refinement_term.contest import Contest

SCREENED = {
    "tiny": (("tiny",), 3, ("none", "supcon,views=2", "bcl,weight=0.3")),
    "digits": (
        ("digits_0.02",),
        8,
        (
            "none",
            "bcl,weight=0.3",
            "vmf,weight=0.3",
            "agreement,views=2",
            "supcon,weight=0.1",
            "supcon,views=2",
            "memory,weight=0.3",
            "right_from_wrong,weight=0.3",
            "confidence,weight=0.3",
            "vmf,weight=0.3,on=features",
            "none,length=2.0",
            "bcl,weight=0.3,views=3,view=strong,contrasted=mild",
            "agreement,views=2,contrasted=strong",
            "supcon,first=0.3",
            "simclr,weight=0.3,views=2",
            "bcl,weight=0.3,mixup=1.0",
            "supcon,views=2,view=strong",
            "supcon,views=2,mixup=1.0",
        ),
    ),
    "cifar": (
        ("cifar10_0.02",),
        3,
        (
            "none,view=strong",
            "bcl,weight=0.3,view=strong",
            "agreement,views=2,view=strong",
            "vmf,weight=0.3,view=strong",
            "supcon,views=2,view=strong",
            "bcl,weight=0.3,views=3,view=strong",
            "memory,weight=0.3,view=strong",
            "right_from_wrong,weight=0.3,view=strong",
            "confidence,weight=0.3,view=strong",
            "none,length=2.0,view=strong",
            "supcon,first=0.3,view=strong",
            "simclr,weight=0.3,views=2,view=strong",
            "bcl,weight=0.3,view=strong,mixup=1.0",
        ),
    ),
    "gpu": (
        ("cifar100_32_0.1", "cifar100_32_0.01"),
        8,
        (
            "none,view=strong",
            "supcon,views=2,view=strong",
            "bcl,weight=0.3,views=3,view=strong,contrasted=mild",
            "vmf,views=3,view=strong,contrasted=mild",
            "right_from_wrong,weight=0.3,views=2,view=strong",
            "agreement,views=2,view=strong",
            "supcon,weight=0.3,views=2,view=strong",
            "bcl,weight=0.3,view=strong",
            "supcon,first=0.3,views=2,view=strong",
            "vmf,weight=0.3,view=strong",
            "bcl,weight=0.3,view=strong,mixup=1.0",
            "confidence,weight=0.3,view=strong",
            "memory,weight=0.3,view=strong",
            "size_temperature,weight=0.3,views=2,view=strong",
            "bcl,weight=0.3,view=strong,average=0.99",
            "bcl,weight=0.3,view=strong,sam=0.05",
            "bcl,weight=0.3,view=strong,sam=0.05,friendly=True",
        ),
    ),
}
# What is asked after the finals.
LATER = {
    "digits": (
        "supcon,schedule=falling",
        "size_temperature,weight=0.3",
        "supcon,first=0.5,freeze=True",
        "bcl,weight=0.3,sam=0.05",
        "bcl,weight=0.3,sam=0.05,friendly=True",
        "bcl,weight=0.3,average=0.99",
    ),
    "cifar": (
        "agreement,views=2,view=strong,contrasted=mild",
        "bcl,weight=0.3,view=strong,sam=0.05",
    ),
    "gpu": (),
    "tiny": (),
}
FINALS = {
    "digits": (("digits_0.02", "digits_0.01"), range(8, 20)),
    "cifar": (("cifar10_0.02", "cifar100_0.1"), range(3, 8)),
    "gpu": (("cifar100_32_0.1", "cifar100_32_0.01"), range(8, 13)),
    "tiny": (("tiny",), range(3, 6)),
}


def commands(stage, family, forms, seeds):
    """Yields the flags of each command of a stage.

    Stages are `"screen"`, `"finals"` (the chosen forms and their controls), `"judge"`
    (their test images) and `"later"`.
    """
    if stage in ("screen", "later"):
        for form in forms:
            for arena in SCREENED[family][0]:
                yield _flags(arena, seeds, [form])
        return
    words = ["--equal_time", "--test"] if stage == "judge" else ["--equal_time"]
    for arena in FINALS[family][0]:
        yield [*_flags(arena, seeds, forms), *words]


def run(flags, words):
    """Runs the commands of a stage one after another; begins none after a time."""
    until = time.monotonic() + flags.seconds
    for command in commands(flags.stage, flags.family, flags.forms, [flags.seed]):
        if time.monotonic() < until:
            main(["refinement_term", *command, *words])


def run_all(flags, words):
    """Runs all stages, the seeds of a stage in processes side by side."""
    family = flags.family
    (arena, *_), screened, forms = SCREENED[family]
    _stage("screen", forms, range(screened), flags, words)
    values = options(["refinement_term", f"--arena={arena}", *words])
    best = Contest(arena, values.runs, values.results).chosen(2, screened)
    fresh = FINALS[family][1]
    _stage("finals", best, fresh, flags, words)
    _stage("judge", best, fresh, flags, words)
    for command in commands("judge", family, best, fresh):
        main(["refinement_term", *command, *words])
    _stage("later", LATER[family], range(screened), flags, words)


def _stage(stage, forms, seeds, flags, words):
    command = [sys.executable, "-m", "benchmarks.refinement_term.plan", flags.family]
    command += [f"--stage={stage}", "--forms", *forms, *words]
    if stage in ("screen", "later"):
        command.append(f"--seconds={flags.seconds}")
    with futures.ThreadPoolExecutor(flags.processes) as pool:
        done = [
            pool.submit(subprocess.run, [*command, f"--seed={seed}"], check=True)
            for seed in seeds
        ]
    for each in done:
        each.result()


def _flags(arena, seeds, forms):
    numbers = ",".join(map(str, seeds))
    return [f"--arena={arena}", f"--seeds={numbers}", f"--forms={' '.join(forms)}"]


def parse(argv=None):
    """Returns the flags of this module, and those that are for every command."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("family", choices=sorted(SCREENED))
    parser.add_argument("--processes", type=int, default=1)
    parser.add_argument("--seconds", type=float, default=float("inf"))
    parser.add_argument("--stage", help="This one alone, of one seed.")
    parser.add_argument("--forms", nargs="*", help="Of the stage.")
    parser.add_argument("--seed", type=int)
    return parser.parse_known_args(argv)


if __name__ == "__main__":
    own, others = parse()
    run(own, others) if own.stage else run_all(own, others)
