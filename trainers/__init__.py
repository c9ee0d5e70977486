"""From an architecture and labelled images to a file that reads. Knows nothing of Optuna, Ray or MLflow."""
