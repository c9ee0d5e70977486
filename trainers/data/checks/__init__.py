"""What is wrong with a set of labelled lines, found before a model is trained on it."""
