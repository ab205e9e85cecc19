# boxoffice_add_test(<name> LABEL unit|integration|... SOURCES <c files> LIBS <targets> [TIMEOUT <s>])
# One `check` program a tested module. Integration tests start their own PostgreSQL and Redis.
# Everything with the label unit or fuzz: what the sanitizer builds make.
add_custom_target(unit_tests)

function(boxoffice_add_test name)
    cmake_parse_arguments(ARG "" "LABEL;TIMEOUT" "SOURCES;LIBS" ${ARGN})
    if(NOT ARG_TIMEOUT)
        set(ARG_TIMEOUT 120)
    endif()
    add_executable(${name} ${ARG_SOURCES})
    target_include_directories(${name} PRIVATE ${CMAKE_SOURCE_DIR}/tests)
    target_link_libraries(${name} PRIVATE boxoffice_flags ${ARG_LIBS} PkgConfig::CHECK)
    set_target_properties(${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/tests)
    if(ARG_LABEL MATCHES "^(unit|fuzz)$")
        add_dependencies(unit_tests ${name})
    endif()
    add_test(NAME ${name} COMMAND ${name})
    set_tests_properties(${name} PROPERTIES LABELS ${ARG_LABEL} TIMEOUT ${ARG_TIMEOUT}
        ENVIRONMENT "CK_FORK=no;BOXOFFICE_SOURCE_DIR=${CMAKE_SOURCE_DIR};BOXOFFICE_BINARY_DIR=${CMAKE_BINARY_DIR}")
endfunction()
