/* Between the files that make plans; nobody else includes this. */
#ifndef PENSTOCK_PLAN_PARTS_H
#define PENSTOCK_PLAN_PARTS_H

#include "core/plan.h"

enum { PLAN_DIFF_MAX = 200 }; /* changes that an item shows */

/* An empty plan with its id and the time; verb and reason are copied. */
struct plan *plan_new(const char *verb, struct str reason);
/* Gives an item its final outcome. Returns false. */
bool plan_item_fail(struct plan_item *item, enum outcome outcome, const struct err *err);
/* Short text of a root for before and after columns. */
struct str plan_text_of(const struct system *system, const struct value *root, bool absent,
                        struct arena *a);
/* What differs between the two roots, in words and by path. */
void plan_show_changes(struct plan_item *item, const struct system *system,
                       const struct value *before, const struct value *after, struct arena *arena);
/* The open store of that identity; NULL: it is not open. */
struct open_store *plan_find_store(struct open_store *stores, size_t n, struct str identity);
/* The same for a store in a journal entry: ERR_NOT_FOUND says which. */
bool plan_entry_store(const struct journal_entry *entry, struct str identity,
                      struct open_store *stores, size_t n, struct open_store **ret,
                      struct err *err);
/* Who writes to the record, and does it collide? Refuses the item (LOCKED) unless `force`. */
void plan_judge(struct plan_item *item, const struct op_input *in, bool force);
/* Confirmation, undo scope, grouped consequences, the equivalent command: from the items. */
void plan_finish(struct plan *plan);
/* Sets the record of item i aside; plan_finish follows. */
void plan_put_aside(struct plan *plan, size_t i);
/* The request as JSON: in saved plans and in the journal. */
json_t *plan_request_json(const struct plan *plan);
/* Reads it back into `arena`: verb, operation (NULL: an undo or a lock break), arguments, records.
 * r->store is given. */
bool plan_request_read(json_t *request, struct arena *arena, struct plan_request *r,
                       struct err *err);
/* The command line that makes this plan. */
struct str plan_command(struct plan *plan);

/* Sent, never answered, and not settled by reading: it may still come. Resume and undo leave such an
 * item out, and the plan's note says so. */
bool plan_is_unknown(const struct journal_item *item);
void plan_note_unknown(struct plan *plan, const struct journal_entry *entry);

/* "host/pid/start" of this program: while it lives, its items are not settled by another. */
void settle_owner(char out[128]);
/* Digest of the versions of the parts in `mask`; `absent`: as if the record were absent. */
void versions_digest(const struct version *versions, unsigned mask, bool absent,
                     uint8_t out[SHA256_LEN]);
/* Digest of the parts of a root that an edit changes (parts it leaves alone may change under us);
 * late values of `mask` stand as marks. */
void parts_digest(const struct system *system, const struct value *root, const struct value *mask,
                  unsigned change, uint8_t out[SHA256_LEN]);

#endif
