#include "core/base/near.h"

#include <ctype.h>
#include <string.h>

enum { LONGEST = 48, TOO_FAR = 4 };

static int min_of(int a, int b)
{
    return a < b ? a : b;
}

static int fold(char c)
{
    return tolower((unsigned char)c);
}

/* Steps (insert, drop, change, swap neighbours) from one word to the other, letter case ignored;
 * more than 3 is all the same. */
static int near_distance(struct str a, struct str b)
{
    int rows[3][LONGEST + 1];
    if (a.len > LONGEST || b.len > LONGEST)
        return TOO_FAR;
    for (size_t j = 0; j <= b.len; j++)
        rows[0][j] = (int)j;
    for (size_t i = 1; i <= a.len; i++) {
        int *now = rows[i % 3], *last = rows[(i + 2) % 3], *before = rows[(i + 1) % 3];
        now[0] = (int)i;
        for (size_t j = 1; j <= b.len; j++) {
            bool same = fold(a.ptr[i - 1]) == fold(b.ptr[j - 1]);
            now[j] = min_of(min_of(now[j - 1], last[j]) + 1, last[j - 1] + !same);
            bool swapped = i > 1 && j > 1 && fold(a.ptr[i - 1]) == fold(b.ptr[j - 2]) &&
                           fold(a.ptr[i - 2]) == fold(b.ptr[j - 1]);
            if (swapped)
                now[j] = min_of(now[j], before[j - 2] + 1);
        }
    }
    return min_of(rows[a.len % 3][b.len], TOO_FAR);
}

void near_offer(struct near *near, const char *candidate)
{
    int distance = near_distance(near->word, str_of(candidate));
    int allowed = near->word.len < 4 ? 1 : near->word.len < 6 ? 2 : 3;
    if (distance > allowed || (near->best && distance >= near->distance))
        return;
    near->best = candidate;
    near->distance = distance;
}
