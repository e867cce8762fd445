"""Two or more policies on one panel of seeds: whether they may be compared, and what the panel decides."""
