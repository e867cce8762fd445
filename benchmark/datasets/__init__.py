"""Data sets for LeRobot, robomimic and Minari, from demonstrations or runs; and back from LeRobot."""
