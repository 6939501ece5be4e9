#include "backends/postgres/client.h"

#include <string.h>

/* --- errors ---------------------------------------------------------------------------------- */

/* SQLSTATEs and classes (the first two characters); the first row that fits decides. */
static const struct {
    const char *state;
    enum err_kind kind;
} kinds[] = {
    {"23505", ERR_CONFLICT},    /* unique violation: somebody wrote first */
    {"23503", ERR_CONFLICT},    /* foreign key: somebody refers to the row now */
    {"22021", ERR_CORRUPT},     /* no UTF-8, in a database that does not check (SQL_ASCII) */
    {"25006", ERR_REFUSED},     /* read-only transaction, standby */
    {"25P03", ERR_TIMEOUT},     /* idle in transaction too long */
    {"40001", ERR_CONFLICT},    /* serialisation failure */
    {"40P01", ERR_CONFLICT},    /* deadlock */
    {"42501", ERR_DENIED},      /* privilege */
    {"428C9", ERR_REFUSED},     /* a generated column */
    {"42P01", ERR_UNSUPPORTED}, /* no such table, column, schema, function, type: another layout */
    {"42703", ERR_UNSUPPORTED}, {"42883", ERR_UNSUPPORTED}, {"42704", ERR_UNSUPPORTED},
    {"3F000", ERR_UNSUPPORTED}, {"3D000", ERR_NOT_FOUND}, /* no such database */
    {"55P03", ERR_LOCKED},                                /* lock_timeout, NOWAIT */
    {"55006", ERR_LOCKED},                                /* object in use */
    {"55000", ERR_REFUSED}, /* a view that is only read, a published table without an identity */
    {"57014", ERR_TIMEOUT}, /* statement_timeout */
    {"08", ERR_UNAVAILABLE},    {"0A", ERR_UNSUPPORTED},    {"22", ERR_INVALID},
    {"23", ERR_REFUSED},        {"28", ERR_DENIED},         {"40", ERR_CONFLICT},
    {"44", ERR_REFUSED},        {"P0001", ERR_REFUSED}, /* WITH CHECK OPTION; RAISE in a trigger */
    {"53", ERR_UNAVAILABLE},    {"54", ERR_INVALID},        {"57", ERR_UNAVAILABLE},
    {"58", ERR_UNAVAILABLE},    {"XX", ERR_CORRUPT},
};

static enum err_kind kind_of(const char *state)
{
    for (size_t i = 0; state && i < sizeof kinds / sizeof kinds[0]; i++) {
        if (strncmp(state, kinds[i].state, strlen(kinds[i].state)) == 0)
            return kinds[i].kind;
    }
    return ERR_INTERNAL;
}

bool pg_fail(const PGresult *res, struct err *err)
{
    const char *state = PQresultErrorField(res, PG_DIAG_SQLSTATE);
    const char *text = PQresultErrorField(res, PG_DIAG_MESSAGE_PRIMARY);
    if (!text)
        text = PQresultErrorMessage(res);
    if (!state)
        return err_set(err, ERR_UNAVAILABLE, "%s", text);
    err_set(err, kind_of(state), "%s (SQLSTATE %s)", text, state);
    const char *hint = PQresultErrorField(res, PG_DIAG_MESSAGE_HINT);
    if (hint)
        err_hint(err, "%s", hint);
    return false;
}

/* --- cells and texts ------------------------------------------------------------------------- */

static void kept_clear(void *res)
{
    PQclear(res);
}

void pg_keep(struct arena *arena, PGresult *res)
{
    arena_keep(arena, res, kept_clear);
}

struct str pg_str(const PGresult *res, int row, int col)
{
    if (PQgetisnull(res, row, col))
        return STR_NULL;
    return (struct str){PQgetvalue(res, row, col), (size_t)PQgetlength(res, row, col)};
}

struct str pg_copy(struct arena *arena, const PGresult *res, int row, int col)
{
    struct str s = pg_str(res, row, col);
    return s.ptr ? arena_str(arena, s) : s;
}

int64_t pg_i64(const PGresult *res, int row, int col, int64_t if_null)
{
    int64_t n;
    return str_i64(pg_str(res, row, col), &n) ? n : if_null;
}

bool pg_bool(const PGresult *res, int row, int col)
{
    return str_is(pg_str(res, row, col), "t");
}

struct str pg_array(struct arena *arena, const struct str *items, size_t n)
{
    struct sbuf out = SBUF_INIT;
    sbuf_char(&out, '{');
    for (size_t i = 0; i < n; i++) {
        sbuf_cstr(&out, i ? ",\"" : "\"");
        for (size_t j = 0; j < items[i].len; j++) {
            if (items[i].ptr[j] == '"' || items[i].ptr[j] == '\\')
                sbuf_char(&out, '\\');
            sbuf_char(&out, items[i].ptr[j]);
        }
        sbuf_char(&out, '"');
    }
    sbuf_char(&out, '}');
    return arena_take(arena, &out);
}
