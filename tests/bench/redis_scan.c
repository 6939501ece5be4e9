/* What a listing of ids is measured against: SCAN with COUNT 1000 over a whole database with bare
 * hiredis, each key printed as it comes.
 *
 *     redis_scan SOCKET DB */
#include <hiredis/hiredis.h>

#include <stdio.h>
#include <string.h>

static int fail(const char *text)
{
    fprintf(stderr, "redis_scan: %s\n", text);
    return 1;
}

/* Prints one answer's keys and takes over its cursor. */
static int scan(redisContext *redis, char cursor[32])
{
    redisReply *reply = redisCommand(redis, "SCAN %s COUNT 1000", cursor);
    if (!reply)
        return fail(redis->errstr);
    if (reply->type != REDIS_REPLY_ARRAY || reply->elements != 2)
        return fail("SCAN answers nonsense");
    snprintf(cursor, 32, "%s", reply->element[0]->str);
    for (size_t i = 0; i < reply->element[1]->elements; i++) {
        const redisReply *key = reply->element[1]->element[i];
        fwrite(key->str, 1, (size_t)key->len, stdout);
        putchar('\n');
    }
    freeReplyObject(reply);
    return 0;
}

static int scan_all(redisContext *redis, const char *db)
{
    redisReply *selected = redisCommand(redis, "SELECT %s", db);
    if (!selected || selected->type == REDIS_REPLY_ERROR)
        return fail("cannot select the database");
    freeReplyObject(selected);
    char cursor[32] = "0";
    int status;
    do
        status = scan(redis, cursor);
    while (!status && strcmp(cursor, "0") != 0);
    return status;
}

int main(int argc, char **argv)
{
    if (argc != 3)
        return fail("redis_scan SOCKET DB");
    redisContext *redis = redisConnectUnix(argv[1]);
    if (!redis || redis->err)
        return fail("cannot connect");
    int status = scan_all(redis, argv[2]);
    redisFree(redis);
    return status;
}
