"""What the first image costs: nothing of ours is compiled in it, whatever the lens and outputs."""

import json
import subprocess
import sys

import pytest

RUN = """
import gc, json
from types import SimpleNamespace

import numpy as np
from numba.core.dispatcher import Dispatcher
from skimage import data
from std_msgs.msg import Header

from hmr_ros.frame import Frame
from hmr_ros.geometry.camera import Camera
from hmr_ros.geometry.camera_pose import CameraPose
from hmr_ros.node.outputs import Outputs
from hmr_ros.node.parameters import NODE_PARAMETERS
from hmr_ros.parameters import validated
from hmr_ros.pipeline import Pipeline


def compiled():
    return {
        f"{d.py_func.__module__}.{d.py_func.__name__}{signature}"
        for d in gc.get_objects() if isinstance(d, Dispatcher) for signature in d.signatures
    }


LENSES = {
    "plumb_bob": (-0.2, 0.05, 0.001, 0.001, 0.0),
    "rational_polynomial": (-0.2, 0.05, 0.001, 0.001, 0.0, 0.0, 0.0, 0.0),
    "equidistant": (0.01, 0.0, 0.0, 0.0),
}
asked = {"points_level": 0.9, "publish_vertices": True}
settings = validated(asked, NODE_PARAMETERS)
publisher = SimpleNamespace(publish=lambda message: None, get_subscription_count=lambda: 1)
logger = SimpleNamespace(warning=print)
node = SimpleNamespace(
    create_lifecycle_publisher=lambda *a, **k: publisher, get_logger=lambda: logger,
    subscriptions=(),
    context=SimpleNamespace(ok=lambda: True),
)
pipeline = Pipeline(settings)
pipeline.warm_up()
outputs = Outputs(node, pipeline.body, settings)
outputs.warm_up()
before, people = compiled(), 0
image = np.ascontiguousarray(data.astronaut()[..., ::-1])
for n, (model, lens) in enumerate(LENSES.items()):
    camera = Camera(512, 512, 500.0, 500.0, 256.0, 256.0, lens, model)
    for k in range(4):
        turn = np.array([[np.cos(0.1 * k), 0, np.sin(0.1 * k)], [0, 1, 0],
                         [-np.sin(0.1 * k), 0, np.cos(0.1 * k)]])
        stamp = 10.0 * n + 0.1 * k
        pose = CameraPose(turn, np.array([0.1 * k, 0, 0])) if n else None
        frame = Frame(image if k < 3 else np.zeros_like(image), camera, stamp, pose=pose)
        tracks = pipeline(frame, boxes=np.array([[60, 10, 320, 500]], np.float32)) if k < 2 else (
            pipeline(frame))
        people += len(tracks)
        outputs.publish(Header(frame_id="camera"), frame, tracks, lambda: 1.0)
print(json.dumps({"people": people, "late": sorted(compiled() - before)}))
pipeline.close()
"""


@pytest.mark.timeout(180)
def test_no_image_waits_for_a_compiler():
    for library in ("ai_edge_litert", "skimage", "std_msgs"):
        pytest.importorskip(library, reason=f"{library} is not installed")
    ran = subprocess.run([sys.executable, "-c", RUN], capture_output=True, text=True, timeout=170)
    assert ran.returncode == 0, ran.stderr
    told = json.loads(ran.stdout.splitlines()[-1])
    assert told["people"] >= 6 and told["late"] == []
