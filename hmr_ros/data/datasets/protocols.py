"""The published protocols: which images and people count, which joints, how they are aligned."""

from __future__ import annotations

from dataclasses import dataclass

HIPS = ("left_hip", "right_hip")
PELVIS = ("pelvis",)
CAMERA = ("mpjpe", "pa_mpjpe", "pve")
WORLD = ("wa_mpjpe", "w_mpjpe", "rte", "jitter", "foot_sliding")


@dataclass(frozen=True)
class Protocol:
    """How a table of the literature is computed.

    name:      what ``open_dataset`` takes. dataset: whose files are read.
    split:     the part of the data set.
    subset:    the choice within the split that the readers know by this word; "" for all of it.
    joints:    joint set of the figures: smpl24, smplx22, h36m14, h36m17, coco17, crowdpose14.
    regressor: True if the joints are those of ``J_regressor_h36m.npy`` on the set's own mesh and
               not the ones that the files hold.
    root:      joints whose mean is moved to the origin before MPJPE (and, unless the source says
               otherwise, before PVE); empty if nothing is aligned.
    metrics:   names of the figures; millimetres.
    gendered:  True if the truth is posed with the person's own gender.
    counts:    in words, who counts.
    source:    where this is defined.
    """

    name: str
    dataset: str
    split: str
    joints: str
    root: tuple[str, ...]
    metrics: tuple[str, ...]
    counts: str
    source: str
    subset: str = ""
    regressor: bool = False
    gendered: bool = True


_VALID = "people with a valid camera pose and at least one 2D keypoint (3dpw-eval)"
_THREEDPW = "von Marcard et al., ECCV 2018"

_TABLE = (
    Protocol(
        "3dpw", "3dpw", "test", "h36m14", HIPS, (*CAMERA, "accel"), _VALID,
        f"{_THREEDPW}; 14 joints and hip root as in SPIN, VIBE, PARE, WHAM", regressor=True,
    ),
    Protocol(
        "3dpw-oc", "3dpw", "all", "h36m14", PELVIS, CAMERA,
        f"17 kinds of sequences in which objects hide people; {_VALID}",
        "Zhang et al., CVPR 2020; list as in ROMP (Sun et al., ICCV 2021); root as in JOTR, DPMesh",
        subset="oc", regressor=True,
    ),
    Protocol(
        "3dpw-pc", "3dpw", "all", "h36m14", PELVIS, CAMERA,
        f"six stretches in which people hide each other; {_VALID}",
        "ROMP (Sun et al., ICCV 2021); root as in JOTR, DPMesh",
        subset="pc", regressor=True,
    ),
    Protocol(
        "3dpw-nc", "3dpw", "all", "h36m14", PELVIS, CAMERA,
        f"what is neither in 3dpw-oc nor in a sequence of 3dpw-pc; {_VALID}",
        "ROMP (Sun et al., ICCV 2021)",
        subset="nc", regressor=True,
    ),
    Protocol(
        "3dpw-crowd", "3dpw", "validation", "h36m14", PELVIS, CAMERA,
        f"courtyard_hug_00 and courtyard_dancing_00; {_VALID}",
        "3DCrowdNet (Choi et al., CVPR 2022)",
        subset="crowd", regressor=True,
    ),
    Protocol(
        "3dpw-xocc", "3dpw", "test", "h36m14", HIPS, CAMERA,
        f"a rectangle of noise before each person, truncation left out; {_VALID}",
        "NIKI (Li et al., CVPR 2023); rectangles drawn anew here, see docs/datasets.md",
        subset="xocc", regressor=True,
    ),
    Protocol(
        "3doh", "3doh", "test", "h36m14", PELVIS, CAMERA, "everybody, one person an image",
        "Zhang et al., CVPR 2020; joints and root as in JOTR, DPMesh",
        regressor=True, gendered=False,
    ),
    Protocol(
        "emdb-1", "emdb", "1", "smpl24", HIPS, (*CAMERA, "mpjae", "jitter"),
        "sequences marked emdb1, frames of good_frames_mask",
        "Kaufmann et al., ICCV 2023",
    ),
    Protocol(
        "emdb-2", "emdb", "2", "smpl24", (), WORLD,
        "sequences marked emdb2, frames of good_frames_mask; 100-frame stretches",
        "Kaufmann et al., ICCV 2023; metrics as in WHAM (Shin et al., CVPR 2024)",
    ),
    Protocol(
        "agora", "agora", "validation", "smpl24", PELVIS, ("mpjpe", "mve", "nmje", "nmve"),
        "isValid: at most 90 % occluded; the others neither count nor are misses",
        "Patel et al., CVPR 2021", gendered=False,
    ),
    Protocol(
        "agora-smplx", "agora", "validation", "smplx22", PELVIS, ("mpjpe", "mve", "nmje", "nmve"),
        "isValid: at most 90 % occluded; the others neither count nor are misses",
        "Patel et al., CVPR 2021", subset="smplx",
    ),
    Protocol(
        "h36m-p1", "h36m", "test", "h36m14", HIPS, ("mpjpe", "pa_mpjpe"),
        "S9 and S11, four cameras, every 5th frame",
        "HMR (Kanazawa et al., CVPR 2018), SPIN", subset="p1",
    ),
    Protocol(
        "h36m-p2", "h36m", "test", "h36m14", HIPS, ("pa_mpjpe", "mpjpe"),
        "S9 and S11, the frontal camera 4 (60457274), every 5th frame",
        "HMR (Kanazawa et al., CVPR 2018), SPIN", subset="p2",
    ),
    Protocol(
        "h36m-17", "h36m", "test", "h36m17", PELVIS, ("mpjpe", "pa_mpjpe"),
        "S9 and S11, four cameras, every 64th frame",
        "Protocol 2 of 3DMPPE (Moon et al., ICCV 2019)", subset="17",
    ),
    Protocol(
        "rich", "rich", "test", "smpl24", HIPS, (*CAMERA, "accel"),
        "every person with a body file, in every image that is there",
        "Huang et al., CVPR 2022; SMPL joints of the converted SMPL-X mesh as in WHAM, GVHMR",
    ),
    Protocol(
        "coco", "coco", "val2017", "coco17", (), ("oks_ap", "pck"),
        "people with a labelled keypoint, no crowd regions", "Lin et al., ECCV 2014",
    ),
    Protocol(
        "ochuman", "ochuman", "test", "coco17", (), ("oks_ap", "pck"),
        "people with a labelled keypoint", "Pose2Seg (Zhang et al., CVPR 2019)",
    ),
    Protocol(
        "ochuman-val", "ochuman", "val", "coco17", (), ("oks_ap", "pck"),
        "people with a labelled keypoint", "Pose2Seg (Zhang et al., CVPR 2019)",
    ),
    Protocol(
        "crowdpose", "crowdpose", "test", "crowdpose14", (), ("oks_ap", "pck"),
        "people with a labelled keypoint; easy, medium, hard by crowdIndex 0.1 and 0.8",
        "Li et al., CVPR 2019",
    ),
)  # fmt: skip

PROTOCOLS: dict[str, Protocol] = {protocol.name: protocol for protocol in _TABLE}
