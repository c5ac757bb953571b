# Compiler cache, linker and warnings: nothing here changes what the program does.
find_program(CCACHE_PROGRAM ccache)
if(CCACHE_PROGRAM)
  set(CMAKE_CXX_COMPILER_LAUNCHER ${CCACHE_PROGRAM})
  set(CMAKE_CUDA_COMPILER_LAUNCHER ${CCACHE_PROGRAM})
endif()
find_program(MOLD_PROGRAM mold)
if(MOLD_PROGRAM)
  add_link_options(-fuse-ld=mold)
endif()

# Warnings are errors in our own code; third-party headers come in as SYSTEM.
add_compile_options("$<$<COMPILE_LANGUAGE:C,CXX>:-Wall;-Wextra;-Werror>"
                    "$<$<COMPILE_LANGUAGE:CUDA>:-Werror=all-warnings;-Xcompiler=-Wall,-Wextra>")

if(ROPEWAY_ASSERTIONS)
  string(REPLACE "-DNDEBUG" "" CMAKE_CXX_FLAGS_RELWITHDEBINFO "${CMAKE_CXX_FLAGS_RELWITHDEBINFO}")
endif()
# tests/sanitize.sh and tests/fuzz.sh run what comes of it.
if(ROPEWAY_SANITIZE STREQUAL "fuzzer")
  set(sanitizers -fsanitize=address,undefined -fno-sanitize-recover=undefined)
  add_compile_options("$<$<COMPILE_LANGUAGE:C,CXX>:${sanitizers};-fsanitize=fuzzer-no-link;-fno-omit-frame-pointer;-Wno-error>")
  add_link_options(${sanitizers})
elseif(ROPEWAY_SANITIZE)
  if(ROPEWAY_SANITIZE STREQUAL "thread")
    set(sanitizers -fsanitize=thread)
  else()
    set(sanitizers -fsanitize=address,undefined)
  endif()
  # GCC sees uninitialised values in instrumented code of the standard library and of libtorch's headers, and warns that
  # the thread sanitizer does not know the fences that libtorch's headers use.
  add_compile_options("$<$<COMPILE_LANGUAGE:C,CXX>:${sanitizers};-fno-omit-frame-pointer;-Wno-maybe-uninitialized;-Wno-tsan>")
  add_link_options(${sanitizers})
endif()
