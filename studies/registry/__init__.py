"""MLflow: the runs of a study, registered models, and the pyfunc model that serves them."""
