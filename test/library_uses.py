"""What our sources use of a library: every name, member and call, read from the syntax tree.

Objects of a library are known by the names of the variables that hold them, which each module
keeps to; ``HELD`` says whose each is.
"""

import ast
from dataclasses import asdict, dataclass
from pathlib import Path

BACKENDS = Path(__file__).resolve().parents[1] / "hmr_ros" / "runtime" / "backends"

# Variables, or attributes of HOLDERS without their underscore, by module and library.
HELD = {
    "tensorrt": {
        "plan_building.py": {
            "trt": "",
            "builder": "Builder",
            "network": "INetworkDefinition",
            "parser": "OnnxParser",
            "config": "IBuilderConfig",
            "profile": "IOptimizationProfile",
            "measured": "ITimingCache",
        },
        "engine_session.py": {
            "trt": "",
            "runtime": "Runtime",
            "engine": "ICudaEngine",
            "context": "IExecutionContext",
        },
        "build_progress.py": {"trt": ""},
        "tensorrt_log.py": {"trt": ""},
        "nvidia_libraries.py": {"trt": ""},
    },
    "pycuda": {
        "engine_session.py": {
            "cuda": "",
            "stream": "Stream",
            "uploads": "Stream",
            "uploaded": "Event",
            "done": "Event",
        },
        "cuda_buffers.py": {
            "cuda": "",
            "allocation": "DeviceAllocation",
            "base": "PagelockedHostAllocation",
        },
        "cuda_device.py": {"cuda": "", "device": "Device", "primary": "Context"},
    },
}

HOLDERS = ("self", "buffers", "libraries", "array")


@dataclass(frozen=True)
class Use:
    """``owner.member``; owner "" is the module. positional, keywords: of a call, None for a plain
    mention. stored: it is assigned to."""

    owner: str
    member: str
    positional: int | None = None
    keywords: tuple[str, ...] = ()
    stored: bool = False

    def as_dict(self) -> dict:
        return asdict(self)


def uses(source: str, held: dict[str, str]) -> set[Use]:
    """All uses of what the variables ``held`` hold."""
    found = set()
    called = {}
    tree = ast.parse(source)
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            called[id(node.func)] = node
    for node in ast.walk(tree):
        if not isinstance(node, ast.Attribute):
            continue
        owner = _owner(node.value, held)
        if owner is None:
            continue
        stored = isinstance(node.ctx, ast.Store)
        call = called.get(id(node))
        if call is None:
            found.add(Use(owner, node.attr, stored=stored))
            continue
        positional, keywords = _arguments(call)
        if node.attr == "__init__":
            positional -= 1  # self is given
        found.add(Use(owner, node.attr, positional, keywords))
    return found


def all_uses(library: str) -> set[Use]:
    """Of all our modules."""
    return {
        use
        for file, held in HELD[library].items()
        for use in uses((BACKENDS / file).read_text(), held)
    }


def _owner(node: ast.expr, held: dict[str, str]) -> str | None:
    """Whose member is looked up on ``node``: "" of the module, None for what is no library's."""
    if isinstance(node, ast.Name):
        return held.get(node.id)
    if isinstance(node, ast.Attribute):
        if isinstance(node.value, ast.Name) and node.value.id in HOLDERS:
            return held.get(node.attr.lstrip("_"))
        above = _owner(node.value, held)
        # A class of the module, or a class within a class.
        return None if above is None else f"{above}.{node.attr}".lstrip(".")
    return None


def _arguments(call: ast.Call) -> tuple[int, tuple[str, ...]]:
    positional = 0
    for argument in call.args:
        if isinstance(argument, ast.Starred):
            # f(*map(g, (min, opt, max))): a profile's three shapes.
            assert ast.unparse(argument.value) == "map(tensor.sized, key.profile)", ast.unparse(
                call
            )
            positional += 3
        else:
            positional += 1
    return positional, tuple(keyword.arg for keyword in call.keywords)
