#include "core/document.h"

#include "core/system.h"

#include <string.h>

const struct version version_absent;

bool version_eq(const struct version *a, const struct version *b)
{
    return memcmp(a->sha, b->sha, sizeof a->sha) == 0;
}

struct version version_of(struct str bytes)
{
    struct version v;
    sha256_of(bytes, v.sha);
    return v;
}

struct str version_text(struct arena *a, const struct version *v)
{
    char hex[2 * SHA256_LEN + 1];
    if (version_eq(v, &version_absent))
        return STR("absent");
    hex_encode(v->sha, SHA256_LEN, hex);
    return arena_str(a, (struct str){hex, 12});
}

const struct value *document_part(const struct system *system, const struct value *root, size_t i)
{
    if (system->nparts == 1)
        return root;
    return value_get(root, system->parts[i]);
}
