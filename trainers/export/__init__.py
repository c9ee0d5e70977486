"""Export to ONNX: writes the file, stores weights in a precision, and predicts the size of the file."""
