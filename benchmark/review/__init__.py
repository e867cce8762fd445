"""The hardest episodes of a run, shown to a person one by one, with what they say of each."""
