/* What list.c (which rows are shown, in which order) does for list_keys.c (what keys and the mouse
 * do to them). */
#ifndef PENSTOCK_TUI_LIST_KEYS_H
#define PENSTOCK_TUI_LIST_KEYS_H

#include "tui/list.h"

/* `text` may be the old one. */
void list_set_text(struct sbuf *to, struct str text);
bool list_find_line(const struct list *list, struct str key, size_t *ret);
/* The row under the cursor is the one that it follows from now on. */
void list_take_key(struct list *list);
/* Puts the cursor where its row is now; false: that is not shown. */
bool list_follow(struct list *list);
/* Puts the rows in the order that is wanted: a short list at once, a long one is due. */
void list_reorder(struct list *list);
void list_count_hidden(struct list *list); /* marks that are not shown */

#endif
