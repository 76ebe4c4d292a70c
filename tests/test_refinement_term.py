"""The arena of `benchmarks/refinement_term`: fair, right, and quick to try."""

import json

import keras
import numpy as np
import pytest

if keras.backend.backend() != "torch":
    pytest.skip("the arena trains in PyTorch", allow_module_level=True)

import torch

from benchmarks.refinement_term import judge
from benchmarks.refinement_term.__main__ import main
from benchmarks.refinement_term.arenas import ARENAS, load
from benchmarks.refinement_term.contest import Contest
from benchmarks.refinement_term.contrast import TERMS, VonMisesFisher
from benchmarks.refinement_term.forms import Form, parse
from benchmarks.refinement_term.train import Training
from keras_refcal.ops.balanced_contrastive import balanced_contrastive
from keras_refcal.ops.contrastive import supervised_contrastive


@pytest.fixture
def batch():
    generator = torch.Generator().manual_seed(0)
    embeddings = torch.randn(12, 64, generator=generator)
    embeddings = torch.nn.functional.normalize(embeddings, dim=1)
    labels = torch.tensor([0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 3])
    return embeddings, labels, torch.randn(12, 4, generator=generator)


def made(name, temperature=0.2):
    torch.manual_seed(0)
    return TERMS[name](np.array([5, 4, 2, 1]), 64, temperature)


def test_terms_are_those_of_the_package(batch):
    embeddings, labels, _ = batch
    expected = supervised_contrastive(embeddings, labels, temperature=0.2).mean()
    torch.testing.assert_close(made("supcon")(*batch), expected)
    term = made("bcl")
    expected = balanced_contrastive(
        embeddings, term.prototypes, labels, temperature=0.2
    ).mean()
    torch.testing.assert_close(term(*batch), expected)
    # The first batch finds an empty memory.
    torch.testing.assert_close(made("memory")(*batch), expected)


def test_contrast_that_knows_right_from_wrong(batch):
    embeddings, labels, _ = batch
    certain = 50 * torch.nn.functional.one_hot(labels).float()
    supcon = made("supcon")(embeddings, labels, certain) * 0.07 / 0.2
    right = made("right_from_wrong")(embeddings, labels, certain)
    torch.testing.assert_close(right, supcon)
    certain[0] = 0.0
    certain[0, 1] = 50.0  # an image of class 0 that is taken for class 1
    assert made("right_from_wrong")(embeddings, labels, certain) > supcon


def test_von_mises_fisher_in_closed_form(batch):
    embeddings, labels, _ = batch
    special = pytest.importorskip("scipy.special")
    term = VonMisesFisher(np.array([5, 4, 2, 1]), 64, 0.2)
    kappa = torch.tensor([0.5, 5.0, 40.0, 400.0])
    order = term.dim / 2 - 1
    bessel = np.log(special.ive(order, kappa.numpy().astype("float64"))) + kappa.numpy()
    found = term._log_normalizer(kappa).numpy() + 0.5 * np.log(2 * np.pi * order)
    expected = order * np.log(kappa.numpy()) - bessel
    np.testing.assert_allclose(found, expected, atol=1e-3)
    assert torch.isfinite(term(*batch))
    # A class is nearest to its own images.
    assert (term.scores(embeddings).argmax(1) == labels).float().mean() > 0.5


@pytest.mark.parametrize("text", ["none", "bcl,weight=0.3,views=3,view=strong"])
def test_forms_are_texts(text):
    assert parse(text).name == text
    assert parse(text).control.term == "none"
    assert parse("supcon,sam=0.05,friendly=True").friendly


@pytest.mark.parametrize("name", sorted(TERMS))
def test_a_term_of_weight_0_changes_nothing(name):
    arena = ARENAS["tiny"]
    images = load(arena, 0)
    views = 2 if name in ("agreement", "simclr") else 1
    logits = []
    for form in (Form("none", views=views), Form(name, weight=0.0, views=views)):
        training = Training(arena, form, images, seed=1)
        for _ in range(3):
            training.step()
        logits.append(training.predictions(images.validation[0])["logits"])
    np.testing.assert_array_equal(*logits)


def test_no_image_is_in_two_parts():
    images = load(ARENAS["digits_0.02"], 3)
    counts = torch.bincount(images.train[1])
    assert counts.tolist() == ARENAS["digits_0.02"].counts.tolist()
    assert torch.bincount(images.validation[1]).tolist() == [100] * 10
    rows = {
        name: {x.numpy().tobytes() for x in getattr(images, name)[0]}
        for name in ("train", "validation", "test")
    }
    assert not rows["train"] & rows["validation"] and len(rows["test"]) == 597


def test_the_form_that_gained_most_is_chosen(tmp_path):
    def figures(accuracy):
        return {head: {"accuracy": accuracy} for head in ("classifier", "both")}

    gained = {"none": 0.5, "bcl": 0.6, "vmf": 0.7, "none,length=2.0": 0.9}
    gained |= {"none,view=strong": 0.8, "supcon,view=strong": 0.85}
    lines = [
        json.dumps({"form": form, "seed": seed, "validation": figures(accuracy)})
        for form, accuracy in gained.items()
        for seed in range(3)
    ]
    (tmp_path / "tiny.jsonl").write_text("\n".join(lines) + "\n")
    contest = Contest("tiny", tmp_path, tmp_path)
    assert contest.chosen(2, 3) == ["vmf", "bcl"]


def test_paired_interval():
    stats = pytest.importorskip("scipy.stats")
    ours, theirs = np.array([3.0, 4.0, 6.0, 5.0]), np.array([2.0, 4.5, 4.0, 4.0])
    mean, half = judge.difference(ours, theirs)
    interval = stats.ttest_rel(ours, theirs).confidence_interval(0.95)
    np.testing.assert_allclose([mean - half, mean + half], [*interval])


def test_runs_resume_and_are_judged_on_test_images_when_asked(tmp_path, capsys):
    words = ["refinement_term", "--arena=tiny", "--seeds=0,1", f"--results={tmp_path}"]
    words += [f"--runs={tmp_path / 'runs'}", "--forms=bcl,views=3,weight=0.3"]
    main(words)
    lines = (tmp_path / "tiny.jsonl").read_text().splitlines()
    assert {json.loads(line)["form"] for line in lines} == {
        "none",
        "bcl,weight=0.3,views=3",
    }
    assert len(lines) == 4 and str(tmp_path) not in "".join(lines)
    assert not (tmp_path / "tiny.test.jsonl").exists()
    capsys.readouterr()
    main([*words, "--test", "--only_table"])
    assert not (tmp_path / "tiny.test.jsonl").exists()
    main([*words, "--test"])
    assert "seed 0" not in capsys.readouterr().out
    assert (tmp_path / "tiny.jsonl").read_text().splitlines() == lines
    judged = (tmp_path / "tiny.test.jsonl").read_text().splitlines()
    assert len(judged) == 4 and "test" in json.loads(judged[0])
