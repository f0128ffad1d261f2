"""Some of a body's vertices, where they lie together in memory."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from hmr_ros.body.model import BodyModel
from hmr_ros.body.pose_correctives import PoseBlocks


def with_vertices(model: BodyModel, ids: np.ndarray) -> BodyModel:
    """``model`` with the vertices ``ids`` [M] alone, in that order, for skinning in numpy: in a
    third of the time of the same ``subset`` of the whole body, and to the same bits.

    Its joints stay those of the whole body. Faces, landmarks and the dense ``posedirs`` are left
    out.
    """
    blocks = model.pose_blocks
    return replace(
        model,
        v_template=model.v_template[ids],
        shapedirs=model.shapedirs[ids],
        posedirs=None,
        J_regressor=model.J_regressor[:, ids],
        weights=model.weights[ids],
        weight_index=model.weight_index[ids],
        weight_value=model.weight_value[ids],
        faces=np.zeros((0, 3), np.int32),
        part_id=model.part_id[ids],
        extra_vertices={},
        pose_blocks=None if blocks is None else _with_vertices(blocks, ids),
    )


def _with_vertices(blocks: PoseBlocks, ids: np.ndarray) -> PoseBlocks:
    counts = np.diff(blocks.start)[ids]
    start = np.concatenate([[0], counts.cumsum()]).astype(np.int32)
    rows = np.arange(start[-1]) + np.repeat(blocks.start[:-1][ids] - start[:-1], counts)
    return PoseBlocks(start, blocks.joint[rows], blocks.offset[rows])
