"""The training loop, optimisation, losses and checkpoints."""
