"""The camera's topic: does it come, how often, and is its calibration there."""

from __future__ import annotations

from hmr_ros.doctor.finding import Finding, fail, ok, warn

LISTEN_S = 5.0
SLOW_HZ = 5.0


def camera_findings(topic: str, seconds: float = LISTEN_S) -> list[Finding]:
    """Listens to ``topic`` for ``seconds``."""
    from hmr_ros.node.topic_report import topic_report

    report = topic_report(topic, seconds)
    return [images(report), calibration(report)] if report.publishers else [_silent(report)]


def _silent(report) -> Finding:
    others = ", ".join(report.image_topics) or "none"
    return fail(
        "camera",
        f"nobody publishes images on {report.topic}; image topics here: {others}",
        "start the camera; same ROS_DOMAIN_ID and RMW_IMPLEMENTATION as this shell?",
    )


def images(report) -> Finding:
    """Judges the rate."""
    name = "camera"
    seen = f"{report.topic}: {report.rate_hz:.1f} Hz, {report.size}, {report.encoding}"
    if report.received == 0:
        return fail(
            name,
            f"{report.topic} has a publisher, but no image came",
            "best-effort images too large for its transport? Start the camera driver with "
            "FASTRTPS_DEFAULT_PROFILES_FILE set to config/fastdds_shm.xml",
        )
    if report.rate_hz < SLOW_HZ:
        return warn(
            name, seen, f"tracking wants {SLOW_HZ:g} Hz: images lost on the way, or a slow camera?"
        )
    return ok(name, f"{seen}, {report.reliability}")


def calibration(report) -> Finding:
    """Judges the camera_info beside the images."""
    name = "camera_info"
    if report.focal_length is None:
        return warn(
            name,
            f"nothing on {report.info_topic}: distances will not be metric",
            "calibrate the camera, or remap camera_info",
        )
    if report.focal_length <= 0:
        return warn(
            name,
            f"{report.info_topic} has a focal length of 0: the camera is not calibrated",
            "run camera_calibration; until then a field of view is guessed (default_fov_deg)",
        )
    return ok(name, f"{report.info_topic}: fx {report.focal_length:.1f} pixels")
