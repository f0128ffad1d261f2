"""What an engine was made from and for: another one of any of these is another engine."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass

from hmr_ros.runtime.backends.backend import BackendOptions
from hmr_ros.runtime.graph_file import GraphFile

# Of the way we build; counted up when it changes, so that engines made otherwise are made anew.
RECIPE = 1
TYPICAL = 4  # people that the engine is tuned for, if so many fit


@dataclass(frozen=True)
class EngineKey:
    """network: the ONNX file's stem. profile: fewest, typical and most rows. capability: compute
    capability, such as "8.7"."""

    network: str
    onnx_sha256: str
    tensorrt: str
    device: str
    capability: str
    precision: str
    profile: tuple[int, int, int]
    workspace_mib: int
    recipe: int = RECIPE

    @property
    def stem(self) -> str:
        """Name of the files in the cache, without suffix: the same for equal keys only."""
        text = json.dumps(self.as_dict(), sort_keys=True)
        return f"{self.network}-{hashlib.sha256(text.encode()).hexdigest()[:32]}"

    def as_dict(self) -> dict:
        """As plain JSON."""
        return json.loads(json.dumps(asdict(self)))


def key_of(
    graph: GraphFile, options: BackendOptions, tensorrt: str, device: str, capability: str
) -> EngineKey:
    """The key of a graph's engine on a device."""
    most = options.max_batch
    return EngineKey(
        network=graph.path.stem,
        onnx_sha256=graph.sha256,
        tensorrt=tensorrt,
        device=device,
        capability=capability,
        precision=graph.precision,
        profile=(1, min(TYPICAL, most), most),
        workspace_mib=options.workspace_mib,
    )
