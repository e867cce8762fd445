"""The safety filter around any policy, and the limits it keeps."""
