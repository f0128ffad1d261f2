"""What passes in and out of the network over time, by name; shapes are those of one person.

``SIGHTING``, what one image says of a person:

rotations        global orientation (camera frame), then local rotations
betas            shape
pelvis           metres, camera frame
joint_std        metres, root mean square along an axis, of the joints about the pelvis
distance_std     of the pelvis, relative to its distance
visibility       probability
keypoints        on the plane at z = 1, and confidence (0: missing)
box              left, top, right, bottom on that plane
camera_rotation  odometry frame (Y up) to camera
camera_position  metres, odometry frame
odometry         1 where the camera's motion is known; else give a camera at rest
elapsed          seconds since the sighting before; 0 for the first

``ANSWER``: rotations, betas and pelvis as in a sighting; joint_factor [24] of the standard
deviations; velocity [3] of the root, m/s, odometry frame (Y up); resting [6], logits of the joints
``RESTING``. ``TOLD``: what the velocity field of the limbs must know, token [width] and pose [144]
(6D, the root in the facing frame). ``STATE``: what is to be remembered until the next sighting.
"""

from __future__ import annotations

SIGHTING = {
    "rotations": (24, 3, 3),
    "betas": (10,),
    "pelvis": (3,),
    "joint_std": (24,),
    "distance_std": (),
    "visibility": (24,),
    "keypoints": (33, 3),
    "box": (4,),
    "camera_rotation": (3, 3),
    "camera_position": (3,),
    "odometry": (),
    "elapsed": (),
}
ANSWER = ("rotations", "betas", "pelvis", "joint_factor", "velocity", "resting")
TOLD = ("token", "pose")
STATE = ("history", "keys", "values", "times")
OUTPUTS = (*(f"{name}_now" for name in ANSWER + TOLD), *(f"{name}_after" for name in STATE))
RESTING = (7, 8, 10, 11, 20, 21)  # FEET of hmr_ros.body.model, and wrists, as GVHMR's contacts
GAP = 2.0  # seconds unseen after which nothing of before counts
