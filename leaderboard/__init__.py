"""Leaderboard entries: writing, checking and reproducing them, the board, and its static page."""
