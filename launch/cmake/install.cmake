# What `cmake --install` and the Debian package (cpack -G DEB) hold: the program; what it needs of libtorch, in a folder of
# its own beside it; recipes with a model and a text to try them on; manual pages and completions, which the program writes.
include(GNUInstallDirs)
set(ROPEWAY_PRIVATE_LIBRARIES ${CMAKE_INSTALL_LIBDIR}/ropeway)
file(RELATIVE_PATH to_libraries /${CMAKE_INSTALL_BINDIR} /${ROPEWAY_PRIVATE_LIBRARIES})
set_target_properties(ropeway PROPERTIES INSTALL_RPATH "$ORIGIN/${to_libraries}")

# libtorch's CPU half and what it loads itself. Its CUDA half, with cuBLAS, cuDNN and NCCL, is the machine's: a run on GPUs
# looks for it where the loader does.
file(GLOB wheel_libraries ${TORCH_ROOT}/../nvidia/*/lib)
install(TARGETS ropeway RUNTIME_DEPENDENCIES
        PRE_INCLUDE_REGEXES "^lib(torch_cpu|c10|c10_cuda|gomp|cudart|cupti)[-.]" PRE_EXCLUDE_REGEXES "."
        DIRECTORIES ${TORCH_ROOT}/lib ${wheel_libraries} /usr/local/cuda/lib64
        RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR} LIBRARY DESTINATION ${ROPEWAY_PRIVATE_LIBRARIES})

set(data ${CMAKE_INSTALL_DATADIR})
install(DIRECTORY configs DESTINATION ${data}/ropeway)
install(DIRECTORY tests/data/tiny_base DESTINATION ${data}/ropeway/tests/data)
install(FILES tests/data/prose.txt DESTINATION ${data}/ropeway/tests/data)
install(FILES LICENSE DESTINATION ${data}/doc/ropeway RENAME copyright)

set(ROPEWAY_PROGRAM $<TARGET_FILE:ropeway>)
file(GENERATE OUTPUT ${CMAKE_BINARY_DIR}/launch/documents.cmake CONTENT "
set(folder ${CMAKE_BINARY_DIR}/documents)
file(REMOVE_RECURSE \${folder})
file(MAKE_DIRECTORY \${folder})
foreach(shell bash zsh fish)
  execute_process(COMMAND ${ROPEWAY_PROGRAM} completion \${shell} OUTPUT_FILE \${folder}/\${shell} COMMAND_ERROR_IS_FATAL ANY)
endforeach()
execute_process(COMMAND ${ROPEWAY_PROGRAM} schema OUTPUT_FILE \${folder}/recipe.schema.json COMMAND_ERROR_IS_FATAL ANY)
execute_process(COMMAND ${ROPEWAY_PROGRAM} help --man \${folder}/man COMMAND_ERROR_IS_FATAL ANY)
file(COPY_FILE ${CMAKE_SOURCE_DIR}/CHANGELOG.md \${folder}/changelog)
file(GLOB pages \${folder}/man/*/* \${folder}/changelog)
execute_process(COMMAND gzip -9nf \${pages} COMMAND_ERROR_IS_FATAL ANY)
")
install(SCRIPT ${CMAKE_BINARY_DIR}/launch/documents.cmake)
set(documents ${CMAKE_BINARY_DIR}/documents)
install(DIRECTORY ${documents}/man/ DESTINATION ${CMAKE_INSTALL_MANDIR})
install(FILES ${documents}/changelog.gz DESTINATION ${data}/doc/ropeway)
install(FILES ${documents}/recipe.schema.json DESTINATION ${data}/ropeway)
install(FILES ${documents}/bash DESTINATION ${data}/bash-completion/completions RENAME ropeway)
install(FILES ${documents}/zsh DESTINATION ${data}/zsh/vendor-completions RENAME _ropeway)
install(FILES ${documents}/fish DESTINATION ${data}/fish/vendor_completions.d RENAME ropeway.fish)

# Its maintainer is whoever makes it: launch/package.sh says who.
set(CPACK_GENERATOR DEB)
set(CPACK_PACKAGING_INSTALL_PREFIX /usr)
set(CPACK_STRIP_FILES ON)
set(CPACK_PACKAGE_NAME ropeway)
set(CPACK_PACKAGE_VENDOR ropeway)
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY "extends the context window of RoPE language models")
set(CPACK_PACKAGE_DESCRIPTION "It searches LongRoPE factors for a longer window, fine-tunes with each
sequence spread over all ranks, searches again, readjusts the factors for
short inputs, evaluates, and saves the factors with the weights. One YAML
file describes the run. It runs on CPUs under MPI, and on GPUs where
libtorch's CUDA libraries are installed.")
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_SECTION science)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS_PRIVATE_DIRS ${TORCH_ROOT}/lib ${wheel_libraries})
set(CPACK_DEBIAN_PACKAGE_DEPENDS "openmpi-bin")
set(CPACK_DEBIAN_PACKAGE_SUGGESTS "openssh-client")
set(CPACK_DEBIAN_COMPRESSION_TYPE gzip)
include(CPack)
