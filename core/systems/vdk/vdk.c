/* The table of the system vdk, and what a document is at a glance. */
#include "core/systems/vdk/vdk.h"

#include "core/json.h"
#include "core/systems/vdk/properties.h"

#define COUNT(array) (sizeof(array) / sizeof(array)[0])

const char *const vdk_groups[VDK_GROUPS] = {[VDK_STREAMS] = "streams", [VDK_OTHERS] = "others"};
const char *const vdk_one[VDK_GROUPS] = {[VDK_STREAMS] = "stream", [VDK_OTHERS] = "other"};

/* --- documents -------------------------------------------------------------------------------- */

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

bool vdk_is_singer(const struct value *state)
{
    return value_is_dict(value_get(state, "bookmarks")) || value_get(state, "currently_syncing");
}

enum vdk_kind vdk_kind_of(const struct document *doc)
{
    return !doc                                   ? VDK_SOURCE
           : str_is(doc->format, VDK_JOB_FORMAT)  ? VDK_JOB
           : str_is(doc->format, VDK_FILE_FORMAT) ? VDK_FILE
                                                  : VDK_SOURCE;
}

struct str vdk_job_of(struct str id, struct str label)
{
    if (label.len >= id.len || id.ptr[id.len - label.len - 1] != '/')
        return STR_NULL;
    return str_sub(id, 0, id.len - label.len - 1);
}

struct str vdk_names(const struct value *dict, struct arena *a)
{
    enum { NAMED = 6 };
    struct sbuf out = SBUF_INIT;
    size_t n = value_is_dict(dict) ? value_count(dict) : 0;
    for (size_t i = 0; i < n && i < NAMED; i++) {
        sbuf_cstr(&out, i ? ", " : "");
        sbuf_str(&out, dict->dict.pairs[i].key->text);
    }
    if (n > NAMED)
        sbuf_printf(&out, ", %zu more", n - NAMED);
    return arena_take(a, &out);
}

/* --- at a glance ------------------------------------------------------------------------------ */

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
    if (vdk_kind_of(in->doc) == VDK_FILE && in->doc->problem.kind == ERR_NONE)
        return STR("file");
    if (vdk_kind_of(in->doc) == VDK_JOB && !vdk_is_blocked(in->doc->root))
        return STR("job");
    if (in->doc->problem.kind != ERR_NONE || vdk_kind_of(in->doc) != VDK_SOURCE ||
        vdk_damage(in->doc->root).ptr) {
        *ret_mark = MARK_BAD;
        return STR("damaged");
    }
    if (!vdk_count(in->doc->root, VDK_STREAMS) && !vdk_count(in->doc->root, VDK_OTHERS))
        return STR("empty");
    *ret_mark = MARK_OK;
    return STR("ok");
}

/* A source may be named without its job. */
static bool names(const struct row *row, struct str name)
{
    return str_eq(row->label, name);
}

/* --- what `get` and the selection know -------------------------------------------------------- */

/* clang-format off */
static const struct op_option get_options[] = {
    VDK_ENTRY_OPTIONS,
    {0},
};
static const struct op_option narrow_options[] = {
    {.name = "job", .kind = OPTION_VALUE, .metavar = "JOB", .help = "sources of this job"},
    {.name = "team", .kind = OPTION_VALUE, .metavar = "TEAM", .help = "sources of jobs of this team"},
    {0},
};
/* clang-format on */

static bool get(const struct op_args *args, const struct value *root, const struct value **ret,
                struct err *err)
{
    struct str name;
    for (int g = 0; g < VDK_GROUPS; g++) {
        if (!op_arg(args, vdk_one[g], 0, &name))
            continue;
        const struct value *entry = value_get_str(value_get(root, vdk_groups[g]), name);
        if (!entry)
            return err_set(err, ERR_NOT_FOUND, "no %s '%.*s'", vdk_one[g], STR_ARG(name));
        *ret = entry;
        return true;
    }
    *ret = root;
    return true;
}

/* A properties file joins team and job with an underscore, which names may have, too [2.3]: what is
 * asked for may be either side of any of them. */
static bool narrow(const struct op_args *args, const struct row *row)
{
    struct str job, team, both = vdk_job_of(row->id, row->label);
    bool by_job = op_arg(args, "job", 0, &job), by_team = op_arg(args, "team", 0, &team);
    if (!by_job && !by_team)
        return true;
    if (!both.ptr)
        both = row->id; /* a job's own record */
    if (by_job && !by_team && str_eq(both, job))
        return true;
    if (row->team.ptr) /* then the id has the job alone */
        return (!by_job || str_eq(both, job)) && (!by_team || str_eq(row->team, team));
    size_t least = (by_job ? job.len : 0) + (by_team ? team.len : 0) + 1;
    if (both.len < least || (by_job && by_team && both.len != least))
        return false;
    if (by_job && (!str_eq(str_sub(both, both.len - job.len, both.len), job) ||
                   both.ptr[both.len - job.len - 1] != '_'))
        return false;
    return !by_team || (str_eq(str_sub(both, 0, team.len), team) && both.ptr[team.len] == '_');
}

/* --- the table -------------------------------------------------------------------------------- */

/* The state of a stream, for the prompt to begin with. */
static struct str present(const struct sheet_input *in, struct str stream)
{
    struct sbuf out = SBUF_INIT;
    const struct value *streams = value_get(in->doc->root, vdk_groups[VDK_STREAMS]);
    const struct value *state = value_get_str(streams, stream);
    struct str text = state && json_write(&out, state, JSON_PYTHON, NULL)
                          ? arena_str(in->arena, sbuf_view(&out))
                          : STR_NULL;
    sbuf_release(&out);
    return text;
}

static const struct op *const ops[] = {&vdk_set,  &vdk_edit,   &vdk_clear,
                                       &vdk_copy, &vdk_repair, NULL};

/* clang-format off */
static const struct action actions[] = {
    {.key = 'e', .verb = "edit", .op = "edit", .label = "edit: the document as text"},
    {.key = 's', .verb = "set", .op = "set", .label = "set the state of one stream, as JSON",
     .per = "streams", .option = "stream", .prompt = "value", .present = present},
    {.key = 't', .verb = "clear", .op = "clear", .label = "clear one stream: read from the start",
     .per = "streams", .option = "stream"},
    {.key = 'o', .verb = "clear", .op = "clear", .label = "clear one of the others",
     .per = "others", .option = "other"},
    {.key = 'p', .verb = "repair", .op = "repair", .label = "repair: null, text where an object should be, cut files"},
    {.key = 'n', .verb = "copy", .op = "copy", .label = "copy to another source", .prompt = "dst"},
    {.key = 'c', .verb = "clear", .op = "clear", .label = "clear the source: all streams from the start"},
    {0},
};
/* clang-format on */

const struct system system_vdk = {
    .name = "vdk",
    .noun = "source",
    .records = "sources",
    .parts = {"state"},
    .nparts = 1,
    .sheets = vdk_sheets,
    .nsheets = VDK_SHEETS,
    .ops = ops,
    .actions = actions,
    .get_options = get_options,
    .get = get,
    .narrow_options = narrow_options,
    .narrow = narrow,
    .names = names,
    .brief = brief,
    .status = status,
    .judge = vdk_judge,
    .check = vdk_check,
    .show = vdk_show,
};
