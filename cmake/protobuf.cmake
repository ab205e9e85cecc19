# boxoffice_proto(<target> <root> <file.proto> [DESCRIPTORS <symbol>] [DEPENDS <target>...])
#
# Generates protobuf-c code for <root>/<file.proto> into the build tree and makes the OBJECT library
# <target> of it; include as "<file>.pb-c.h". DESCRIPTORS also embeds the serialised FileDescriptorSet
# (imports included), which server reflection hands out, as <symbol> and <symbol>_size.
function(boxoffice_proto target root file)
    cmake_parse_arguments(ARG "" "DESCRIPTORS" "DEPENDS" ${ARGN})
    set(out_dir ${CMAKE_BINARY_DIR}/proto-c)
    string(REGEX REPLACE "\\.proto$" "" stem ${file})
    set(sources ${out_dir}/${stem}.pb-c.c)
    file(MAKE_DIRECTORY ${out_dir})
    add_custom_command(
        OUTPUT ${out_dir}/${stem}.pb-c.c ${out_dir}/${stem}.pb-c.h
        COMMAND ${PROTOC_C} --c_out=${out_dir} -I${root} ${root}/${file}
        DEPENDS ${root}/${file}
        VERBATIM)
    if(ARG_DESCRIPTORS)
        set(set_file ${out_dir}/${stem}.fds)
        add_custom_command(
            OUTPUT ${set_file}
            COMMAND ${PROTOC} -I${root} --include_imports --descriptor_set_out=${set_file} ${root}/${file}
            DEPENDS ${root}/${file}
            VERBATIM)
        boxoffice_embed(${out_dir}/${stem}.fds.c ${ARG_DESCRIPTORS} ${set_file})
        list(APPEND sources ${out_dir}/${stem}.fds.c)
    endif()
    add_library(${target} OBJECT ${sources} ${out_dir}/${stem}.pb-c.h)
    target_include_directories(${target} SYSTEM PUBLIC ${out_dir})
    target_link_libraries(${target} PUBLIC boxoffice_common_flags PkgConfig::PROTOBUF_C ${ARG_DEPENDS})
endfunction()
