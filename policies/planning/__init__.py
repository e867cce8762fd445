"""Parts that the planners of states share: guidance, inverse dynamics, choice of a feasible plan."""
