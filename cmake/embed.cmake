# boxoffice_embed(<out.c> <symbol> <file>): <file> as `const unsigned char <symbol>[]`, followed by a
# NUL that is not counted in `const size_t <symbol>_size`.
function(boxoffice_embed out symbol file)
    add_custom_command(
        OUTPUT ${out}
        COMMAND ${CMAKE_COMMAND} -DIN=${file} -DOUT=${out} -DSYMBOL=${symbol}
                -P ${CMAKE_SOURCE_DIR}/cmake/embed_file.cmake
        DEPENDS ${file} ${CMAKE_SOURCE_DIR}/cmake/embed_file.cmake
        VERBATIM)
endfunction()
