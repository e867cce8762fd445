"""From episode records to scores: per task, and perturbed against clean."""
