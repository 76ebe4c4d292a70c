"""Data sets through TensorFlow Datasets, which keeps them prepared on disk."""

import pathlib

import numpy as np

from keras_refcal.backend.data_library import tensorflow
from keras_refcal.data.class_ids import check_classes
from keras_refcal.data.file_parts import MEMORY_LIMIT
from keras_refcal.data.image_data import ImageData
from keras_refcal.data.image_files import ImageFiles, decode
from keras_refcal.data.long_tail import validation_indices

NAMES = (
    "cats_vs_dogs",
    "cifar10",
    "cifar100",
    "cifar10_corrupted",
    "imagenet2012",
    "stl10",
    "svhn_cropped",
)
# Sets whose images differ in size are brought to one.
SIZES = {"cats_vs_dogs": 64, "imagenet2012": 224}
# Digits are not mirrored.
AUGMENTATIONS = {"svhn_cropped": ("affine", "affine", "affine")}


def read(name, data_dir=None, image_size=None, download=False):
    """Returns a data set that TensorFlow Datasets knows, or that lies in `data_dir`.

    A set without a test part has a fifth of each class cut off as one; a set without a
    training part (`cifar10_corrupted`) has an empty one. Sets too large for memory are
    read record by record, for which they must be prepared as array records.

    Args:
        name: Name of the data set, with its configuration after a slash.
        data_dir: Folder of prepared data sets, `~/tensorflow_datasets` by default.
        image_size: Height and width to bring the images to.
        download: Whether to fetch and prepare what is not there.

    Raises:
        ValueError: If there is no such data set, or it is not one of labelled images.
        OSError: If it is not prepared, or cannot be fetched.
    """
    base = name.split("/")[0]
    builder = _prepared_builder(name, data_dir, download)
    features = builder.info.features or {}
    if not {"image", "label"} <= set(features):
        raise ValueError(
            f"The data set {name!r} must hold `image` and `label`. Received: "
            f"{', '.join(features) or 'nothing'}"
        )
    class_names = tuple(features["label"].names)
    size = image_size or SIZES.get(base)
    shape = _shape(name, features["image"].shape, size)
    train, test = _parts(builder, shape, size is not None)
    for images, labels in (train, test):
        if len(images):
            check_classes(builder.data_path, labels, len(class_names), every=False)
    augmentations = AUGMENTATIONS.get(base, ("simclr", "crop_flip", "shift_flip"))
    return ImageData(name, *train, *test, class_names, *augmentations)


def _prepared_builder(name, data_dir, download):
    import tensorflow_datasets as tfds

    tensorflow()
    try:
        builder = tfds.builder(name, data_dir=data_dir)
    except tfds.core.DatasetNotFoundError as error:
        raise ValueError(
            f"TensorFlow Datasets knows no data set {name!r}, and none of that name is "
            f"prepared in {data_dir or 'its default folder'}."
        ) from error
    if builder.is_prepared():
        return builder
    folder = pathlib.Path(builder.data_path).parents[name.count("/") + 1]
    if not download:
        raise FileNotFoundError(
            f"The data set {name!r} is not prepared in {folder}. With a network: "
            f"`tfds build {name} --data_dir={folder}`, or `load(..., download=True)`. "
            "Without: prepare it elsewhere and copy the folder, or give `data_dir` "
            f"where it lies.{_raw_hint(name)}"
        )
    try:
        builder.download_and_prepare()
    except (OSError, AssertionError, tfds.download.DownloadError) as error:
        raise OSError(
            f"The data set {name!r} could not be prepared in {folder}: {error}"
        ) from error
    except ModuleNotFoundError as error:
        raise ImportError(
            f"To fetch {name!r}, TensorFlow Datasets needs a package that it does not "
            f"bring: pip install {error.name}"
        ) from error
    return builder


def _raw_hint(name):
    if name == "cifar10":
        return " The folder cifar-10-batches-py of the authors' archive serves as well."
    if name == "cifar100":
        return " The folder cifar-100-python of the authors' archive serves as well."
    return ""


def _shape(name, stored, size):
    channels = stored[-1] or 3
    if size is not None:
        height, width = np.broadcast_to(size, 2).tolist()
        return (height, width, channels)
    if None in stored:
        raise ValueError(
            f"`image_size` must be given for {name!r}, whose images differ in size. "
            "Received: None"
        )
    return tuple(stored)


def _parts(builder, shape, resized):
    splits = builder.info.splits
    empty = np.zeros((0, *shape), "uint8"), np.zeros(0, "int64")
    train = _read(builder, "train", shape, resized) if "train" in splits else empty
    for part in ("test", "validation"):
        if part in splits:
            return train, _read(builder, part, shape, resized)
    kept, held_out = validation_indices(train[1], fraction=0.2)
    return tuple((train[0][part], train[1][part]) for part in (kept, held_out))


def _read(builder, split, shape, resized):
    count = builder.info.splits[split].num_examples
    if count * np.prod(shape) > MEMORY_LIMIT:
        return _records(builder, split, shape)
    images, labels = np.empty((count, *shape), "uint8"), np.empty(count, "int64")
    start = 0
    try:
        for batch, ids in _batches(builder, split, shape, resized):
            images[start : start + len(ids)] = batch
            labels[start : start + len(ids)] = ids
            start += len(ids)
    except tensorflow().errors.OpError as error:
        raise ValueError(
            f"Damaged data set: {builder.data_path}. Delete the folder and prepare it "
            f"again. ({error.message.splitlines()[0]})"
        ) from error
    return images, labels


def _batches(builder, split, shape, resized):
    import tensorflow_datasets as tfds

    in_order = tfds.ReadConfig(interleave_cycle_length=1, add_tfds_id=False)
    dataset = builder.as_dataset(
        split=split,
        shuffle_files=False,
        read_config=in_order,
        decoders=_only_images(encoded=resized),
    )
    dataset = dataset.map(lambda sample: (sample["image"], sample["label"]))
    if not resized:
        yield from dataset.batch(1024).as_numpy_iterator()
        return
    for number, (encoded, label) in enumerate(dataset.as_numpy_iterator()):
        source = f"record {number} of {builder.data_path}"
        yield decode(encoded, source, shape[:2], shape[2])[None], [label]


def _only_images(encoded):
    """Has TFDS leave what is neither image nor label, and images encoded if asked."""
    import tensorflow_datasets as tfds

    decoders = {"image": tfds.decode.SkipDecoding()} if encoded else None
    wanted = {"image": True, "label": True}
    return tfds.decode.PartialDecoding(wanted, decoders=decoders)


def _records(builder, split, shape):
    import tensorflow_datasets as tfds

    if builder.info.file_format != tfds.core.FileFormat.ARRAY_RECORD:
        raise ValueError(
            f"{builder.data_path} is too large for memory, and its files "
            f"({builder.info.file_format.value}) cannot be read out of order. Prepare "
            f"it with `tfds build {builder.name} --file_format=array_record`, give a "
            "smaller `image_size`, or load a folder of its images."
        )
    source = builder.as_data_source(
        split=split, decoders={"image": tfds.decode.SkipDecoding()}
    )
    labels = np.array([source[n]["label"] for n in range(len(source))], "int64")

    def read_bytes(number):
        return source[int(number)]["image"]

    return ImageFiles(np.arange(len(source)), shape, read_bytes), labels
