# ropeway_library(NAME FLOOR n SOURCES ... [CUDA ...] [NO_CUDA ...] [DEPS ...] [EXTERNAL ...])
#   Declares the library of one folder. FLOOR is the folder's floor in the house (tests/README.md, "Folders"); linking against
#   a library that is not on a lower floor fails here, at configure time. tests/structure/ reads the includes themselves. CUDA: sources of builds with CUDA only; NO_CUDA:
#   what stands in for them in the others.
# ropeway_test(NAME SOURCES ... [DEPS ...] [LABELS ...] [TIMEOUT s])
#   Declares one GoogleTest binary; every TEST in it is one ctest.
set(ROPEWAY_MPI_ENV
    OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1 OMPI_MCA_rmaps_base_oversubscribe=1
    OMPI_MCA_hwloc_base_binding_policy=none OMPI_MCA_pml=ob1 OMPI_MCA_btl=self,vader,tcp
    OMPI_MCA_mpi_yield_when_idle=1 OMPI_MCA_plm_rsh_agent=/bin/false OMP_NUM_THREADS=1)

function(ropeway_library name)
  cmake_parse_arguments(ARG "" "FLOOR" "SOURCES;CUDA;NO_CUDA;DEPS;EXTERNAL" ${ARGN})
  if(NOT DEFINED ARG_FLOOR)
    message(FATAL_ERROR "ropeway_library(${name}): FLOOR is missing")
  endif()
  if(ROPEWAY_WITH_CUDA)
    list(APPEND ARG_SOURCES ${ARG_CUDA})
  else()
    list(APPEND ARG_SOURCES ${ARG_NO_CUDA})
  endif()
  add_library(ropeway_${name} STATIC ${ARG_SOURCES})
  add_library(ropeway::${name} ALIAS ropeway_${name})
  set_target_properties(ropeway_${name} PROPERTIES ROPEWAY_FLOOR ${ARG_FLOOR} LINKER_LANGUAGE CXX
                                                   POSITION_INDEPENDENT_CODE ON)
  target_include_directories(ropeway_${name} PUBLIC ${CMAKE_SOURCE_DIR})
  foreach(dep IN LISTS ARG_DEPS)
    get_target_property(dep_floor ropeway_${dep} ROPEWAY_FLOOR)
    if(NOT dep_floor LESS ARG_FLOOR)
      message(FATAL_ERROR "ropeway_library(${name}): floor ${ARG_FLOOR} must not use ${dep} on floor ${dep_floor}")
    endif()
    target_link_libraries(ropeway_${name} PUBLIC ropeway_${dep})
  endforeach()
  target_link_libraries(ropeway_${name} PUBLIC ${ARG_EXTERNAL})
  if(ROPEWAY_WITH_CUDA AND ARG_CUDA)
    target_link_libraries(ropeway_${name} PRIVATE CUDA::cudart)
  endif()
endfunction()

include(GoogleTest)
function(ropeway_test name)
  cmake_parse_arguments(ARG "" "TIMEOUT" "SOURCES;DEPS;LABELS;EXTERNAL" ${ARGN})
  if(NOT ARG_TIMEOUT)
    set(ARG_TIMEOUT 120)
  endif()
  add_executable(${name} ${ARG_SOURCES})
  list(TRANSFORM ARG_DEPS PREPEND ropeway_)
  target_link_libraries(${name} PRIVATE ${ARG_DEPS} ${ARG_EXTERNAL} GTest::gmock GTest::gtest_main)
  target_include_directories(${name} PRIVATE ${CMAKE_SOURCE_DIR})
  target_compile_definitions(${name} PRIVATE ROPEWAY_SOURCE_DIR="${CMAKE_SOURCE_DIR}"
                                             ROPEWAY_BINARY_DIR="${CMAKE_BINARY_DIR}")
  gtest_discover_tests(${name} DISCOVERY_MODE PRE_TEST DISCOVERY_TIMEOUT 120
                       PROPERTIES TIMEOUT ${ARG_TIMEOUT} LABELS "${ARG_LABELS}" ENVIRONMENT "${ROPEWAY_MPI_ENV}")
endfunction()

# ropeway_mpi_test(NAME RANKS p COMMAND ...): the command under mpirun, within a hard time limit.
function(ropeway_mpi_test name)
  cmake_parse_arguments(ARG "" "RANKS;TIMEOUT" "COMMAND;LABELS" ${ARGN})
  if(NOT ARG_TIMEOUT)
    set(ARG_TIMEOUT 120)
  endif()
  add_test(NAME ${name} COMMAND timeout -k 5 ${ARG_TIMEOUT} ${MPIEXEC_EXECUTABLE} -n ${ARG_RANKS} ${ARG_COMMAND})
  set_tests_properties(${name} PROPERTIES ENVIRONMENT "${ROPEWAY_MPI_ENV}" PROCESSORS 2 LABELS "mpi;${ARG_LABELS}")
endfunction()
