"""The certificate of a task: seven gates, causal controls, and where experts still succeed in variants."""
