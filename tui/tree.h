/* The tree widget: a document that folds, with some lines of text before it. */
#ifndef PENSTOCK_TUI_TREE_H
#define PENSTOCK_TUI_TREE_H

#include "core/value.h"
#include "tui/canvas.h"
#include "tui/keymap.h"
#include "tui/rows.h"

struct tree_line {
    int depth;
    bool open, folds;
    struct str label;          /* key, index, or the label of a line of text; ptr NULL: none */
    struct str text;           /* of a line of text */
    const struct value *value; /* NULL: a line of text */
    struct str path;           /* JSON pointer */
};

struct tree {
    const struct value *root; /* lent; NULL: only the text */
    struct arena arena;       /* lines, rebuilt at each fold */
    struct tree_line *lines;
    size_t n, cap;
    size_t cursor, top;
    int page;
    struct keyset *flipped; /* paths folded other than by default */
    bool all_open;
    struct tree_line *head; /* lines before the tree; lent */
    size_t nhead;
    struct sbuf needle;
    size_t matches, match; /* in all, and which one the cursor stands on (from 1; 0: none) */
};

void tree_init(struct tree *tree);
void tree_release(struct tree *tree);
/* Keeps cursor and folds when the same document comes anew. */
void tree_set(struct tree *tree, const struct tree_line *head, size_t nhead,
              const struct value *root);
bool tree_command(struct tree *tree, enum command command);
/* Opens everything and goes to the first match at or behind the cursor. */
void tree_find(struct tree *tree, struct str needle);
const struct tree_line *tree_at(const struct tree *tree); /* NULL when empty */
void tree_draw(struct tree *tree, struct canvas *canvas, struct rect r);
/* The text of a value: a string as it is, everything else in one line. */
struct str tree_text(struct arena *a, const struct value *v, size_t max);

#endif
