/* The compressors that django-redis offers (formats/triggers.md 4.3): recognised by their magic,
 * expanded within a limit, packed again the same way. lz4, lzma and zstd are there when the build
 * found their libraries; without, they are still recognised. */
#ifndef PENSTOCK_COMPRESSION_H
#define PENSTOCK_COMPRESSION_H

#include "core/base/arena.h"
#include "core/base/err.h"

enum compression {
    COMPRESSION_NONE,
    COMPRESSION_ZLIB,
    COMPRESSION_GZIP,
    COMPRESSION_LZ4,
    COMPRESSION_LZMA,
    COMPRESSION_ZSTD,
};

const char *compression_name(enum compression kind); /* "zlib"; "" for NONE */
enum compression compression_of(struct str bytes);   /* by the first bytes alone */
bool compression_is_built(enum compression kind);

enum expanded { EXPAND_OK, EXPAND_BROKEN, EXPAND_TOO_LARGE };

/* What is inside; bytes behind the end of the stream are passed over. Never makes more than `limit`
 * bytes. `kind` is built and not NONE. */
enum expanded compression_expand(struct arena *arena, enum compression kind, struct str bytes,
                                 size_t limit, struct str *ret);
bool compression_pack(struct arena *arena, enum compression kind, struct str plain,
                      struct str *ret);

#endif
