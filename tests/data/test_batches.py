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


def numbered(count=48):
    images = np.arange(count, dtype="float32").reshape(count, 1, 1, 1) / count
    return images, np.arange(count) % 4


def test_batches_come_from_the_sampler(digits):
    images, labels = numbered()
    sampler = data.PKSampler(labels, 2, 3)
    batches = data.TrainingBatches(
        images, labels, None, data.augment.identity, sampler=sampler
    )
    assert batches.batch_size == 6 and batches.steps_per_epoch == 8
    for (views, ids), chosen in zip(
        take(batches.from_epoch(2), 8), sampler.epoch(2), strict=True
    ):
        np.testing.assert_allclose(views[:, 0, 0, 0], images[chosen, 0, 0, 0])
        np.testing.assert_array_equal(ids, labels[chosen])


def test_labels_with_numbers_and_weights():
    images, labels = numbered()
    weights = data.class_weights([12, 12, 12, 12])[labels] * (1 + labels)
    batches = data.TrainingBatches(
        images,
        labels,
        16,
        data.augment.identity,
        sampler="class_balanced",
        sample_weight=weights,
        with_index=True,
    )
    views, pairs, given = next(iter(batches.from_epoch(0)))
    assert pairs.shape == (16, 2)
    np.testing.assert_allclose(views[:, 0, 0, 0] * 48, pairs[:, 1], rtol=1e-6)
    np.testing.assert_array_equal(pairs[:, 0], labels[pairs[:, 1]])
    np.testing.assert_allclose(given, 1 + pairs[:, 0].numpy(), rtol=1e-6)


def test_mixing_gives_soft_labels(digits):
    arguments = {"augmentation": data.augment.affine, "mixing": data.augment.cut_mix}
    first, second = (
        take(batches_of(digits, **arguments).from_epoch(0), 4) for _ in range(2)
    )
    assert_same(first, second)
    for views, labels in first:
        assert views.shape == (16, 8, 8, 1) and labels.shape == (16, 10)
        np.testing.assert_allclose(labels.sum(axis=1), 1, atol=1e-5)


@pytest.mark.parametrize(
    "settings", [{"views": 2}, {"mixing": data.augment.mix_up}, {"with_index": True}]
)
def test_numpy_batches_are_those_of_tf_data(digits, settings):
    batches = batches_of(digits, augmentation=data.augment.affine, **settings)
    epoch = batches.epoch(1)
    assert len(epoch) == 3
    expected = take(batches.from_epoch(1), 3)
    for step in (2, 0, 1):
        images, labels = epoch[step]
        np.testing.assert_allclose(images, expected[step][0], atol=1e-6)
        np.testing.assert_allclose(labels, expected[step][1], atol=1e-6)
    with pytest.raises(IndexError):
        epoch[3]


def test_a_torch_data_loader_reads_the_same_batches(digits):
    torch_data = pytest.importorskip("torch.utils.data")
    batches = batches_of(digits, augmentation=data.augment.affine, views=2)
    expected = take(batches.from_epoch(0), 3)
    loader = torch_data.DataLoader(batches.epoch(0), batch_size=None)
    loaded = [(x.numpy(), y.numpy()) for x, y in loader]
    for (images, labels), (views, ids) in zip(loaded, expected, strict=True):
        np.testing.assert_allclose(images, views, atol=1e-6)
        np.testing.assert_array_equal(labels, ids)


def test_grain_reads_the_same_batches(digits):
    grain = pytest.importorskip("grain", reason="grain is optional")
    batches = batches_of(digits, augmentation=data.augment.affine, views=2)
    expected = take(batches.from_epoch(0), 3)
    loaded = list(grain.MapDataset.source(batches.epoch(0)))
    for (images, labels), (views, ids) in zip(loaded, expected, strict=True):
        np.testing.assert_allclose(images, views, atol=1e-6)
        np.testing.assert_array_equal(labels, ids)


def test_images_on_disk_are_decoded_as_they_are_needed(tmp_path, digits):
    Image = pytest.importorskip("PIL.Image")
    images = digits.train_images[:20].repeat(3, axis=-1)
    paths = [str(tmp_path / f"{number}.png") for number in range(20)]
    for path, image in zip(paths, images, strict=True):
        Image.fromarray(image).save(path)
    arguments = {"batch_size": 8, "augmentation": data.augment.crop_flip, "views": 2}
    labels = digits.train_labels[:20]
    files = data.ImageFiles(paths, (8, 8, 3))
    on_disk = data.TrainingBatches(files, labels, **arguments).from_epoch(0)
    in_memory = data.TrainingBatches(images, labels, **arguments).from_epoch(0)
    assert_same(take(on_disk, 4), take(in_memory, 4))
    (tmp_path / "3.png").write_bytes(b"no image")
    with pytest.raises(Exception, match=r"Not an image that can be read.*3\.png"):
        take(on_disk, 3)


def test_refuses_weights_and_mixing_that_do_not_fit(digits):
    with pytest.raises(ValueError, match="`sample_weight` must hold"):
        batches_of(digits, augmentation=data.augment.affine, sample_weight=[1.0])
    with pytest.raises(ValueError, match="`mixing` must be None"):
        batches_of(
            digits,
            augmentation=data.augment.affine,
            views=2,
            mixing=data.augment.mix_up,
        )
