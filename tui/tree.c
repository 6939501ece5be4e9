#include "tui/tree.h"

#include "core/base/mem.h"
#include "core/base/text.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

enum {
    OPEN_DEPTH = 5,      /* opened unasked down to here */
    OPEN_CHILDREN = 60,  /* and only where there are not more */
    LINES_MAX = 1000000, /* what is deeper in a huge document stays folded */
    LINE_BYTES = 1024,
};

void tree_init(struct tree *tree)
{
    *tree = (struct tree){.flipped = keyset_new()};
}

void tree_release(struct tree *tree)
{
    arena_release(&tree->arena);
    free(tree->lines);
    keyset_free(tree->flipped);
    sbuf_release(&tree->needle);
}

/* --- lines ---------------------------------------------------------------------------------- */

static bool is_list(const struct value *v)
{
    return v->type == VALUE_LIST || v->type == VALUE_TUPLE || v->type == VALUE_SET ||
           v->type == VALUE_FROZENSET;
}

static size_t children(const struct value *v)
{
    return v->type == VALUE_DICT ? v->dict.n : is_list(v) ? v->list.n : 0;
}

static struct tree_line *add_line(struct tree *tree, struct tree_line line)
{
    if (tree->n == tree->cap) {
        tree->cap = tree->cap ? tree->cap * 2 : 256;
        tree->lines = xreallocarray(tree->lines, tree->cap, sizeof tree->lines[0]);
    }
    tree->lines[tree->n] = line;
    return &tree->lines[tree->n++];
}

static struct str pointer_join(struct arena *a, struct str path, struct str key)
{
    struct sbuf out = SBUF_INIT;
    sbuf_str(&out, path);
    sbuf_char(&out, '/');
    for (size_t i = 0; i < key.len; i++) {
        if (key.ptr[i] == '~' || key.ptr[i] == '/')
            sbuf_cstr(&out, key.ptr[i] == '~' ? "~0" : "~1");
        else
            sbuf_char(&out, key.ptr[i]);
    }
    return arena_take(a, &out);
}

static void add_value(struct tree *tree, struct str label, struct str path, const struct value *v,
                      int depth);

static void add_children(struct tree *tree, struct str path, const struct value *v, int depth)
{
    struct arena *a = &tree->arena;
    for (size_t i = 0; i < children(v); i++) {
        bool dict = v->type == VALUE_DICT;
        const struct value *key = dict ? v->dict.pairs[i].key : NULL;
        struct str label = !dict               ? arena_printf(a, "%zu", i)
                           : value_is_str(key) ? value_str_or(key, STR(""))
                                               : value_repr(a, key, 200);
        add_value(tree, label, pointer_join(a, path, label),
                  dict ? v->dict.pairs[i].val : v->list.items[i], depth);
    }
}

static void add_value(struct tree *tree, struct str label, struct str path, const struct value *v,
                      int depth)
{
    bool folds = children(v) > 0;
    bool open = depth < OPEN_DEPTH && children(v) <= OPEN_CHILDREN;
    if (tree->all_open)
        open = true;
    if (folds && keyset_has(tree->flipped, path))
        open = !open;
    open = open && folds && tree->n < LINES_MAX;
    add_line(tree, (struct tree_line){depth, open, folds, label, STR_NULL, v, path});
    if (open)
        add_children(tree, path, v, depth + 1);
}

static void rebuild(struct tree *tree)
{
    arena_release(&tree->arena);
    tree->n = 0;
    for (size_t i = 0; i < tree->nhead; i++)
        add_line(tree, tree->head[i]);
    if (tree->root && children(tree->root))
        add_children(tree, STR(""), tree->root, 0);
    else if (tree->root)
        add_value(tree, STR_NULL, STR(""), tree->root, 0);
    if (tree->cursor >= tree->n)
        tree->cursor = tree->n ? tree->n - 1 : 0;
}

void tree_set(struct tree *tree, const struct tree_line *head, size_t nhead,
              const struct value *root)
{
    bool first = tree->n == 0;
    tree->head = (struct tree_line *)head;
    tree->nhead = nhead;
    tree->root = root;
    rebuild(tree);
    if (first && tree->n > nhead)
        tree->cursor = nhead; /* the text is read, the tree is walked */
}

const struct tree_line *tree_at(const struct tree *tree)
{
    return tree->cursor < tree->n ? &tree->lines[tree->cursor] : NULL;
}

struct str tree_text(struct arena *a, const struct value *v, size_t max)
{
    if (v->type == VALUE_STR && max > LINE_BYTES)
        return v->text;
    if ((v->type == VALUE_INT || v->type == VALUE_FLOAT) && v->token.ptr)
        return str_sub(v->token, 0, v->token.len < max ? v->token.len : max);
    return value_repr(a, v, max);
}

/* --- moving, folding, finding --------------------------------------------------------------- */

static void move_to(struct tree *tree, ptrdiff_t to)
{
    ptrdiff_t last = (ptrdiff_t)tree->n - 1;
    to = to > last ? last : to;
    tree->cursor = to < 0 ? 0 : (size_t)to;
}

static void flip(struct tree *tree)
{
    const struct tree_line *line = tree_at(tree);
    if (!line || !line->folds)
        return;
    keyset_put(tree->flipped, line->path, !keyset_has(tree->flipped, line->path));
    rebuild(tree);
}

static void fold_or_leave(struct tree *tree)
{
    const struct tree_line *line = tree_at(tree);
    if (!line)
        return;
    if (line->open) {
        flip(tree);
        return;
    }
    for (size_t i = tree->cursor; i-- > 0;) { /* to the parent */
        if (tree->lines[i].value && tree->lines[i].depth < line->depth) {
            tree->cursor = i;
            return;
        }
    }
}

/* The document whole, or back to what is open unasked. */
static void flip_all(struct tree *tree)
{
    const struct tree_line *line = tree_at(tree);
    struct arena a = ARENA_INIT;
    struct str path = line && line->path.ptr ? arena_str(&a, line->path) : STR_NULL;
    tree->all_open = !tree->all_open;
    keyset_free(tree->flipped);
    tree->flipped = keyset_new();
    rebuild(tree);
    for (size_t i = 0; i < tree->n && path.ptr; i++) {
        if (tree->lines[i].value && str_eq(tree->lines[i].path, path))
            tree->cursor = i;
    }
    arena_release(&a);
}

static bool has_needle(struct str text, struct str needle)
{
    for (size_t i = 0; i + needle.len <= text.len; i++) {
        size_t j = 0;
        while (j < needle.len &&
               tolower((unsigned char)text.ptr[i + j]) == tolower((unsigned char)needle.ptr[j]))
            j++;
        if (j == needle.len)
            return true;
    }
    return false;
}

static bool line_matches(const struct tree_line *line, struct str needle)
{
    if (line->label.ptr && has_needle(line->label, needle))
        return true;
    if (!line->value)
        return has_needle(line->text, needle);
    if (line->folds)
        return false;
    struct arena a = ARENA_INIT;
    bool found = has_needle(tree_text(&a, line->value, SIZE_MAX / 2), needle);
    arena_release(&a);
    return found;
}

/* From line `from` onwards in the direction of `step`, round the end. */
static void go_to_match(struct tree *tree, size_t from, int step)
{
    struct str needle = sbuf_view(&tree->needle);
    tree->matches = tree->match = 0;
    if (!needle.len || !tree->n)
        return;
    size_t best = tree->n, best_way = tree->n;
    for (size_t i = 0; i < tree->n; i++) {
        if (!line_matches(&tree->lines[i], needle))
            continue;
        tree->matches++;
        size_t way = (step > 0 ? i + tree->n - from : from + tree->n - i) % tree->n;
        if (way < best_way) {
            best_way = way;
            best = i;
            tree->match = tree->matches;
        }
    }
    if (best < tree->n)
        tree->cursor = best;
}

void tree_find(struct tree *tree, struct str needle)
{
    tree->needle.len = 0;
    sbuf_str(&tree->needle, needle);
    if (needle.len && !tree->all_open)
        flip_all(tree);
    go_to_match(tree, tree->cursor, 1);
}

bool tree_command(struct tree *tree, enum command command)
{
    ptrdiff_t page = tree->page > 1 ? tree->page : 1, at = (ptrdiff_t)tree->cursor;
    const struct tree_line *line = tree_at(tree);
    switch (command) {
    case CMD_UP:
        move_to(tree, at - 1);
        return true;
    case CMD_DOWN:
        move_to(tree, at + 1);
        return true;
    case CMD_PAGE_UP:
        move_to(tree, at - page);
        return true;
    case CMD_PAGE_DOWN:
        move_to(tree, at + page);
        return true;
    case CMD_HALF_UP:
        move_to(tree, at - (page + 1) / 2);
        return true;
    case CMD_HALF_DOWN:
        move_to(tree, at + (page + 1) / 2);
        return true;
    case CMD_FIRST:
        move_to(tree, 0);
        return true;
    case CMD_LAST:
        move_to(tree, (ptrdiff_t)tree->n - 1);
        return true;
    case CMD_LEFT:
        fold_or_leave(tree);
        return true;
    case CMD_RIGHT:
        if (line && line->folds && !line->open)
            flip(tree);
        else
            move_to(tree, at + 1);
        return true;
    case CMD_ENTER:
        flip(tree);
        return true;
    case CMD_FOLD_ALL:
        flip_all(tree);
        return true;
    case CMD_NEXT_MATCH:
        go_to_match(tree, tree->n ? (tree->cursor + 1) % tree->n : 0, 1);
        return true;
    case CMD_PREV_MATCH:
        go_to_match(tree, tree->n ? (tree->cursor + tree->n - 1) % tree->n : 0, -1);
        return true;
    default:
        return false;
    }
}

/* --- drawing -------------------------------------------------------------------------------- */

static struct str summary(struct arena *a, const struct value *v)
{
    size_t n = children(v);
    if (v->type == VALUE_DICT)
        return arena_printf(a, "{%zu key%s}", n, n == 1 ? "" : "s");
    return arena_printf(a, "%s%zu item%s%s", v->type == VALUE_LIST ? "[" : "(", n,
                        n == 1 ? "" : "s", v->type == VALUE_LIST ? "]" : ")");
}

static enum style value_style(const struct value *v)
{
    return v->type == VALUE_NULL ? STYLE_DIM : STYLE_TEXT;
}

static void draw_line(const struct tree *tree, struct canvas *canvas, struct rect r, size_t i)
{
    const struct tree_line *line = &tree->lines[i];
    int x = r.x + 3 + 2 * line->depth, end = r.x + r.w;
    if (i == tree->cursor)
        canvas_put(canvas, r.y, r.x + 1, 1, STYLE_STRONG, STR("▸"));
    if (!line->value) {
        if (line->label.len)
            canvas_put(canvas, r.y, x, 10, STYLE_DIM, line->label);
        x += line->label.ptr ? 11 : 0;
        canvas_put(canvas, r.y, x, end - x, STYLE_TEXT, line->text);
    } else {
        if (line->folds)
            canvas_put(canvas, r.y, x, 1, STYLE_KEY, line->open ? STR("-") : STR("+"));
        x += 2;
        if (line->label.ptr) {
            x += canvas_put(canvas, r.y, x, end - x, STYLE_NAME, line->label);
            x += canvas_put(canvas, r.y, x, end - x, STYLE_TEXT, STR(": "));
        }
        if (line->folds && !line->open)
            canvas_put(canvas, r.y, x, end - x, STYLE_DIM, summary(&canvas->scratch, line->value));
        else if (!line->folds)
            canvas_put(canvas, r.y, x, end - x, value_style(line->value),
                       tree_text(&canvas->scratch, line->value, LINE_BYTES));
    }
    if (i == tree->cursor)
        canvas_restyle(canvas, (struct rect){r.y, r.x + 2, 1, r.w - 2}, STYLE_HERE);
}

void tree_draw(struct tree *tree, struct canvas *canvas, struct rect r)
{
    tree->page = r.h;
    size_t page = r.h > 0 ? (size_t)r.h : 0;
    if (tree->cursor < tree->top)
        tree->top = tree->cursor;
    if (page && tree->cursor >= tree->top + page)
        tree->top = tree->cursor - page + 1;
    if (tree->cursor <= tree->nhead && tree->cursor < page)
        tree->top = 0; /* the text stays in sight above the first line of the tree */
    for (size_t i = 0; i < page && tree->top + i < tree->n; i++)
        draw_line(tree, canvas, (struct rect){r.y + (int)i, r.x, 1, r.w}, tree->top + i);
}
