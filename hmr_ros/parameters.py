"""Every parameter of the system as data: one row each with type, default, range, description.

The node declares its ROS parameters from this table, the command line builds its options from it,
``config/hmr.yaml`` and ``docs/parameters.md`` are generated from it, and ``validated`` is the only
place where values are checked.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any


@dataclass(frozen=True)
class Parameter:
    """One parameter.

    group:       section of the documentation.
    default:     also fixes the type: bool, int, float or str.
    low, high:   inclusive range for numbers.
    choices:     allowed strings.
    live:        True if a change takes effect while the node is active; otherwise it is refused
                 until the node is unconfigured.
    """

    name: str
    group: str
    default: bool | int | float | str
    description: str
    low: float | None = None
    high: float | None = None
    choices: tuple[str, ...] = ()
    live: bool = False

    def checked(self, value: Any) -> bool | int | float | str:
        """``value`` in this parameter's type. Raises ValueError that names the parameter."""
        kind = type(self.default)
        if kind is float and type(value) is int:
            value = float(value)
        if type(value) is not kind:
            raise ValueError(f"parameter {self.name}: {value!r} is not {kind.__name__}")
        if self.low is not None and not self.low <= value <= self.high:
            raise ValueError(
                f"parameter {self.name}: {value!r} is outside [{self.low}, {self.high}]"
            )
        if self.choices and value not in self.choices:
            raise ValueError(
                f"parameter {self.name}: {value!r} is not one of {', '.join(self.choices)}"
            )
        return value


DEFAULT_ESTIMATOR = "baseline"

P = Parameter
PARAMETERS: tuple[Parameter, ...] = (
    P(
        "detector",
        "people",
        "auto",
        "Where person boxes come from. 'auto': BlazePose for large people and HOG for small ones; "
        "'onnx': the file in detector_onnx; 'topic': boxes or keypoints of another node.",
        choices=("auto", "blazepose", "hog", "onnx", "topic"),
    ),
    P(
        "detector_onnx",
        "people",
        "",
        "ONNX person detector (YOLO or RTMDet style output).",
    ),
    P(
        "detect_every",
        "people",
        6,
        "Full detection runs once in this many frames; between, boxes follow the keypoints of the "
        "frame before.",
        1,
        100,
    ),
    P(
        "min_score",
        "people",
        0.5,
        "Least confidence of a person to be kept.",
        0.0,
        1.0,
        live=True,
    ),
    P(
        "max_people",
        "people",
        8,
        "Most people handled in one image, largest first.",
        1,
        64,
        live=True,
    ),
    P(
        "estimator",
        "estimator",
        DEFAULT_ESTIMATOR,
        "Network that turns people into bodies. 'lifter' reads keypoints alone, 'baseline' all "
        "that the front end sees of a person; 'factorized' does too and can draw samples of the "
        "limbs.",
        choices=("lifter", "baseline", "factorized"),
    ),
    P(
        "n_samples",
        "estimator",
        0,
        "Samples of the limbs of each person, whose spread is then the covariance of the joints; 0 "
        "takes the regressor's own. Only 'factorized' samples, and temporal, whose samples move as "
        "the person does; others refuse. Without a GPU each costs several milliseconds.",
        0,
        64,
    ),
    P(
        "sample_steps",
        "estimator",
        4,
        "Steps from noise to a sample.",
        1,
        50,
    ),
    P(
        "guidance",
        "estimator",
        1.0,
        "How far samples follow what is seen: 1 as trained, more makes them surer and costs twice "
        "the time, 0 ignores all but the torso (with temporal: all but the estimate).",
        0.0,
        5.0,
    ),
    P(
        "weights_path",
        "estimator",
        "",
        "Weight file; empty for the one shipped with the package.",
    ),
    P(
        "body_model_path",
        "estimator",
        "",
        "SMPL .npz or .pkl; empty for the open body model.",
    ),
    P(
        "refine_steps",
        "estimator",
        3,
        "Gauss-Newton steps that lay the estimated body on its confident keypoints; 0 is none.",
        0,
        20,
        live=True,
    ),
    P(
        "temporal",
        "estimator",
        False,
        "Correct each person by a network that looks back over 31 images (FactorizedHMR over "
        "time), and let their way through the world follow from it. For estimator 'baseline' with "
        "the shipped weights and refine_steps alone.",
    ),
    P(
        "backend",
        "backend",
        "onnxruntime",
        "What runs the estimator's network. 'torch': on a CUDA GPU if there is one; 'tensorrt': as "
        "an engine for this GPU, which is built while onnxruntime serves if it is not in the cache "
        "(minutes; ahead of time: hmr build-engine).",
        choices=("onnxruntime", "torch", "tensorrt"),
    ),
    P(
        "require_backend",
        "backend",
        False,
        "Fail to configure where the backend, its device or its engine cannot be had. False: "
        "onnxruntime on the CPU takes its place, and the diagnostics say so.",
    ),
    P(
        "provider",
        "backend",
        "cpu",
        "Where onnxruntime runs the network. 'cuda' and 'tensorrt' need onnxruntime-gpu; torch "
        "with 'cuda' insists on a GPU.",
        choices=("cpu", "cuda", "tensorrt"),
    ),
    P(
        "precision",
        "backend",
        "float32",
        "Of the network: which of its files is taken, such as NAME-float16.onnx beside NAME.onnx "
        "(hmr export). 'float16' is for GPUs, 'int8' for onnxruntime on the CPU.",
        choices=("float32", "float16", "int8"),
    ),
    P(
        "max_batch",
        "backend",
        8,
        "Most people in one run of the network, for which buffers and engines are made; more are "
        "handled in several runs.",
        1,
        64,
    ),
    P(
        "engine_cache",
        "backend",
        "",
        "Folder of TensorRT engines, this user's alone; empty for hmr_ros/engines in "
        "$XDG_CACHE_HOME or ~/.cache.",
    ),
    P(
        "workspace_mib",
        "backend",
        1024,
        "Device memory in which the builder of an engine may try kernels, MiB.",
        16,
        65536,
    ),
    P("threads", "backend", 2, "Threads of the networks on the CPU.", 1, 64),
    P(
        "default_fov_deg",
        "camera",
        55.0,
        "Field of view along the longer side assumed while no usable camera_info is known; bodies "
        "are then marked metric = false.",
        10.0,
        150.0,
        live=True,
    ),
    P(
        "min_hits",
        "tracking",
        2,
        "Images a new person must be seen in before being published.",
        1,
        30,
    ),
    P(
        "coast_s",
        "tracking",
        0.5,
        "Seconds a person who is not seen goes on being published as coasting.",
        0.0,
        10.0,
        live=True,
    ),
    P(
        "forget_s",
        "tracking",
        3.0,
        "Seconds after which a person who is not seen is forgotten; a later return has a new id.",
        0.1,
        60.0,
        live=True,
    ),
    P(
        "smoothing",
        "tracking",
        True,
        "One-Euro filter on rotations, joints and position.",
        live=True,
    ),
    P(
        "smoothing_cutoff_hz",
        "tracking",
        1.5,
        "Cut-off at rest; lower is steadier. With temporal, which steadies by itself, 1.7 times "
        "that.",
        0.05,
        30.0,
        live=True,
    ),
    P(
        "smoothing_speed",
        "tracking",
        0.6,
        "Cut-off growth with speed; higher follows faster.",
        0.0,
        10.0,
        live=True,
    ),
)


def table(extra: tuple[Parameter, ...] = ()) -> dict[str, Parameter]:
    """Parameters by name: the common ones and ``extra`` (the node's own)."""
    return {p.name: p for p in (*PARAMETERS, *extra)}


def validated(
    values: Mapping[str, Any] | None = None, extra: tuple[Parameter, ...] = ()
) -> SimpleNamespace:
    """Defaults overridden by ``values``, each checked: an object with one attribute a parameter.

    Raises ValueError naming the parameter, what was given and what is allowed.
    """
    known = table(extra)
    unknown = set(values or {}) - set(known)
    if unknown:
        raise ValueError(
            f"unknown parameter {', '.join(sorted(unknown))}; known: {', '.join(known)}"
        )
    settings = {name: p.default for name, p in known.items()}
    settings.update({name: known[name].checked(v) for name, v in (values or {}).items()})
    return SimpleNamespace(**settings)
