"""Objectives, costs that are known before training, limits, and Pareto orders."""
