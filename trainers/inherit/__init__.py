"""What a new network takes over from a trained one: corresponding tensors, important channels, known characters."""
