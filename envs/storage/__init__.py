"""Files on disk: written whole or not at all, and read from strangers with care."""
