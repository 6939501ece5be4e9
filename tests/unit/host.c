/* core/base/host: a resolver that does not answer holds nobody up. The program's own getaddrinfo
 * takes the place of libc's: it answers as `answer` says. */
#include "tests/unit/test.h"

#include "core/base/clock.h"
#include "core/base/host.h"

#include <netdb.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

static sem_t answer; /* posted: a waiting getaddrinfo may answer */
static atomic_int asked, freed;

static struct sockaddr_in address = {.sin_family = AF_INET};
static struct addrinfo found = {
    .ai_family = AF_INET, .ai_addr = (struct sockaddr *)&address, .ai_addrlen = sizeof address};

int getaddrinfo(const char *name, const char *service, const struct addrinfo *hints,
                struct addrinfo **ret)
{
    asked++;
    if (strcmp(name, "slow.example") == 0)
        sem_wait(&answer);
    if (strcmp(name, "nobody.example") == 0)
        return EAI_NONAME;
    address.sin_addr.s_addr = htonl(0xC0000207); /* 192.0.2.7 */
    *ret = &found;
    return 0;
}

void freeaddrinfo(struct addrinfo *info)
{
    freed++;
}

static int setup(void **state)
{
    asked = freed = 0;
    return sem_init(&answer, 0, 0);
}

/* The thread or the caller frees, whoever is later: until then a test is not over. */
static void wait_freed(void)
{
    struct call patience = call_within(60000, NULL);
    struct err err = {0};
    while (!freed && call_pause(&patience, 1, "the thread's end", &err))
        ;
    assert_int_equal(freed, 1);
}

static void a_number_asks_nobody(void **state)
{
    static const char *const numbers[] = {"127.0.0.1", "::1", "2001:db8::7"};
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
        struct arena arena = ARENA_INIT;
        struct call call = call_within(60000, NULL);
        struct host_addresses ret;
        struct err err = {0};
        assert_true(host_lookup(numbers[i], &call, &arena, &ret, &err));
        assert_int_equal(ret.n, 1);
        assert_string_equal(ret.items[0], numbers[i]);
        arena_release(&arena);
    }
    assert_int_equal(asked, 0);
}

static void a_name_becomes_numbers(void **state)
{
    struct arena arena = ARENA_INIT;
    struct call call = call_within(60000, NULL);
    struct host_addresses ret;
    struct err err = {0};
    assert_true(host_lookup("db.example", &call, &arena, &ret, &err));
    assert_int_equal(ret.n, 1);
    assert_string_equal(ret.items[0], "192.0.2.7");
    assert_false(host_lookup("nobody.example", &call, &arena, &ret, &err));
    assert_int_equal(err.kind, ERR_UNAVAILABLE);
    assert_non_null(strstr(err.text, "nobody.example"));
    wait_freed();
    arena_release(&arena);
}

/* The thread outlives the call, and whoever leaves last frees what was found. */
static void a_resolver_that_hangs_is_left(void **state)
{
    struct arena arena = ARENA_INIT;
    struct call call = call_within(50, NULL);
    struct host_addresses ret;
    struct err err = {0};
    assert_false(host_lookup("slow.example", &call, &arena, &ret, &err));
    assert_int_equal(err.kind, ERR_TIMEOUT);
    assert_int_equal(freed, 0);
    sem_post(&answer);
    wait_freed();
    arena_release(&arena);
}

static void a_cancel_wakes_it(void **state)
{
    struct arena arena = ARENA_INIT;
    struct cancel cancel;
    struct err err = {0};
    assert_true(cancel_init(&cancel, &err));
    cancel_fire(&cancel);
    struct call call = call_within(60000, &cancel);
    struct host_addresses ret;
    assert_false(host_lookup("slow.example", &call, &arena, &ret, &err));
    assert_int_equal(err.kind, ERR_CANCELLED);
    sem_post(&answer);
    wait_freed();
    cancel_release(&cancel);
    arena_release(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(a_number_asks_nobody, setup),
        cmocka_unit_test_setup(a_name_becomes_numbers, setup),
        cmocka_unit_test_setup(a_resolver_that_hangs_is_left, setup),
        cmocka_unit_test_setup(a_cancel_wakes_it, setup),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
