#!/usr/bin/env bash
# Compile the pinned pycuda with CUDA's headers from PyPI, and the driver that stands in for a GPU's,
# into .cache/pycuda, where test/test_pycuda_on_host.py finds them. Takes several minutes.
set -euo pipefail
cd "$(dirname "$0")/../.."

target=$PWD/.cache/pycuda
python=$PWD/.venv/bin/python
cuda=12.6.77
pip=("$python" -m pip --disable-pip-version-check --quiet)
pin=$(grep '^pycuda==' requirements/constraints.txt)

rm -rf "$target"
mkdir -p "$target/root/lib64" "$target/modules"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

"${pip[@]}" install --no-deps --target "$work/headers" "nvidia-cuda-runtime-cu12==$cuda" \
  "nvidia-cuda-nvcc-cu12==$cuda" "nvidia-cuda-profiler-api-cu12==12.6.77"
mkdir -p "$target/root/include"
for folder in "$work"/headers/nvidia/*/include; do
  cp -r "$folder/." "$target/root/include/"
done

# The linker wants a libcuda; what pycuda finds in it is looked up when it is loaded.
echo 'void nothing(void) {}' | cc -x c -shared -fPIC -o "$target/root/lib64/libcuda.so" -
"${pip[@]}" download --no-deps --no-binary pycuda -d "$work" "$pin"
tar -xzf "$work"/pycuda-*.tar.gz -C "$work"
(
  cd "$work"/pycuda-*/
  "$python" configure.py --cuda-root="$target/root" --cudadrv-lib-dir="$target/root/lib64" \
    --no-cuda-enable-curand
  CUDA_ROOT=$target/root CFLAGS=-O1 CXXFLAGS=-O1 \
    "${pip[@]}" install --no-deps --target "$target/modules" .
)
"${pip[@]}" install --target "$target/modules" -c requirements/constraints.txt pytools mako

# What our driver does not do fails with an unknown error.
driver=$(ls "$target"/modules/pycuda/_driver*.so)
cc -O1 -shared -fPIC -I"$target/root/include" -o "$work/ours.so" tools/pycuda_on_host/driver.c
names() { nm -D "$1" "$2" | awk '{print $NF}' | sed 's/@.*//' | grep '^cu[A-Z]' | sort -u; }
comm -23 <(names --undefined-only "$driver") <(names --defined-only "$work/ours.so") |
  sed 's/.*/int &(void) { return 999; }/' >"$work/others.c"
cc -O1 -shared -fPIC -I"$target/root/include" -o "$target/libcuda.so.1" \
  tools/pycuda_on_host/driver.c "$work/others.c"
echo "$target is ready: pytest test/test_pycuda_on_host.py"
