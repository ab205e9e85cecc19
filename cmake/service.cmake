# boxoffice_add_service(<name>
#     DOMAIN   <noun>.c ...       pure rules: may see lib/base only
#     SERVICE  service.c ...      handlers: may see base, rpc's handler interface, proto
#     ADAPTERS store.c peers.c jobs.c ...
#     MAIN     main.c config.c ...
#     LIBS     <adapter libraries: boxoffice_db boxoffice_kv ...>
#     PROTOS   <proto targets>
#     [MIGRATIONS])               embeds migrations/*.sql as <name>_migrations[]
#
# Each layer is a target of its own, so a rule that includes libpq does not compile. Adapters and
# service are OBJECT libraries: a unit test links <name>_service with fake adapters instead.
# The binary is boxoffice-<name>.
function(boxoffice_add_service name)
    cmake_parse_arguments(ARG "MIGRATIONS" "" "DOMAIN;SERVICE;ADAPTERS;MAIN;LIBS;PROTOS" ${ARGN})

    add_library(${name}_domain OBJECT ${ARG_DOMAIN})
    target_include_directories(${name}_domain PUBLIC ${CMAKE_CURRENT_SOURCE_DIR})
    target_link_libraries(${name}_domain PUBLIC boxoffice_base PRIVATE boxoffice_flags)

    add_library(${name}_service OBJECT ${ARG_SERVICE})
    target_include_directories(${name}_service PUBLIC ${CMAKE_CURRENT_SOURCE_DIR})
    target_link_libraries(${name}_service
        PUBLIC boxoffice_base boxoffice_metrics boxoffice_rpc ${ARG_PROTOS}
        PRIVATE boxoffice_flags)

    add_library(${name}_adapters OBJECT ${ARG_ADAPTERS})
    target_include_directories(${name}_adapters PUBLIC ${CMAKE_CURRENT_SOURCE_DIR})
    target_link_libraries(${name}_adapters
        PUBLIC boxoffice_base boxoffice_metrics boxoffice_log boxoffice_rpc ${ARG_LIBS} ${ARG_PROTOS}
        PRIVATE boxoffice_flags)

    add_executable(boxoffice-${name} ${ARG_MAIN})
    if(ARG_MIGRATIONS)
        boxoffice_embed_migrations(${name} ${CMAKE_CURRENT_SOURCE_DIR}/migrations)
        target_sources(boxoffice-${name} PRIVATE ${CMAKE_CURRENT_BINARY_DIR}/${name}_migrations.c)
    endif()
    target_link_libraries(boxoffice-${name}
        PRIVATE boxoffice_flags ${name}_domain ${name}_service ${name}_adapters ${ARG_PROTOS} ${ARG_LIBS}
                boxoffice_app boxoffice_rpc boxoffice_http boxoffice_config boxoffice_log boxoffice_metrics boxoffice_base)
endfunction()

# boxoffice_embed_migrations(<name> <dir>): <name>_migrations.c with `const struct db_migration
# <name>_migrations[]` and `const size_t <name>_migration_count`, in file name order (lib/db/migrate.h).
function(boxoffice_embed_migrations name dir)
    file(GLOB files CONFIGURE_DEPENDS ${dir}/*.sql)
    list(SORT files)
    set(out ${CMAKE_CURRENT_BINARY_DIR}/${name}_migrations.c)
    add_custom_command(
        OUTPUT ${out}
        COMMAND ${CMAKE_COMMAND} -DNAME=${name} -DOUT=${out} "-DFILES=${files}"
                -P ${CMAKE_SOURCE_DIR}/cmake/embed_migrations.cmake
        DEPENDS ${files} ${CMAKE_SOURCE_DIR}/cmake/embed_migrations.cmake
        VERBATIM)
endfunction()
