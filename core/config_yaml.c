#include "core/config_yaml.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static void close_file(FILE **f)
{
    if (*f)
        fclose(*f);
}

bool yaml_file_open(const char *path, struct yaml_file *ret, struct err *err)
{
    CLEANUP(close_file) FILE *in = fopen(path, "re");
    if (!in)
        return err_set(err, errno == ENOENT ? ERR_NOT_FOUND : ERR_UNAVAILABLE, "%s: %s", path,
                       strerror(errno));
    yaml_parser_t parser;
    if (!yaml_parser_initialize(&parser))
        return err_set(err, ERR_INTERNAL, "%s: no memory for a parser", path);
    yaml_parser_set_input_file(&parser, in);
    bool ok = yaml_parser_load(&parser, &ret->document);
    if (!ok)
        err_set(err, ERR_INVALID, "%s:%zu: %s", path, parser.problem_mark.line + 1,
                parser.problem ? parser.problem : "not YAML");
    yaml_parser_delete(&parser);
    ret->path = path;
    ret->root = ok ? yaml_document_get_root_node(&ret->document) : NULL;
    return ok;
}

void yaml_file_release(struct yaml_file *file)
{
    if (file->path)
        yaml_document_delete(&file->document);
    file->path = NULL;
}

yaml_node_t *yaml_file_node(struct yaml_file *file, int index)
{
    return yaml_document_get_node(&file->document, index);
}

struct str yaml_file_text(const yaml_node_t *node)
{
    if (!node || node->type != YAML_SCALAR_NODE)
        return STR_NULL;
    struct str text = {(const char *)node->data.scalar.value, node->data.scalar.length};
    bool plain = node->data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
    if (plain && (!text.len || str_is(text, "~") || str_is(text, "null")))
        return STR_NULL;
    return text;
}

yaml_node_t *yaml_file_get(struct yaml_file *file, yaml_node_t *map, const char *key)
{
    yaml_node_t *found = NULL;
    if (!map || map->type != YAML_MAPPING_NODE)
        return NULL;
    for (yaml_node_pair_t *p = map->data.mapping.pairs.start; p < map->data.mapping.pairs.top;
         p++) {
        if (str_is(yaml_file_text(yaml_file_node(file, p->key)), key))
            found = yaml_file_node(file, p->value);
    }
    return found;
}

bool yaml_file_wrong(const struct yaml_file *file, const yaml_node_t *node, struct err *err,
                     const char *fmt, ...)
{
    char text[400];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    return err_set(err, ERR_INVALID, "%s:%zu: %s", file->path, node->start_mark.line + 1, text);
}
