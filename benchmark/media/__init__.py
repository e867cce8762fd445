"""Pictures, videos and the interactive viewer, all made after the run from its trace."""
