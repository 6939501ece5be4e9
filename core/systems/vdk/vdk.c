/* The table of the system vdk, and what a document is at a glance. */
#include "core/systems/vdk/vdk.h"

const char *const vdk_groups[VDK_GROUPS] = {[VDK_STREAMS] = "streams", [VDK_OTHERS] = "others"};

struct str vdk_damage(const struct value *root)
{
    if (!root || value_is_null(root))
        return STR_NULL;
    if (!value_is_dict(root))
        return STR("the document is no object");
    for (int i = 0; i < VDK_GROUPS; i++) {
        const struct value *group = value_get(root, vdk_groups[i]);
        if (group && !value_is_dict(group))
            return i == VDK_STREAMS ? STR("streams is no object") : STR("others is no object");
    }
    return STR_NULL;
}

size_t vdk_count(const struct value *root, enum vdk_group group)
{
    const struct value *v = value_get(root, vdk_groups[group]);
    return value_is_dict(v) ? value_count(v) : 0;
}

static struct str brief(const struct value *root, struct arena *arena)
{
    if (!root)
        return STR("absent");
    struct str damage = vdk_damage(root);
    if (damage.ptr)
        return damage;
    size_t streams = vdk_count(root, VDK_STREAMS), others = vdk_count(root, VDK_OTHERS);
    return arena_printf(arena, "%zu stream%s, %zu other%s", streams, streams == 1 ? "" : "s",
                        others, others == 1 ? "" : "s");
}

static struct str status(const struct sheet_input *in, enum mark *ret_mark)
{
    *ret_mark = MARK_NONE;
    if (!in->doc)
        return STR_NULL;
    if (in->doc->truncated)
        return STR("too large to read");
    if (in->doc->problem.kind != ERR_NONE || vdk_damage(in->doc->root).ptr) {
        *ret_mark = MARK_BAD;
        return STR("damaged");
    }
    if (!vdk_count(in->doc->root, VDK_STREAMS) && !vdk_count(in->doc->root, VDK_OTHERS))
        return STR("empty");
    *ret_mark = MARK_OK;
    return STR("ok");
}

const struct system system_vdk = {
    .name = "vdk",
    .noun = "source",
    .records = "sources",
    .parts = {"state"},
    .nparts = 1,
    .sheets = vdk_sheets,
    .nsheets = sizeof vdk_sheets / sizeof vdk_sheets[0],
    .ops = vdk_ops,
    .brief = brief,
    .status = status,
    .check = vdk_check,
    .show = vdk_show,
};
