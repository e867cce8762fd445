"""The seeded generator behind the axes `scene.*`: draws, reshaping, placing, and the check of every scene."""
