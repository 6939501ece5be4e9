# penstock_test(NAME name LABEL label SOURCES files... [LIBS targets...] [ARGS words...]
#               [TIMEOUT seconds] [ENV var=value...])
# A cmocka program with a label and a time limit. Locale, zone and terminal are pinned.
function(penstock_test)
    cmake_parse_arguments(T "" "NAME;LABEL;TIMEOUT" "SOURCES;LIBS;ARGS;ENV" ${ARGN})
    if(NOT T_TIMEOUT)
        set(T_TIMEOUT 300)
    endif()
    if(T_SOURCES)
        add_executable(test_${T_NAME} ${T_SOURCES})
        target_link_libraries(test_${T_NAME} PRIVATE penstock_core PkgConfig::CMOCKA ${T_LIBS})
    endif()
    add_test(NAME ${T_LABEL}.${T_NAME} COMMAND test_${T_NAME} ${T_ARGS}
        WORKING_DIRECTORY ${CMAKE_SOURCE_DIR})
    set_tests_properties(${T_LABEL}.${T_NAME} PROPERTIES LABELS ${T_LABEL} TIMEOUT ${T_TIMEOUT}
        SKIP_RETURN_CODE 77
        ENVIRONMENT "LC_ALL=C.UTF-8;TZ=UTC;TERM=xterm-256color;UBSAN_OPTIONS=print_stacktrace=1;${T_ENV}")
endfunction()

# penstock_script_test(NAME name LABEL label COMMAND words... [TIMEOUT seconds] [ENV var=value...])
# A test that is a script. PENSTOCK is the program that was built.
function(penstock_script_test)
    cmake_parse_arguments(T "" "NAME;LABEL;TIMEOUT" "COMMAND;ENV" ${ARGN})
    if(NOT T_TIMEOUT)
        set(T_TIMEOUT 300)
    endif()
    add_test(NAME ${T_LABEL}.${T_NAME} COMMAND ${T_COMMAND} WORKING_DIRECTORY ${CMAKE_SOURCE_DIR})
    set_tests_properties(${T_LABEL}.${T_NAME} PROPERTIES LABELS ${T_LABEL} TIMEOUT ${T_TIMEOUT}
        SKIP_RETURN_CODE 77
        ENVIRONMENT "LC_ALL=C.UTF-8;TZ=UTC;PENSTOCK=$<TARGET_FILE:penstock>;${T_ENV}")
endfunction()
