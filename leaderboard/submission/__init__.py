"""What is proposed to the leaderboard: made of a run, and checked when it arrives."""
