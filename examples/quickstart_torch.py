"""RefCal in two stages on long-tailed digits: PyTorch, fed by a DataLoader."""

import os

os.environ["KERAS_BACKEND"] = "torch"

import keras
import torch
from torch.utils.data import DataLoader, TensorDataset

from keras_refcal import RefCalModel, data, evaluation, models, recipes

keras.utils.set_random_seed(0)
digits = data.load("digits")
chosen = data.long_tail_indices(digits.train_labels, 10, imbalance_factor=0.1)
images = torch.tensor(data.scaled(digits.train_images[chosen]))
labels = torch.tensor(digits.train_labels[chosen])


def two_views(samples):
    """Stacks a batch with two noisy views of every image on a view axis."""
    batch = torch.stack([image for image, _ in samples])
    views = torch.stack([batch, batch], dim=1)
    views = (views + 0.2 * torch.randn_like(views)).clamp(0, 1)
    return views, torch.stack([label for _, label in samples])


loader = DataLoader(
    TensorDataset(images, labels),
    batch_size=64,
    shuffle=True,
    drop_last=True,
    collate_fn=two_views,
)
model = RefCalModel(models.encoders.small_cnn((8, 8, 1)), num_classes=10)
recipes.two_stage(model, loader, epochs=30, classifier_epochs=10, verbose=2)

probabilities = model.predict(data.scaled(digits.test_images), verbose=0)
scores = evaluation.evaluate(digits.test_labels, probabilities)
print(f"accuracy {scores['accuracy']:.4f}")
print(f"refinement {scores['refinement']:.4f}")
print(f"ECE {scores['ece']:.4f}")
