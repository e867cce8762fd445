"""The simulated world: robot, scene, control, observations, batch simulation and rendering."""
