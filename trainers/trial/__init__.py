"""One trial: train, export, measure."""
