#include "backends/compression.h"

#include <string.h>
#include <zlib.h>
#ifdef PENSTOCK_HAVE_LZ4
#include <lz4frame.h>
#endif
#ifdef PENSTOCK_HAVE_LZMA
#include <lzma.h>
#endif
#ifdef PENSTOCK_HAVE_ZSTD
#include <zstd.h>
#endif

enum { CHUNK = 16384, WINDOW_ZLIB = 15, WINDOW_GZIP = 15 + 16, ZLIB_MEMORY = 8 };

/* An expanding stream, whatever library it is of. */
struct expansion {
    struct arena *arena;
    struct str bytes;
    size_t limit;
    struct sbuf out;
};

static enum expanded expansion_end(struct expansion *x, bool complete, struct str *ret)
{
    enum expanded end = x->out.len > x->limit ? EXPAND_TOO_LARGE
                        : complete            ? EXPAND_OK
                                              : EXPAND_BROKEN;
    if (end == EXPAND_OK)
        *ret = arena_str(x->arena, sbuf_view(&x->out));
    sbuf_release(&x->out);
    return end;
}

/* --- zlib and gzip --------------------------------------------------------------------------- */

static enum expanded inflate_window(struct expansion *x, int window, struct str *ret)
{
    z_stream stream = {.next_in = (Bytef *)x->bytes.ptr, .avail_in = (uInt)x->bytes.len};
    char chunk[CHUNK];
    int state = inflateInit2(&stream, window);
    if (state != Z_OK)
        return EXPAND_BROKEN;
    while (state == Z_OK && x->out.len <= x->limit) {
        stream.next_out = (Bytef *)chunk;
        stream.avail_out = sizeof chunk;
        state = inflate(&stream, Z_NO_FLUSH);
        sbuf_add(&x->out, chunk, sizeof chunk - stream.avail_out);
    }
    inflateEnd(&stream);
    return expansion_end(x, state == Z_STREAM_END, ret);
}

static enum expanded zlib_expand(struct expansion *x, struct str *ret)
{
    return inflate_window(x, WINDOW_ZLIB, ret);
}

static enum expanded gzip_expand(struct expansion *x, struct str *ret)
{
    return inflate_window(x, WINDOW_GZIP, ret);
}

static bool deflate_window(struct arena *arena, struct str plain, int window, struct str *ret)
{
    z_stream stream = {0};
    if (deflateInit2(&stream, Z_DEFAULT_COMPRESSION, Z_DEFLATED, window, ZLIB_MEMORY,
                     Z_DEFAULT_STRATEGY) != Z_OK)
        return false;
    size_t room = deflateBound(&stream, plain.len);
    char *out = arena_alloc(arena, room);
    stream.next_in = (Bytef *)plain.ptr;
    stream.avail_in = (uInt)plain.len;
    stream.next_out = (Bytef *)out;
    stream.avail_out = (uInt)room;
    bool ok = deflate(&stream, Z_FINISH) == Z_STREAM_END;
    *ret = (struct str){out, room - stream.avail_out};
    deflateEnd(&stream);
    return ok;
}

static bool zlib_pack(struct arena *arena, struct str plain, struct str *ret)
{
    return deflate_window(arena, plain, WINDOW_ZLIB, ret);
}

static bool gzip_pack(struct arena *arena, struct str plain, struct str *ret)
{
    return deflate_window(arena, plain, WINDOW_GZIP, ret);
}

/* --- lz4 frames ------------------------------------------------------------------------------ */

#ifdef PENSTOCK_HAVE_LZ4
static enum expanded lz4_expand(struct expansion *x, struct str *ret)
{
    LZ4F_dctx *stream;
    char chunk[CHUNK];
    size_t at = 0, hint = 1; /* 0: the frame has ended */
    if (LZ4F_isError(LZ4F_createDecompressionContext(&stream, LZ4F_VERSION)))
        return EXPAND_BROKEN;
    for (bool moves = true; hint && moves && x->out.len <= x->limit;) {
        size_t made = sizeof chunk, taken = x->bytes.len - at;
        hint = LZ4F_decompress(stream, chunk, &made, x->bytes.ptr + at, &taken, NULL);
        if (LZ4F_isError(hint))
            break;
        sbuf_add(&x->out, chunk, made);
        at += taken;
        moves = made || taken;
    }
    LZ4F_freeDecompressionContext(stream);
    return expansion_end(x, hint == 0, ret);
}

static bool lz4_pack(struct arena *arena, struct str plain, struct str *ret)
{
    LZ4F_preferences_t how = {.frameInfo = {.contentSize = plain.len}};
    size_t room = LZ4F_compressFrameBound(plain.len, &how);
    char *out = arena_alloc(arena, room);
    size_t len = LZ4F_compressFrame(out, room, plain.ptr, plain.len, &how);
    *ret = (struct str){out, len};
    return !LZ4F_isError(len);
}
#else
#define lz4_expand NULL
#define lz4_pack NULL
#endif

/* --- lzma: .xz containers -------------------------------------------------------------------- */

#ifdef PENSTOCK_HAVE_LZMA
enum { XZ_PRESET = 4, XZ_MEMORY = 256 << 20 };

static enum expanded lzma_expand(struct expansion *x, struct str *ret)
{
    lzma_stream stream = LZMA_STREAM_INIT;
    char chunk[CHUNK];
    lzma_ret state = lzma_stream_decoder(&stream, XZ_MEMORY, 0);
    stream.next_in = (const uint8_t *)x->bytes.ptr;
    stream.avail_in = x->bytes.len;
    while (state == LZMA_OK && x->out.len <= x->limit) {
        stream.next_out = (uint8_t *)chunk;
        stream.avail_out = sizeof chunk;
        state = lzma_code(&stream, stream.avail_in ? LZMA_RUN : LZMA_FINISH);
        sbuf_add(&x->out, chunk, sizeof chunk - stream.avail_out);
    }
    lzma_end(&stream);
    return expansion_end(x, state == LZMA_STREAM_END, ret);
}

static bool lzma_pack(struct arena *arena, struct str plain, struct str *ret)
{
    size_t room = lzma_stream_buffer_bound(plain.len), len = 0;
    uint8_t *out = arena_alloc(arena, room);
    lzma_ret state = lzma_easy_buffer_encode(
        XZ_PRESET, LZMA_CHECK_CRC64, NULL, (const uint8_t *)plain.ptr, plain.len, out, &len, room);
    *ret = (struct str){(const char *)out, len};
    return state == LZMA_OK;
}
#else
#define lzma_expand NULL
#define lzma_pack NULL
#endif

/* --- zstd frames ----------------------------------------------------------------------------- */

#ifdef PENSTOCK_HAVE_ZSTD
static enum expanded zstd_expand(struct expansion *x, struct str *ret)
{
    ZSTD_DCtx *stream = ZSTD_createDCtx();
    ZSTD_inBuffer in = {x->bytes.ptr, x->bytes.len, 0};
    char chunk[CHUNK];
    size_t hint = 1; /* 0: the frame has ended */
    if (!stream)
        return EXPAND_BROKEN;
    for (bool moves = true; hint && moves && x->out.len <= x->limit;) {
        ZSTD_outBuffer out = {chunk, sizeof chunk, 0};
        size_t before = in.pos;
        hint = ZSTD_decompressStream(stream, &out, &in);
        if (ZSTD_isError(hint))
            break;
        sbuf_add(&x->out, chunk, out.pos);
        moves = out.pos || in.pos > before;
    }
    ZSTD_freeDCtx(stream);
    return expansion_end(x, hint == 0, ret);
}

static bool zstd_pack(struct arena *arena, struct str plain, struct str *ret)
{
    size_t room = ZSTD_compressBound(plain.len);
    char *out = arena_alloc(arena, room);
    size_t len = ZSTD_compress(out, room, plain.ptr, plain.len, ZSTD_CLEVEL_DEFAULT);
    *ret = (struct str){out, len};
    return !ZSTD_isError(len);
}
#else
#define zstd_expand NULL
#define zstd_pack NULL
#endif

/* --- the table ------------------------------------------------------------------------------- */

static const struct {
    const char *name, *magic;
    size_t magic_len; /* 0: recognised otherwise */
    enum expanded (*expand)(struct expansion *x, struct str *ret);
    bool (*pack)(struct arena *arena, struct str plain, struct str *ret);
} compressions[] = {
    [COMPRESSION_NONE] = {.name = ""},
    [COMPRESSION_ZLIB] = {"zlib", "", 0, zlib_expand, zlib_pack},
    [COMPRESSION_GZIP] = {"gzip", "\x1f\x8b", 2, gzip_expand, gzip_pack},
    [COMPRESSION_LZ4] = {"lz4", "\x04\x22\x4d\x18", 4, lz4_expand, lz4_pack},
    [COMPRESSION_LZMA] = {"lzma", "\xfd\x37\x7a\x58\x5a\x00", 6, lzma_expand, lzma_pack},
    [COMPRESSION_ZSTD] = {"zstd", "\x28\xb5\x2f\xfd", 4, zstd_expand, zstd_pack},
};

const char *compression_name(enum compression kind)
{
    return compressions[kind].name;
}

bool compression_is_built(enum compression kind)
{
    return compressions[kind].expand;
}

/* RFC 1950: method 8, and the two header bytes are a multiple of 31. */
static bool is_zlib(struct str bytes)
{
    if (bytes.len < 2 || ((unsigned char)bytes.ptr[0] & 0x0f) != 8)
        return false;
    return ((unsigned char)bytes.ptr[0] << 8 | (unsigned char)bytes.ptr[1]) % 31 == 0;
}

enum compression compression_of(struct str bytes)
{
    for (size_t i = 0; i < sizeof compressions / sizeof compressions[0]; i++) {
        size_t len = compressions[i].magic_len;
        if (len && bytes.len >= len && memcmp(bytes.ptr, compressions[i].magic, len) == 0)
            return (enum compression)i;
    }
    return is_zlib(bytes) ? COMPRESSION_ZLIB : COMPRESSION_NONE;
}

enum expanded compression_expand(struct arena *arena, enum compression kind, struct str bytes,
                                 size_t limit, struct str *ret)
{
    struct expansion x = {.arena = arena, .bytes = bytes, .limit = limit, .out = SBUF_INIT};
    return compressions[kind].expand(&x, ret);
}

bool compression_pack(struct arena *arena, enum compression kind, struct str plain, struct str *ret)
{
    return compressions[kind].pack(arena, plain, ret);
}
