"""The tasks as Gymnasium environments, single and vectorised, and their spaces."""
