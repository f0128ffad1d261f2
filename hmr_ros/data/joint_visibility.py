"""The three states of a joint: hidden by something else or the image's border, by its own body
(``hmr_ros.body.self_occlusion``), or by nothing."""

from __future__ import annotations

HIDDEN, SELF_OCCLUDED, VISIBLE = 0, 1, 2
