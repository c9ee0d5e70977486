"""Optuna storages, the study as it is stored, the lease on it, and queries of its Pareto front."""
