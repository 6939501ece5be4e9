#include "core/system.h"

#include <stdarg.h>
#include <string.h>

const struct system *const systems[] = {&system_meltano, &system_vdk, &system_etl, &system_triggers,
                                        NULL};

struct row row_copy(struct arena *arena, const struct row *row)
{
    struct row copy = *row;
    copy.id = arena_str(arena, row->id);
    copy.label = row->label.ptr ? arena_str(arena, row->label) : STR_NULL;
    copy.phase = row->phase.ptr ? arena_str(arena, row->phase) : STR_NULL;
    copy.team = row->team.ptr ? arena_str(arena, row->team) : STR_NULL;
    return copy;
}

const struct system *system_by_name(struct str name)
{
    for (const struct system *const *s = systems; *s; s++) {
        if (str_is(name, (*s)->name))
            return *s;
    }
    return NULL;
}

const struct system *system_by_noun(struct str noun)
{
    for (const struct system *const *s = systems; *s; s++) {
        if (str_is(noun, (*s)->noun))
            return *s;
    }
    return NULL;
}

const struct op *system_op(const struct system *system, const char *verb)
{
    for (const struct op *const *op = system->ops; op && *op; op++) {
        if (strcmp((*op)->verb, verb) == 0)
            return *op;
    }
    return NULL;
}

const struct sheet *system_sheet(const struct system *system, const char *name)
{
    for (size_t i = 0; i < system->nsheets; i++) {
        if (strcmp(system->sheets[i].name, name) == 0)
            return &system->sheets[i];
    }
    return NULL;
}

struct finding *finding_add(struct finding **list, struct arena *a, const char *code,
                            enum severity severity, struct str object, const char *fmt, ...)
{
    struct finding *f = arena_new(a, struct finding);
    va_list ap;
    va_start(ap, fmt);
    f->text = arena_vprintf(a, fmt, ap);
    va_end(ap);
    f->code = code;
    f->severity = severity;
    f->object = object;
    while (*list && (*list)->severity <= severity)
        list = &(*list)->next;
    f->next = *list;
    *list = f;
    return f;
}

struct show_lines show_lines_new(struct arena *arena, size_t room)
{
    struct str(*at)[2] = arena_alloc_array(arena, room, sizeof *at);
    return (struct show_lines){arena, at, 0, room};
}

void show_line(struct show_lines *lines, const char *label, struct str text)
{
    if (!text.ptr || lines->n == lines->room)
        return;
    lines->at[lines->n][0] = str_of(label);
    lines->at[lines->n++][1] = text;
}

static bool is_bare(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
           (c && strchr("_-./:@%+=,", c));
}

struct str shell_quote(struct arena *a, struct str word)
{
    bool bare = word.len > 0;
    for (size_t i = 0; i < word.len; i++)
        bare = bare && is_bare(word.ptr[i]);
    if (bare)
        return word;
    struct sbuf out = SBUF_INIT;
    sbuf_char(&out, '\'');
    for (size_t i = 0; i < word.len; i++) {
        if (word.ptr[i] == '\'')
            sbuf_cstr(&out, "'\\''");
        else
            sbuf_char(&out, word.ptr[i]);
    }
    sbuf_char(&out, '\'');
    return arena_take(a, &out);
}
