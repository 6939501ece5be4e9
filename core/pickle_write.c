/* Minimal pickles (formats/triggers.md 5.6): a memo entry only for what is met again, no frame. */
#include "core/identity.h"
#include "core/pickle_impl.h"
#include "core/pickle_ops.h"

#include <string.h>

enum { BATCH = 1000 }; /* items between two marks, as Python's own pickler makes them */

struct pickler {
    struct sbuf *out;
    int protocol;
    struct identity refs; /* node -> how often it is referred to */
    struct identity memo; /* node -> its index */
    struct err *err;
};

static bool cannot(struct pickler *p, const struct value *v)
{
    return err_set(p->err, ERR_UNSUPPORTED, "pickle protocol %d cannot hold %s", p->protocol,
                   value_type_name(v->type));
}

/* ---- first pass: who is shared; refuses what cannot be written ---- */

static bool count(struct pickler *p, const struct value *v, unsigned depth);

static bool count_call(struct pickler *p, const struct value *v, unsigned depth)
{
    if (v->call.kind == CALL_NEWOBJ_EX && p->protocol < 4)
        return cannot(p, v);
    if (v->call.kind == CALL_INST || v->call.kind == CALL_OBJ) {
        /* Their argument tuples exist only between a mark and the opcode. */
        if (v->call.args->type != VALUE_TUPLE)
            return cannot(p, v);
        for (size_t i = 0; i < v->call.args->list.n; i++) {
            if (!count(p, v->call.args->list.items[i], depth + 1))
                return false;
        }
    } else if (!count(p, v->call.args, depth + 1)) {
        return false;
    }
    if (!count(p, v->call.callable, depth + 1) ||
        (v->call.kwargs && !count(p, v->call.kwargs, depth + 1)))
        return false;
    for (size_t i = 0; i < v->call.nsteps; i++) {
        const struct value_call_step *step = &v->call.steps[i];
        if (step->op == CALLOP_ADDITEM && p->protocol < 4)
            return cannot(p, v);
        if ((step->key && !count(p, step->key, depth + 1)) || !count(p, step->val, depth + 1))
            return false;
    }
    return true;
}

static bool count_below(struct pickler *p, const struct value *v, unsigned depth)
{
    switch (v->type) {
    case VALUE_BYTES:
        return p->protocol >= 3 || cannot(p, v);
    case VALUE_BYTEARRAY:
        return p->protocol >= 5 || cannot(p, v);
    case VALUE_SET:
    case VALUE_FROZENSET:
        if (p->protocol < 4)
            return cannot(p, v);
        /* fall through */
    case VALUE_LIST:
    case VALUE_TUPLE:
        for (size_t i = 0; i < v->list.n; i++) {
            if (!count(p, v->list.items[i], depth + 1))
                return false;
        }
        return true;
    case VALUE_DICT:
        for (size_t i = 0; i < v->dict.n; i++) {
            if (!count(p, v->dict.pairs[i].key, depth + 1) ||
                !count(p, v->dict.pairs[i].val, depth + 1))
                return false;
        }
        return true;
    case VALUE_CALL:
        return count_call(p, v, depth);
    case VALUE_LATE:
    case VALUE_CYCLE:
        return cannot(p, v);
    default:
        return true;
    }
}

static bool count(struct pickler *p, const struct value *v, unsigned depth)
{
    if (depth > DEPTH_MAX)
        return err_set(p->err, ERR_UNSUPPORTED, "nested deeper than %d levels", DEPTH_MAX);
    if (value_has_identity(v) && identity_put(&p->refs, v)->num++)
        return true;
    return count_below(p, v, depth);
}

/* ---- second pass ---- */

static void put_op(struct pickler *p, enum pickle_op op)
{
    sbuf_char(p->out, (char)op);
}

/* Little endian. */
static void put_uint(struct pickler *p, uint64_t n, unsigned size)
{
    for (unsigned i = 0; i < size; i++)
        sbuf_char(p->out, (char)(n >> (8 * i)));
}

/* Text or bytes behind the shortest of three opcodes; 0 where there is none. */
static void put_counted(struct pickler *p, struct str s, unsigned op1, unsigned op4, unsigned op8)
{
    if (op1 && s.len <= UINT8_MAX) {
        put_op(p, op1);
        put_uint(p, s.len, 1);
    } else if (op4 && s.len <= UINT32_MAX) {
        put_op(p, op4);
        put_uint(p, s.len, 4);
    } else {
        put_op(p, op8);
        put_uint(p, s.len, 8);
    }
    sbuf_str(p->out, s);
}

static void put_int(struct pickler *p, struct str digits)
{
    int64_t n;
    if (str_i64(digits, &n) && n >= INT32_MIN && n <= INT32_MAX) {
        bool byte = n >= 0 && n <= UINT8_MAX, word = n >= 0 && n <= UINT16_MAX;
        put_op(p, byte ? OP_BININT1 : word ? OP_BININT2 : OP_BININT);
        put_uint(p, (uint64_t)n, byte ? 1 : word ? 2 : 4);
        return;
    }
    struct sbuf bytes = SBUF_INIT;
    pickle_long_bytes(&bytes, digits);
    put_counted(p, sbuf_view(&bytes), OP_LONG1, OP_LONG4, 0);
    sbuf_release(&bytes);
}

static void put_float(struct pickler *p, double real)
{
    uint64_t bits;
    memcpy(&bits, &real, sizeof bits);
    put_op(p, OP_BINFLOAT);
    for (int i = 0; i < 8; i++)
        sbuf_char(p->out, (char)(bits >> (56 - 8 * i)));
}

static void put_str(struct pickler *p, struct str s)
{
    if (p->protocol >= 4)
        put_counted(p, s, OP_SHORT_BINUNICODE, OP_BINUNICODE, OP_BINUNICODE8);
    else
        put_counted(p, s, 0, OP_BINUNICODE, OP_BINUNICODE8);
}

/* Remembers the object on the stack's top when it is met again. */
static void memoize(struct pickler *p, const struct value *v)
{
    if (!value_has_identity(v) || identity_get(&p->refs, v)->num < 2)
        return;
    uint64_t index = p->memo.used;
    identity_put(&p->memo, v)->num = index;
    if (p->protocol >= 4) {
        put_op(p, OP_MEMOIZE);
    } else {
        put_op(p, index <= UINT8_MAX ? OP_BINPUT : OP_LONG_BINPUT);
        put_uint(p, index, index <= UINT8_MAX ? 1 : 4);
    }
}

static bool put_value(struct pickler *p, const struct value *v);

static bool put_items(struct pickler *p, const struct value *v)
{
    for (size_t i = 0; i < v->list.n; i++) {
        if (!put_value(p, v->list.items[i]))
            return false;
    }
    return true;
}

/* Items of a list or set, in batches. */
static bool fill_items(struct pickler *p, const struct value *v, enum pickle_op op)
{
    for (size_t i = 0; i < v->list.n; i++) {
        if (i % BATCH == 0)
            put_op(p, OP_MARK);
        if (!put_value(p, v->list.items[i]))
            return false;
        if (i % BATCH == BATCH - 1 || i + 1 == v->list.n)
            put_op(p, op);
    }
    return true;
}

static bool put_filled(struct pickler *p, const struct value *v, enum pickle_op empty,
                       enum pickle_op op)
{
    put_op(p, empty);
    memoize(p, v);
    return fill_items(p, v, op);
}

static bool put_dict(struct pickler *p, const struct value *v)
{
    put_op(p, OP_EMPTY_DICT);
    memoize(p, v);
    for (size_t i = 0; i < v->dict.n; i++) {
        if (i % BATCH == 0)
            put_op(p, OP_MARK);
        if (!put_value(p, v->dict.pairs[i].key) || !put_value(p, v->dict.pairs[i].val))
            return false;
        if (i % BATCH == BATCH - 1 || i + 1 == v->dict.n)
            put_op(p, OP_SETITEMS);
    }
    return true;
}

static bool put_tuple(struct pickler *p, const struct value *v)
{
    size_t n = v->list.n;
    if (n > 3)
        put_op(p, OP_MARK);
    if (!put_items(p, v))
        return false;
    put_op(p, n == 0 ? OP_EMPTY_TUPLE : n <= 3 ? OP_TUPLE1 + (unsigned)n - 1 : OP_TUPLE);
    memoize(p, v);
    return true;
}

static bool put_frozenset(struct pickler *p, const struct value *v)
{
    put_op(p, OP_MARK);
    if (!put_items(p, v))
        return false;
    put_op(p, OP_FROZENSET);
    memoize(p, v);
    return true;
}

/* Module and name on two lines of their own. */
static bool put_name_lines(struct pickler *p, const struct value *v)
{
    if (v->type != VALUE_GLOBAL || str_index(v->global.module, '\n') >= 0 ||
        str_index(v->global.name, '\n') >= 0)
        return cannot(p, v);
    sbuf_str(p->out, v->global.module);
    sbuf_char(p->out, '\n');
    sbuf_str(p->out, v->global.name);
    sbuf_char(p->out, '\n');
    return true;
}

static bool put_global(struct pickler *p, const struct value *v)
{
    if (p->protocol >= 4) {
        put_str(p, v->global.module);
        put_str(p, v->global.name);
        put_op(p, OP_STACK_GLOBAL);
    } else {
        put_op(p, OP_GLOBAL);
        if (!put_name_lines(p, v))
            return false;
    }
    memoize(p, v);
    return true;
}

static bool put_made(struct pickler *p, const struct value *v)
{
    static const enum pickle_op ops[] = {[CALL_REDUCE] = OP_REDUCE,
                                         [CALL_NEWOBJ] = OP_NEWOBJ,
                                         [CALL_NEWOBJ_EX] = OP_NEWOBJ_EX,
                                         [CALL_INST] = OP_INST,
                                         [CALL_OBJ] = OP_OBJ};
    switch (v->call.kind) {
    case CALL_INST:
        put_op(p, OP_MARK);
        if (!put_items(p, v->call.args))
            return false;
        put_op(p, OP_INST);
        return put_name_lines(p, v->call.callable);
    case CALL_OBJ:
        put_op(p, OP_MARK);
        if (!put_value(p, v->call.callable) || !put_items(p, v->call.args))
            return false;
        break;
    default:
        if (!put_value(p, v->call.callable) || !put_value(p, v->call.args) ||
            (v->call.kwargs && !put_value(p, v->call.kwargs)))
            return false;
    }
    put_op(p, ops[v->call.kind]);
    return true;
}

static bool put_call(struct pickler *p, const struct value *v)
{
    static const enum pickle_op ops[] = {[CALLOP_APPEND] = OP_APPENDS,
                                         [CALLOP_SETITEM] = OP_SETITEMS,
                                         [CALLOP_ADDITEM] = OP_ADDITEMS};
    if (!put_made(p, v))
        return false;
    memoize(p, v);
    for (size_t i = 0, batch = 0; i < v->call.nsteps; i++) {
        const struct value_call_step *step = &v->call.steps[i];
        if (step->op == CALLOP_BUILD) {
            if (!put_value(p, step->val))
                return false;
            put_op(p, OP_BUILD);
            continue;
        }
        if (batch++ == 0)
            put_op(p, OP_MARK);
        if ((step->key && !put_value(p, step->key)) || !put_value(p, step->val))
            return false;
        if (batch == BATCH || i + 1 == v->call.nsteps || step[1].op != step->op) {
            put_op(p, ops[step->op]);
            batch = 0;
        }
    }
    return true;
}

static bool put_new(struct pickler *p, const struct value *v)
{
    switch (v->type) {
    case VALUE_NULL:
        put_op(p, OP_NONE);
        return true;
    case VALUE_BOOL:
        put_op(p, v->boolean ? OP_NEWTRUE : OP_NEWFALSE);
        return true;
    case VALUE_INT:
        put_int(p, v->text);
        return true;
    case VALUE_FLOAT:
        put_float(p, v->real);
        return true;
    case VALUE_STR:
        put_str(p, v->text);
        break;
    case VALUE_BYTES:
        put_counted(p, v->text, OP_SHORT_BINBYTES, OP_BINBYTES, OP_BINBYTES8);
        break;
    case VALUE_PY2STR:
        put_counted(p, v->text, OP_SHORT_BINSTRING, OP_BINSTRING, 0);
        break;
    case VALUE_BYTEARRAY:
        put_counted(p, v->text, 0, 0, OP_BYTEARRAY8);
        break;
    case VALUE_LIST:
        return put_filled(p, v, OP_EMPTY_LIST, OP_APPENDS);
    case VALUE_SET:
        return put_filled(p, v, OP_EMPTY_SET, OP_ADDITEMS);
    case VALUE_DICT:
        return put_dict(p, v);
    case VALUE_TUPLE:
        return put_tuple(p, v);
    case VALUE_FROZENSET:
        return put_frozenset(p, v);
    case VALUE_GLOBAL:
        return put_global(p, v);
    case VALUE_CALL:
        return put_call(p, v);
    case VALUE_LATE:
    case VALUE_CYCLE:
    case VALUE_TYPES:
        return cannot(p, v);
    }
    memoize(p, v);
    return true;
}

static bool put_value(struct pickler *p, const struct value *v)
{
    const struct identity_entry *known = identity_get(&p->memo, v);
    if (!known)
        return put_new(p, v);
    put_op(p, known->num <= UINT8_MAX ? OP_BINGET : OP_LONG_BINGET);
    put_uint(p, known->num, known->num <= UINT8_MAX ? 1 : 4);
    return true;
}

/* ---- what was written is read again ---- */

static bool reads_back(struct str bytes, const struct value *v, struct err *err)
{
    struct arena scratch = ARENA_INIT;
    const struct value *again;
    struct err why = {0};
    bool ok = pickle_read(&scratch, bytes, &again, NULL, &why);
    if (!ok)
        err_set(err, ERR_UNSUPPORTED, "the value has no sound pickle: %s", why.text);
    else if (!value_same_graph(v, again))
        ok = err_set(err, ERR_INTERNAL, "the pickle made of the value does not read back the same");
    arena_release(&scratch);
    return ok;
}

bool pickle_write(struct sbuf *out, const struct value *v, int protocol, struct err *err)
{
    size_t start = out->len;
    struct pickler p = {.out = out, .protocol = protocol < 2 ? 2 : protocol, .err = err};
    if (protocol > PICKLE_PROTOCOL_MAX)
        return err_set(err, ERR_UNSUPPORTED, "there is no pickle protocol %d", protocol);
    bool ok = count(&p, v, 1);
    if (ok) {
        put_op(&p, OP_PROTO);
        put_uint(&p, (uint64_t)p.protocol, 1);
        ok = put_value(&p, v);
        put_op(&p, OP_STOP);
    }
    identity_release(&p.refs);
    identity_release(&p.memo);
    if (ok)
        ok = reads_back(str_sub(sbuf_view(out), start, out->len), v, err);
    if (!ok)
        out->len = start;
    return ok;
}
