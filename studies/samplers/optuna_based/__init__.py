"""Optuna's samplers, told what each rung has reached."""
