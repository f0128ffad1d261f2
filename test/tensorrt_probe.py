"""Run with one version's bindings to be imported: compares them with what is told on stdin.

{"uses": [...], "double": {...}} -> {"version": "...", "problems": [...], "executed": [...]}
"""

import json
import re
import sys

import tensorrt_bindings as trt

sys.modules["tensorrt"] = trt


def found(owner):
    thing = trt
    for part in filter(None, owner.split(".")):
        thing = getattr(thing, part)
    return thing


def signatures(function):
    """Names of the parameters without self, and how many have no default, by overload."""
    text = function.__doc__ or ""
    made = []
    for line in text.splitlines():
        match = re.match(r"^(?:\d+\. )?\w+\((.*)\) -> ", line.strip())
        if match and match[1] != "*args, **kwargs":
            arguments = [a for a in split(match[1]) if not a.startswith("self")]
            names = [a.partition(":")[0].strip() for a in arguments]
            made.append((names, sum("=" not in re.sub(r"<[^>]*>", "", a) for a in arguments)))
    return made


def split(text):
    """At the commas outside of brackets."""
    parts, depth, part = [], 0, ""
    for letter in text:
        depth += (letter in "[(<") - (letter in "])>")
        if letter == "," and depth == 0:
            parts.append(part.strip())
            part = ""
        else:
            part += letter
    return [*parts, part.strip()] if part.strip() else parts


def fits(function, positional, keywords):
    """Whether an overload takes such a call."""
    for names, needed in signatures(function):
        given = {*names[:positional], *keywords}
        possible = positional <= len(names) and set(keywords) <= set(names[positional:])
        if possible and set(names[:needed]) <= given:
            return True
    return False


def problem_with(use):
    name = ".".join(filter(None, (use["owner"], use["member"])))
    try:
        thing = getattr(found(use["owner"]), use["member"])
    except AttributeError:
        return f"{name} does not exist"
    if use["stored"] and getattr(thing, "fset", None) is None:
        return f"{name} cannot be assigned to"
    if use["positional"] is not None:
        function = thing.__init__ if isinstance(thing, type) else thing
        if not fits(function, use["positional"], use["keywords"]):
            return f"{name} takes {signatures(function)}, not {use['positional']} {use['keywords']}"
    return None


def problems_with_double(double):
    """Where the stand-in of the tests has what the bindings do not, or calls it otherwise."""
    for owner, members in double.items():
        for member, parameters in members.items():
            name = f"{owner}.{member}"
            try:
                thing = getattr(found(owner), member)
            except AttributeError:
                yield f"the double's {name} does not exist"
                continue
            if parameters is not None and not any(
                names[: len(parameters)] == parameters and needed <= len(parameters)
                for names, needed in signatures(thing)
            ):
                yield f"the double's {name}{parameters} is {signatures(thing)}"


def executed():
    """What of our code runs on real bindings without a library behind them."""
    from hmr_ros.runtime.backends.backend import BackendError
    from hmr_ros.runtime.backends.build_progress import progress_monitor
    from hmr_ros.runtime.backends.engine_session import DTYPES
    from hmr_ros.runtime.backends.nvidia_libraries import OLDEST
    from hmr_ros.runtime.backends.plan_building import build_plan
    from hmr_ros.runtime.backends.tensorrt_log import tensorrt_log

    log = tensorrt_log(trt)
    assert isinstance(log, trt.ILogger)
    for severity in trt.ILogger.Severity.__members__.values():
        log.log(severity, f"said {severity}")
    said = log.take_errors()
    assert "ERROR" in said and "INTERNAL_ERROR" in said and "INFO" not in said, said
    yield "log"

    told, stop = [], []
    monitor = progress_monitor(trt, told.append, lambda: bool(stop))
    assert isinstance(monitor, trt.IProgressMonitor)
    monitor.phase_start("Building", None, 2)
    assert monitor.step_complete("Building", 0) is True and told[-1].fraction == 0.5
    stop.append(1)
    assert monitor.step_complete("Building", 1) is False
    monitor.phase_finish("Building")
    yield "progress monitor"

    assert len({getattr(trt.DataType, theirs) for theirs in DTYPES.values()}) == len(DTYPES)
    yield "types"

    shape = trt.Dims((2, 24, 3, 3))
    assert tuple(shape) == (2, 24, 3, 3)
    yield "shapes"

    flag = 1 << int(trt.NetworkDefinitionCreationFlag.STRONGLY_TYPED)
    assert flag == 1 << trt.NetworkDefinitionCreationFlag.__members__["STRONGLY_TYPED"].value
    yield f"strongly typed is flag {flag}"

    assert tuple(map(int, trt.__version__.split(".")[:2])) >= OLDEST
    try:
        build_plan(trt, None, None, 1)
    except BackendError as error:
        assert "cannot start" in str(error), error
    yield "a library that gives no builder"


told = json.load(sys.stdin)
problems = [problem for use in told["uses"] if (problem := problem_with(use))]
problems += problems_with_double(told["double"])
report = {"version": trt.__version__, "problems": problems, "executed": list(executed())}
print(json.dumps(report))
