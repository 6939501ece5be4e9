/* Sessions in Django's caches on Redis: what the files of this layout share. */
#ifndef PENSTOCK_REDIS_TRIGGERS_DJANGO_H
#define PENSTOCK_REDIS_TRIGGERS_DJANGO_H

#include "backends/django_value.h"
#include "backends/redis/keyed.h"
#include "backends/session_locks.h"
#include "core/store_driver.h"

struct django_store {
    struct session_store sessions; /* first, so that the pointers convert */
    struct redis_client *client;
};

struct redis_keyed django_keyed(const struct django_store *store);

/* The document of what is stored. *ret_form tells how to write it back. */
void django_document(const struct redis_stored *stored, size_t limit, struct arena *arena,
                     struct document *ret, struct django_form *ret_form);

/* Images: the stored bytes and the moment they expire. */
bool django_image_read(struct str image, struct str *ret_bytes, int64_t *ret_expires_ms,
                       struct err *err);

bool django_commit(struct store *store, struct commit_item *item, const struct call *call,
                   struct arena *arena, struct err *err);

#endif
