import itertools

import numpy as np
import pytest

from keras_refcal import data


@pytest.fixture
def digits():
    return data.load("digits")


def batches_of(digits, **arguments):
    return data.TrainingBatches(
        digits.train_images[:50], digits.train_labels[:50], 16, **arguments
    )


def take(dataset, count):
    return [(x.numpy(), y.numpy()) for x, y in itertools.islice(dataset, count)]


def assert_same(batches, others):
    for (images, labels), (other_images, other_labels) in zip(
        batches, others, strict=True
    ):
        np.testing.assert_array_equal(images, other_images)
        np.testing.assert_array_equal(labels, other_labels)


def test_same_seed_gives_the_same_bytes(digits):
    arguments = {"augmentation": data.augment.affine, "views": 2, "seed": 3}
    first, second = (
        take(batches_of(digits, **arguments).from_epoch(0), 6) for _ in range(2)
    )
    assert_same(first, second)


def test_a_later_epoch_continues_the_first(digits):
    batches = batches_of(digits, augmentation=data.augment.affine)
    assert batches.steps_per_epoch == 3
    assert_same(take(batches.from_epoch(0), 9)[6:], take(batches.from_epoch(2), 3))


def test_epochs_are_shuffled_anew_and_repeat_no_image(digits):
    images = np.arange(48, dtype="float32").reshape(48, 1, 1, 1) / 48
    batches = data.TrainingBatches(
        images, np.arange(48), 16, data.augment.identity, seed=1
    )
    labels = [y for _, y in take(batches.from_epoch(0), 6)]
    first, second = np.concatenate(labels[:3]), np.concatenate(labels[3:])
    assert sorted(first) == sorted(second) == list(range(48))
    assert first.tolist() != second.tolist()


def test_images_stay_with_their_labels(digits):
    images = np.arange(48, dtype="float32").reshape(48, 1, 1, 1) / 48
    batches = data.TrainingBatches(
        images, np.arange(48), 16, data.augment.identity, views=2
    )
    for views, labels in take(batches.from_epoch(0), 3):
        assert views.shape == (16, 2, 1, 1, 1)
        np.testing.assert_allclose(views[:, 0, 0, 0, 0] * 48, labels, rtol=1e-6)
        np.testing.assert_array_equal(views[:, 0], views[:, 1])


def test_every_view_is_drawn_on_its_own(digits):
    images = np.repeat(digits.train_images[:1], 8, axis=0)
    views = data.augment.augmented_views(images, 2, data.augment.affine, (0, 0))
    views = views.numpy().reshape(16, -1)
    assert len(np.unique(views, axis=0)) == 16
    assert views.min() >= 0 and views.max() <= 1


def test_small_affine_changes_keep_the_image_in_place(digits):
    images = data.scaled(digits.train_images[:64])
    still = data.augment.affine(images, (0, 0), 0.0, 0.0, 0.0, 0.0)
    np.testing.assert_allclose(still, images, atol=1e-6)
    moved = data.augment.affine(images, (0, 0)).numpy()
    correlation = np.corrcoef(moved.ravel(), images.ravel())[0, 1]
    assert 0.6 < correlation < 0.99


def test_a_small_set_is_one_batch(digits):
    batches = data.TrainingBatches(
        digits.train_images[:5], digits.train_labels[:5], 128, data.augment.identity
    )
    assert batches.steps_per_epoch == 1
    assert take(batches.from_epoch(0), 1)[0][0].shape == (5, 8, 8, 1)


def test_refuses_unequal_lengths_and_unknown_augmentations(digits):
    with pytest.raises(ValueError, match="equally many"):
        data.TrainingBatches(
            digits.train_images[:5], digits.train_labels[:4], 2, data.augment.identity
        )
    with pytest.raises(ValueError, match="Unknown augmentation 'blur'"):
        data.augment.get("blur")


def test_two_views_of_a_long_tail(digits):
    dataset = data.long_tail_dataset(
        digits.train_images, digits.train_labels, 10, imbalance_factor=0.1
    )
    labels = np.array([label for _, label in dataset.as_numpy_iterator()])
    expected = data.class_counts(120, 10, 0.1)
    assert np.bincount(labels).tolist() == expected.tolist()
    dataset = dataset.batch(8)
    paired = data.two_views(dataset)
    (views, _), (again, _) = (take(paired, 1)[0] for _ in range(2))
    assert views.shape == (8, 2, 8, 8, 1)
    assert np.any(views[:, 0] != views[:, 1])
    assert np.any(views != again), "a new epoch draws new views"
    assert_same(take(data.two_views(dataset), 1), [(views, labels[:8])])
