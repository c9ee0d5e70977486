"""Early stopping: MO-ASHA and expected hypervolume gain."""
