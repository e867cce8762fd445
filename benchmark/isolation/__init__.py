"""Building a policy: in this process, or shut in a process that sees only what the policy is made of."""
