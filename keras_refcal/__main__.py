"""`python -m keras_refcal` is `keras-refcal`."""

import sys

from keras_refcal.cli import main

sys.exit(main())
