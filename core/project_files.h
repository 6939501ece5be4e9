/* The YAML files of a Meltano project: meltano.yml, and over it what its include_paths match. */
#ifndef PENSTOCK_PROJECT_FILES_H
#define PENSTOCK_PROJECT_FILES_H

#include "core/base/arena.h"
#include "core/config_yaml.h"

enum { PROJECT_FILES = 64 }; /* more are refused */

struct project_files {
    struct yaml_file files[PROJECT_FILES];
    size_t n; /* the first is meltano.yml, each later one lies over those before */
};

/* Paths live in the arena. ERR_INVALID names the file that cannot be read. */
bool project_files_open(const char *dir, struct arena *arena, struct project_files *ret,
                        struct err *err);
void project_files_release(struct project_files *files);

/* The text of a name like "state_backend.uri", whose keys may be nested or one dotted key. STR_NULL
 * when there is none, or null. */
struct str project_files_text(struct project_files *files, struct str name);

#endif
