# What the caller's environment may hold of terminals, databases, partners and the program itself,
# and no test should see.
set(_penstock_foreign COLUMNS LINES NO_COLOR ESCDELAY PENSTOCK_TARGET PENSTOCK_OPERATOR SUDO_USER
    VISUAL EDITOR XDG_CONFIG_HOME XDG_STATE_HOME XDG_DATA_HOME XDG_RUNTIME_DIR BASH_ENV ENV CDPATH
    GREP_OPTIONS POSIXLY_CORRECT PGHOST PGHOSTADDR PGPORT PGDATABASE PGUSER PGPASSWORD PGPASSFILE
    PGSERVICE PGSERVICEFILE PGOPTIONS PGAPPNAME PGSSLMODE PGREQUIRESSL PGCLIENTENCODING PGTZ
    PGDATESTYLE PGCONNECT_TIMEOUT PGTARGETSESSIONATTRS REDIS_URL REDISCLI_AUTH REDISCLI_RCFILE
    DATABASE_URL DJANGO_SETTINGS_MODULE PYTHONPATH PYTHONHOME PYTHONSTARTUP PYTHONWARNINGS
    PYTHONOPTIMIZE PYTHONUTF8 MELTANO_ENVIRONMENT MELTANO_DATABASE_URI MELTANO_PROJECT_ROOT
    MELTANO_STATE_BACKEND_URI MELTANO_JOB_TRIGGER DESTDIR)
list(TRANSFORM _penstock_foreign APPEND "=unset:" OUTPUT_VARIABLE _penstock_without_foreign)

# penstock_test(NAME name LABEL label SOURCES files... [LIBS targets...] [ARGS words...]
#               [TIMEOUT seconds] [ENV var=value...])
# A cmocka program with a label and a time limit. Locale, zone and terminal are pinned.
function(penstock_test)
    cmake_parse_arguments(T "" "NAME;LABEL;TIMEOUT" "SOURCES;LIBS;ARGS;ENV" ${ARGN})
    if(NOT T_TIMEOUT)
        set(T_TIMEOUT 1800)
    endif()
    if(T_SOURCES)
        add_executable(test_${T_NAME} ${T_SOURCES})
        target_link_libraries(test_${T_NAME} PRIVATE penstock_core PkgConfig::CMOCKA ${T_LIBS})
    endif()
    add_test(NAME ${T_LABEL}.${T_NAME} COMMAND test_${T_NAME} ${T_ARGS}
        WORKING_DIRECTORY ${CMAKE_SOURCE_DIR})
    set_tests_properties(${T_LABEL}.${T_NAME} PROPERTIES LABELS ${T_LABEL} TIMEOUT ${T_TIMEOUT}
        SKIP_RETURN_CODE 77
        ENVIRONMENT_MODIFICATION "${_penstock_without_foreign}"
        ENVIRONMENT "LC_ALL=C.UTF-8;TZ=UTC;TERM=xterm-256color;UBSAN_OPTIONS=print_stacktrace=1;${T_ENV}")
endfunction()

# penstock_script_test(NAME name LABEL label COMMAND words... [TIMEOUT seconds] [ENV var=value...])
# A test that is a script. PENSTOCK is the program that was built.
function(penstock_script_test)
    cmake_parse_arguments(T "" "NAME;LABEL;TIMEOUT" "COMMAND;ENV" ${ARGN})
    if(NOT T_TIMEOUT)
        set(T_TIMEOUT 1800)
    endif()
    add_test(NAME ${T_LABEL}.${T_NAME} COMMAND ${T_COMMAND} WORKING_DIRECTORY ${CMAKE_SOURCE_DIR})
    set_tests_properties(${T_LABEL}.${T_NAME} PROPERTIES LABELS ${T_LABEL} TIMEOUT ${T_TIMEOUT}
        SKIP_RETURN_CODE 77
        ENVIRONMENT_MODIFICATION "${_penstock_without_foreign}"
        ENVIRONMENT "LC_ALL=C.UTF-8;TZ=UTC;PENSTOCK=$<TARGET_FILE:penstock>;${T_ENV}")
endfunction()
