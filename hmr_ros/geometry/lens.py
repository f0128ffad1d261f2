"""Take the distortion of a lens away: where on the plane z = 1 the ray of a pixel goes.

Newton's method from the answer for the lens' radial part alone; OpenCV's iterations stay short of
the corners of strongly barrelled lenses, and do not say so.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from hmr_ros.compiled import reproducible

_STEPS = 4000  # angles at which a radial curve is looked at for its turning point
_WIDEST = np.radians(89.9)


def undistorted(flat: np.ndarray, distortion: tuple[float, ...], model: str) -> np.ndarray:
    """Places [N, 2] after the lens, in focal lengths from the principal point, to those before it.

    Float64. The answer is the one that is reached from the middle without crossing a place where
    the lens folds back; NaN where there is none, and where a fish-eye looks beyond 89.9 degrees.
    distortion, model: as of ``Camera``.
    """
    flat = np.ascontiguousarray(flat, np.float64)
    out = np.empty_like(flat)
    if model == "equidistant":
        _fisheye(flat, np.array(distortion), _turning_angle(distortion), out)
        return out
    bend = np.zeros(14)
    bend[: len(distortion)] = distortion
    if bend[12:].any():
        flat = _untilted(flat, bend[12], bend[13])
    _polynomial(flat, bend[:12], _turning_radius(distortion), out)
    return out


def warm_up() -> None:
    """Compile all models of lenses: which a camera has is known from its first image only."""
    for model, distortion in (("plumb_bob", (0.1,) + (0.0,) * 4), ("equidistant", (0.0,) * 4)):
        undistorted(np.zeros((1, 2)), distortion, model)


@lru_cache(maxsize=64)
def _turning_angle(distortion: tuple[float, ...]) -> float:
    """Radians from the axis up to which a fish-eye maps outer rays further out."""
    angle = np.linspace(0, _WIDEST, _STEPS + 1)
    square = angle**2
    k1, k2, k3, k4 = distortion
    rate = 1 + square * (3 * k1 + square * (5 * k2 + square * (7 * k3 + square * 9 * k4)))
    folded = np.flatnonzero(rate <= 0)
    return float(angle[folded[0] - 1] if len(folded) else _WIDEST)


@lru_cache(maxsize=64)
def _turning_radius(distortion: tuple[float, ...]) -> float:
    """As ``_turning_angle`` for the radial part of the polynomials: a radius on the plane z = 1."""
    d = np.zeros(14)
    d[: len(distortion)] = distortion
    radius = np.tan(np.linspace(0, _WIDEST, _STEPS + 1))
    square = radius**2
    above = 1 + square * (d[0] + square * (d[1] + square * d[4]))
    below = 1 + square * (d[5] + square * (d[6] + square * d[7]))
    whole = np.cumprod(below > 1e-6).astype(bool)
    curve = radius * above / np.where(whole, below, 1)
    folded = np.flatnonzero(~whole[1:] | (np.diff(curve) <= 0))
    return float(radius[folded[0]] if len(folded) else radius[-1])


def _untilted(flat: np.ndarray, x: float, y: float) -> np.ndarray:
    """Undo the tilt of the sensor by ``x`` and ``y`` radians (Scheimpflug, as in OpenCV)."""
    c, s = np.cos(x), np.sin(x)
    about_x = np.array([[1, 0, 0], [0, c, s], [0, -s, c]])
    c, s = np.cos(y), np.sin(y)
    turn = np.array([[c, 0, -s], [0, 1, 0], [s, 0, c]]) @ about_x
    onto = np.array([[turn[2, 2], 0, -turn[0, 2]], [0, turn[2, 2], -turn[1, 2]], [0, 0, 1]])
    places = np.where(np.isfinite(flat).all(1, keepdims=True), flat, np.nan)
    back = np.concatenate([places, np.ones((len(flat), 1))], 1) @ np.linalg.inv(onto @ turn).T
    return back[:, :2] / back[:, 2:]


@reproducible
def _bent(x, y, d):
    """The lens, and its derivatives by x and y: u, v, du/dx, du/dy, dv/dx, dv/dy."""
    r2 = x * x + y * y
    above = 1 + r2 * (d[0] + r2 * (d[1] + r2 * d[4]))
    below = 1 + r2 * (d[5] + r2 * (d[6] + r2 * d[7]))
    scale = above / below
    # By r2.
    slope = d[0] + r2 * (2 * d[1] + r2 * 3 * d[4])
    slope = (slope - scale * (d[5] + r2 * (2 * d[6] + r2 * 3 * d[7]))) / below
    p1, p2 = d[2], d[3]
    u = x * scale + 2 * p1 * x * y + p2 * (r2 + 2 * x * x) + r2 * (d[8] + r2 * d[9])
    v = y * scale + p1 * (r2 + 2 * y * y) + 2 * p2 * x * y + r2 * (d[10] + r2 * d[11])
    prism_u, prism_v = d[8] + 2 * r2 * d[9], d[10] + 2 * r2 * d[11]
    ux = scale + 2 * x * x * slope + 2 * p1 * y + 6 * p2 * x + 2 * x * prism_u
    uy = 2 * x * y * slope + 2 * p1 * x + 2 * p2 * y + 2 * y * prism_u
    vx = 2 * x * y * slope + 2 * p1 * x + 2 * p2 * y + 2 * x * prism_v
    vy = scale + 2 * y * y * slope + 6 * p1 * y + 2 * p2 * x + 2 * y * prism_v
    return u, v, ux, uy, vx, vy


@reproducible
def _radius(bent, d, limit):
    """The radius that the radial part maps to ``bent``, at most ``limit``; by halving."""
    low, high = 0.0, limit
    for _ in range(60):
        middle = 0.5 * (low + high)
        r2 = middle * middle
        scale = 1 + r2 * (d[0] + r2 * (d[1] + r2 * d[4]))
        scale /= 1 + r2 * (d[5] + r2 * (d[6] + r2 * d[7]))
        if middle * scale < bent:
            low = middle
        else:
            high = middle
    return 0.5 * (low + high)


@reproducible
def _polynomial(flat, d, limit, out):
    for n in range(len(flat)):
        u, v = flat[n, 0], flat[n, 1]
        out[n, 0] = out[n, 1] = np.nan
        size = np.sqrt(u * u + v * v)
        if not size < np.inf:
            continue
        share = _radius(size, d, limit) / size if size > 0 else 0.0
        x, y = u * share, v * share
        au, av, ux, uy, vx, vy = _bent(x, y, d)
        miss = np.hypot(au - u, av - v)
        for _ in range(50):
            if miss <= 1e-14 * (1 + size):
                break
            det = ux * vy - uy * vx
            if not det > 0:
                break
            dx, dy = (vy * (u - au) - uy * (v - av)) / det, (ux * (v - av) - vx * (u - au)) / det
            # A step that would lead away, or over the fold, is made shorter.
            step, better = 1.0, False
            for _ in range(30):
                bu, bv, bux, buy, bvx, bvy = _bent(x + step * dx, y + step * dy, d)
                now = np.hypot(bu - u, bv - v)
                if now < miss and bux * bvy - buy * bvx > 0:
                    better = True
                    break
                step *= 0.5
            if not better:
                break
            x, y, miss = x + step * dx, y + step * dy, now
            au, av, ux, uy, vx, vy = bu, bv, bux, buy, bvx, bvy
        # The tangential part may move the fold a little beyond that of the radial part.
        if miss <= 1e-10 * (1 + size) and x * x + y * y <= 1.21 * limit * limit:
            out[n, 0], out[n, 1] = x, y


@reproducible
def _fisheye(flat, d, limit, out):
    end = limit * limit
    end = limit * (1 + end * (d[0] + end * (d[1] + end * (d[2] + end * d[3]))))
    for n in range(len(flat)):
        u, v = flat[n, 0], flat[n, 1]
        size = np.sqrt(u * u + v * v)
        if not size <= end:
            out[n, 0] = out[n, 1] = np.nan
            continue
        low, high, angle = 0.0, limit, min(size, limit)
        for _ in range(80):
            s = angle * angle
            miss = angle * (1 + s * (d[0] + s * (d[1] + s * (d[2] + s * d[3])))) - size
            if miss > 0:
                high = angle
            else:
                low = angle
            if abs(miss) <= 1e-15 * (1 + size):
                break
            rate = 1 + s * (3 * d[0] + s * (5 * d[1] + s * (7 * d[2] + s * 9 * d[3])))
            angle -= miss / rate
            if not low <= angle <= high:
                angle = 0.5 * (low + high)
        share = np.tan(angle) / size if size > 0 else 1.0
        out[n, 0], out[n, 1] = u * share, v * share
