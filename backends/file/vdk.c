/* VDK's state, one JSON file a source: <dir>/<source>_state.json (formats/vdk.md 2.7). VDK takes no
 * lock, so neither do we: what is there is compared again right before it is replaced. */
#include "backends/file/store.h"

#include <string.h>

#define SUFFIX "_state.json"

static bool vdk_names(struct str id, struct file_names *ret, struct err *err)
{
    if (id.len && (memchr(id.ptr, '/', id.len) || memchr(id.ptr, '\0', id.len)))
        return err_set(err, ERR_REFUSED, "source id '%.*s': would leave its directory",
                       (int)(id.len < 100 ? id.len : 100), id.ptr);
    if (id.len > NAME_MAX - strlen(SUFFIX))
        return err_set(err, ERR_REFUSED, "source id of %zu bytes: too long for a file name",
                       id.len);
    *ret = (struct file_names){0};
    memcpy(ret->file, id.ptr ? id.ptr : "", id.len);
    strcpy(ret->file + id.len, SUFFIX);
    return true;
}

static struct str vdk_id(const char *entry, struct arena *arena)
{
    struct str name = str_of(entry);
    if (!str_ends(name, SUFFIX))
        return STR_NULL;
    return arena_str(arena, str_sub(name, 0, name.len - strlen(SUFFIX)));
}

const struct file_layout file_vdk = {
    .layout = {.system = "vdk",
               .backend = "file",
               .name = "state.json",
               .native = true,
               FILE_LAYOUT_FUNCTIONS},
    .format = {.name = "file per source", .style = JSON_PRETTY},
    .names = vdk_names,
    .id = vdk_id,
};
