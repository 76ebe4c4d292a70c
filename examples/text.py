"""Text: a backbone of KerasHub, built without a preset, as the encoder.

Needs `pip install keras-hub`. Real text goes through a tokenizer of KerasHub into the
same mapping of token ids and padding mask.
"""

import keras
import keras_hub
import numpy as np

from keras_refcal import RefCalModel
from keras_refcal.losses import RefCalLoss
from keras_refcal.models import encoders

VOCABULARY, LENGTH, CLASSES = 60, 12, 3
keras.utils.set_random_seed(0)


def sentences(samples, seed):
    """Returns made-up sentences and their topic, whose words are likelier in them."""
    generator = np.random.default_rng(seed)
    topics = generator.integers(0, CLASSES, samples)
    words = generator.integers(1, VOCABULARY, (samples, LENGTH))
    of_topic = topics[:, None] + CLASSES * generator.integers(1, 5, words.shape)
    words = np.where(generator.random(words.shape) < 0.5, of_topic, words)
    mask = np.arange(LENGTH) < generator.integers(5, LENGTH + 1, (samples, 1))
    inputs = {"token_ids": words * mask, "padding_mask": mask}
    return {name: part.astype("int32") for name, part in inputs.items()}, topics


backbone = keras_hub.models.DistilBertBackbone(
    vocabulary_size=VOCABULARY,
    num_layers=1,
    num_heads=2,
    hidden_dim=32,
    intermediate_dim=64,
    max_sequence_length=LENGTH,
)
# The mean over the tokens that are no padding; a pooled output where there is one.
encoder = encoders.from_backbone(backbone)
model = RefCalModel(encoder, num_classes=CLASSES, projection_dim=16)
model.compile(
    keras.optimizers.Adam(3e-3),
    loss=RefCalLoss(calibration_weight=1.0, refinement_weight=0.1),
    metrics=["accuracy"],
)
model.fit(*sentences(600, seed=1), epochs=6, batch_size=50, verbose=0)
logs = model.evaluate(*sentences(300, seed=2), verbose=0, return_dict=True)
print(f"accuracy: {logs['accuracy']:.4f}")
