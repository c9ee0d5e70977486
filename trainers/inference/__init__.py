"""Reading with an exported ONNX file."""
