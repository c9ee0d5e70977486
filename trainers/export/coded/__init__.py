"""Weights in an entropy code that standard ONNX operators decode when a session opens the file."""
