"""ROS parameters from the parameter table: declared, read, and checked when they change."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace

from rcl_interfaces.msg import (
    FloatingPointRange,
    IntegerRange,
    ParameterDescriptor,
    SetParametersResult,
)

from hmr_ros.node.parameters import ALL_PARAMETERS, NODE_PARAMETERS
from hmr_ros.parameters import Parameter, validated

TABLE = {p.name: p for p in ALL_PARAMETERS}


def declare(node) -> None:
    """Declare every parameter with description, range and constraints.

    Raises rclpy's InvalidParameterValueException or InvalidParameterTypeException for a value,
    from a file or the command line, that the table forbids.
    """
    node.declare_parameters("", [(p.name, p.default, descriptor(p)) for p in ALL_PARAMETERS])


def descriptor(parameter: Parameter) -> ParameterDescriptor:
    p = parameter
    result = ParameterDescriptor(
        name=p.name, description=p.description, read_only=p.name == "autostart"
    )
    if p.low is not None and isinstance(p.default, int):
        result.integer_range = [IntegerRange(from_value=int(p.low), to_value=int(p.high), step=1)]
    elif p.low is not None:
        result.floating_point_range = [
            FloatingPointRange(from_value=float(p.low), to_value=float(p.high), step=0.0)
        ]
    notes = []
    if p.choices:
        notes.append("one of " + ", ".join(p.choices))
    if not p.live:
        notes.append("takes effect when the node is configured")
    result.additional_constraints = "; ".join(notes)
    return result


def settings_of(node) -> SimpleNamespace:
    """The values in force, checked. Raises ValueError naming the parameter."""
    return validated({name: node.get_parameter(name).value for name in TABLE}, NODE_PARAMETERS)


def checker(
    configured: Callable[[], bool], apply: Callable[[str, object], None]
) -> Callable[[list], SetParametersResult]:
    """Callback for ``add_on_set_parameters_callback``.

    All values of a request are checked before any is applied. Parameters that are read when the
    node is configured are refused while ``configured()``, because the change would have no effect.
    """

    def check(changes: list) -> SetParametersResult:
        accepted = {}
        for change in changes:
            parameter = TABLE.get(change.name)
            if parameter is None:  # use_sim_time, qos_overrides: not ours
                continue
            if not parameter.live and configured():
                return SetParametersResult(
                    successful=False,
                    reason=f"{change.name} takes effect when the node is configured: first "
                    "'ros2 lifecycle set <node> deactivate' and 'cleanup'",
                )
            try:
                accepted[change.name] = parameter.checked(change.value)
            except ValueError as error:
                return SetParametersResult(successful=False, reason=str(error))
        for name, value in accepted.items():
            apply(name, value)
        return SetParametersResult(successful=True)

    return check
