/* Output: rows of cells as a table for people, NDJSON, tab-separated values or bare names. */
#ifndef PENSTOCK_CLI_PRINT_H
#define PENSTOCK_CLI_PRINT_H

#include "cli/options.h"
#include "core/sheet.h"

#include <jansson.h>
#include <stdio.h>

struct print_opts {
    enum output output;
    bool headers, color, ascii;
    bool nul;       /* names end with NUL */
    int width;      /* of the terminal; 0: as wide as needed */
    int64_t now_us; /* ages are before it */
    FILE *out;
};

struct print;

/* `columns` live until print_free. `name_column`: index of the column that OUTPUT_NAME prints. */
struct print *print_new(const struct print_opts *opts, const struct column *columns,
                        size_t ncolumns, size_t name_column);
/* One cell per column; may point into memory that goes right after print_page. */
void print_row(struct print *print, const struct cell *cells);
/* The same for OUTPUT_NAME, where nothing but the id is known. */
void print_name(struct print *print, struct str id);
/* Writes what is waiting (the tsv header too, rows or not). False when nobody reads any more
 * (broken pipe) or the output is full. */
bool print_page(struct print *print);
void print_free(struct print *print);

/* A row as a JSON object, fields in the order of the columns. The caller owns the reference. */
json_t *print_row_json(const struct column *columns, size_t ncolumns, size_t name_column,
                       const struct cell *cells);
/* One line of compact JSON; takes the reference. */
bool print_json(FILE *out, json_t *json);

/* Text from a store on its way to a terminal, `lines` keeps line ends. */
struct str print_clean(const struct print_opts *opts, struct arena *arena, struct str s,
                       bool lines);

#endif
