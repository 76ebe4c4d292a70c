import html.parser
import json
import re
import time

import numpy as np
import pytest
from random_predictions import draw
from run_directories import NAMES, write_predictions, write_run

from keras_refcal import evaluation, report
from keras_refcal.predictions import as_predictions

FAST = report.ReportSettings(bootstrap=20)
VOID = {"meta", "link", "img", "input", "br"}


class Page(html.parser.HTMLParser):
    """Elements of a page, and whether every one of them is closed in order."""

    def __init__(self, text):
        super().__init__()
        self.elements, self.stack, self.text = [], [], []
        self.feed(text)
        assert self.stack == []

    def handle_starttag(self, tag, attributes):
        self.elements.append((tag, dict(attributes)))
        if tag not in VOID:
            self.stack.append(tag)

    def handle_endtag(self, tag):
        assert self.stack.pop() == tag

    def handle_data(self, data):
        self.text.append(data)

    def of(self, tag):
        return [attributes for name, attributes in self.elements if name == tag]


def _run(labels, probabilities, **others):
    predictions = as_predictions(labels, probabilities)
    saved = report.SavedPredictions(predictions, **others)
    return report.Run("mine", (report.Entry("mine", saved, source="memory"),))


def _data(text):
    return json.loads(re.search(r'id="data">(.*?)</script>', text, re.S)[1])


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    run = report.read_run(write_run(tmp_path_factory.mktemp("run") / "digits"))
    return report.render_report(run, FAST)


def test_the_file_is_whole_and_loads_nothing(page):
    parsed = Page(page)
    policy = parsed.of("meta")[2]["content"]
    assert policy.startswith("default-src 'none'")
    for attributes in (a for _, a in parsed.elements):
        for name in ("src", "href", "srcset", "action"):
            assert re.match(r"data:|#", attributes.get(name, "#"))
    assert "url(" not in page and "@import" not in page


def test_names_are_text_whatever_they_hold(page):
    assert NAMES[3] not in page and NAMES[2] not in page
    parsed = Page(page)
    assert len(parsed.of("script")) == 2
    assert NAMES[3] in parsed.text
    assert NAMES[3] in _data(page)["p0-classes"][0]["names"]


def test_ids_are_unique_and_references_resolve(page):
    parsed = Page(page)
    ids = [a["id"] for _, a in parsed.elements if "id" in a]
    assert len(ids) == len(set(ids))
    for _, attributes in parsed.elements:
        for name in ("aria-labelledby", "aria-controls"):
            assert set(attributes.get(name, "").split()) <= set(ids)
        if attributes.get("href", "").startswith("#"):
            assert attributes["href"][1:] in ids


def test_pictures_have_text_and_headings_do_not_skip(page):
    parsed = Page(page)
    pictures = parsed.of("img")
    assert len(pictures) == 2 * FAST.mistakes
    assert all(p["alt"] and p["src"].startswith("data:image/png") for p in pictures)
    levels = [int(tag[1]) for tag, _ in parsed.elements if re.fullmatch(r"h\d", tag)]
    assert levels[0] == 1 and levels.count(1) == 1
    assert max(np.diff(levels)) <= 1


def test_every_diagram_has_a_summary_and_numbers(page):
    parsed = Page(page)
    scores = [a["data-chart"] for a in parsed.of("figure")]
    assert sorted(scores) == sorted(_data(page))
    assert {name.split("-")[1] for name in scores if name.startswith("p0")} == {
        "reliability",
        "histogram",
        "risk",
        "classes",
        "training",
    }
    assert all(a["data-summary-0"] for a in parsed.of("div") if "data-summary-0" in a)


def test_recipe_conventions_and_checksum_are_there(page):
    for text in (
        "0123456789abcdef" * 4,
        "refcal 2: classifier",
        "(a, b]: a bin holds its right edge",
        "20 replicates",
        "l1: mean of absolute gaps",
    ):
        assert text in page
    assert "/somewhere/private" not in page


def test_figures_are_those_of_evaluate():
    labels, probabilities = draw(3, 500, 5)
    text = report.render_report(_run(labels, probabilities), FAST)
    scores = evaluation.evaluate(labels, probabilities)
    for name in ("ece", "refinement", "nll", "brier", "aurc", "ace"):
        assert f">{scores[name]:.4f}<" in text
    curve = evaluation.reliability_curve(labels, probabilities)
    drawn = _data(text)["p0-reliability"][0]
    np.testing.assert_allclose(drawn["weight"], curve.weight)
    known = [value for value in drawn["accuracy"] if value is not None]
    np.testing.assert_allclose(
        known, curve.accuracy[curve.weight > 0], rtol=1e-4, atol=1e-12
    )


def test_the_same_input_gives_the_same_bytes():
    labels, probabilities = draw(3, 100, 5)
    texts = [report.render_report(_run(labels, probabilities), FAST) for _ in range(2)]
    assert texts[0] == texts[1]


SMALL = {
    "one sample": ([0], [[0.6, 0.4]]),
    "one column": ([0, 1, 1], [0.2, 0.4, 0.9]),
    "all right": ([0, 1], [[0.9, 0.1], [0.2, 0.8]]),
    "all wrong, certain": ([1, 0], [[1.0, 0.0], [0.0, 1.0]]),
    "absent classes": ([2, 2, 2], np.eye(4)[[0, 2, 3]]),
    "one class": ([0, 0], [[1.0, 0.0], [0.9, 0.1]]),
}


@pytest.mark.parametrize("case", SMALL)
def test_small_and_extreme_predictions(case):
    text = report.render_report(_run(*SMALL[case]), FAST)
    Page(text)
    assert (
        "nan" not in re.sub(r'data-value="nan"', "", text).lower().split("<script")[0]
    )
    _data(text)


def test_ten_thousand_samples_of_a_hundred_classes_stay_small_and_fast():
    labels, probabilities = draw(0, 10_000, 100, "float32")
    images = np.random.default_rng(0).integers(0, 255, (10_000, 32, 32, 3), "uint8")
    run = _run(labels, probabilities, images=images, class_counts=np.arange(100, 0, -1))
    start = time.perf_counter()
    text = report.render_report(run)
    assert time.perf_counter() - start < 30
    assert len(text.encode()) < 1_000_000


def test_of_very_many_classes_the_worst_are_told():
    labels, probabilities = draw(0, 1500, 1200, "float32")
    text = report.render_report(_run(labels, probabilities), FAST)
    assert "The 1000 worst-calibrated of 1200 classes" in text
    assert len(text.encode()) < 2_000_000


@pytest.mark.parametrize(
    "images",
    [
        np.zeros((2, 5, 5), "uint8"),
        np.ones((2, 300, 200, 1)),
        np.full((2, 5, 5, 4), np.nan),
        np.full((2, 5, 5, 3), -3.0),
    ],
)
def test_pictures_of_any_kind(images):
    run = _run([1, 1], [[0.9, 0.1], [0.8, 0.2]], images=images)
    pictures = Page(report.render_report(run, FAST)).of("img")
    assert len(pictures) == 2


def test_runs_of_one_name_are_told_apart(tmp_path):
    for folder in ("a", "b"):
        write_predictions(tmp_path / folder / "run" / "predictions.npz")
    runs = [report.read_run(tmp_path / folder / "run") for folder in ("a", "b")]
    text = report.render_report(runs, FAST)
    assert "a/run and b/run" in text


def test_a_page_is_written_whole_or_not_at_all(tmp_path):
    path = tmp_path / "page.html"
    path.write_text("old")
    with pytest.raises(TypeError):
        report.write_page(path, None)
    assert [p.read_text() for p in tmp_path.iterdir()] == ["old"]
    report.write_page(path, "new")
    assert path.read_text() == "new"
    with pytest.raises(FileNotFoundError, match="No directory to write to"):
        report.write_page(tmp_path / "none" / "page.html", "new")


def test_settings_are_checked():
    with pytest.raises(ValueError, match="`mistakes` must be from 0"):
        report.ReportSettings(mistakes=-1)
    run = _run([0, 1], [[0.9, 0.1], [0.2, 0.8]])
    with pytest.raises(ValueError, match="`convention` must be"):
        report.render_report(run, report.ReportSettings(convention="ours"))
    with pytest.raises(ValueError, match="one run or more"):
        report.render_report([])


def test_validation_predictions_add_the_threshold_and_the_sets(tmp_path):
    directory = write_run(tmp_path / "digits", images=False)
    folder = directory / "refcal" / "seed-0"
    write_predictions(folder / "validation.npz", seed=5, samples=200)
    settings = report.ReportSettings(bootstrap=0, target_risk=0.5, coverage=0.8)
    text = report.render_report(report.read_run(directory), settings)
    data = _data(text)
    (risk,) = data["p0-risk"]
    assert risk["chosen"]["target"] == 0.5
    assert 0 < risk["chosen"]["coverage"] <= 1
    kinds = [view["kind"] for view in data["p0-sets"]]
    assert kinds == ["by_group", "by_group", "by_group", "by_group", "sizes"]
    coverage = data["p0-sets"][0]
    assert coverage["groups"] == ["All", "Head", "Middle", "Tail"]
    assert all(abs(one["x"][0] - 0.8) < 0.1 for one in coverage["series"])
    assert "keep 50.0" in text
    # The other method has no validation predictions.
    assert "p1-sets" not in data
    assert data["p1-risk"][0]["chosen"] is None


def test_validation_predictions_must_be_of_the_same_classes(tmp_path):
    write_predictions(tmp_path / "predictions.npz")
    write_predictions(tmp_path / "validation.npz", classes=3)
    with pytest.raises(ValueError, match="must be of the 4 classes"):
        report.read_run(tmp_path)
    with pytest.raises(ValueError, match="`target_risk` must be in"):
        report.ReportSettings(target_risk=0)
