"""The trainings that answer the question, in the order of what they tell.

    python -m benchmarks.refinement_term.plan digits
    python -m benchmarks.refinement_term.plan cifar

First every form on one arena, judged on its validation images; then the two forms that
gained most there, on more seeds and in a second arena, beside controls of equal images
and of equal time, on test images. One process each; killed, they resume.
"""

import sys

from benchmarks.refinement_term.__main__ import main

SCREENED = {
    "digits": (
        "digits_0.02",
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
        ),
    ),
    "cifar": (
        "cifar10_0.02",
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
}
FINALS = {
    "digits": (("digits_0.02", 12), ("digits_0.01", 12)),
    "cifar": (("cifar10_0.02", 5), ("cifar100_0.1", 5)),
}


def run(family):
    """Screens the forms, and takes the best two to the test images."""
    screened, seeds, forms = SCREENED[family]
    for form in forms:
        _command(screened, seeds, f"--forms={form}")
    for arena, seeds in FINALS[family]:
        chosen = [f"--choose_on={screened}", "--choose=2", "--equal_time", "--test"]
        _command(arena, seeds, *chosen)
    for form in LATER[family]:
        _command(screened, SCREENED[family][1], f"--forms={form}")


def _command(arena, seeds, *words):
    numbers = ",".join(map(str, range(seeds)))
    main(["refinement_term", f"--arena={arena}", f"--seeds={numbers}", *words])


if __name__ == "__main__":
    run(sys.argv[1])
