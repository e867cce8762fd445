"""The leaderboard as a static site: the board, a page a policy and a task, and any two policies compared."""
