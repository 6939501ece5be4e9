/* VDK's fs-properties file: one JSON object for all jobs, a job's properties under the key
 * <team>_<job>__, in them the state of its sources (formats/vdk.md 2.3). Every byte that is not the
 * changed source's stays as it is.
 *
 * VDK opens the file, truncates it and writes it anew, without a lock: what is there may be empty
 * or cut while a writer is at work, or for good after one that died. */
#include "backends/file/vdk_properties.h"

#include "backends/file/store.h"

#include "core/base/cleanup.h"
#include "core/base/fd.h"
#include "core/base/mem.h"
#include "core/json.h"
#include "core/systems/vdk/properties.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define KEY_END "__"
#define FORMAT "fs-properties"

enum { TORN_TRIES = 11, TORN_PAUSE_MS = 100, DETECT_BYTES = 64 << 10 };
static const int64_t torn_age_us = 2 * 1000000;

static struct properties_store *properties(struct store *store)
{
    return (struct properties_store *)store;
}

/* --- the file --------------------------------------------------------------------------------- */

static int open_dir(const struct properties_store *s, struct err *err)
{
    int dir = open(s->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (dir < 0)
        file_failed(err, errno, "%s", s->dir);
    return dir;
}

static void judge(struct properties_file *file)
{
    struct arena scratch = ARENA_INIT;
    const struct value *tree;
    struct err *problem = &file->problem;
    if (!file->text.len)
        err_set(problem, ERR_CORRUPT,
                "the file is empty: a writer is at work, or died between "
                "truncating and writing it");
    else if (!json_read(&scratch, file->text, &tree, problem) &&
             json_read_input(&scratch, file->text, &tree, NULL))
        *problem = (struct err){0}; /* a member stands twice somewhere: of that record alone */
    if (problem->kind == ERR_NONE && !file->absent && !value_is_dict(tree))
        err_set(problem, ERR_CORRUPT, "the file holds no object");
    arena_release(&scratch);
}

static struct str name_of(struct arena *arena, struct str token)
{
    const struct value *text;
    return json_read(arena, token, &text, NULL) && value_is_str(text) ? text->text : STR_NULL;
}

static int job_cmp(const void *a, const void *b)
{
    const struct properties_job *x = a, *y = b;
    int order = str_cmp(x->key, y->key);
    return order ? order : (x->place > y->place) - (x->place < y->place);
}

static void index_jobs(struct properties_file *file, struct arena *arena)
{
    struct json_member member;
    size_t at = 0, cap = 0;
    while (json_next_member(file->text, &at, &member)) {
        file->jobs = arena_grow(arena, file->jobs, file->njobs, &cap, sizeof *file->jobs);
        file->jobs[file->njobs] =
            (struct properties_job){name_of(arena, member.key), member.value, file->njobs};
        file->njobs++;
    }
    if (file->njobs)
        qsort(file->jobs, file->njobs, sizeof *file->jobs, job_cmp);
}

/* The last job of that key, as VDK takes it, and how many there are. */
static size_t find_job(const struct properties_file *file, struct str key, struct str *ret)
{
    size_t low = 0, high = file->njobs, n = 0;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (str_cmp(file->jobs[middle].key, key) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    for (; low + n < file->njobs && str_eq(file->jobs[low + n].key, key); n++)
        *ret = file->jobs[low + n].text;
    return n;
}

static bool properties_look(const struct properties_store *s, int dir, const struct call *call,
                            struct arena *arena, struct properties_file *ret, struct err *err)
{
    struct file_content content;
    if (!file_read(dir, s->name.ptr, VALUE_LIMIT, 0, call, arena, &content, err))
        return false;
    *ret =
        (struct properties_file){.absent = content.absent, .text = content.bytes, .st = content.st};
    if (content.cut)
        return err_set(err, ERR_REFUSED, "%s: larger than %d MB", s->name.ptr, VALUE_LIMIT >> 20);
    if (content.absent)
        ret->text = STR("{}");
    judge(ret);
    if (ret->problem.kind == ERR_NONE)
        index_jobs(ret, arena);
    return true;
}

static int64_t changed_us(const struct properties_file *file)
{
    if (file->absent)
        return TIME_UNKNOWN;
    return (int64_t)file->st.st_mtim.tv_sec * 1000000 + file->st.st_mtim.tv_nsec / 1000;
}

bool properties_load(const struct properties_store *s, int dir, const struct call *call,
                     struct arena *arena, struct properties_file *ret, struct err *err)
{
    for (int i = 0; i < TORN_TRIES; i++) {
        if (i && !call_pause(call, TORN_PAUSE_MS, s->name.ptr, err))
            return false;
        if (!properties_look(s, dir, call, arena, ret, err))
            return false;
        if (ret->problem.kind == ERR_NONE || clock_now_us() - changed_us(ret) > torn_age_us)
            break;
    }
    return true;
}

static bool load(const struct properties_store *s, const struct call *call, struct arena *arena,
                 struct properties_file *ret, struct err *err)
{
    CLEANUP(fd_close) int dir = open_dir(s, err);
    return dir >= 0 && call_check(call, s->name.ptr, err) &&
           properties_load(s, dir, call, arena, ret, err);
}

static struct str key_of(struct arena *arena, struct str job)
{
    return arena_join(arena, job, str_of(KEY_END), STR_NULL);
}

/* --- opening ---------------------------------------------------------------------------------- */

/* A bare path: by the name that VDK gives the file, or by what stands in its beginning. */
static bool looks_like_it(int dir, const char *name, const struct call *call)
{
    struct arena arena = ARENA_INIT;
    struct file_content content;
    struct json_member member = {STR_NULL, STR_NULL};
    size_t at = 0;
    bool found = false;
    if (file_read(dir, name, DETECT_BYTES, 0, call, &arena, &content, NULL) && !content.absent) {
        json_next_member(content.bytes, &at, &member);
        found = strcmp(name, "vdk_data_jobs.json") == 0 ||
                (member.key.ptr && str_ends(member.key, KEY_END "\"") && member.value.ptr &&
                 member.value.ptr[0] == '{');
    }
    arena_release(&arena);
    return found;
}

static void split(struct arena *arena, const char *path, const char **ret_dir, struct str *ret_name)
{
    const char *slash = strrchr(path, '/');
    size_t len = slash ? (size_t)(slash - path) : 0;
    *ret_dir = slash ? arena_cstr(arena, (struct str){path, len ? len : 1}) : ".";
    *ret_name = arena_str(arena, str_of(slash ? slash + 1 : path));
}

static bool properties_detect(const struct layout *layout, const struct address *address,
                              const struct call *call, struct err *err)
{
    struct arena arena = ARENA_INIT;
    struct stat st;
    struct str name;
    const char *path;
    if (stat(address->url, &st) < 0)
        return file_failed(err, errno, "%s", address->url);
    split(&arena, address->url, &path, &name);
    CLEANUP(fd_close) int dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    bool found =
        S_ISREG(st.st_mode) && dir >= 0 && (address->system || looks_like_it(dir, name.ptr, call));
    arena_release(&arena);
    return found;
}

static void properties_close(struct store *store)
{
    arena_release(&store->arena);
    free(store);
}

/* The temporary file that is renamed lies beside it: in a sticky directory another user's file
 * cannot be replaced. */
static void look_at_rights(struct properties_store *s, const struct stat *st)
{
    struct store_info *info = &s->base.info;
    struct stat dir;
    if (faccessat(AT_FDCWD, s->dir, W_OK, AT_EACCESS) < 0)
        store_read_only(&s->base, STR("no permission to write in its directory"));
    else if (stat(s->dir, &dir) == 0 && (dir.st_mode & S_ISVTX) && geteuid() != 0 &&
             st->st_uid != geteuid() && dir.st_uid != geteuid())
        store_read_only(
            &s->base,
            STR("the file is another user's, in a directory where that cannot be replaced"));
    info->rights = info->writable ? STR("read and write") : STR("read");
    if (st->st_mode & 044)
        info->note = STR("others may read the file, and the passwords that properties hold");
}

static bool properties_open(const struct layout *layout, const struct address *address,
                            const struct store_opts *opts, const struct call *call,
                            struct store **ret, struct err *err)
{
    struct properties_store *s = xcalloc(1, sizeof *s);
    struct stat st;
    store_init(&s->base, layout, address, opts);
    char *real = realpath(address->url, NULL); /* a link is not replaced, what it leads to is */
    split(&s->base.arena, real ? real : address->url, &s->dir, &s->name);
    free(real);
    s->base.info.server = arena_printf(&s->base.arena, "%s/%s", s->dir, s->name.ptr);
    bool ok = stat(address->url, &st) == 0 || file_failed(err, errno, "%s", address->url);
    if (ok && !S_ISREG(st.st_mode))
        ok = err_set(err, ERR_INVALID, "%s: is not a file", address->url);
    if (ok && access(address->url, R_OK) < 0)
        ok = file_failed(err, errno, "%s", address->url);
    if (!ok) {
        properties_close(&s->base);
        return false;
    }
    look_at_rights(s, &st);
    *ret = &s->base;
    return true;
}

static bool properties_probe(struct store *store, const struct call *call, struct err *err)
{
    struct arena arena = ARENA_INIT;
    struct properties_file file;
    int64_t began_ms = clock_monotonic_ms();
    bool ok = load(properties(store), call, &arena, &file, err);
    arena_release(&arena);
    store->info.latency_ms = clock_monotonic_ms() - began_ms;
    store->info.clock_skew_us = 0;
    return ok;
}

/* --- scan ------------------------------------------------------------------------------------- */

/* The rows of one look at the file: what is on the screen is one moment of it. */
struct properties_scan {
    struct arena arena;
    struct row *rows;
    size_t next, n, cap;
};

static void add_row(struct properties_scan *scan, struct str id, struct str label, size_t bytes,
                    int64_t updated_at_us)
{
    scan->rows = arena_grow(&scan->arena, scan->rows, scan->n, &scan->cap, sizeof *scan->rows);
    scan->rows[scan->n++] = (struct row){.id = id,
                                         .label = label.len ? label : id,
                                         .bytes = (int64_t)bytes,
                                         .updated_at_us = updated_at_us,
                                         .expires_at_us = TIME_NEVER};
}

static void add_job(struct properties_scan *scan, struct str job, struct str text,
                    int64_t updated_at_us)
{
    struct json_member source;
    struct document doc = {.id = job};
    size_t at = 0;
    vdk_job_document(text, &scan->arena, &doc);
    if (doc.problem.kind != ERR_NONE || vdk_is_blocked(doc.root))
        add_row(scan, vdk_id_of_job(&scan->arena, job), STR_NULL, text.len, updated_at_us);
    while (vdk_next_source(text, &at, &source)) {
        struct str name = name_of(&scan->arena, source.key);
        if (name.ptr)
            add_row(scan, vdk_id_of(&scan->arena, job, name), name, source.value.len,
                    updated_at_us);
    }
}

static bool properties_scan_open(struct store *store, const struct call *call, void **ret,
                                 struct err *err)
{
    struct properties_store *s = properties(store);
    struct properties_scan *scan = xcalloc(1, sizeof *scan);
    struct properties_file file;
    if (!load(s, call, &scan->arena, &file, err)) {
        arena_release(&scan->arena);
        free(scan);
        return false;
    }
    bool damaged = file.problem.kind != ERR_NONE;
    if (damaged)
        add_row(scan, s->name, s->name, file.text.len, changed_us(&file));
    for (size_t i = 0; i < file.njobs; i++) {
        struct str key = file.jobs[i].key;
        if (key.len > strlen(KEY_END) && str_ends(key, KEY_END))
            add_job(scan, str_sub(key, 0, key.len - strlen(KEY_END)), file.jobs[i].text,
                    changed_us(&file));
    }
    *ret = scan;
    return true;
}

static bool properties_scan_next(struct store *store, void *ctx, const struct call *call,
                                 struct arena *arena, size_t max, struct row **ret, size_t *ret_n,
                                 struct err *err)
{
    struct properties_scan *scan = ctx;
    size_t n = scan->n - scan->next < max ? scan->n - scan->next : max;
    struct row *rows = arena_array(arena, struct row, n);
    for (size_t i = 0; i < n; i++)
        rows[i] = row_copy(arena, &scan->rows[scan->next++]);
    *ret = rows;
    *ret_n = n;
    return call_check(call, properties(store)->name.ptr, err);
}

static void properties_scan_close(struct store *store, void *ctx)
{
    struct properties_scan *scan = ctx;
    arena_release(&scan->arena);
    free(scan);
}

/* --- records ---------------------------------------------------------------------------------- */

bool properties_find(const struct properties_store *s, const struct properties_file *file,
                     struct str id, struct arena *arena, struct properties_place *ret,
                     struct err *err)
{
    *ret = (struct properties_place){.kind = VDK_FILE};
    if (str_eq(id, s->name)) {
        ret->text = file->absent ? STR_NULL : file->text;
        return true;
    }
    if (!vdk_id_parse(arena, id, &ret->job, &ret->source))
        return err_set(err, ERR_REFUSED, "'%.*s' names no job", STR_ARG(id));
    ret->kind = ret->source.ptr ? VDK_SOURCE : VDK_JOB;
    if (file->problem.kind != ERR_NONE) {
        err_set(err, ERR_CORRUPT, "%s: %s", s->name.ptr, file->problem.text);
        return err_hint(err, "'source repair %s' keeps what is whole of it", s->name.ptr);
    }
    ret->key = key_of(arena, ret->job);
    size_t n = find_job(file, ret->key, &ret->job_text);
    ret->text = ret->job_text;
    if (n > 1)
        return err_set(err, ERR_CORRUPT, "job '%.*s' stands there %zu times; VDK takes the last",
                       STR_ARG(ret->job), n);
    return ret->kind == VDK_JOB || vdk_find_source(ret->job_text, ret->source, &ret->text, err);
}

static const char image_head_line[] = "vdkfile1\n";

static struct str image_of(struct arena *arena, struct str text)
{
    return arena_join(arena, str_of(image_head_line), text, STR_NULL);
}

/* Of the file's own record: a damaged one is all text, a sound one shows no value of a property. */
static void file_document(struct str text, const struct err *problem, struct arena *arena,
                          struct document *doc)
{
    const struct value *tree;
    doc->format = STR(VDK_FILE_FORMAT);
    doc->absent = !text.ptr;
    doc->bytes = text.len;
    if (problem->kind != ERR_NONE) {
        doc->problem = *problem;
        doc->head = text;
    } else if (text.ptr && json_read_input(arena, text, &tree, NULL)) {
        doc->root = vdk_file_root(arena, tree);
    }
}

struct document properties_document(const struct properties_file *file,
                                    const struct properties_place *place, struct str id,
                                    size_t limit, struct arena *arena)
{
    struct document doc = {.id = id,
                           .label = id,
                           .updated_at_us = changed_us(file),
                           .expires_at_us = TIME_NEVER,
                           .format = STR(FORMAT)};
    if (place->kind == VDK_FILE)
        file_document(place->text, &file->problem, arena, &doc);
    else if (place->kind == VDK_JOB)
        vdk_job_document(place->text, arena, &doc);
    else
        vdk_source_document(place->text, limit, arena, &doc);
    if (place->kind == VDK_SOURCE && place->source.len)
        doc.label = place->source;
    if (doc.absent)
        return doc;
    doc.versions[0] = version_of(place->text);
    doc.image = image_of(arena, place->text);
    return doc;
}

static bool properties_read(struct store *store, const struct str *ids, size_t n, size_t limit,
                            const struct call *call, struct arena *arena, struct read_item *ret,
                            struct err *err)
{
    struct properties_file file;
    if (!load(properties(store), call, arena, &file, err))
        return false;
    for (size_t i = 0; i < n; i++) {
        struct properties_place place = {.kind = VDK_SOURCE};
        ret[i].err = (struct err){0};
        properties_find(properties(store), &file, ids[i], arena, &place, &ret[i].err);
        ret[i].doc = properties_document(&file, &place, ids[i], limit, arena);
    }
    return true;
}

bool properties_image_text(struct str image, struct str *ret, struct err *err)
{
    if (!str_starts(image, image_head_line))
        return err_set(err, ERR_CORRUPT, "the kept image is none of a properties file");
    *ret = str_sub(image, strlen(image_head_line), image.len);
    return true;
}

static bool properties_decode(struct store *store, struct str id, struct str image,
                              struct arena *arena, struct document *ret, struct err *err)
{
    struct properties_place place = {.kind = VDK_FILE};
    struct properties_file file = {0};
    if (!properties_image_text(image, &place.text, err))
        return false;
    if (!str_eq(id, properties(store)->name)) {
        if (!vdk_id_parse(arena, id, &place.job, &place.source))
            return err_set(err, ERR_CORRUPT, "'%.*s' names no job", STR_ARG(id));
        place.kind = place.source.ptr ? VDK_SOURCE : VDK_JOB;
    } else {
        file.text = place.text;
        judge(&file);
    }
    *ret = properties_document(&file, &place, id, VALUE_LIMIT, arena);
    ret->updated_at_us = TIME_UNKNOWN;
    return true;
}

static bool properties_check_id(struct store *store, struct str id, struct err *err)
{
    struct arena scratch = ARENA_INIT;
    struct str job, source;
    bool ok = str_eq(id, properties(store)->name) || vdk_id_parse(&scratch, id, &job, &source);
    arena_release(&scratch);
    return ok || err_set(err, ERR_REFUSED, "'%.*s' names no job", STR_ARG(id));
}

/* --- facts ------------------------------------------------------------------------------------ */

/* Team and job are joined by an underscore: which one is known only where there is one alone. */
static const struct value *facts_of(struct str job, bool new_job, struct arena *arena)
{
    const struct value *facts = value_empty_dict(arena);
    ptrdiff_t at = str_index(job, '_');
    if (at >= 0 && at == str_rindex(job, '_')) {
        struct str team = str_sub(job, 0, (size_t)at);
        facts = value_dict_with(arena, facts, VDK_FACT_JOB,
                                value_str(arena, str_sub(job, (size_t)at + 1, job.len)));
        if (team.len && !str_is(team, "None")) /* without a config.ini: no team */
            facts = value_dict_with(arena, facts, VDK_FACT_TEAM, value_str(arena, team));
    }
    return new_job ? value_dict_with(arena, facts, VDK_FACT_NEW_JOB, &value_true) : facts;
}

static bool properties_facts(struct store *store, const struct str *ids, size_t n,
                             const struct call *call, struct arena *arena, const struct value **ret,
                             struct err *err)
{
    struct properties_file file;
    if (!load(properties(store), call, arena, &file, err))
        return false;
    for (size_t i = 0; i < n; i++) {
        struct properties_place place;
        if (properties_find(properties(store), &file, ids[i], arena, &place, &(struct err){0}) &&
            place.job.ptr)
            ret[i] = facts_of(place.job, !place.job_text.ptr, arena);
    }
    return true;
}

const struct layout file_vdk_properties = {
    .system = "vdk",
    .backend = "file",
    .name = "fs-properties",
    .native = true,
    .detect = properties_detect,
    .open = properties_open,
    .close = properties_close,
    .probe = properties_probe,
    .scan_open = properties_scan_open,
    .scan_next = properties_scan_next,
    .scan_close = properties_scan_close,
    .read = properties_read,
    .decode = properties_decode,
    .check_id = properties_check_id,
    .commit = properties_commit,
    .facts = properties_facts,
};
