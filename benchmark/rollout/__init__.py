"""One batch of episodes with one policy: the shard, the policy's calls and their deadlines."""
