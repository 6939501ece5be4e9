#include "core/project_files.h"

#include <dirent.h>
#include <fnmatch.h>
#include <string.h>
#include <sys/stat.h>

enum { MAX_DEPTH = 32 };

/* --- include_paths --------------------------------------------------------------------------- */

struct walk {
    struct arena *arena;
    struct project_files *files;
    const char *own; /* meltano.yml itself, which is not included again */
};

static void close_dir(DIR **dir)
{
    if (*dir)
        closedir(*dir);
}

static bool add_file(struct walk *w, const char *path, struct err *err)
{
    struct stat st;
    if (stat(path, &st) != 0 || !S_ISREG(st.st_mode) || strcmp(path, w->own) == 0)
        return true;
    for (size_t i = 0; i < w->files->n; i++) {
        if (strcmp(w->files->files[i].path, path) == 0)
            return true;
    }
    if (w->files->n == PROJECT_FILES)
        return err_set(err, ERR_INVALID, "%s: include_paths match more than %d files", w->own,
                       PROJECT_FILES);
    return yaml_file_open(path, &w->files->files[w->files->n++], err);
}

/* Matches a pattern below `dir` as pathlib's glob does: `**` is any number of directories, links
 * not among them, and a name's leading dot is nothing special. */
static bool add_matches(struct walk *w, const char *dir, struct str pattern, int depth,
                        struct err *err)
{
    ptrdiff_t slash = str_index(pattern, '/');
    struct str head = slash < 0 ? pattern : str_sub(pattern, 0, (size_t)slash);
    struct str tail = slash < 0 ? STR("") : str_sub(pattern, (size_t)slash + 1, pattern.len);
    bool deep = str_is(head, "**");
    if (!head.len || str_is(head, "."))
        return !tail.len || add_matches(w, dir, tail, depth, err);
    if (deep && tail.len && !add_matches(w, dir, tail, depth, err))
        return false;
    const char *name = arena_cstr(w->arena, head);
    CLEANUP(close_dir) DIR *in = depth < MAX_DEPTH ? opendir(dir) : NULL;
    bool ok = true;
    for (struct dirent *e; ok && in && (e = readdir(in));) {
        struct stat st;
        if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0 ||
            (!deep && fnmatch(name, e->d_name, 0) != 0))
            continue;
        const char *path = arena_printf(w->arena, "%s/%s", dir, e->d_name).ptr;
        if (!tail.len && !deep)
            ok = add_file(w, path, err);
        else if ((deep ? lstat(path, &st) : stat(path, &st)) == 0 && S_ISDIR(st.st_mode))
            ok = add_matches(w, path, deep ? pattern : tail, depth + 1, err);
    }
    return ok;
}

static bool add_included(struct walk *w, const char *dir, struct err *err)
{
    struct yaml_file *base = &w->files->files[0];
    yaml_node_t *list = yaml_file_get(base, base->root, "include_paths");
    if (!list || list->type != YAML_SEQUENCE_NODE)
        return true;
    for (yaml_node_item_t *item = list->data.sequence.items.start;
         item < list->data.sequence.items.top; item++) {
        yaml_node_t *node = yaml_file_node(base, *item);
        struct str pattern = yaml_file_text(node);
        const char *text = pattern.ptr ? arena_cstr(w->arena, pattern) : "";
        if (str_starts(pattern, "/") || strstr(text, ".."))
            return yaml_file_wrong(base, node, err, "include path '%s' is outside the project",
                                   text);
        if (!add_matches(w, dir, pattern, 0, err))
            return false;
    }
    return true;
}

/* --- the files ------------------------------------------------------------------------------- */

bool project_files_open(const char *dir, struct arena *arena, struct project_files *ret,
                        struct err *err)
{
    struct walk w = {arena, ret, arena_printf(arena, "%s/meltano.yml", dir).ptr};
    *ret = (struct project_files){0};
    if (yaml_file_open(w.own, &ret->files[ret->n++], err) && add_included(&w, dir, err))
        return true;
    project_files_release(ret);
    return false;
}

void project_files_release(struct project_files *files)
{
    for (size_t i = 0; i < files->n; i++)
        yaml_file_release(&files->files[i]);
    files->n = 0;
}

/* --- values ---------------------------------------------------------------------------------- */

/* Of a key and the same name cut off at a dot, in either order, the later holds. */
static yaml_node_t *find(struct yaml_file *file, yaml_node_t *map, struct str name)
{
    yaml_node_t *found = NULL;
    if (!map || map->type != YAML_MAPPING_NODE)
        return NULL;
    for (yaml_node_pair_t *p = map->data.mapping.pairs.start; p < map->data.mapping.pairs.top;
         p++) {
        struct str key = yaml_file_text(yaml_file_node(file, p->key));
        yaml_node_t *value = yaml_file_node(file, p->value);
        if (!key.len || key.len > name.len || memcmp(key.ptr, name.ptr, key.len) != 0)
            continue;
        if (key.len < name.len)
            value = name.ptr[key.len] == '.'
                        ? find(file, value, str_sub(name, key.len + 1, name.len))
                        : NULL;
        found = value ? value : found;
    }
    return found;
}

struct str project_files_text(struct project_files *files, struct str name)
{
    for (size_t i = files->n; i-- > 0;) {
        struct str text = yaml_file_text(find(&files->files[i], files->files[i].root, name));
        if (text.ptr)
            return text;
    }
    return STR_NULL;
}
