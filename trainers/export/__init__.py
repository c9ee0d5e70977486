"""The file that ships: how it is written, how weights are stored in it, and how large it will be."""
