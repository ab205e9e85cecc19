# Script behind boxoffice_embed_migrations(): NAME, OUT, FILES (sorted).
set(rows "")
set(arrays "")
set(count 0)
foreach(file IN LISTS FILES)
    get_filename_component(stem ${file} NAME_WE)
    file(READ ${file} hex HEX)
    string(REGEX REPLACE "([0-9a-f][0-9a-f])" "0x\\1," bytes "${hex}")
    string(APPEND arrays "static const char sql_${count}[] = {${bytes}0};\n")
    string(APPEND rows "    {\"${stem}\", sql_${count}},\n")
    math(EXPR count "${count} + 1")
endforeach()
file(WRITE ${OUT}
"#include \"db/migrate.h\"
extern const struct db_migration ${NAME}_migrations[];
extern const size_t ${NAME}_migration_count;
${arrays}const struct db_migration ${NAME}_migrations[] = {
${rows}};
const size_t ${NAME}_migration_count = ${count};
")
