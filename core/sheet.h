/* Sheets: the one place that says which columns a list has. A sheet prints the list of the command
 * line in every format, feeds the screen's tables, the sort keys and the manual. */
#ifndef PENSTOCK_SHEET_H
#define PENSTOCK_SHEET_H

#include "core/document.h"

enum cell_type {
    CELL_UNKNOWN, /* not read yet: shown as a middle dot, null in JSON */
    CELL_NULL,    /* known to be nothing */
    CELL_BOOL,
    CELL_INT,
    CELL_BYTES, /* a size: JSON number, 2.1 MB for people */
    CELL_TEXT,
    CELL_TIME,  /* UTC microseconds: RFC 3339, or an age on the screen */
    CELL_OBJECT /* nested in JSON; `text` stands for it elsewhere */
};

enum mark { MARK_NONE, MARK_OK, MARK_WAIT, MARK_WARN, MARK_BAD }; /* never colour alone: a glyph */

struct cell {
    enum cell_type type;
    enum mark mark;
    int64_t number; /* BOOL, INT, BYTES, TIME */
    struct str text;
    const struct value *object; /* OBJECT: dict of scalars */
};

static inline struct cell cell_null(void)
{
    return (struct cell){.type = CELL_NULL};
}
static inline struct cell cell_bool(bool b)
{
    return (struct cell){.type = CELL_BOOL, .number = b};
}
static inline struct cell cell_int(int64_t n)
{
    return (struct cell){.type = CELL_INT, .number = n};
}
static inline struct cell cell_bytes(int64_t n) /* negative: null */
{
    return (struct cell){.type = n < 0 ? CELL_NULL : CELL_BYTES, .number = n};
}
static inline struct cell cell_text(struct str s) /* STR_NULL: null */
{
    return (struct cell){.type = s.ptr ? CELL_TEXT : CELL_NULL, .text = s};
}
static inline struct cell cell_time(int64_t us) /* TIME_UNKNOWN and TIME_NEVER: null */
{
    return (struct cell){.type = us == TIME_UNKNOWN || us == TIME_NEVER ? CELL_NULL : CELL_TIME,
                         .number = us};
}

struct column {
    const char *name;  /* JSON field, sort key, tsv header: cli.md */
    const char *title; /* heading on the screen and in table output; NULL: JSON and tsv only */
    enum cell_type type;
    int width;  /* cells on the screen at 80 columns; 0: takes what is left */
    bool cheap; /* comes from the scan: known without reading the record */
    bool keep;  /* stays when the screen is too narrow for all */
    const char *help;
    bool of_record; /* the same in all rows of one record: not shown where one record is looked at */
    bool moves;     /* all the time, by itself: a screen does not point at that */
    bool words; /* several words: a filter compares each, `any` means that there is one */
};

struct activity;
struct lock;

/* What one row of a list is made from. Only `row` is always there. */
struct sheet_input {
    const struct system *system;
    const struct row *row;
    const struct document *doc;      /* NULL: not read yet */
    const struct activity *activity; /* NULL: not asked */
    const struct lock *lock;         /* NULL: none seen */
    bool locks_known;                /* false: the store was not asked, `lock` says nothing */
    const struct value *facts;       /* dict, or NULL */
    int64_t now_us;
    struct arena *arena; /* everything in the cells lives here, or in doc's arena */
};

struct sheet_row {
    struct cell *cells; /* sheet->ncolumns of them, all CELL_UNKNOWN at first */
    struct str key;     /* identity of the row within its sheet: record id, instance name, row id */
    enum mark mark;     /* how the row as a whole is */
    struct sheet_row *next;
};

struct sheet {
    const char *name; /* "list", "history", "instances", ... = the verb that prints it */
    const char *title;
    const struct column *columns;
    size_t ncolumns;
    /* Makes the rows of one record: exactly one in the list, any number elsewhere. Never fails:
     * what cannot be known is CELL_NULL. A record with a problem still gives its row in the list.
     */
    struct sheet_row *(*fill)(const struct sheet *sheet, const struct sheet_input *in);
    /* Appends what is known of the row `key` beyond its cells, a name and its text a line, further
     * lines of a text as they are: arguments, a traceback. May be NULL. */
    void (*more)(const struct sheet_input *in, struct str key, struct sbuf *out);
};

/* A row with all cells unknown; `key` is not copied. */
struct sheet_row *sheet_row_new(const struct sheet *sheet, struct arena *arena, struct str key);
/* The cell of a column by name; asserts that the sheet has it. */
struct cell *sheet_cell(const struct sheet *sheet, struct sheet_row *row, const char *column);
const struct column *sheet_column(const struct sheet *sheet, struct str name, size_t *ret_index);

/* Typed order of two cells: unknown and null last, numbers and times by value, text by bytes. */
int cell_cmp(const struct cell *a, const struct cell *b);
/* For people: sizes as 2.1 MB, times as ages before now_us or RFC 3339 when now_us is TIME_UNKNOWN.
 * Not cleaned for a terminal. */
struct str cell_show(struct arena *a, const struct cell *cell, int64_t now_us);

#endif
