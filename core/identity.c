#include "core/identity.h"

#include "core/base/mem.h"

#include <stdlib.h>

static size_t probe(const struct identity *map, const void *node)
{
    uint64_t h = (uint64_t)(uintptr_t)node * 0x9e3779b97f4a7c15;
    size_t slot = (size_t)(h >> 20) & (map->slots - 1);
    while (map->entries[slot].node && map->entries[slot].node != node)
        slot = (slot + 1) & (map->slots - 1);
    return slot;
}

struct identity_entry *identity_get(const struct identity *map, const void *node)
{
    if (!map->used)
        return NULL;
    struct identity_entry *entry = &map->entries[probe(map, node)];
    return entry->node ? entry : NULL;
}

static void grow(struct identity *map)
{
    struct identity bigger = {.slots = map->slots ? map->slots * 2 : 64, .used = map->used};
    bigger.entries = xcalloc(bigger.slots, sizeof *bigger.entries);
    for (size_t i = 0; i < map->slots; i++) {
        if (map->entries[i].node)
            bigger.entries[probe(&bigger, map->entries[i].node)] = map->entries[i];
    }
    free(map->entries);
    *map = bigger;
}

struct identity_entry *identity_put(struct identity *map, const void *node)
{
    if (map->used * 2 >= map->slots)
        grow(map);
    struct identity_entry *entry = &map->entries[probe(map, node)];
    if (!entry->node) {
        entry->node = node;
        map->used++;
    }
    return entry;
}

void identity_release(struct identity *map)
{
    free(map->entries);
    *map = (struct identity){0};
}
