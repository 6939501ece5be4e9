#include "cli/demo.h"

#include "backends/sqlite/script.h"
#include "cli/demo_template.h"
#include "core/base/cleanup.h"
#include "core/base/clock.h"
#include "core/base/path.h"
#include "core/url.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* The bundles, put into the program by the build, one behind the other. A bundle is text; a line
 * `=== KIND PATH` starts a file, whose content ends before the next such line, without its last
 * line feed. The very first line is `=== note`. */
extern const char demo_bundles[];
extern const size_t demo_bundles_len;

/* A directory with this file in it is ours to remake. */
static const char MARKER[] = ".penstock-demo";

/* The stores: the address of each is its scheme, the demo's directory and a path in it. */
static const struct {
    const char *name, *scheme, *path;
} TARGETS[] = {
    {"meltano", "meltano+file", "meltano"},
    {"meltano-db", "meltano+sqlite", "meltano.db"},
    {"orders", "etl+file", "plain"},
    {"crm", "triggers+file", "plain"},
    {"web", "vdk+file", "vdk"},
    {"jobs", "vdk+file", "vdk_data_jobs.json"},
};

enum { NTARGETS = sizeof TARGETS / sizeof TARGETS[0] };

static bool failed(struct err *err, const char *path, const char *doing)
{
    enum err_kind kind = errno == EACCES || errno == EPERM ? ERR_DENIED : ERR_UNAVAILABLE;
    return err_set(err, kind, "%s: cannot %s: %s", path, doing, strerror(errno));
}

static bool write_file(const char *path, struct str bytes, struct err *err)
{
    FILE *file = fopen(path, "wxe");
    if (!file)
        return failed(err, path, "make the file");
    bool ok = fwrite(bytes.ptr, 1, bytes.len, file) == bytes.len;
    ok = fclose(file) == 0 && ok;
    return ok || failed(err, path, "write the file");
}

/* What the bundles hold. */
enum kind {
    KIND_NOTE, /* a comment, without a path */
    KIND_FILE,
    KIND_TORN, /* a file whose writer died half-way: its second half is missing */
    KIND_SQL,  /* a script that makes an SQLite database */
};

static bool kind_of(struct str word, enum kind *ret)
{
    static const char *const names[] = {
        [KIND_NOTE] = "note",
        [KIND_FILE] = "file",
        [KIND_TORN] = "torn",
        [KIND_SQL] = "sql",
    };
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (str_is(word, names[i])) {
            *ret = (enum kind)i;
            return true;
        }
    return false;
}

/* One file of a bundle. `head` is "KIND PATH", both head and body as in the template. */
static bool unpack_one(const char *dir, struct str head, struct str body, int64_t now_us,
                       struct err *err)
{
    ptrdiff_t blank = str_index(head, ' ');
    size_t word = blank < 0 ? head.len : (size_t)blank;
    enum kind kind;
    if (!kind_of(str_sub(head, 0, word), &kind) || (kind != KIND_NOTE && blank < 0))
        return err_set(err, ERR_INTERNAL, "demo bundle: not a file: %.*s", STR_ARG(head));
    if (kind == KIND_NOTE)
        return true;

    CLEANUP(sbuf_release) struct sbuf path = SBUF_INIT;
    CLEANUP(sbuf_release) struct sbuf text = SBUF_INIT;
    sbuf_printf(&path, "%s/", dir);
    if (!demo_template_fill(&path, str_sub(head, word + 1, head.len), now_us, err) ||
        !demo_template_fill(&text, body, now_us, err))
        return false;
    const char *name = sbuf_view(&path).ptr;
    struct str content = sbuf_view(&text);
    if (!path_make_parents(name, 0777, err))
        return false;
    if (kind == KIND_SQL)
        return sqlite_script(name, content.ptr, err);
    return write_file(name, str_sub(content, 0, kind == KIND_TORN ? content.len / 2 : content.len),
                      err);
}

/* The next line that starts a file, `at` or behind it: what follows its fence; NULL: none. The byte
 * before `at` is there to be read. */
static const char *next_head(const char *at, const char *end)
{
    static const char FENCE[] = "\n=== ";
    const char *fence = memmem(at - 1, (size_t)(end - at + 1), FENCE, strlen(FENCE));
    return fence ? fence + strlen(FENCE) : NULL;
}

static bool unpack_all(const char *dir, int64_t now_us, struct err *err)
{
    const char *end = demo_bundles + demo_bundles_len;
    const char *head = next_head(demo_bundles + 1, end);
    while (head) {
        const char *line_end = memchr(head, '\n', (size_t)(end - head));
        const char *body = line_end + 1;
        const char *next = next_head(body, end);
        const char *body_end = next ? next - strlen("\n=== ") : end - 1;
        if (body_end < body)
            body_end = body;
        if (!unpack_one(dir, (struct str){head, (size_t)(line_end - head)},
                        (struct str){body, (size_t)(body_end - body)}, now_us, err))
            return false;
        head = next;
    }
    return true;
}

static int remove_entry(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
    return remove(path);
}

/* Removes a tree; symbolic links are removed, not followed. */
static bool remove_tree(const char *dir, struct err *err)
{
    return nftw(dir, remove_entry, 16, FTW_DEPTH | FTW_PHYS | FTW_MOUNT) == 0 ||
           failed(err, dir, "remove the old demo");
}

/* What lies at the place of the demo. */
enum place { PLACE_FREE, PLACE_DEMO, PLACE_TAKEN };

static bool place_look(const char *dir, struct arena *arena, enum place *ret, struct err *err)
{
    struct stat st;
    if (lstat(dir, &st) < 0) {
        *ret = PLACE_FREE;
        return errno == ENOENT || failed(err, dir, "look at it");
    }
    const char *marker = arena_printf(arena, "%s/%s", dir, MARKER).ptr;
    bool marked = S_ISDIR(st.st_mode) && lstat(marker, &st) == 0 && S_ISREG(st.st_mode);
    *ret = marked ? PLACE_DEMO : PLACE_TAKEN;
    return true;
}

/* Makes the whole demo beside its place, so that it gets there by one rename. */
static bool build_at(const char *dir, bool replace, struct arena *arena, struct err *err)
{
    char *fresh = arena_cstr(arena, arena_printf(arena, "%s.new.XXXXXX", dir));
    if (!path_make_parents(dir, 0700, err))
        return false;
    if (!mkdtemp(fresh))
        return failed(err, dir, "make the demo");

    const char *marker = arena_printf(arena, "%s/%s", fresh, MARKER).ptr;
    struct str text = STR("Sample stores made by `penstock demo`; --reset makes them again.\n");
    bool ok = unpack_all(fresh, clock_now_us(), err) && write_file(marker, text, err);
    if (ok && replace) {
        /* The old demo goes only once the new one stands. */
        const char *old = arena_printf(arena, "%s.old", fresh).ptr;
        ok = (rename(dir, old) == 0 || failed(err, dir, "replace the demo")) &&
             remove_tree(old, err);
    }
    ok = ok && (rename(fresh, dir) == 0 || failed(err, dir, "make the demo"));
    if (!ok)
        remove_tree(fresh, NULL);
    return ok;
}

bool demo_make(const char *dir, bool reset, struct arena *arena, struct demo *ret, struct err *err)
{
    struct str place_name = str_of(dir);
    while (place_name.len > 1 && str_ends(place_name, "/"))
        place_name.len--;
    if (!str_starts(place_name, "/")) {
        char *cwd = getcwd(NULL, 0);
        if (!cwd)
            return failed(err, ".", "find the current directory");
        place_name = arena_printf(arena, "%s/%.*s", cwd, STR_ARG(place_name));
        free(cwd);
    }
    const char *path = arena_cstr(arena, place_name);

    enum place place;
    if (!place_look(path, arena, &place, err))
        return false;
    if (place == PLACE_TAKEN) {
        err_set(err, ERR_REFUSED, "%s: this is not a demo store; it is left alone", path);
        return err_hint(err, "choose another place: penstock demo --dir DIR");
    }
    bool make = place == PLACE_FREE || reset;
    if (make && !build_at(path, place == PLACE_DEMO, arena, err))
        return false;

    CLEANUP(sbuf_release) struct sbuf in_url = SBUF_INIT;
    url_encode(&in_url, str_of(path), "/");
    const char **targets = arena_array(arena, const char *, NTARGETS);
    const char **names = arena_array(arena, const char *, NTARGETS);
    for (size_t i = 0; i < NTARGETS; i++) {
        names[i] = TARGETS[i].name;
        targets[i] = arena_printf(arena, "%s://%s/%s", TARGETS[i].scheme, sbuf_view(&in_url).ptr,
                                  TARGETS[i].path)
                         .ptr;
    }
    *ret = (struct demo){path, targets, names, NTARGETS, make};
    return true;
}
