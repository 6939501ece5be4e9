/* YAML files of which only scalars, mappings and sequences matter. */
#ifndef PENSTOCK_CONFIG_YAML_H
#define PENSTOCK_CONFIG_YAML_H

#include "core/base/cleanup.h"
#include "core/base/err.h"
#include "core/base/str.h"

#include <yaml.h>

struct yaml_file {
    const char *path;
    yaml_document_t document;
    yaml_node_t *root; /* NULL: the file is empty */
};

/* Errors name file:line. ERR_NOT_FOUND when there is no such file. */
bool yaml_file_open(const char *path, struct yaml_file *ret, struct err *err);
void yaml_file_release(struct yaml_file *file);

yaml_node_t *yaml_file_node(struct yaml_file *file, int index);
/* The value under a key of a mapping; NULL when absent or when `map` is none. */
yaml_node_t *yaml_file_get(struct yaml_file *file, yaml_node_t *map, const char *key);
/* Text of a scalar; ptr NULL for all else and for null. */
struct str yaml_file_text(const yaml_node_t *node);
/* Sets ERR_INVALID "path:line: ..." and returns false. */
bool yaml_file_wrong(const struct yaml_file *file, const yaml_node_t *node, struct err *err,
                     const char *fmt, ...) __attribute__((format(printf, 4, 5)));

#endif
