# How our own C is compiled. Generated code does not link boxoffice_flags.
set(CMAKE_C_STANDARD 17)
set(CMAKE_C_STANDARD_REQUIRED ON)
set(CMAKE_C_EXTENSIONS ON) # cleanup attribute, POSIX and GNU library functions
# Assertions guard invariants in production too, so CMake's -DNDEBUG goes.
set(CMAKE_C_FLAGS_RELWITHDEBINFO "-O2 -g")
set(CMAKE_C_FLAGS_RELEASE "-O2")
set(CMAKE_RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/bin)

option(BOXOFFICE_WERROR "Warnings are errors" OFF)
option(BOXOFFICE_COVERAGE "Instrument for coverage" OFF)
option(BOXOFFICE_TESTS "Build the tests" ON)
option(BOXOFFICE_BENCH "Build the benchmarks" OFF)
set(BOXOFFICE_SANITIZE "" CACHE STRING "Sanitizers, as for -fsanitize=")

# What every object needs, generated code too.
add_library(boxoffice_common_flags INTERFACE)
target_compile_definitions(boxoffice_common_flags INTERFACE _GNU_SOURCE)
if(BOXOFFICE_SANITIZE)
    target_compile_options(boxoffice_common_flags INTERFACE
        -fsanitize=${BOXOFFICE_SANITIZE} -fno-omit-frame-pointer -fno-sanitize-recover=all)
    target_link_options(boxoffice_common_flags INTERFACE -fsanitize=${BOXOFFICE_SANITIZE})
endif()
if(BOXOFFICE_COVERAGE)
    target_compile_options(boxoffice_common_flags INTERFACE --coverage)
    target_link_options(boxoffice_common_flags INTERFACE --coverage)
endif()

add_library(boxoffice_flags INTERFACE)
target_link_libraries(boxoffice_flags INTERFACE boxoffice_common_flags)
target_compile_options(boxoffice_flags INTERFACE
    -Wall -Wextra -Wshadow -Wconversion -Wsign-conversion -Wformat=2 -Wundef -Wvla -Wcast-qual
    -Wstrict-prototypes -Wmissing-prototypes -Wswitch-enum -fno-common -fstack-protector-strong
    $<$<BOOL:${BOXOFFICE_WERROR}>:-Werror>)
