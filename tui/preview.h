/* The preview: what is known of the record under the cursor, below the list.
 *
 * One job is out at a time; what comes back for a row that the cursor has left is dropped, and the
 * row where it is now is asked for next. So keys never wait, and a slow store is asked less often.
 */
#ifndef PENSTOCK_TUI_PREVIEW_H
#define PENSTOCK_TUI_PREVIEW_H

#include "tui/record_lines.h"
#include "tui/view.h"

struct preview {
    struct view *view;
    struct sbuf wanted, asked, shown; /* ids: under the cursor, of the job, of the lines */
    bool has_lines, reading;
    bool stale;         /* the record may have changed since it was asked for */
    struct arena arena; /* of the lines */
    struct record_line *lines;
    size_t n;
    struct err err;
    bool focused; /* the keys that move are its */
    size_t top, total;
    int page;
};

void preview_init(struct preview *preview, struct view *view);
void preview_release(struct preview *preview);
/* What is left of `r` for a list of so many rows, and in `ret` what lies below it; of no height
 * where the screen is too small, or the operator wants none. */
struct rect preview_split(struct preview *preview, size_t rows, struct rect r, struct rect *ret);
/* Draws what is known of this record, and asks for it. ptr NULL: there is none under the cursor. */
void preview_draw(struct preview *preview, struct canvas *canvas, struct rect r, struct str id,
                  struct str label);
/* Draws these lines about what `id` names: whoever has them at hand asks nobody. */
void preview_show(struct preview *preview, struct canvas *canvas, struct rect r, struct str id,
                  const struct record_line *lines, size_t n);
void preview_changed(struct preview *preview); /* it may be another one now */
/* Tab, and while it is focused the keys that move. */
bool preview_command(struct preview *preview, enum command command);
void preview_cancel(struct preview *preview); /* nothing is read until the cursor moves */
bool preview_is_busy(const struct preview *preview);

#endif
