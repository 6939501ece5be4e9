/* What of a row, or of a place in a document, goes to the clipboard: a question with few answers.
 */
#ifndef PENSTOCK_TUI_COPY_H
#define PENSTOCK_TUI_COPY_H

#include "tui/listview.h"
#include "tui/tree.h"

/* Of the row under the cursor. */
void copy_row_open(struct listview *lv);
/* Of the line under the cursor; both must live as long as the view. */
struct copy_place {
    struct view *view;
    const struct tree *tree;
    struct str id; /* of the record */
};
void copy_place_open(struct copy_place *place);

#endif
