/* Any word: an address or a reason; an address's identity is an address of the same store. */
#include "tests/fuzz/fuzz.h"

#include "core/target.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena a = ARENA_INIT;
    const char *text = arena_cstr(&a, (struct str){(const char *)data, size});
    struct address address, again;
    struct err err = {0};
    if (address_parse(&a, text, &address, &err)) {
        must(address.backend && address.url && address.identity && address.masked);
        if (!address_parse(&a, address.identity, &again, &err)) {
            fprintf(stderr, "%s: %s\n", address.identity, err.text);
            must(!"the identity is an address");
        }
        must(again.system == address.system && strcmp(again.backend, address.backend) == 0);
        must(strcmp(again.identity, address.identity) == 0);
    } else {
        must(err.kind != ERR_NONE && err.text[0]);
    }
    address_mask(&a, str_of(text));
    arena_release(&a);
    return 0;
}
