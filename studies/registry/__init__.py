"""MLflow: runs of a study, registered models, and the package that serves them."""
