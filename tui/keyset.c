#include "tui/keyset.h"

#include "core/base/mem.h"

#include <stdlib.h>
#include <string.h>

enum { NONE = UINT32_MAX, FIRST_SIZE = 8 };

uint64_t key_hash(struct str s)
{
    uint64_t h = 14695981039346656037u; /* FNV-1a */
    for (size_t i = 0; i < s.len; i++)
        h = (h ^ (unsigned char)s.ptr[i]) * 1099511628211u;
    return h ^ h >> 32;
}

/* --- slots ---------------------------------------------------------------------------------- */

uint32_t keyslots_find(const struct keyslots *slots, const void *owner, keyslots_key *key_of,
                       struct str key, uint64_t hash)
{
    if (slots->size == 0)
        return NONE;
    size_t mask = slots->size - 1;
    for (size_t s = hash & mask;; s = (s + 1) & mask) {
        uint32_t number = slots->slots[s];
        if (number == NONE || str_eq(key_of(owner, number), key))
            return number;
    }
}

static void take_slot(struct keyslots *slots, uint64_t hash, uint32_t number)
{
    size_t mask = slots->size - 1, s = hash & mask;
    while (slots->slots[s] != NONE)
        s = (s + 1) & mask;
    slots->slots[s] = number;
}

static void grow(struct keyslots *slots, const void *owner, keyslots_key *key_of)
{
    struct keyslots old = *slots;
    slots->size = old.size ? old.size * 2 : FIRST_SIZE;
    slots->slots = xreallocarray(NULL, slots->size, sizeof slots->slots[0]);
    memset(slots->slots, 0xff, slots->size * sizeof slots->slots[0]);
    for (size_t s = 0; s < old.size; s++) {
        if (old.slots[s] != NONE)
            take_slot(slots, key_hash(key_of(owner, old.slots[s])), old.slots[s]);
    }
    free(old.slots);
}

void keyslots_add(struct keyslots *slots, const void *owner, keyslots_key *key_of, uint64_t hash,
                  uint32_t number)
{
    if ((slots->n + 1) * 4 > slots->size * 3)
        grow(slots, owner, key_of);
    take_slot(slots, hash, number);
    slots->n++;
}

void keyslots_release(struct keyslots *slots)
{
    free(slots->slots);
    *slots = (struct keyslots){0};
}

/* --- sets ----------------------------------------------------------------------------------- */

struct keyset {
    struct str *keys; /* each allocated */
    size_t n, cap;
    struct keyslots slots;
};

struct keyset *keyset_new(void)
{
    return xcalloc(1, sizeof(struct keyset));
}

void keyset_free(struct keyset *set)
{
    if (!set)
        return;
    for (size_t i = 0; i < set->n; i++)
        free((char *)set->keys[i].ptr);
    free(set->keys);
    keyslots_release(&set->slots);
    free(set);
}

size_t keyset_count(const struct keyset *set)
{
    return set->n;
}

struct str keyset_at(const struct keyset *set, size_t i)
{
    return set->keys[i];
}

static struct str key_of(const void *owner, uint32_t number)
{
    return ((const struct keyset *)owner)->keys[number];
}

bool keyset_has(const struct keyset *set, struct str key)
{
    return keyslots_find(&set->slots, set, key_of, key, key_hash(key)) != NONE;
}

/* The others keep their order, so their numbers change. */
static void take_out(struct keyset *set, size_t i)
{
    free((char *)set->keys[i].ptr);
    memmove(&set->keys[i], &set->keys[i + 1], (set->n - i - 1) * sizeof set->keys[0]);
    set->n--;
    keyslots_release(&set->slots);
    for (size_t k = 0; k < set->n; k++)
        keyslots_add(&set->slots, set, key_of, key_hash(set->keys[k]), (uint32_t)k);
}

void keyset_put(struct keyset *set, struct str key, bool in)
{
    uint64_t hash = key_hash(key);
    uint32_t i = keyslots_find(&set->slots, set, key_of, key, hash);
    if ((i != NONE) == in)
        return;
    if (!in) {
        take_out(set, i);
        return;
    }
    if (set->n == set->cap) {
        set->cap = set->cap ? set->cap * 2 : 16;
        set->keys = xreallocarray(set->keys, set->cap, sizeof set->keys[0]);
    }
    set->keys[set->n] = (struct str){xmemdupz(key.ptr, key.len), key.len};
    keyslots_add(&set->slots, set, key_of, hash, (uint32_t)set->n++);
}
