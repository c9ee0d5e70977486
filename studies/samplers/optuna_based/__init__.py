"""Optuna's samplers, with the results of every rung."""
