/* What every unit test includes: cmocka with its prerequisites, in the order it wants them. */
#ifndef PENSTOCK_TEST_H
#define PENSTOCK_TEST_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "core/base/str.h"

/* For a call that ends by itself: the limit of ctest comes first, however slow the machine is. */
enum { TEST_CALL_MS = 600000 };

#define assert_str(actual, expected)                                                               \
    do {                                                                                           \
        struct str actual_ = (actual);                                                             \
        assert_int_equal(actual_.len, strlen(expected));                                           \
        assert_memory_equal(actual_.ptr, expected, actual_.len);                                   \
    } while (0)

#endif
