"""What the policies share that learn from pictures: an encoder, its training, windows with pictures."""
