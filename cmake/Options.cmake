# One interface target carries the language, the warnings and the sanitizers of every layer.
add_library(penstock_options INTERFACE)
target_compile_features(penstock_options INTERFACE c_std_17)
set(CMAKE_C_EXTENSIONS ON)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
target_include_directories(penstock_options INTERFACE ${CMAKE_SOURCE_DIR})
target_compile_definitions(penstock_options INTERFACE _GNU_SOURCE
    PENSTOCK_VERSION="${PROJECT_VERSION}")
target_compile_options(penstock_options INTERFACE
    -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wwrite-strings -Wformat=2
    -Wvla
    # const tables and callbacks leave fields and parameters unused; error texts are cut on purpose
    -Wno-unused-parameter -Wno-missing-field-initializers
    $<$<C_COMPILER_ID:GNU>:-Wno-format-truncation>
    # a failure leaves results untouched (core/base/err.h); gcc guesses wrong about that, at -O2 only
    $<$<C_COMPILER_ID:GNU>:-Wno-maybe-uninitialized>)
if(PENSTOCK_WERROR)
    target_compile_options(penstock_options INTERFACE -Werror)
endif()
if(PENSTOCK_SANITIZE)
    target_compile_options(penstock_options INTERFACE
        -fsanitize=${PENSTOCK_SANITIZE} -fno-omit-frame-pointer -fno-sanitize-recover=all)
    target_link_options(penstock_options INTERFACE -fsanitize=${PENSTOCK_SANITIZE})
endif()
