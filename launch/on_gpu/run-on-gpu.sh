#!/usr/bin/env bash
# Runs a command of this bundle with the environment it needs: its own libraries and MPI, torch's libraries from the
# Python found. Works from any folder; the working directory becomes the bundle, where recipes find their files.
#   run-on-gpu.sh ropeway run configs/tiny_cpu.yaml --set device=cuda
#   run-on-gpu.sh mpirun -n 2 ropeway run configs/tiny_cpu.yaml
#   PYTHON=/opt/venv/bin/python run-on-gpu.sh COMMAND      another Python; TORCH_ROOT=DIR names torch's folder itself
set -euo pipefail
if [ $# -eq 0 ]; then
  sed -n '2,/^set/s/^# \{0,1\}//p' "$0" >&2
  exit 2
fi
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
torch=${TORCH_ROOT:-}
if [ -z "$torch" ]; then
  # Found without importing it, which takes seconds.
  torch=$("${PYTHON:-python3}" -c 'import importlib.util as u; s = u.find_spec("torch"); print(s.submodule_search_locations[0] if s else "")' || true)
fi
if [ ! -f "$torch/lib/libtorch_cpu.so" ]; then
  echo "run-on-gpu.sh: no torch in ${PYTHON:-python3} (found '$torch'); wanted torch 2.11 (cu130): set PYTHON or TORCH_ROOT" >&2
  exit 66
fi
path=$here/lib:$torch/lib
for part in cu13 cudnn nccl cusparselt nvshmem cuda_runtime cuda_cupti; do
  if [ -d "$torch/../nvidia/$part/lib" ]; then path+=:$torch/../nvidia/$part/lib; fi
done
export LD_LIBRARY_PATH=$path${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}
export PATH=$here/bin:$here/usr/bin:$PATH
export OPAL_PREFIX=$here/usr PMIX_INSTALL_PREFIX=$here/usr/lib/x86_64-linux-gnu/pmix2
export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1
export OMPI_MCA_mca_base_component_show_load_errors=0 PMIX_MCA_mca_base_component_show_load_errors=0
export OMPI_MCA_plm_rsh_agent=/bin/false OMPI_MCA_pml=ob1 OMPI_MCA_btl=self,vader,tcp
export OMPI_MCA_rmaps_base_oversubscribe=1 OMPI_MCA_hwloc_base_binding_policy=none
export PMIX_MCA_pcompress_base_silence_warning=1
export ROPEWAY_PROGRAM=$here/bin/ropeway ROPEWAY_TOP_FOLDER=$here # for the tests
cd "$here"
exec "$@"
