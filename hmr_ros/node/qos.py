"""Quality of service of every endpoint, in one place."""

from __future__ import annotations

from collections.abc import Iterable

from rclpy.qos import (
    QoSDurabilityPolicy,
    QoSHistoryPolicy,
    QoSPolicyKind,
    QoSProfile,
    QoSReliabilityPolicy,
)
from rclpy.qos_overriding_options import QoSOverridingOptions

RELIABLE, BEST_EFFORT = QoSReliabilityPolicy.RELIABLE, QoSReliabilityPolicy.BEST_EFFORT


def profile(reliability: QoSReliabilityPolicy, depth: int = 1) -> QoSProfile:
    """Keep the last ``depth``, volatile: an old image or body is of no use to anyone."""
    return QoSProfile(
        history=QoSHistoryPolicy.KEEP_LAST,
        depth=depth,
        reliability=reliability,
        durability=QoSDurabilityPolicy.VOLATILE,
    )


# Reliable publishers match subscribers of either kind (REP-2003). A reader that is busy for a
# moment shall not miss bodies; of the megabytes of markers and pictures only the latest is kept.
BODIES = profile(RELIABLE, depth=10)
OUTPUT = profile(RELIABLE)
TF = profile(RELIABLE, depth=100)  # what tf2's listeners ask for
TF_STATIC = QoSProfile(  # told once, to whoever comes later too
    history=QoSHistoryPolicy.KEEP_LAST,
    depth=100,
    reliability=RELIABLE,
    durability=QoSDurabilityPolicy.TRANSIENT_LOCAL,
)
DIAGNOSTICS = profile(RELIABLE, depth=10)
SMALL_INPUT = profile(BEST_EFFORT)  # camera_info: matches publishers of either kind
PEOPLE_INPUT = profile(BEST_EFFORT, depth=5)


def overridable(*, reliability: bool = True) -> QoSOverridingOptions:
    """Lets a parameter file override the QoS of an endpoint (``qos_overrides.<topic>...``).

    reliability: False where a parameter of the node decides about it.
    """
    kinds = [QoSPolicyKind.HISTORY, QoSPolicyKind.DEPTH, QoSPolicyKind.DURABILITY]
    if reliability:
        kinds.append(QoSPolicyKind.RELIABILITY)
    return QoSOverridingOptions(kinds)


def image_reliability(choice: str, offered: Iterable[QoSReliabilityPolicy]) -> QoSReliabilityPolicy:
    """Reliability to ask for, from the parameter and from what the publishers offer.

    'auto' asks for RELIABLE unless a publisher offers only BEST_EFFORT and would not be heard: with
    best effort, an image larger than the transport's buffer is lost and nobody is told.
    """
    if choice == "auto":
        return BEST_EFFORT if BEST_EFFORT in set(offered) else RELIABLE
    return RELIABLE if choice == "reliable" else BEST_EFFORT
