#include "backends/file/image.h"

#include <stdio.h>
#include <string.h>

void image_head(const struct file_owner *file, const struct file_owner *dir, char *out)
{
    char line[IMAGE_HEAD + 1];
    snprintf(line, sizeof line, "file1 %04o %010u %010u %04o %010u %010u", file->mode & 07777u,
             file->uid, file->gid, dir->mode & 07777u, dir->uid, dir->gid);
    memset(out, ' ', IMAGE_HEAD);
    memcpy(out, line, strlen(line));
    out[IMAGE_HEAD - 1] = '\n';
}

bool image_read(struct str image, struct image *ret, struct err *err)
{
    char line[IMAGE_HEAD + 1] = "";
    if (image.len >= IMAGE_HEAD)
        memcpy(line, image.ptr, IMAGE_HEAD);
    if (sscanf(line, "file1 %o %u %u %o %u %u", &ret->file.mode, &ret->file.uid, &ret->file.gid,
               &ret->dir.mode, &ret->dir.uid, &ret->dir.gid) != 6)
        return err_set(err, ERR_CORRUPT, "the image is none of a file");
    ret->text = str_sub(image, IMAGE_HEAD, image.len);
    return true;
}
