"""What is measured of every episode of a finished run: its records are stepped again without the policy."""
