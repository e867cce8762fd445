"""What others find out about an entry: its actions simulated again, its policy run again."""
