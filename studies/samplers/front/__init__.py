"""The sampler `front`: multi-fidelity expected hypervolume improvement with exact costs."""
