"""Values that every room shares: recipe, candidate, progress, errors."""
