/* The screen without a terminal: an app on fixture stores, keys typed into it, its pictures
 * compared with text files. PENSTOCK_REWRITE=1 writes those anew. */
#ifndef PENSTOCK_SCREEN_SHOW_H
#define PENSTOCK_SCREEN_SHOW_H

#include "tests/unit/test.h"

#include "tests/screen/fixture.h"
#include "tui/view.h"

struct screen {
    struct app *app;
    struct target targets[3];
    struct canvas canvas;
    char dir[64], journal[96], audit[96], acks[96];
};

struct target make_target(const struct system *system, const char *backend, const char *name,
                          enum environment env);
/* s->targets are set. */
void screen_open(struct screen *s, size_t ntargets, bool ascii, int64_t quiet_ms);
/* On one store in memory, once it is loaded. */
void screen_open_one(struct screen *s, const struct system *system, const char *name,
                     enum environment env);
/* The same on two: tables and states. */
void screen_open_two(struct screen *s);
void screen_close(struct screen *s);
void settle(struct screen *s); /* until nothing is under way */
void show(struct screen *s, int h, int w);
/* "x", "{Enter}", "{Esc}", "{Down}", "{Up}", "{Tab}", "{^C}", "{^U}"; a picture is drawn after each
 * unless `burst`.
 */
void type(struct screen *s, const char *keys, int h, int w, bool burst);
/* With tests/screen/golden/NAME.txt. */
void assert_picture(struct screen *s, const char *name);
bool shows(struct screen *s, const char *words);

#define assert_shows(s, words)                                                                     \
    do {                                                                                           \
        if (!shows((s), (words))) {                                                                \
            struct sbuf text_ = SBUF_INIT;                                                         \
            canvas_text(&(s)->canvas, &text_);                                                     \
            fail_msg("'%s' is not on the screen:\n%s", (words), sbuf_view(&text_).ptr);            \
        }                                                                                          \
    } while (0)

#endif
