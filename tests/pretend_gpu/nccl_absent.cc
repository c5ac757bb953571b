// Calls of NCCL that libtorch is linked with and this program never comes to. Without NCCL's header, whose
// declarations differ.
#include "tests/pretend_gpu/record.h"

#define ROPEWAY_ABSENT(name) \
  extern "C" int name() { ropeway::pretend::complain(#name ": the pretend NCCL does not have it"); }

ROPEWAY_ABSENT(ncclAlltoAll)
ROPEWAY_ABSENT(ncclBcast)
ROPEWAY_ABSENT(ncclCommCount)
ROPEWAY_ABSENT(ncclCommDeregister)
ROPEWAY_ABSENT(ncclCommInitAll)
ROPEWAY_ABSENT(ncclCommInitRank)
ROPEWAY_ABSENT(ncclCommInitRankScalable)
ROPEWAY_ABSENT(ncclCommRegister)
ROPEWAY_ABSENT(ncclCommShrink)
ROPEWAY_ABSENT(ncclCommSplit)
ROPEWAY_ABSENT(ncclCommUserRank)
ROPEWAY_ABSENT(ncclCommWindowDeregister)
ROPEWAY_ABSENT(ncclCommWindowRegister)
ROPEWAY_ABSENT(ncclDevCommCreate)
ROPEWAY_ABSENT(ncclDevCommDestroy)
ROPEWAY_ABSENT(ncclGroupSimulateEnd)
ROPEWAY_ABSENT(ncclMemAlloc)
ROPEWAY_ABSENT(ncclMemFree)
ROPEWAY_ABSENT(ncclRedOpCreatePreMulSum)
ROPEWAY_ABSENT(ncclRedOpDestroy)
ROPEWAY_ABSENT(ncclReduce)
