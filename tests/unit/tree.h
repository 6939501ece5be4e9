/* A directory of a test's own, with all that lies in it. */
#ifndef PENSTOCK_TEST_TREE_H
#define PENSTOCK_TEST_TREE_H

#include <ftw.h>
#include <stdio.h>

static inline int tree_drop(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
    return remove(path);
}

static inline void tree_remove(const char *dir)
{
    nftw(dir, tree_drop, 16, FTW_DEPTH | FTW_PHYS);
}

#endif
