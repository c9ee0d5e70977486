"""The versions of Optuna that this folder has been tested with."""

TESTED_OPTUNA = ("5.0.0",)
"""Versions with which all tests pass. Private members may change in any release: to add one, install it, run `make test`,
and widen the range of optuna in pyproject.toml if it needs to be."""
