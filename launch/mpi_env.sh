# shellcheck shell=bash
# Sourced by the scripts here: Open MPI on one node with more ranks than cores, as root in a container too.
# Users on a cluster set their own; docs: launch/README.md, "Several nodes".
export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1
export OMPI_MCA_rmaps_base_oversubscribe=1 OMPI_MCA_hwloc_base_binding_policy=none
export OMPI_MCA_pml=ob1 OMPI_MCA_btl=self,vader,tcp OMPI_MCA_mpi_yield_when_idle=1
export OMPI_MCA_plm_rsh_agent=/bin/false # one node: nothing is started elsewhere
export OMP_NUM_THREADS=1
