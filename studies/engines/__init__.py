"""Where trainings run: local worker processes or Ray Tune."""
