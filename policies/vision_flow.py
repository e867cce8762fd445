"""Flow matching of chunks from pictures: `flow` with an encoder in place of the objects' poses."""

from .flow import Flow
from .vision.vision_policy import VisionPolicy


class VisionFlow(VisionPolicy, Flow):
    """`flow` that sees: its encoder learns from the loss of the flow, and from the poses of the objects."""

    name = "vision_flow"
    method = "vision_flow"
    description = "Flow matching of action chunks, from two cameras and the hand."


class VisionFlowWithoutPoses(VisionFlow):
    """`vision_flow` that learns from demonstrations alone: no pose of an object is a label."""

    name = "vision_flow_no_pose"
    method = "vision_flow_no_pose"
    description = "`vision_flow`, trained without the poses of objects as labels."
    pose_weight = 0.0
