"""What a policy can ask for beside its task's components: pictures and words, see docs/vision.md."""

IMAGES = {"front_image": "front", "side_image": "side", "wrist_image": "wrist"}
"""Pictures that a policy can ask for, uint8 (N, H, W, 3), and the camera that takes each."""
IMAGE_SIZES = (96, 128, 224)
"""Width and height that they can have [pixels]."""
MOST_IMAGE_FRAMES = 4
"""Most control steps of which a decision is shown pictures."""
INSTRUCTION = "instruction"
"""What the robot is told to do, one sentence, which a policy can ask for; (N,) str."""
