"""Fewer vertices by half-edge collapse with quadric errors (Garland and Heckbert 1997)."""

from __future__ import annotations

import heapq

import numpy as np

# A collapse may turn no triangle by more than 75 degrees nor leave a sliver.
_MIN_COSINE = 0.25
_MIN_AREA_RATIO = 0.06


def collapse(
    vertices: np.ndarray, faces: np.ndarray, target: int, weight: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Reduce a closed mesh to ``target`` vertices, which are a subset of the given ones.

    weight [V]: importance of the surface around each vertex. Returns vertex ids [target] and faces
    in their numbering. A subset keeps skinning weights and shapes of the population exact.
    """
    mesh = _Mesh(vertices, faces, weight)
    queue = [(mesh.cost(a, b), a, b, 0, 0) for a in mesh.alive() for b in mesh.neighbours(a)]
    heapq.heapify(queue)
    version = [0] * len(vertices)
    count = len(mesh.alive())
    while count > target:
        _, a, b, version_a, version_b = heapq.heappop(queue)
        if (
            not mesh.used[a]
            or not mesh.used[b]
            or (version[a], version[b])
            != (
                version_a,
                version_b,
            )
        ):
            continue
        if not mesh.may_collapse(a, b):
            continue
        mesh.collapse(a, b)
        count -= 1
        version[b] += 1
        for x in mesh.neighbours(b):
            heapq.heappush(queue, (mesh.cost(x, b), x, b, version[x], version[b]))
            heapq.heappush(queue, (mesh.cost(b, x), b, x, version[b], version[x]))
    ids = np.flatnonzero(mesh.used)
    number = np.full(len(vertices), -1)
    number[ids] = np.arange(len(ids))
    return ids, number[mesh.faces[mesh.face_alive]]


class _Mesh:
    """Connectivity and error quadrics under collapse."""

    def __init__(self, vertices: np.ndarray, faces: np.ndarray, weight: np.ndarray) -> None:
        self.vertices = vertices.astype(float)
        self.faces = faces.copy()
        self.face_alive = np.ones(len(faces), bool)
        self.weight = weight
        self.faces_of: list[set[int]] = [set() for _ in vertices]
        for i, face in enumerate(faces.tolist()):
            for a in face:
                self.faces_of[a].add(i)
        self.used = np.zeros(len(vertices), bool)
        self.used[faces] = True
        self.quadric = self._quadrics() * weight[:, None, None]

    def _quadrics(self) -> np.ndarray:
        a, b, c = (self.vertices[self.faces[:, k]] for k in range(3))
        normal = np.cross(b - a, c - a)
        area = np.linalg.norm(normal, axis=1)
        normal /= np.maximum(area, 1e-12)[:, None]
        plane = np.concatenate([normal, -(normal * a).sum(1, keepdims=True)], 1)
        outer = plane[:, :, None] * plane[:, None] * (0.5 * area)[:, None, None]
        quadric = np.zeros((len(self.vertices), 4, 4))
        for k in range(3):
            np.add.at(quadric, self.faces[:, k], outer)
        return quadric

    def alive(self) -> list[int]:
        return np.flatnonzero(self.used).tolist()

    def neighbours(self, a: int) -> set[int]:
        return set(self.faces[list(self.faces_of[a])].ravel().tolist()) - {a}

    def cost(self, a: int, b: int) -> float:
        """Error of moving a onto b; the edge length breaks ties on flat regions."""
        at = np.append(self.vertices[b], 1.0)
        square = ((self.vertices[a] - self.vertices[b]) ** 2).sum()
        spread = 1e-3 * square * square * min(self.weight[a], self.weight[b]) + 1e-9 * square
        return float(at @ (self.quadric[a] + self.quadric[b]) @ at + spread)

    def may_collapse(self, a: int, b: int) -> bool:
        near_a, near_b = self.neighbours(a), self.neighbours(b)
        # Exactly two common neighbours keep the mesh a manifold.
        if b not in near_a or len(near_a & near_b) != 2 or len(near_a | near_b) < 7:
            return False
        for f in self.faces_of[a]:
            face = self.faces[f]
            if b in face:
                continue
            before, after = self.vertices[face], self.vertices[np.where(face == a, b, face)]
            old = np.cross(before[1] - before[0], before[2] - before[0])
            new = np.cross(after[1] - after[0], after[2] - after[0])
            old_area, new_area = np.linalg.norm(old), np.linalg.norm(new)
            longest = np.linalg.norm(after - np.roll(after, 1, 0), axis=1).max()
            if (
                new_area < 1e-10
                or old @ new < _MIN_COSINE * old_area * new_area
                or new_area < _MIN_AREA_RATIO * longest * longest
            ):
                return False
        return True

    def collapse(self, a: int, b: int) -> None:
        for f in list(self.faces_of[a]):
            face = self.faces[f]
            if b in face:
                for x in face:
                    self.faces_of[x].discard(f)
                self.face_alive[f] = False
            else:
                face[face == a] = b
                self.faces_of[b].add(f)
        self.faces_of[a].clear()
        self.used[a] = False
        self.quadric[b] += self.quadric[a]
