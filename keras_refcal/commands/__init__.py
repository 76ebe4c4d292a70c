"""The commands of `keras-refcal`, one a module.

Each has `define_flags(flag_values)` and `run(flag_values, positional)`; its docstring
is the head of its help.
"""
