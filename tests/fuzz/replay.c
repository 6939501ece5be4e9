/* Runs a target over every file of the directories named as arguments. */
#include "tests/fuzz/fuzz.h"

#include <dirent.h>
#include <string.h>

static void replay_file(const char *dir, const char *name)
{
    struct sbuf path = SBUF_INIT, content = SBUF_INIT;
    sbuf_printf(&path, "%s/%s", dir, name);
    fprintf(stderr, "%s\n", sbuf_view(&path).ptr);
    FILE *f = fopen(path.ptr, "rb");
    must(f != NULL);
    char buf[65536];
    for (size_t n; (n = fread(buf, 1, sizeof buf, f)) > 0;)
        sbuf_add(&content, buf, n);
    must(!ferror(f));
    fclose(f);
    /* A block of exactly that size: the sanitizer sees a read behind the end. */
    uint8_t *exact = malloc(content.len ? content.len : 1);
    must(exact != NULL);
    if (content.len)
        memcpy(exact, content.ptr, content.len);
    LLVMFuzzerTestOneInput(exact, content.len);
    free(exact);
    sbuf_release(&content);
    sbuf_release(&path);
}

int main(int argc, char **argv)
{
    size_t files = 0;
    for (int i = 1; i < argc; i++) {
        struct dirent **names;
        int n = scandir(argv[i], &names, NULL, alphasort);
        must(n >= 0);
        for (int j = 0; j < n; j++) {
            if (names[j]->d_name[0] != '.') {
                replay_file(argv[i], names[j]->d_name);
                files++;
            }
            free(names[j]);
        }
        free(names);
    }
    must(files > 0); /* an empty corpus tests nothing */
    fprintf(stderr, "%zu files\n", files);
    return 0;
}
