/* Keys of rows, found by hash: the slots that rows.c builds its index of, and sets of keys. */
#ifndef PENSTOCK_TUI_KEYSET_H
#define PENSTOCK_TUI_KEYSET_H

#include "core/base/str.h"

#include <stdbool.h>
#include <stdint.h>

/* Numbers found by key, open addressing; the owner says what key a number has. */
struct keyslots {
    uint32_t *slots;
    size_t size, n; /* size: a power of two, or 0 */
};

typedef struct str keyslots_key(const void *owner, uint32_t number);

uint64_t key_hash(struct str key);
/* UINT32_MAX: not there. `hash` is that of the key. */
uint32_t keyslots_find(const struct keyslots *slots, const void *owner, keyslots_key *key_of,
                       struct str key, uint64_t hash);
/* The key of `number` must not be there yet. */
void keyslots_add(struct keyslots *slots, const void *owner, keyslots_key *key_of, uint64_t hash,
                  uint32_t number);
void keyslots_release(struct keyslots *slots);

/* A set of keys that owns their bytes. */
struct keyset;
struct keyset *keyset_new(void);
void keyset_free(struct keyset *set);
size_t keyset_count(const struct keyset *set);
bool keyset_has(const struct keyset *set, struct str key);
void keyset_put(struct keyset *set, struct str key, bool in);
/* i counts from 0 to keyset_count, in the order of putting. */
struct str keyset_at(const struct keyset *set, size_t i);

#endif
