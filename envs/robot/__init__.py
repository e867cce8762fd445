"""The Panda arm: its model, its servos and its inverse kinematics."""
