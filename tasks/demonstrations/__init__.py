"""Demonstrations by the scripted experts: collecting them, also graded ones that fail."""
