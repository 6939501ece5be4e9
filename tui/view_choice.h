/* A question with a few keys for answers, over the view it is about. */
#ifndef PENSTOCK_TUI_VIEW_CHOICE_H
#define PENSTOCK_TUI_VIEW_CHOICE_H

#include "tui/view.h"

struct choice {
    char key;
    const char *label; /* what it does: "quits and discards them" */
    /* Called once the question has left the screen. */
    void (*choose)(struct app *app, void *ctx);
};

/* Esc, and every other way back, chooses nothing. `ctx` must live as long as the view below; the
 * texts are copied. */
void view_choice_open(struct app *app, struct session *session, const char *title,
                      struct str question, const struct choice *choices, size_t n, void *ctx);

#endif
