"""The supervised contrastive loss of each anchor, on TensorFlow."""

import functools

from keras_refcal.backend import contrast
from keras_refcal.backend.tensorflow.counting import sum_by_index
from keras_refcal.backend.tensorflow.log_sum_exp import log_sum_exp_of_others

anchor_losses = functools.partial(
    contrast.anchor_losses,
    log_sum_exp_of_others=log_sum_exp_of_others,
    sum_by_index=sum_by_index,
)
