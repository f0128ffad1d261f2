"""MediaPipe's pose solution behind pipes. Runs in the peer's own environment, imports none of ours.

Request: one line ``height width`` and height * width * 3 bytes of RGB. Answer: one line of JSON,
``{"world": [[x, y, z, visibility] * 33] or null, "image": [[x, y, visibility] * 33] or null}``,
metres about the middle of the hips and fractions of the image's width and height. The first line
of all is ``{"version": ...}``.
"""

from __future__ import annotations

import json
import os


def main() -> None:
    """Answer until the input ends."""
    # What native code prints must not get between the answers.
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    requests = os.fdopen(0, "rb")

    import mediapipe
    import numpy as np

    # As the package's own example for single images; 1 is its default and is in the wheel.
    pose = mediapipe.solutions.pose.Pose(static_image_mode=True, model_complexity=1)
    _say(answers, {"version": mediapipe.__version__})
    while line := requests.readline():
        height, width = map(int, line.split())
        pixels = requests.read(height * width * 3)
        image = np.frombuffer(pixels, np.uint8).reshape(height, width, 3)
        seen = pose.process(image)
        answer = {"world": None, "image": None}
        if seen.pose_world_landmarks is not None:
            world, flat = seen.pose_world_landmarks.landmark, seen.pose_landmarks.landmark
            answer["world"] = [[p.x, p.y, p.z, p.visibility] for p in world]
            answer["image"] = [[p.x, p.y, p.visibility] for p in flat]
        _say(answers, answer)


def _say(answers, content: dict) -> None:
    answers.write(json.dumps(content) + "\n")
    answers.flush()


if __name__ == "__main__":
    main()
