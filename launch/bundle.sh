#!/usr/bin/env bash
# Makes a folder that runs on a machine with a GPU, its driver, and a Python that has torch 2.11 (cu130) with its
# wheels, and nothing else: no MPI, no compiler, no root. In it: the program, the tests and benchmarks for GPUs, the
# shared libraries and the MPI runtime they need, the tiny model, its text, the recipes, and run-on-gpu.sh, which sets
# up the environment and takes a command. At most 64 MB; relocatable.
#   launch/bundle.sh [OUT]        default: build/bundle; an earlier bundle there is replaced
# CUDA code is built for sm_90 (CUDAARCHS="80-real;90-real" for others).
set -euo pipefail
cd "$(dirname "$0")/.."
out=${1:-build/bundle}
limit_mb=64
say() { echo "bundle: $*" >&2; }

if [ -e "$out" ] && [ ! -f "$out/run-on-gpu.sh" ]; then
  say "$out exists and is no bundle: not replaced"
  exit 73
fi

# --- build -------------------------------------------------------------------------------------------------------
launch/setup.sh
build=build/release
cmake --preset release -DROPEWAY_CUDA=ON -DCMAKE_CUDA_ARCHITECTURES="${CUDAARCHS:-90-real}" >/dev/null
# Tests with the label gpu, from where the build has them too.
mapfile -t tests < <(python3 - <<'END'
import pathlib, re
calls = [c for f in sorted(pathlib.Path("tests").rglob("CMakeLists.txt"))
         for c in re.findall(r"ropeway_\w*test\(([^)]*)\)", f.read_text())]
programs = [(re.search(r"TARGET_FILE:(\w+)", c) or re.match(r"\s*(\w+)", c))[1] for c in calls]
names = {p for p, c in zip(programs, calls) if re.search(r"LABELS[^)]*\bgpu\b", c)}
print("\n".join(sorted(names)))
END
)
programs=(ropeway bench_engine gpu_kernels gpu_attention gpu_ring)
cmake --build "$build" --target "${programs[@]}" "${tests[@]}" >&2
launch/fetch_corpus.sh >&2

# --- folder ------------------------------------------------------------------------------------------------------
new=$out.tmp-$$
trap 'rm -rf "$new"' EXIT
mkdir -p "$new"/{bin,lib,tests/data,data/corpus/train,data/corpus/validation,data/corpus/test}
for name in "${programs[@]}" "${tests[@]}"; do
  cp "$build/bin/$name" "$new/bin/"
done
strip "$new"/bin/*
printf '%s\n' "${tests[@]}" >"$new/gpu_tests.txt"
if compgen -G "$build/lib/*.so" >/dev/null; then
  cp "$build"/lib/*.so "$new/lib/"
  strip "$new"/lib/*.so
fi

# Open MPI and PMIx with the plug-ins for one node, in the folders where Debian's look for them under a prefix. Plug-ins
# for fabrics and batch systems want libraries of their own.
libraries=usr/lib/x86_64-linux-gnu
plugins=$libraries/openmpi/lib/openmpi3
mkdir -p "$new/usr/bin" "$new/usr/share" "$new/$plugins" "$new/$libraries/pmix2/lib"
cp -L /usr/bin/orterun /usr/bin/orted "$new/usr/bin/"
ln -s orterun "$new/usr/bin/mpirun"
cp -r /usr/share/openmpi "$new/usr/share/"
cp /"$plugins"/mca_*.so "$new/$plugins/"
rm -f "$new/$plugins"/mca_*{ucx,ofi,psm,psm2,openib,slurm,gridengine,flux}.so
cp -r /"$libraries"/pmix2/share "$new/$libraries/pmix2/"
cp -r /"$libraries"/pmix2/lib/pmix "$new/$libraries/pmix2/lib/"
rm -f "$new/$libraries"/pmix2/lib/pmix/pmix_mca_*_{munge,slurm,opa}.so

# What all these load, except the C and C++ runtime, the driver, and what comes with torch.
find "$new" -type f \( -name '*.so' -o -path '*/bin/*' \) -print0 | xargs -0 ldd 2>/dev/null |
  sed -n 's|^\t.* => \(/[^ ]*\) .*|\1|p' | sort -u |
  grep -Ev '/(ld-linux|libc|libm|libdl|librt|libpthread|libgcc_s|libstdc\+\+|libcuda|libresolv|libutil)[-.]|/torch/|/nvidia/|/cuda' |
  xargs -I{} cp -L {} "$new/lib/"

cp -r tests/data/tiny_base tests/data/prose.txt "$new/tests/data/"
cp -r configs "$new/"
cp data/corpus/validation/*.txt "$new/data/corpus/validation/"
cp data/corpus/test/*.txt "$new/data/corpus/test/"
cp data/corpus/train/austen_*.txt "$new/data/corpus/train/"
mkdir -p "$new/tests/bench"
cp tests/bench/gpu.sh tests/bench/gpu_steps.py tests/bench/transformers_engine.py "$new/tests/bench/"
cp launch/on_gpu/run-on-gpu.sh launch/on_gpu/gpu-tests.sh "$new/"
chmod +x "$new"/*.sh

megabytes=$(du -sm --apparent-size "$new" | cut -f1)
if [ "$megabytes" -gt "$limit_mb" ]; then
  say "the bundle has $megabytes MB, wanted at most $limit_mb; largest parts:"
  du -m --apparent-size "$new" | sort -rn | head -8 >&2
  exit 74
fi
rm -rf "$out"
mv "$new" "$out"
trap - EXIT
say "$out: $megabytes MB; on the machine: $out/run-on-gpu.sh ropeway version, $out/gpu-tests.sh"
