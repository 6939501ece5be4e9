/* What was said on the message line, kept with its time: an error is never only seen in passing. */
#ifndef PENSTOCK_TUI_MESSAGES_H
#define PENSTOCK_TUI_MESSAGES_H

#include "core/base/str.h"
#include "tui/style.h"

enum { MESSAGES_MAX = 1000 };

struct message {
    int64_t at_us;
    enum style style;
    struct sbuf text;
};

/* The newest MESSAGES_MAX; zero-initialised it is empty. */
struct messages {
    struct message ring[MESSAGES_MAX];
    size_t said; /* ever */
};

void messages_add(struct messages *m, enum style style, int64_t at_us, struct str text);
size_t messages_count(const struct messages *m);
/* 0 is the newest. */
const struct message *messages_at(const struct messages *m, size_t i);
void messages_release(struct messages *m);

#endif
