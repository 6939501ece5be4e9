/* A project's .env as python-dotenv reads it, which is what Meltano uses (formats/meltano.md 7.2):
 * quotes, escapes, `export`, comments, and ${NAME} or ${NAME:-default} from the lines above, else
 * from the environment of this process. A bare $NAME stays. */
#ifndef PENSTOCK_DOTENV_H
#define PENSTOCK_DOTENV_H

#include "core/base/arena.h"

struct dotenv {
    struct dotenv_entry {
        struct str name,
            value; /* value.ptr NULL: a name alone, which takes an earlier value away */
    } * entries;
    size_t n;
};

/* Everything lives in the arena. Lines that are no assignment are passed over. */
struct dotenv dotenv_parse(struct arena *arena, struct str text);
/* The last value of a name. */
bool dotenv_get(const struct dotenv *dotenv, struct str name, struct str *ret);

#endif
