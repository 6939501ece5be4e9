/* The bytes of one file of Django's file cache (formats/triggers.md 4.4): a pickle of the moment it
 * expires, and right behind it the zlib stream of the pickled value. */
#ifndef PENSTOCK_FILE_DJCACHE_H
#define PENSTOCK_FILE_DJCACHE_H

#include "backends/django_key.h"
#include "backends/django_value.h"

enum { DJCACHE_NAME = 2 * MD5_LEN + sizeof ".djcache" }; /* with its NUL */
enum { DJCACHE_HEAD = 64 }; /* so many bytes of a file hold all of its header */

/* The name of a session's file. It does not tell the uid. */
void djcache_name(const struct django_key *key, struct str uid, char ret[DJCACHE_NAME]);
bool djcache_is_name(struct str name);

struct djcache {
    struct str header;  /* the first pickle, to be kept as it is */
    struct str value;   /* the stream, and what may lie behind it */
    int64_t expires_us; /* TIME_NEVER */
};

/* Views into `bytes`. ERR_CORRUPT for what is no such file; an empty one is expired for Django. */
bool djcache_split(struct arena *arena, struct str bytes, struct djcache *ret, struct err *err);
/* Fills root, version, problem, format and expiry from the bytes of a file. */
void djcache_document(struct arena *arena, struct str bytes, size_t limit, struct document *doc,
                      struct django_form *ret_form);
/* The bytes with a new root; `header` ptr NULL: one that never expires. */
bool djcache_write(struct arena *arena, struct str header, const struct value *root,
                   const struct django_form *form, struct str *ret, struct err *err);
/* The form of a file that was not there. */
struct django_form djcache_form_new(const struct value *root);

#endif
