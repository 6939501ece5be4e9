/* The stack machine, run symbolically (formats/triggers.md 5.1 and 5.4; CPython Modules/_pickle.c
 * for what each opcode accepts). Nothing is looked up, nothing is called. */
#include "core/pickle_impl.h"
#include "core/pickle_ops.h"

#include <stdlib.h>
#include <string.h>

enum { NODES_MAX = 1 << 24 };

struct machine {
    struct arena *arena; /* of the answer */
    struct arena scratch;
    struct str bytes;
    size_t pos;
    const struct value **stack;
    size_t depth, stack_cap;
    size_t *marks; /* heights of the stack */
    size_t nmarks, marks_cap;
    const struct value **memo;
    size_t memo_cap, memo_used;
    size_t nodes;
    int protocol; /* declared; -1 while no PROTO was met */
    bool binary, python2;
    struct err *err;
};

/* ---- failures ---- */

static bool corrupt(struct machine *m, const char *what)
{
    return err_set(m->err, ERR_CORRUPT, "not a sound pickle: %s (byte %zu)", what, m->pos);
}

static bool unsupported(struct machine *m, const char *what)
{
    return err_set(m->err, ERR_UNSUPPORTED, "a pickle with %s (byte %zu)", what, m->pos);
}

/* ---- input ---- */

static bool take_bytes(struct machine *m, uint64_t n, struct str *ret)
{
    if (n > m->bytes.len - m->pos)
        return corrupt(m, "it ends too early");
    *ret = str_sub(m->bytes, m->pos, m->pos + (size_t)n);
    m->pos += (size_t)n;
    return true;
}

/* Little endian. */
static bool take_uint(struct machine *m, unsigned size, uint64_t *ret)
{
    struct str s;
    if (!take_bytes(m, size, &s))
        return false;
    *ret = 0;
    for (unsigned i = size; i-- > 0;)
        *ret = *ret << 8 | (unsigned char)s.ptr[i];
    return true;
}

static bool take_line(struct machine *m, struct str *ret)
{
    struct str rest = str_sub(m->bytes, m->pos, m->bytes.len);
    ptrdiff_t len = str_index(rest, '\n');
    if (len < 0)
        return corrupt(m, "a line without an end");
    *ret = str_sub(rest, 0, (size_t)len);
    m->pos += (size_t)len + 1;
    return true;
}

/* A length of `size` bytes and that many bytes behind it. */
static bool take_counted(struct machine *m, unsigned size, struct str *ret)
{
    uint64_t n;
    return take_uint(m, size, &n) && take_bytes(m, n, ret);
}

/* ---- nodes, stack, memo ---- */

static void *take_node(struct machine *m, size_t size, enum value_type type)
{
    struct value *v = arena_try_alloc(m->arena, size);
    if (!v || m->nodes++ == NODES_MAX) {
        corrupt(m, v ? "too many objects" : "it needs more memory than the limit");
        return NULL;
    }
    v->type = type;
    return v;
}

static void *grown(void *p, size_t *cap, size_t need, size_t size)
{
    size_t bigger = *cap ? *cap : 64;
    while (bigger < need)
        bigger *= 2;
    if (bigger == *cap)
        return p;
    p = realloc(p, bigger * size);
    if (!p)
        abort();
    *cap = bigger;
    return p;
}

static bool push(struct machine *m, const struct value *v)
{
    if (!v)
        return false;
    m->stack = grown(m->stack, &m->stack_cap, m->depth + 1, sizeof *m->stack);
    m->stack[m->depth++] = v;
    return true;
}

/* What lies below the last mark is out of reach. */
static size_t stack_floor(const struct machine *m)
{
    return m->nmarks ? m->marks[m->nmarks - 1] : 0;
}

static bool need(struct machine *m, size_t n)
{
    return m->depth - stack_floor(m) >= n || corrupt(m, "the stack is empty");
}

static bool push_mark(struct machine *m)
{
    m->marks = grown(m->marks, &m->marks_cap, m->nmarks + 1, sizeof *m->marks);
    m->marks[m->nmarks++] = m->depth;
    return true;
}

/* Takes the mark away; the items above it are stack[*ret_first .. depth). */
static bool pop_mark(struct machine *m, size_t *ret_first)
{
    if (!m->nmarks)
        return corrupt(m, "a mark is missing");
    *ret_first = m->marks[--m->nmarks];
    return true;
}

static bool memo_put(struct machine *m, uint64_t index)
{
    if (!need(m, 1))
        return false;
    if (index > m->bytes.len)
        return corrupt(m, "a memo index beyond the pickle");
    size_t had = m->memo_cap;
    m->memo = grown(m->memo, &m->memo_cap, (size_t)index + 1, sizeof *m->memo);
    memset(m->memo + had, 0, (m->memo_cap - had) * sizeof *m->memo);
    m->memo_used += !m->memo[index];
    m->memo[index] = m->stack[m->depth - 1];
    return true;
}

static bool memo_get(struct machine *m, uint64_t index)
{
    if (index >= m->memo_cap || !m->memo[index])
        return corrupt(m, "a memo entry that was never stored");
    return push(m, m->memo[index]);
}

/* The argument of PUT and GET: a decimal line. */
static bool take_index(struct machine *m, uint64_t *ret)
{
    struct str line;
    return take_line(m, &line) && (str_u64(line, ret) || corrupt(m, "a bad memo index"));
}

/* ---- scalars ---- */

static bool push_text(struct machine *m, enum value_type type, struct str s)
{
    if (type == VALUE_STR && !pickle_is_text(s))
        return corrupt(m, "text that is not UTF-8");
    struct value *v = take_node(m, sizeof *v, type);
    if (!v)
        return false;
    m->python2 |= type == VALUE_PY2STR;
    v->text = s;
    return push(m, v);
}

static bool push_counted(struct machine *m, enum value_type type, unsigned size)
{
    struct str s;
    return take_counted(m, size, &s) && push_text(m, type, s);
}

static bool push_int(struct machine *m, unsigned size)
{
    uint64_t n;
    if (!take_uint(m, size, &n))
        return false;
    int64_t number = size == 4 ? (int32_t)(uint32_t)n : (int64_t)n;
    return push_text(m, VALUE_INT, arena_printf(m->arena, "%lld", (long long)number));
}

static bool push_long(struct machine *m, unsigned size)
{
    uint64_t n;
    struct str bytes;
    if (!take_uint(m, size, &n))
        return false;
    if (n > INT32_MAX)
        return corrupt(m, "an integer of negative length");
    if (!take_bytes(m, n, &bytes))
        return false;
    if (n > PICKLE_INT_MAX)
        return corrupt(m, "an integer of more than 4300 digits");
    return push_text(m, VALUE_INT, pickle_long_digits(m->arena, bytes));
}

static bool push_float(struct machine *m, double real)
{
    struct value *v = take_node(m, sizeof *v, VALUE_FLOAT);
    if (!v)
        return false;
    v->real = real;
    return push(m, v);
}

static bool push_binfloat(struct machine *m)
{
    struct str s;
    uint64_t bits = 0;
    double real;
    if (!take_bytes(m, 8, &s))
        return false;
    for (int i = 0; i < 8; i++)
        bits = bits << 8 | (unsigned char)s.ptr[i];
    memcpy(&real, &bits, sizeof real);
    return push_float(m, real);
}

/* The line-wise spellings of protocol 0. */
static bool push_line(struct machine *m, enum pickle_op op)
{
    struct str line, text;
    double real;
    if (!take_line(m, &line))
        return false;
    switch (op) {
    case OP_INT:
        if (str_is(line, "00") || str_is(line, "01"))
            return push(m, value_bool(line.ptr[1] == '1'));
        return pickle_text_int(m->arena, line, &text) ? push_text(m, VALUE_INT, text)
                                                      : corrupt(m, "a bad integer");
    case OP_LONG:
        if (str_ends(line, "L"))
            line.len--;
        return pickle_text_int(m->arena, line, &text) ? push_text(m, VALUE_INT, text)
                                                      : corrupt(m, "a bad integer");
    case OP_FLOAT:
        return pickle_text_float(line, &real) ? push_float(m, real) : corrupt(m, "a bad float");
    case OP_UNICODE:
        return pickle_text_unicode(m->arena, line, &text) ? push_text(m, VALUE_STR, text)
                                                          : corrupt(m, "bad text");
    default: /* OP_STRING */
        return pickle_text_string(m->arena, line, &text) ? push_text(m, VALUE_PY2STR, text)
                                                         : corrupt(m, "a bad string");
    }
}

/* ---- containers ---- */

static struct container *take_container(struct machine *m, enum value_type type)
{
    return take_node(m, sizeof(struct container), type);
}

/* Growing leaves the old array in the scratch arena: in all no more than the array again. */
static void add_entry(struct machine *m, struct container *c, struct value_call_step entry)
{
    if (c->n == c->cap) {
        size_t cap = c->cap ? c->cap * 2 : 4;
        struct value_call_step *entries = arena_array(&m->scratch, struct value_call_step, cap);
        if (c->n)
            memcpy(entries, c->entries, c->n * sizeof *entries);
        c->entries = entries;
        c->cap = cap;
    }
    c->entries[c->n++] = entry;
}

/* A new container of the items stack[first..]; replaces them. */
static bool collect(struct machine *m, enum value_type type, size_t first)
{
    struct container *c = take_container(m, type);
    if (!c)
        return false;
    for (size_t i = first; i < m->depth; i++)
        add_entry(m, c, (struct value_call_step){.val = m->stack[i]});
    m->depth = first;
    return push(m, &c->value);
}

static bool collect_marked(struct machine *m, enum value_type type)
{
    size_t first;
    return pop_mark(m, &first) && collect(m, type, first);
}

static bool collect_top(struct machine *m, enum value_type type, size_t n)
{
    return need(m, n) && collect(m, type, m->depth - n);
}

static bool collect_dict(struct machine *m)
{
    size_t first;
    if (!pop_mark(m, &first))
        return false;
    if ((m->depth - first) % 2)
        return corrupt(m, "a key without a value");
    struct container *c = take_container(m, VALUE_DICT);
    if (!c)
        return false;
    for (size_t i = first; i < m->depth; i += 2)
        add_entry(m, c, (struct value_call_step){.key = m->stack[i], .val = m->stack[i + 1]});
    m->depth = first;
    return push(m, &c->value);
}

/* The items stack[first..] go into the object below them: into a container of the right type, or
 * as operations to a call. */
static bool extend(struct machine *m, size_t first, enum value_call_op op, const char *what)
{
    static const enum value_type plain[] = {[CALLOP_APPEND] = VALUE_LIST,
                                            [CALLOP_SETITEM] = VALUE_DICT,
                                            [CALLOP_ADDITEM] = VALUE_SET,
                                            [CALLOP_BUILD] = VALUE_CALL};
    if (first <= stack_floor(m))
        return corrupt(m, "the stack is empty");
    const struct value *target = m->stack[first - 1];
    if (target->type != plain[op] && target->type != VALUE_CALL)
        return corrupt(m, what);
    size_t step = op == CALLOP_SETITEM ? 2 : 1;
    if ((m->depth - first) % step)
        return corrupt(m, "a key without a value");
    for (size_t i = first; i < m->depth; i += step)
        add_entry(m, (struct container *)target,
                  (struct value_call_step){.op = op,
                                           .key = step == 2 ? m->stack[i] : NULL,
                                           .val = m->stack[i + step - 1]});
    m->depth = first;
    return true;
}

static bool extend_marked(struct machine *m, enum value_call_op op, const char *what)
{
    size_t first;
    return pop_mark(m, &first) && extend(m, first, op, what);
}

static bool extend_top(struct machine *m, size_t n, enum value_call_op op, const char *what)
{
    return need(m, n) && extend(m, m->depth - n, op, what);
}

/* ---- globals and calls ---- */

static const struct value *take_global(struct machine *m, struct str module, struct str name)
{
    struct value *v = take_node(m, sizeof *v, VALUE_GLOBAL);
    if (!v)
        return NULL;
    if (!pickle_is_text(module) || !pickle_is_text(name)) {
        corrupt(m, "a name that is not UTF-8");
        return NULL;
    }
    v->global.module = module;
    v->global.name = name;
    return v;
}

static bool read_global(struct machine *m, const struct value **ret)
{
    struct str module, name;
    return take_line(m, &module) && take_line(m, &name) &&
           (*ret = take_global(m, module, name)) != NULL;
}

static bool push_stack_global(struct machine *m)
{
    if (!need(m, 2))
        return false;
    const struct value *module = m->stack[m->depth - 2], *name = m->stack[m->depth - 1];
    if (!value_is_str(module) || !value_is_str(name))
        return corrupt(m, "a name that is not text");
    m->depth -= 2;
    return push(m, take_global(m, module->text, name->text));
}

static bool push_call(struct machine *m, enum value_call_kind kind, const struct value *callable,
                      const struct value *args, const struct value *kwargs)
{
    struct container *c = take_container(m, VALUE_CALL);
    if (!c)
        return false;
    c->value.call.kind = kind;
    c->value.call.callable = callable;
    c->value.call.args = args;
    c->value.call.kwargs = kwargs;
    return push(m, &c->value);
}

/* callable, args[, kwargs] on the stack */
static bool make_call(struct machine *m, enum value_call_kind kind, size_t n)
{
    if (!need(m, n))
        return false;
    const struct value *const *top = m->stack + m->depth - n;
    const struct value *callable = top[0], *args = top[1], *kwargs = n == 3 ? top[2] : NULL;
    m->depth -= n;
    return push_call(m, kind, callable, args, kwargs);
}

/* INST: the class as two lines; OBJ: the class as first item behind the mark. */
static bool make_instance(struct machine *m, enum value_call_kind kind)
{
    const struct value *callable, *args;
    size_t first;
    if (kind == CALL_INST && !read_global(m, &callable))
        return false;
    if (!pop_mark(m, &first))
        return false;
    if (kind == CALL_OBJ) {
        if (first == m->depth)
            return corrupt(m, "an instance without a class");
        callable = m->stack[first];
        memmove(m->stack + first, m->stack + first + 1, (m->depth - first - 1) * sizeof *m->stack);
        m->depth--;
    }
    if (!collect(m, VALUE_TUPLE, first))
        return false;
    args = m->stack[--m->depth];
    return push_call(m, kind, callable, args, NULL);
}

/* ---- the machine ---- */

static bool pop(struct machine *m)
{
    if (m->depth > stack_floor(m)) {
        m->depth--;
        return true;
    }
    size_t first;
    return pop_mark(m, &first); /* as Python does */
}

static bool take_proto(struct machine *m)
{
    uint64_t n;
    if (!take_uint(m, 1, &n))
        return false;
    if (n > PICKLE_PROTOCOL_MAX)
        return unsupported(m, "a protocol above 5");
    if ((int)n > m->protocol)
        m->protocol = (int)n;
    return true;
}

static bool take_frame(struct machine *m)
{
    uint64_t n;
    return take_uint(m, 8, &n) &&
           (n <= m->bytes.len - m->pos || corrupt(m, "a frame longer than the pickle"));
}

/* Opcodes that put a scalar on the stack. */
static bool run_scalar(struct machine *m, enum pickle_op op)
{
    switch (op) {
    case OP_NONE:
        return push(m, &value_null);
    case OP_NEWTRUE:
    case OP_NEWFALSE:
        return push(m, value_bool(op == OP_NEWTRUE));
    case OP_BININT1:
        return push_int(m, 1);
    case OP_BININT2:
        return push_int(m, 2);
    case OP_BININT:
        return push_int(m, 4);
    case OP_LONG1:
        return push_long(m, 1);
    case OP_LONG4:
        return push_long(m, 4);
    case OP_BINFLOAT:
        return push_binfloat(m);
    case OP_SHORT_BINUNICODE:
        return push_counted(m, VALUE_STR, 1);
    case OP_BINUNICODE:
        return push_counted(m, VALUE_STR, 4);
    case OP_BINUNICODE8:
        return push_counted(m, VALUE_STR, 8);
    case OP_SHORT_BINBYTES:
        return push_counted(m, VALUE_BYTES, 1);
    case OP_BINBYTES:
        return push_counted(m, VALUE_BYTES, 4);
    case OP_BINBYTES8:
        return push_counted(m, VALUE_BYTES, 8);
    case OP_BYTEARRAY8:
        return push_counted(m, VALUE_BYTEARRAY, 8);
    case OP_SHORT_BINSTRING:
        return push_counted(m, VALUE_PY2STR, 1);
    case OP_BINSTRING:
        return push_counted(m, VALUE_PY2STR, 4);
    default:
        return push_line(m, op);
    }
}

/* Opcodes that handle the stack and the memo. */
static bool run_stack(struct machine *m, enum pickle_op op)
{
    uint64_t n;
    size_t first;
    switch (op) {
    case OP_MARK:
        return push_mark(m);
    case OP_POP:
        return pop(m);
    case OP_POP_MARK:
        if (!pop_mark(m, &first))
            return false;
        m->depth = first;
        return true;
    case OP_DUP:
        return need(m, 1) && push(m, m->stack[m->depth - 1]);
    case OP_MEMOIZE:
        return memo_put(m, m->memo_used);
    case OP_BINPUT:
        return take_uint(m, 1, &n) && memo_put(m, n);
    case OP_LONG_BINPUT:
        return take_uint(m, 4, &n) && memo_put(m, n);
    case OP_PUT:
        return take_index(m, &n) && memo_put(m, n);
    case OP_BINGET:
        return take_uint(m, 1, &n) && memo_get(m, n);
    case OP_LONG_BINGET:
        return take_uint(m, 4, &n) && memo_get(m, n);
    case OP_GET:
        return take_index(m, &n) && memo_get(m, n);
    case OP_PROTO:
        return take_proto(m);
    default: /* OP_FRAME */
        return take_frame(m);
    }
}

/* Opcodes that make or fill containers and objects. */
static bool run_object(struct machine *m, enum pickle_op op)
{
    static const char no_list[] = "items for what is no list";
    static const char no_dict[] = "items for what is no dict";
    const struct value *v;
    switch (op) {
    case OP_EMPTY_DICT:
        return collect_top(m, VALUE_DICT, 0);
    case OP_EMPTY_LIST:
        return collect_top(m, VALUE_LIST, 0);
    case OP_EMPTY_TUPLE:
        return collect_top(m, VALUE_TUPLE, 0);
    case OP_EMPTY_SET:
        return collect_top(m, VALUE_SET, 0);
    case OP_TUPLE1:
    case OP_TUPLE2:
    case OP_TUPLE3:
        return collect_top(m, VALUE_TUPLE, (size_t)(op - OP_TUPLE1) + 1);
    case OP_TUPLE:
        return collect_marked(m, VALUE_TUPLE);
    case OP_LIST:
        return collect_marked(m, VALUE_LIST);
    case OP_FROZENSET:
        return collect_marked(m, VALUE_FROZENSET);
    case OP_DICT:
        return collect_dict(m);
    case OP_APPEND:
        return extend_top(m, 1, CALLOP_APPEND, no_list);
    case OP_APPENDS:
        return extend_marked(m, CALLOP_APPEND, no_list);
    case OP_SETITEM:
        return extend_top(m, 2, CALLOP_SETITEM, no_dict);
    case OP_SETITEMS:
        return extend_marked(m, CALLOP_SETITEM, no_dict);
    case OP_ADDITEMS:
        return extend_marked(m, CALLOP_ADDITEM, "items for what is no set");
    case OP_BUILD:
        return extend_top(m, 1, CALLOP_BUILD, "a state for a plain container");
    case OP_GLOBAL:
        return read_global(m, &v) && push(m, v);
    case OP_STACK_GLOBAL:
        return push_stack_global(m);
    case OP_REDUCE:
        return make_call(m, CALL_REDUCE, 2);
    case OP_NEWOBJ:
        return make_call(m, CALL_NEWOBJ, 2);
    case OP_NEWOBJ_EX:
        return make_call(m, CALL_NEWOBJ_EX, 3);
    case OP_INST:
        return make_instance(m, CALL_INST);
    default: /* OP_OBJ */
        return make_instance(m, CALL_OBJ);
    }
}

static bool run_op(struct machine *m, enum pickle_op op)
{
    switch (op) {
    case OP_STOP:
        break;
    case OP_NONE:
    case OP_NEWTRUE:
    case OP_NEWFALSE:
    case OP_INT:
    case OP_LONG:
    case OP_FLOAT:
    case OP_UNICODE:
    case OP_STRING:
        return run_scalar(m, op);
    case OP_BININT1:
    case OP_BININT2:
    case OP_BININT:
    case OP_LONG1:
    case OP_LONG4:
    case OP_BINFLOAT:
    case OP_SHORT_BINUNICODE:
    case OP_BINUNICODE:
    case OP_BINUNICODE8:
    case OP_SHORT_BINBYTES:
    case OP_BINBYTES:
    case OP_BINBYTES8:
    case OP_BYTEARRAY8:
    case OP_SHORT_BINSTRING:
    case OP_BINSTRING:
        m->binary = true;
        return run_scalar(m, op);
    case OP_MARK:
    case OP_POP:
    case OP_DUP:
    case OP_PUT:
    case OP_GET:
        return run_stack(m, op);
    case OP_POP_MARK:
    case OP_MEMOIZE:
    case OP_BINPUT:
    case OP_LONG_BINPUT:
    case OP_BINGET:
    case OP_LONG_BINGET:
    case OP_PROTO:
    case OP_FRAME:
        m->binary = true;
        return run_stack(m, op);
    case OP_TUPLE:
    case OP_LIST:
    case OP_DICT:
    case OP_APPEND:
    case OP_SETITEM:
    case OP_BUILD:
    case OP_GLOBAL:
    case OP_REDUCE:
    case OP_INST:
        return run_object(m, op);
    case OP_EMPTY_DICT:
    case OP_EMPTY_LIST:
    case OP_EMPTY_TUPLE:
    case OP_EMPTY_SET:
    case OP_TUPLE1:
    case OP_TUPLE2:
    case OP_TUPLE3:
    case OP_FROZENSET:
    case OP_APPENDS:
    case OP_SETITEMS:
    case OP_ADDITEMS:
    case OP_STACK_GLOBAL:
    case OP_NEWOBJ:
    case OP_NEWOBJ_EX:
    case OP_OBJ:
        m->binary = true;
        return run_object(m, op);
    case OP_PERSID:
    case OP_BINPERSID:
        return unsupported(m, "a persistent id");
    case OP_EXT1:
    case OP_EXT2:
    case OP_EXT4:
        return unsupported(m, "a reference to the extension registry");
    case OP_NEXT_BUFFER:
    case OP_READONLY_BUFFER:
        return unsupported(m, "an out-of-band buffer");
    }
    return corrupt(m, "an unknown opcode");
}

static bool run(struct machine *m)
{
    for (;;) {
        if (m->pos == m->bytes.len)
            return corrupt(m, "it ends without STOP");
        enum pickle_op op = (unsigned char)m->bytes.ptr[m->pos++];
        if (op == OP_STOP)
            return need(m, 1);
        if (!run_op(m, op))
            return false;
    }
}

static void machine_release(struct machine *m)
{
    arena_release(&m->scratch);
    free(m->stack);
    free(m->marks);
    free(m->memo);
}

bool pickle_read(struct arena *arena, struct str bytes, const struct value **ret,
                 struct pickle_info *ret_info, struct err *err)
{
    struct machine m = {.arena = arena, .bytes = bytes, .protocol = -1, .err = err};
    struct pickle_info info = {0};
    bool ok = run(&m);
    if (ok) {
        const struct value *root = m.stack[m.depth - 1];
        info.protocol = m.protocol >= 0 ? m.protocol : m.binary;
        info.length = m.pos;
        info.python2 = m.python2;
        ok = pickle_graph_finish(arena, &root, m.pos, &info.cyclic, err);
        if (ok) {
            *ret = root;
            if (ret_info)
                *ret_info = info;
        }
    }
    machine_release(&m);
    return ok;
}
