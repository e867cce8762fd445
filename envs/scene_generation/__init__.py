"""Generated scenes: draws a scene for an episode and rejects those that experts cannot do."""
