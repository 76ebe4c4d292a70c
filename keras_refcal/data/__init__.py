"""Long-tailed data sets as `tf.data` pipelines."""
