# penstock_embed(TARGET target SYMBOL name FILES files...)
# Puts the files, one behind the other, into the target as bytes:
#   extern const char name[]; extern const size_t name_len;
function(penstock_embed)
    cmake_parse_arguments(E "" "TARGET;SYMBOL" "FILES" ${ARGN})
    list(TRANSFORM E_FILES PREPEND ${CMAKE_CURRENT_SOURCE_DIR}/)
    set(out ${CMAKE_CURRENT_BINARY_DIR}/${E_SYMBOL}.c)
    add_custom_command(OUTPUT ${out}
        COMMAND ${CMAKE_COMMAND} "-DFILES=${E_FILES}" -DSYMBOL=${E_SYMBOL} -DOUT=${out}
            -P ${PROJECT_SOURCE_DIR}/cmake/Embed.cmake
        DEPENDS ${E_FILES} ${PROJECT_SOURCE_DIR}/cmake/Embed.cmake
        COMMENT "Embedding ${E_SYMBOL}" VERBATIM)
    target_sources(${E_TARGET} PRIVATE ${out})
endfunction()

if(CMAKE_SCRIPT_MODE_FILE)
    set(all "")
    foreach(file IN LISTS FILES)
        file(READ ${file} hex HEX)
        string(APPEND all "${hex}")
    endforeach()
    string(REGEX REPLACE "(................................)" "\\1\n" all "${all}")
    string(REGEX REPLACE "([0-9a-f][0-9a-f])" "0x\\1," all "${all}")
    file(WRITE ${OUT} "#include <stddef.h>\n\nextern const char ${SYMBOL}[];\n"
        "extern const size_t ${SYMBOL}_len;\nconst char ${SYMBOL}[] = {\n${all}\n};\n"
        "const size_t ${SYMBOL}_len = sizeof ${SYMBOL};\n")
endif()
