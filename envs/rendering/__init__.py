"""Off-screen rendering: appearance, meshes, cameras and text over frames."""
