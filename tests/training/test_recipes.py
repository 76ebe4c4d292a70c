import dataclasses
import sys

import keras
import pytest

from keras_refcal import data, recipes
from keras_refcal.training.config import TrainConfig
from keras_refcal.training.recipes import PAPER, RECIPES, get, get_scale, small
from keras_refcal.training.train import VALIDATION_SHARE, _with_validation

COUNTS = [50, 20, 5]


@pytest.mark.parametrize("name", RECIPES)
@pytest.mark.parametrize("scale", [small(), PAPER], ids=["small", "paper"])
def test_stages_describe_themselves(name, scale):
    for stage in get(name, scale, COUNTS):
        described = stage.describe()
        copy = keras.losses.deserialize(described["loss"])
        assert copy.get_config() == stage.loss.get_config()
        assert described["epochs"] == stage.epochs > 0


@pytest.mark.parametrize("name", RECIPES)
def test_every_recipe_is_new_each_time(name):
    first, second = (get(name, small(), COUNTS) for _ in range(2))
    for a, b in zip(first, second, strict=True):
        assert a.loss is not b.loss, "losses may keep state, which no run may inherit"
        assert not {*map(id, a.callbacks)} & {*map(id, b.callbacks)}


def test_small_recipes_see_equally_many_images():
    def images_seen(name):
        stages = get(name, small(), COUNTS)
        return sum(stage.epochs * stage.views for stage in stages)

    longer = {"refcal", "refcal_control", "refcal_plus"}
    assert len({images_seen(name) for name in {*RECIPES} - longer}) == 1
    for name in longer:
        assert images_seen(name) == 3 * images_seen("cross_entropy")


def test_the_flagship_and_its_control_differ_in_the_term_alone():
    (ours,), (control,) = (
        get(name, small(), COUNTS) for name in ("refcal", "refcal_control")
    )
    assert ours.needs_validation and control.needs_validation
    ours, control = ours.describe(), control.describe()
    loss, without = ours.pop("loss")["config"], control.pop("loss")["config"]
    assert ours == control
    assert loss.pop("refinement") == "supervised_contrastive"
    assert without.pop("refinement") is None
    assert loss == without


def test_published_numbers():
    refinement, classifier = get("refcal_two_stage", PAPER, COUNTS)
    assert (refinement.epochs, refinement.batch_size) == (1000, 1024)
    assert (refinement.learning_rate, refinement.l2) == (0.5, 1e-4)
    assert refinement.warmup_epochs == 10 and not refinement.milestones
    assert (classifier.epochs, classifier.batch_size) == (100, 512)
    assert (classifier.learning_rate, classifier.l2) == (5.0, 0.0)
    assert (classifier.milestones, classifier.decay_rate) == ((60, 75, 90), 0.2)
    (baseline,) = get("cross_entropy", PAPER, COUNTS)
    assert (baseline.epochs, baseline.milestones) == (500, (350, 400, 450))
    assert baseline.learning_rate == 0.2


def test_refuses_unknown_names():
    with pytest.raises(ValueError, match="Unknown method 'refcall'"):
        get("refcall", small(), COUNTS)
    with pytest.raises(ValueError, match="`scale` must be"):
        get_scale("large")


def test_two_stage_wants_a_refcal_model_and_known_steps():
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(2)])
    with pytest.raises(ValueError, match="`model` must be a RefCalModel"):
        recipes.two_stage(model, None)


OWN = """
from keras_refcal import losses
from keras_refcal.training.stages import Stage

def twice(scale, class_counts):
    loss = losses.CrossEntropyLoss()
    return [Stage(name, loss, epochs=scale.joint.epochs) for name in ("one", "two")]

def none(scale, class_counts):
    return []

number = 3
"""


def test_a_recipe_of_ones_own(tmp_path, monkeypatch):
    (tmp_path / "my_recipes.py").write_text(OWN)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.path", [*sys.path])
    stages = recipes.get("my_recipes:twice", recipes.small(), [3, 2])
    assert [stage.name for stage in stages] == ["one", "two"]
    for name, error, message in (
        ("my_recipes:none", ValueError, "must return one `Stage` or more"),
        ("my_recipes:number", ValueError, "has no function 'number'"),
        ("my_recipes:", ValueError, "has no function ''"),
        ("nowhere_at_all:f", ImportError, "nowhere_at_all"),
        (":f", ImportError, "names no module"),
    ):
        with pytest.raises(error, match=message):
            recipes.get(name, recipes.small(), [3, 2])


def test_a_validation_part_of_its_own_is_what_recipes_read():
    config = TrainConfig(dataset="digits", output_dir="runs")
    digits = data.load("digits")
    assert _with_validation(config, digits).validation == VALIDATION_SHARE
    own = dataclasses.replace(
        digits,
        validation_images=digits.test_images,
        validation_labels=digits.test_labels,
    )
    assert _with_validation(config, own).validation == 0
