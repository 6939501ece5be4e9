#include "tests/screen/show.h"

#include "core/base/clock.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct target make_target(const struct system *system, const char *backend, const char *name,
                          enum environment env)
{
    static char identities[8][64];
    static size_t n;
    char *identity = identities[n++ % 8];
    snprintf(identity, 64, "%s+%s:%s", system->name, backend, name);
    return (struct target){.address = {.system = system,
                                       .backend = backend,
                                       .url = "",
                                       .identity = identity,
                                       .masked = identity},
                           .name = name,
                           .is_context = true,
                           .from = "-t",
                           .env = env,
                           .restart_hint = "systemctl restart replicator"};
}

void screen_open(struct screen *s, size_t ntargets, bool ascii, int64_t quiet_ms)
{
    snprintf(s->dir, sizeof s->dir, "/tmp/penstock-screen-XXXXXX");
    assert_non_null(mkdtemp(s->dir));
    snprintf(s->journal, sizeof s->journal, "%s/journal.db", s->dir);
    snprintf(s->audit, sizeof s->audit, "%s/audit.jsonl", s->dir);
    snprintf(s->acks, sizeof s->acks, "%s/acks.json", s->dir);
    struct tui_opts opts = {.layouts = fixture_layouts,
                            .targets = s->targets,
                            .ntargets = ntargets,
                            .journal_path = s->journal,
                            .audit_path = s->audit,
                            .acks_path = s->acks,
                            .timeout_ms = TEST_CALL_MS,
                            .quit_wait_ms = TEST_CALL_MS,
                            .lock_wait_ms = 100,
                            .confirm_quiet_ms = quiet_ms};
    s->app = app_new(&opts);
    s->app->fixed_now_us = FIXTURE_NOW_US;
    canvas_init(&s->canvas, ascii);
}

void screen_close(struct screen *s)
{
    assert_true(app_free(s->app));
    canvas_release(&s->canvas);
    char command[128];
    snprintf(command, sizeof command, "rm -r %s", s->dir);
    assert_int_equal(system(command), 0);
}

/* Until nothing is under way. */
void screen_open_one(struct screen *s, const struct system *system, const char *name,
                     enum environment env)
{
    s->targets[0] = make_target(system, "memory", name, env);
    screen_open(s, 1, false, 0);
    settle(s);
}

void screen_open_two(struct screen *s)
{
    s->targets[0] = make_target(&system_etl, "memory", "orders-pg", ENV_DEV);
    s->targets[1] = make_target(&system_meltano, "memory", "meltano", ENV_DEV);
    screen_open(s, 2, false, 0);
    settle(s);
}

void settle(struct screen *s)
{
    int64_t until = clock_monotonic_ms() + TEST_CALL_MS;
    app_collect(s->app);
    while (!app_idle(s->app)) {
        assert_true(clock_monotonic_ms() < until);
        int fds[16];
        struct pollfd polls[16];
        size_t n = app_fds(s->app, fds, 16);
        for (size_t i = 0; i < n; i++)
            polls[i] = (struct pollfd){.fd = fds[i], .events = POLLIN};
        poll(polls, n, 100);
        app_collect(s->app);
    }
}

void show(struct screen *s, int h, int w)
{
    app_draw(s->app, &s->canvas, h, w);
    if (s->app->top->class->drawn)
        s->app->top->class->drawn(s->app->top);
}

/* "x", "{Enter}", "{Esc}", "{Down}", "{Tab}"; a picture is drawn after each unless `burst`. */
void type(struct screen *s, const char *keys, int h, int w, bool burst)
{
    static const struct {
        const char *name;
        uint32_t code;
    } names[] = {{"{Enter}", K_ENTER}, {"{Esc}", K_ESC},      {"{Down}", K_DOWN},   {"{Up}", K_UP},
                 {"{Tab}", K_TAB},     {"{^C}", K_CTRL('c')}, {"{^U}", K_CTRL('u')}};
    while (*keys) {
        struct key key = {.code = (unsigned char)*keys};
        size_t len = 1;
        for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
            if (strncmp(keys, names[i].name, strlen(names[i].name)) == 0) {
                key.code = names[i].code;
                len = strlen(names[i].name);
            }
        }
        app_key(s->app, &key);
        keys += len;
        if (burst)
            continue;
        settle(s);
        show(s, h, w);
    }
    settle(s);
    show(s, h, w);
}

static bool is_hex(const char *p, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (!p[i] || !strchr("0123456789abcdef", p[i]))
            return false;
    }
    return true;
}

/* Ids are random: only their length is looked at. */
static void hide_ids(char *text)
{
    static const char *const before[] = {"PLAN ", "RESULT ", "change ", "plan ", "PARKED "};
    for (size_t i = 0; i < sizeof before / sizeof before[0]; i++) {
        for (char *p = text; (p = strstr(p, before[i]));) {
            p += strlen(before[i]);
            if (is_hex(p, 4))
                memset(p, '#', 4);
        }
    }
    for (char *p = text; (p = strstr(p, "journal "));) {
        p += strlen("journal ");
        if (is_hex(p, 12))
            memset(p, '#', 12);
    }
    /* when a plan was read is the time of day */
    for (char *p = text; (p = strstr(p, " read "));) {
        p += strlen(" read ");
        if (p[8] == 'Z')
            memset(p, '#', 8);
    }
}

void assert_picture(struct screen *s, const char *name)
{
    char path[256];
    struct sbuf text = SBUF_INIT;
    canvas_text(&s->canvas, &text);
    sbuf_view(&text);
    hide_ids(text.ptr);
    snprintf(path, sizeof path, "tests/screen/golden/%s.txt", name);
    if (getenv("PENSTOCK_REWRITE")) {
        FILE *f = fopen(path, "w");
        assert_non_null(f);
        fputs(text.ptr, f);
        fclose(f);
    }
    FILE *f = fopen(path, "r");
    if (!f)
        fail_msg("%s is missing", path);
    char *golden = calloc(1, 1 << 16);
    size_t n = fread(golden, 1, (1 << 16) - 1, f);
    fclose(f);
    if (n != text.len || memcmp(golden, text.ptr, n) != 0)
        fail_msg("%s differs (PENSTOCK_REWRITE=1 takes the new one); drawn now:\n%s", path,
                 text.ptr);
    free(golden);
    sbuf_release(&text);
}

bool shows(struct screen *s, const char *words)
{
    struct sbuf text = SBUF_INIT;
    canvas_text(&s->canvas, &text);
    bool found = strstr(sbuf_view(&text).ptr, words);
    sbuf_release(&text);
    return found;
}
