#include "backends/meltano_runs.h"

#include "backends/drivers.h"

#include <string.h>

static const struct layout *systemdb_on(const char *backend)
{
    for (const struct layout *const *l = layouts; *l; l++) {
        if (strcmp((*l)->system, "meltano") == 0 && strcmp((*l)->backend, backend) == 0 &&
            strcmp((*l)->name, "systemdb") == 0)
            return *l;
    }
    return NULL;
}

bool meltano_runs_open(struct store *store, const struct address *address, const struct call *call,
                       struct err *err)
{
    const char *text = address_param(address, "runs");
    struct address runs;
    struct err why = {0};
    if (!text || strcmp(address->system->name, "meltano") != 0)
        return true;
    if (!address_parse(&store->arena, text, &runs, err))
        return err_context(err, "runs=");
    const struct layout *layout = systemdb_on(runs.backend);
    if (!layout || (runs.system && runs.system != address->system))
        return err_set(err, ERR_INVALID, "runs=%s: no system database can be there", runs.masked);
    if (!store_open(layout, &runs, &store->opts, call, &store->runs, &why)) {
        store->why_no_runs = arena_printf(&store->arena, "runs= cannot be opened: %s", why.text);
        store->info.note = store->why_no_runs;
    }
    return true;
}
