/* The stack machine, run symbolically (formats/triggers.md 5.1 and 5.4; CPython Modules/_pickle.c
 * for what each opcode accepts). Nothing is looked up, nothing is called. */
#include "core/pickle_machine.h"
#include "core/pickle_ops.h"

#include <string.h>

/* ---- scalars ---- */

static bool push_text(struct machine *m, enum value_type type, struct str s)
{
    if (type == VALUE_STR && !pickle_is_text(s))
        return machine_corrupt(m, "text that is not UTF-8");
    struct value *v = machine_node(m, sizeof *v, type);
    if (!v)
        return false;
    m->python2 |= type == VALUE_PY2STR;
    v->text = s;
    return machine_push(m, v);
}

static bool push_counted(struct machine *m, enum value_type type, unsigned size)
{
    struct str s;
    return machine_counted(m, size, &s) && push_text(m, type, s);
}

static bool push_int(struct machine *m, unsigned size)
{
    uint64_t n;
    if (!machine_uint(m, size, &n))
        return false;
    int64_t number = size == 4 ? (int32_t)(uint32_t)n : (int64_t)n;
    return push_text(m, VALUE_INT, arena_printf(m->arena, "%lld", (long long)number));
}

static bool push_long(struct machine *m, unsigned size)
{
    uint64_t n;
    struct str bytes;
    if (!machine_uint(m, size, &n))
        return false;
    if (n > INT32_MAX)
        return machine_corrupt(m, "an integer of negative length");
    if (!machine_bytes(m, n, &bytes))
        return false;
    if (n > PICKLE_INT_MAX)
        return machine_corrupt(m, "an integer of more than 4300 digits");
    return push_text(m, VALUE_INT, pickle_long_digits(m->arena, bytes));
}

static bool push_float(struct machine *m, double real)
{
    struct value *v = machine_node(m, sizeof *v, VALUE_FLOAT);
    if (!v)
        return false;
    v->real = real;
    return machine_push(m, v);
}

static bool push_binfloat(struct machine *m)
{
    struct str s;
    uint64_t bits = 0;
    double real;
    if (!machine_bytes(m, 8, &s))
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
    if (!machine_line(m, &line))
        return false;
    switch (op) {
    case OP_INT:
        if (str_is(line, "00") || str_is(line, "01"))
            return machine_push(m, value_bool(line.ptr[1] == '1'));
        return pickle_text_int(m->arena, line, &text) ? push_text(m, VALUE_INT, text)
                                                      : machine_corrupt(m, "a bad integer");
    case OP_LONG:
        if (str_ends(line, "L"))
            line.len--;
        return pickle_text_int(m->arena, line, &text) ? push_text(m, VALUE_INT, text)
                                                      : machine_corrupt(m, "a bad integer");
    case OP_FLOAT:
        return pickle_text_float(line, &real) ? push_float(m, real)
                                              : machine_corrupt(m, "a bad float");
    case OP_UNICODE:
        return pickle_text_unicode(m->arena, line, &text) ? push_text(m, VALUE_STR, text)
                                                          : machine_corrupt(m, "bad text");
    default: /* OP_STRING */
        return pickle_text_string(m->arena, line, &text) ? push_text(m, VALUE_PY2STR, text)
                                                         : machine_corrupt(m, "a bad string");
    }
}

/* ---- containers ---- */

static struct container *take_container(struct machine *m, enum value_type type)
{
    return machine_node(m, sizeof(struct container), type);
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
    return machine_push(m, &c->value);
}

static bool collect_marked(struct machine *m, enum value_type type)
{
    size_t first;
    return machine_pop_mark(m, &first) && collect(m, type, first);
}

static bool collect_top(struct machine *m, enum value_type type, size_t n)
{
    return machine_need(m, n) && collect(m, type, m->depth - n);
}

static bool collect_dict(struct machine *m)
{
    size_t first;
    if (!machine_pop_mark(m, &first))
        return false;
    if ((m->depth - first) % 2)
        return machine_corrupt(m, "a key without a value");
    struct container *c = take_container(m, VALUE_DICT);
    if (!c)
        return false;
    for (size_t i = first; i < m->depth; i += 2)
        add_entry(m, c, (struct value_call_step){.key = m->stack[i], .val = m->stack[i + 1]});
    m->depth = first;
    return machine_push(m, &c->value);
}

/* The items stack[first..] go into the object below them: into a container of the right type, or
 * as operations to a call. */
static bool extend(struct machine *m, size_t first, enum value_call_op op, const char *what)
{
    static const enum value_type plain[] = {[CALLOP_APPEND] = VALUE_LIST,
                                            [CALLOP_SETITEM] = VALUE_DICT,
                                            [CALLOP_ADDITEM] = VALUE_SET,
                                            [CALLOP_BUILD] = VALUE_CALL};
    if (first <= machine_floor(m))
        return machine_corrupt(m, "the stack is empty");
    const struct value *target = m->stack[first - 1];
    if (target->type != plain[op] && target->type != VALUE_CALL)
        return machine_corrupt(m, what);
    size_t step = op == CALLOP_SETITEM ? 2 : 1;
    if ((m->depth - first) % step)
        return machine_corrupt(m, "a key without a value");
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
    return machine_pop_mark(m, &first) && extend(m, first, op, what);
}

static bool extend_top(struct machine *m, size_t n, enum value_call_op op, const char *what)
{
    return machine_need(m, n) && extend(m, m->depth - n, op, what);
}

/* ---- globals and calls ---- */

static const struct value *take_global(struct machine *m, struct str module, struct str name)
{
    struct value *v = machine_node(m, sizeof *v, VALUE_GLOBAL);
    if (!v)
        return NULL;
    if (!pickle_is_text(module) || !pickle_is_text(name)) {
        machine_corrupt(m, "a name that is not UTF-8");
        return NULL;
    }
    v->global.module = module;
    v->global.name = name;
    return v;
}

static bool read_global(struct machine *m, const struct value **ret)
{
    struct str module, name;
    return machine_line(m, &module) && machine_line(m, &name) &&
           (*ret = take_global(m, module, name)) != NULL;
}

static bool push_stack_global(struct machine *m)
{
    if (!machine_need(m, 2))
        return false;
    const struct value *module = m->stack[m->depth - 2], *name = m->stack[m->depth - 1];
    if (!value_is_str(module) || !value_is_str(name))
        return machine_corrupt(m, "a name that is not text");
    m->depth -= 2;
    return machine_push(m, take_global(m, module->text, name->text));
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
    return machine_push(m, &c->value);
}

/* callable, args[, kwargs] on the stack */
static bool make_call(struct machine *m, enum value_call_kind kind, size_t n)
{
    if (!machine_need(m, n))
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
    if (!machine_pop_mark(m, &first))
        return false;
    if (kind == CALL_OBJ) {
        if (first == m->depth)
            return machine_corrupt(m, "an instance without a class");
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
    if (m->depth > machine_floor(m)) {
        m->depth--;
        return true;
    }
    size_t first;
    return machine_pop_mark(m, &first); /* as Python does */
}

static bool take_proto(struct machine *m)
{
    uint64_t n;
    if (!machine_uint(m, 1, &n))
        return false;
    if (n > PICKLE_PROTOCOL_MAX)
        return machine_unsupported(m, "a protocol above 5");
    if ((int)n > m->protocol)
        m->protocol = (int)n;
    return true;
}

static bool take_frame(struct machine *m)
{
    uint64_t n;
    return machine_uint(m, 8, &n) &&
           (n <= m->bytes.len - m->pos || machine_corrupt(m, "a frame longer than the pickle"));
}

/* Opcodes that only the program that wrote them could resolve, and what is no opcode. */
static bool run_refused(struct machine *m, enum pickle_op op)
{
    switch (op) {
    case OP_PERSID:
    case OP_BINPERSID:
        return machine_unsupported(m, "a persistent id");
    case OP_EXT1:
    case OP_EXT2:
    case OP_EXT4:
        return machine_unsupported(m, "a reference to the extension registry");
    case OP_NEXT_BUFFER:
    case OP_READONLY_BUFFER:
        return machine_unsupported(m, "an out-of-band buffer");
    default:
        return machine_corrupt(m, "an unknown opcode");
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
        return read_global(m, &v) && machine_push(m, v);
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
    case OP_OBJ:
        return make_instance(m, CALL_OBJ);
    default:
        return run_refused(m, op);
    }
}

/* Opcodes that handle the stack and the memo. */
static bool run_stack(struct machine *m, enum pickle_op op)
{
    uint64_t n;
    size_t first;
    switch (op) {
    case OP_MARK:
        return machine_mark(m);
    case OP_POP:
        return pop(m);
    case OP_POP_MARK:
        if (!machine_pop_mark(m, &first))
            return false;
        m->depth = first;
        return true;
    case OP_DUP:
        return machine_need(m, 1) && machine_push(m, m->stack[m->depth - 1]);
    case OP_MEMOIZE:
        return machine_memo_put(m, m->memo_used);
    case OP_BINPUT:
        return machine_uint(m, 1, &n) && machine_memo_put(m, n);
    case OP_LONG_BINPUT:
        return machine_uint(m, 4, &n) && machine_memo_put(m, n);
    case OP_PUT:
        return machine_index(m, &n) && machine_memo_put(m, n);
    case OP_BINGET:
        return machine_uint(m, 1, &n) && machine_memo_get(m, n);
    case OP_LONG_BINGET:
        return machine_uint(m, 4, &n) && machine_memo_get(m, n);
    case OP_GET:
        return machine_index(m, &n) && machine_memo_get(m, n);
    case OP_PROTO:
        return take_proto(m);
    case OP_FRAME:
        return take_frame(m);
    default:
        return run_object(m, op);
    }
}

/* Opcodes that put a scalar on the stack. */
static bool run_scalar(struct machine *m, enum pickle_op op)
{
    switch (op) {
    case OP_NONE:
        return machine_push(m, &value_null);
    case OP_NEWTRUE:
    case OP_NEWFALSE:
        return machine_push(m, value_bool(op == OP_NEWTRUE));
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
    case OP_INT:
    case OP_LONG:
    case OP_FLOAT:
    case OP_UNICODE:
    case OP_STRING:
        return push_line(m, op);
    default:
        return run_stack(m, op);
    }
}

/* Those that protocols 1 and up brought: a pickle without PROTO that has one is of protocol 1. */
static bool is_binary(enum pickle_op op)
{
    return op >= OP_PROTO || !strchr("(.02FILNPRSVabcdgilpst", (char)op);
}

static bool run(struct machine *m)
{
    for (;;) {
        if (m->pos == m->bytes.len)
            return machine_corrupt(m, "it ends without STOP");
        enum pickle_op op = (unsigned char)m->bytes.ptr[m->pos++];
        if (op == OP_STOP)
            return machine_need(m, 1);
        m->binary |= is_binary(op);
        if (!run_scalar(m, op))
            return false;
    }
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
