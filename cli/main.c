#include <stdio.h>

int main(void)
{
    puts("penstock " PENSTOCK_VERSION);
    return 0;
}
