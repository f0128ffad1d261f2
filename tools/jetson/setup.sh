#!/usr/bin/env bash
# Prepare this checkout on a Jetson with JetPack 6.1 or newer (docs/jetson.md). Asks for sudo only
# where a package is missing; run again after a failure, it goes on where it was.
set -euo pipefail
cd "$(dirname "$0")/../.."

oldest=36.4  # L4T of JetPack 6.1, the first with TensorRT 10
release_file=${HMR_L4T_RELEASE:-/etc/nv_tegra_release}
cuda=${CUDA_ROOT:-/usr/local/cuda}

fail() {
  echo "tools/jetson/setup.sh: $*" >&2
  exit 1
}

[ -r "$release_file" ] || fail "$release_file is missing: this is no Jetson; see docs/install.md"
release=$(sed -nE '1s/.*R([0-9]+).*REVISION: ([0-9]+).*/\1.\2/p' "$release_file")
[ -n "$release" ] || fail "$release_file does not tell the release of L4T"
[ "$(printf '%s\n' "$oldest" "$release" | sort -V | head -n 1)" = "$oldest" ] ||
  fail "L4T $release has TensorRT 8; flash JetPack 6.1 or newer (L4T $oldest)"

if [ -z "${ROS_DISTRO:-}" ]; then
  for distro in humble jazzy; do
    [ -r "/opt/ros/$distro/setup.bash" ] && break
  done
  [ -r "/opt/ros/$distro/setup.bash" ] ||
    fail "no ROS in /opt/ros: install ROS 2 Humble (Ubuntu 22.04) or Jazzy (24.04) from its apt repository"
  set +u
  # shellcheck disable=SC1090
  . "/opt/ros/$distro/setup.bash"
  set -u
fi

packages=()
[ -x "$cuda/bin/nvcc" ] || packages+=(nvidia-jetpack)
/usr/bin/python3 -c 'import importlib.util as u, sys; sys.exit(u.find_spec("tensorrt") is None)' ||
  packages+=(python3-libnvinfer)
for program in git make cmake g++; do
  command -v "$program" >/dev/null || packages+=("$program")
done
/usr/bin/python3 -c 'import ensurepip' 2>/dev/null || packages+=(python3-venv)
[ -r "$(/usr/bin/python3 -c 'import sysconfig; print(sysconfig.get_path("include"))')/Python.h" ] ||
  packages+=(python3-dev)
if [ ${#packages[@]} -gt 0 ]; then
  echo "installing ${packages[*]}"
  sudo apt-get update
  sudo apt-get install -y --no-install-recommends "${packages[@]}"
fi

# TensorRT's Python module belongs to the system's Python.
make setup PYTHON=/usr/bin/python3

if ! .venv/bin/python -c 'import pycuda.driver' 2>/dev/null; then
  echo "building pycuda (a few minutes)"
  PATH="$cuda/bin:$PATH" CUDA_ROOT="$cuda" .venv/bin/python -m pip install \
    --disable-pip-version-check -r requirements/cuda.txt -c requirements/constraints.txt
fi

.venv/bin/python -c 'import tensorrt, pycuda.driver; print("TensorRT", tensorrt.__version__)' ||
  fail "TensorRT or pycuda cannot be imported: .venv/bin/hmr doctor says more"
echo "done. Now: .venv/bin/hmr doctor"
