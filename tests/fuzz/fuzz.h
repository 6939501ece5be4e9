/* A fuzz target: one function over arbitrary bytes, in libFuzzer's shape. Built twice: with
 * libFuzzer (PENSTOCK_FUZZ), and with replay.c, which runs the committed corpus in every test run.
 * A target checks properties; `must` is what fails when one does not hold. */
#ifndef PENSTOCK_FUZZ_H
#define PENSTOCK_FUZZ_H

#include "core/base/str.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define must(condition)                                                                            \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            fprintf(stderr, "%s:%d: does not hold: %s\n", __FILE__, __LINE__, #condition);         \
            abort();                                                                               \
        }                                                                                          \
    } while (0)

#endif
