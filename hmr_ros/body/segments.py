"""Where the parts of a body lie, by its joints."""

from __future__ import annotations

# The joint that moves a part, and the joints between which the part lies. Parts without a further
# joint (head, hands, toes) reach from their own joint into their flesh.
SEGMENTS = (
    (0, 0, 3), (1, 1, 4), (2, 2, 5), (3, 3, 6), (4, 4, 7), (5, 5, 8), (6, 6, 9), (7, 7, 10),
    (8, 8, 11), (9, 9, 12), (10, 10, None), (11, 11, None), (12, 12, 15), (13, 13, 16),
    (14, 14, 17), (15, 15, None), (16, 16, 18), (17, 17, 19), (18, 18, 20), (19, 19, 21),
    (20, 20, 22), (21, 21, 23), (22, 22, None), (23, 23, None),
)  # fmt: skip
