/* The first line of an image of a file: who owned it and its directory, and what they allowed. */
#ifndef PENSTOCK_FILE_IMAGE_H
#define PENSTOCK_FILE_IMAGE_H

#include "backends/file/atomic.h"

enum { IMAGE_HEAD = 60 };

struct image {
    struct file_owner file, dir;
    struct str text;
};

/* Writes the line; `out` takes IMAGE_HEAD bytes, no NUL. */
void image_head(const struct file_owner *file, const struct file_owner *dir, char *out);
bool image_read(struct str image, struct image *ret, struct err *err);

#endif
